"""openrun as people, programs and shells meet it. Runs as `test_tool.py TOOL [unittest's arguments]`."""

import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from fake_gateway import Gateway  # noqa: E402

TOOL = pathlib.Path(sys.argv.pop(1)).resolve() if __name__ == "__main__" else pathlib.Path("openrun")


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENRUN_") and name != "NO_COLOR"}
    return dict(kept, PATH=f"{TOOL.parent}:{os.environ['PATH']}", TERM="xterm", **more)


def run(*arguments, **more):
    done = subprocess.run([str(TOOL), *arguments], env=environment(**more), stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command, columns=80, **more):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(command, env=environment(**more), stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True)
        os.close(slave)
        self.text = ""

    def write(self, text):
        os.write(self.master, text.encode())

    def read_until(self, wanted=None, seconds=20):
        """Reads until that text is there, or to the end."""
        deadline = time.monotonic() + seconds
        while wanted is None or wanted not in self.text:
            if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"not within {seconds} s: {wanted!r} in {self.text!r}")
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                piece = b""
            if not piece:
                if wanted is not None:
                    raise AssertionError(f"ended without {wanted!r}: {self.text!r}")
                break
            self.text += piece.decode(errors="replace")
        return self.text

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        code = self.process.wait(timeout=10)
        os.close(self.master)
        return code


def on_terminal(*arguments, columns=80, **more):
    terminal = Terminal([str(TOOL), *arguments], columns, **more)
    try:
        text = terminal.read_until()
        return terminal.process.wait(timeout=10), text.replace("\r\n", "\n")
    finally:
        terminal.end()


class Printing(unittest.TestCase):
    def test_a_table_is_cut_and_coloured_on_a_terminal_only(self):
        with Gateway() as gateway:
            _, text = on_terminal("campaign", "list", columns=100, OPENRUN_URL=gateway.url)
            self.assertIn("\033[32mopen\033[0m", text)
            self.assertIn("…", text)
            _, text, _ = run("campaign", "list", OPENRUN_URL=gateway.url)
            self.assertNotIn("\033", text)
            self.assertIn("longer than any terminal of forty columns is wide\n", text)
            self.assertIn("12,345", text)

    def test_no_color_and_dumb_terminals_get_no_colour(self):
        with Gateway() as gateway:
            for command, more in (([str(TOOL)], {"NO_COLOR": "1"}), (["env", "TERM=dumb", str(TOOL)], {})):
                terminal = Terminal([*command, "campaign", "list"], OPENRUN_URL=gateway.url, **more)
                self.assertNotIn("\033", terminal.read_until())
                terminal.end()

    def test_a_name_cannot_steer_the_terminal(self):
        with Gateway() as gateway:
            for command in (("campaign", "show", "7"), ("campaign", "list")):
                _, text = on_terminal(*command, columns=200, OPENRUN_URL=gateway.url)
                self.assertIn("봄 세일 ?[31m and", text)

    def test_what_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([str(TOOL), "help"], env=environment(), stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stderr.decode()), (1, "openrun: the standard output could not be written\n"))


class Errors(unittest.TestCase):
    def test_a_mistyped_word_gets_the_one_that_was_meant(self):
        for line, hint in (("campaing list", "did you mean openrun campaign?"), ("campaign lst", "did you mean openrun campaign list?"),
                           ("campaign list --stat open", "did you mean --state?"), ("help campaign crate", "openrun campaign create?")):
            code, out, err = run(*line.split())
            self.assertEqual((code, out), (2, ""), line)
            self.assertIn(hint, err)

    def test_with_json_every_error_is_json(self):
        for line, name, exit_code in (("campaign lst --json", "USAGE", 2), ("--json", "USAGE", 2), ("--json campaign create --stock 3", "USAGE", 2),
                                      ("--json --config /nowhere audit", "CONFIGURATION", 2),
                                      ("--json --gateway http://127.0.0.1:1 campaign list", "UNREACHABLE", 1)):
            code, out, err = run(*line.split())
            self.assertEqual((code, out), (exit_code, ""), line)
            error = json.loads(err)["error"]
            self.assertEqual((error["code"], error["exit_code"]), (name, exit_code), line)
            self.assertNotEqual(error["message"], "")

    def test_the_gateways_own_code_is_told(self):
        with Gateway() as gateway:
            code, _, err = run("--json", "campaign", "show", "8", OPENRUN_URL=gateway.url)
            self.assertEqual((code, json.loads(err)["error"]["code"]), (1, "NOT_FOUND"))

    def test_a_command_that_is_not_decided_yet_is_not_done(self):
        with Gateway() as gateway:
            code, out, err = run("campaign", "pause", "7", "--json", OPENRUN_URL=gateway.url)
            self.assertEqual((code, json.loads(out)["receipt"], json.loads(err)["error"]["code"]), (1, "abc", "UNDECIDED"))

    def test_a_group_alone_shows_its_commands_and_is_wrong_usage(self):
        code, out, err = run("campaign")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("add-stock", err)


