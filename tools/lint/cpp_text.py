"""Enough of C++ to find comments, functions and catch blocks. A heuristic: it reads braces, not the language."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    name: str
    first: int  # line of the opening brace, 1-based
    lines: int


@dataclass(frozen=True)
class Block:
    line: int
    text: str


TOKEN = re.compile(
    r"""//[^\n]*                                        # comment to the end of the line
      | /\*.*?\*/                                       # block comment
      | R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"    # raw string
      | "(?:\\.|[^"\\\n])*"                             # string
      | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'             # character, not a digit separator
    """,
    re.VERBOSE | re.DOTALL,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def blank(match):
    """Spaces for a comment, an empty string for a string; line breaks stay, so that line numbers stay right."""
    text = match.group(0)
    if "\n" in text:
        return "".join(c if c == "\n" else " " for c in text)
    return " " * len(text) if text.startswith(("/", "#")) else '""' + " " * (len(text) - 2)


def without_comments(lines):
    """The same lines without comments and without the contents of strings."""
    return TOKEN.sub(blank, "\n".join(lines)).split("\n")


CONTAINER = re.compile(r"\b(namespace|class|struct|enum|union|concept)\b|extern\s*\"\"")
MEMBER_INITIALISER = re.compile(r"\)[^{}]*?(?<!:):(?!:)[^{}]*[\w>]\s*$", re.DOTALL)


def is_container(head):
    without_template = re.sub(r"template\s*<[^{}]*?>\s*(?=\w)", "", head)
    match = CONTAINER.search(without_template)
    # `struct stat info() {` is a function all the same: its parameter list comes before the brace.
    return match is not None and not re.search(r"\)\s*(const|noexcept|override|final|\s)*$", without_template)


def kind_of_block(head, inside_function):
    if inside_function:
        return "inner"
    if is_container(head):
        return "container"
    if re.search(r"=\s*$", head) or "(" not in head:
        return "value"
    if MEMBER_INITIALISER.search(head):
        return "member"
    return "function"


def name_of(head):
    match = re.search(r"([\w:~]+(?:\([^()]*\))?)\s*\(", head.replace("\n", " "))
    text = re.sub(r"\s+", " ", head).strip()
    macro = re.match(r"(?:TEST(?:_F|_P)?|TYPED_TEST)\s*\(\s*(\w+)\s*,\s*(\w+)", text)
    if macro:
        return f"{macro.group(1)}.{macro.group(2)}"
    return match.group(1) if match else text[-40:]


def functions(code):
    """Function bodies with their number of lines, braces included. Lambdas count with the function around them."""
    text = DIRECTIVE.sub(blank, "\n".join(code))
    stack, found, head, line = [], [], "", 1
    for character in text:
        if character == "\n":
            line += 1
        if character == "{":
            inside = bool(stack) and stack[-1][0] in ("function", "inner")
            kind = kind_of_block(head, inside)
            stack.append((kind, line, head))
            head = ""
        elif character == "}" and stack:
            kind, first, opened_by = stack.pop()
            if kind == "function":
                found.append(Function(name_of(opened_by), first, line - first + 1))
            # A member's initialiser belongs to a constructor whose body is still to come.
            head = opened_by + "()" if kind in ("member", "value") else ""
        elif character == ";" and not (stack and stack[-1][0] in ("function", "inner")):
            head = ""
        else:
            head += character
    return found


def catch_alls(code):
    """Each `catch (...)` with the text of its block."""
    text = "\n".join(code)
    for match in re.finditer(r"\bcatch\s*\(\s*\.\.\.\s*\)\s*\{", text):
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield Block(text.count("\n", 0, match.start()) + 1, text[match.end():end])