class Calls(unittest.TestCase):
    def test_a_token_comes_from_the_environment_or_a_file(self):
        with Gateway() as gateway, tempfile.NamedTemporaryFile("w") as file:
            file.write("from-a-file\n")
            file.flush()
            run("campaign", "show", "7", OPENRUN_URL=gateway.url, OPENRUN_ADMIN_TOKEN="from-the-environment")
            run("campaign", "show", "7", "--token-file", file.name, OPENRUN_URL=gateway.url, OPENRUN_ADMIN_TOKEN="other")
            self.assertEqual([call[2].get("Authorization") for call in gateway.calls], ["Bearer from-the-environment", "Bearer from-a-file"])

    def test_every_command_carries_a_key_of_its_own_or_the_given_one(self):
        with Gateway() as gateway:
            run("campaign", "resume", "7", OPENRUN_URL=gateway.url)
            run("campaign", "resume", "7", OPENRUN_URL=gateway.url)
            run("campaign", "add-stock", "7", "-5", "--idempotency-key", "mine", OPENRUN_URL=gateway.url)
            keys = [call[2]["Idempotency-Key"] for call in gateway.calls]
            self.assertNotEqual(keys[0], keys[1])
            self.assertEqual((keys[2], gateway.calls[2][3]), ("mine", {"add": -5}))

    def test_an_update_keeps_what_was_not_given(self):
        with Gateway() as gateway:
            run("campaign", "update", "7", "--discount-percent", "10", "--ends-at", "never", OPENRUN_URL=gateway.url)
            self.assertEqual(gateway.calls[-1][0], "PATCH")
            self.assertEqual(gateway.calls[-1][3], {"ends_at": None, "policy": {
                "max_per_user": 1, "code_format": "hangul", "discount": {"type": "percent", "value": 10}}})

    def test_closing_asks_on_a_terminal_and_nowhere_else(self):
        with Gateway() as gateway:
            for answer, code in (("n", 1), ("y", 0)):
                terminal = Terminal([str(TOOL), "campaign", "close", "7"], OPENRUN_URL=gateway.url)
                terminal.read_until("[y/N]")
                terminal.write(answer + "\n")
                terminal.read_until()
                self.assertEqual(terminal.process.wait(timeout=10), code)
                terminal.end()
                closed = [call for call in gateway.calls if call[1].endswith("/close")]
                self.assertEqual(len(closed), 1 - code)
            self.assertEqual(run("campaign", "close", "7", OPENRUN_URL=gateway.url)[0], 0)


def candidates(shell, script, **more):
    done = subprocess.run([shutil.which(shell), *({"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]), "-c", script],
                          env=environment(**more), stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{shell} exited {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode().splitlines()


class Load(unittest.TestCase):
    def test_a_process_that_is_not_there_is_refused_before_anything_is_sent(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        with Gateway() as gateway:
            for text, hint in ((f"gateway={ended.pid}", "name one that runs on this machine"), ("gateway", "write NAME=PID, like gateway=4711")):
                code, out, err = run("--json", "load", "--create", "5", "--users", "5", "--cpu", f"test={os.getpid()}", "--cpu", text, OPENRUN_URL=gateway.url)
                self.assertEqual((code, out, json.loads(err)["error"]["code"]), (2, "", "USAGE"))
                self.assertIn(hint, json.loads(err)["error"]["message"])
            self.assertEqual(gateway.calls, [])

    def test_the_cpu_of_processes_is_told_to_people_programs_and_on_the_page(self):
        arguments = ("load", "--campaign", "7", "--users", "5", "--connections", "1", "--retries", "10", "--cpu", f"test={os.getpid()}", f"\x1b[31m\xff={os.getppid()}")
        with Gateway() as gateway, tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder, "page.html")
            _, out, err = run("--json", *arguments, "--report", str(page), OPENRUN_URL=gateway.url)
            self.assertEqual([one["name"] for one in json.loads(out)["cpu"]], ["test", "?[31m\xff", "openrun load"], err)
            self.assertIn("<h2>CPU until the last outcome</h2>", page.read_text(encoding="utf-8"))
            _, out, err = run(*arguments, OPENRUN_URL=gateway.url)
            for name in ("test ", "?[31m\xff ", "these together ", "openrun load "):
                self.assertIn(f"CPU of {name}", out, err)


class CompletionInBash(unittest.TestCase):
    def complete(self, *words, **more):
        quoted = " ".join(f"'{word}'" for word in ("openrun", *words))
        return candidates("bash", f"""source <(openrun completion bash)
            complete -p openrun >/dev/null || exit 1
            COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _openrun; printf '%s\\n' "${{COMPREPLY[@]}}" """, **more)

    def test_bash_completes_commands_options_and_values(self):
        self.assertEqual(self.complete("camp"), ["campaign"])
        self.assertEqual(self.complete("campaign", "s"), ["show"])
        self.assertIn("--code-format", self.complete("campaign", "create", "--"))
        self.assertEqual(self.complete("campaign", "create", "--code-format", ""), ["hangul", "latin"])
        self.assertEqual(self.complete("campaign", "list", "--state", "=", "so"), ["sold_out"])
        self.assertEqual(self.complete("campaign", "create", "--name", ""), [""])

    def test_bash_completes_ids_of_campaigns_of_the_running_system(self):
        with Gateway() as gateway:
            self.assertEqual(self.complete("campaign", "show", "", OPENRUN_URL=gateway.url), ["7"])
        self.assertEqual(self.complete("campaign", "show", "", OPENRUN_URL="http://127.0.0.1:1"), [""])

    def test_bash_completes_names_of_files(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "a file.yaml").touch()
            self.assertEqual(self.complete("--config", folder + "/a"), [folder + "/a file.yaml"])

    def test_the_tab_key_completes_in_an_interactive_bash(self):
        with Gateway() as gateway:
            terminal = Terminal([shutil.which("bash"), "--norc", "--noprofile", "-i"], columns=200, OPENRUN_URL=gateway.url, PS1="ready> ")
            try:
                terminal.read_until("ready> ")
                terminal.write("source <(openrun completion bash); echo sour''ced\n")
                terminal.read_until("sourced")
                terminal.write("openrun camp\tsho\t7\n")
                terminal.read_until("issued    345 of 12,345")
                self.assertIn("openrun campaign show 7", terminal.text)
            finally:
                terminal.end()

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_shellcheck_finds_nothing_in_the_script(self):
        _, script, _ = run("completion", "bash")
        done = subprocess.run(["shellcheck", "--shell=bash", "-"], input=script.encode(), capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout.decode()), (0, ""))


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
class CompletionInZsh(unittest.TestCase):
    def complete(self, *words, **more):
        quoted = " ".join(f"'{word}'" for word in ("openrun", *words))
        # What compinit would bring; the function itself and its word splitting are zsh's own.
        return candidates("zsh", f"""compdef() {{ :; }}; _files() {{ print files; }}
            _describe() {{ print -rl -- "${{(@)${{(P)2}}}}"; }}
            source <(openrun completion zsh)
            words=({quoted}); CURRENT={len(words) + 1}; _openrun""", **more)

    def test_zsh_completes_commands_options_and_values_with_descriptions(self):
        self.assertEqual(self.complete("camp"), ["campaign:Create, look at, change and close campaigns"])
        self.assertEqual([line.split(":")[0] for line in self.complete("campaign", "create", "--code-format=")],
                         ["--code-format=hangul", "--code-format=latin"])
        self.assertEqual(self.complete("--config", ""), ["files"])
        with Gateway() as gateway:
            self.assertTrue(self.complete("campaign", "show", "", OPENRUN_URL=gateway.url)[0].startswith("7:open: 봄 세일 ?[31m"))


@unittest.skipUnless(shutil.which("fish"), "fish is not installed")
class CompletionInFish(unittest.TestCase):
    def complete(self, line, **more):
        with tempfile.TemporaryDirectory() as home:
            return candidates("fish", f"openrun completion fish | source; complete -C '{line}'", HOME=home, XDG_CONFIG_HOME=home,
                              XDG_DATA_HOME=home, **more)

    def test_fish_completes_commands_options_and_values_with_descriptions(self):
        self.assertEqual(self.complete("openrun camp"), ["campaign\tCreate, look at, change and close campaigns"])
        self.assertEqual(self.complete("openrun campaign create --code-format "), ["hangul", "latin"])
        self.assertIn("show\tShow one campaign with its policy", self.complete("openrun campaign "))
        with Gateway() as gateway:
            self.assertTrue(self.complete("openrun campaign show ", OPENRUN_URL=gateway.url)[0].startswith("7\topen: 봄 세일"))


if __name__ == "__main__":
    unittest.main()
