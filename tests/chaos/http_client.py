"""A small HTTP/1.1 client on asyncio: connections that are kept, answers as plain values, every wait with a deadline."""

import asyncio
import json

CONNECTIONS_KEPT_MAX = 1024


class Broken(Exception):
    """No answer: refused, cut off, or not in time. What was sent may have been done; where nothing was, `sent` is False."""

    def __init__(self, text, sent=True):
        super().__init__(text)
        self.sent = sent


class Answer:
    __slots__ = ("status", "headers", "body")

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    def retry_after_s(self):
        try:
            return max(float(self.headers.get("retry-after", "1")), 0.0)
        except ValueError:
            return 1.0

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def render(method, path, headers=None, body=None):
    """The bytes of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    content = b""
    if body is not None:
        content = json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


async def read_answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ", 2)[1])
    headers = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    size = int(headers.get("content-length", "0"))
    body = await reader.readexactly(size) if size else b""
    return Answer(status, headers, body)


class Endpoint:
    """One gateway. Connections are taken from those that are idle, and given back after a whole answer."""

    def __init__(self, port):
        self.port = port
        self.idle = []

    async def call(self, method, path, body=None, headers=None, timeout_s=10.0):
        try:
            return await asyncio.wait_for(self._call(render(method, path, headers, body)), timeout_s)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.TimeoutError) as error:
            raise Broken(f"{method} {path}: {type(error).__name__} {error}") from None

    async def _call(self, message):
        reader, writer = await self._connection()
        whole = False
        try:
            writer.write(message)
            answer = await read_answer(reader)
            whole = answer.headers.get("connection", "").lower() != "close"
            return answer
        finally:
            self._give_back(reader, writer, whole)

    async def _connection(self):
        while self.idle:
            reader, writer = self.idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        try:
            return await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            raise Broken(f"no connection: {error}", sent=False) from None

    def _give_back(self, reader, writer, whole):
        if whole and len(self.idle) < CONNECTIONS_KEPT_MAX:
            self.idle.append((reader, writer))
        else:
            writer.close()

    async def get_many(self, paths, timeout_s):
        """Pipelined: all are sent, then the answers are read in order."""
        try:
            return await asyncio.wait_for(self._get_many(paths), timeout_s)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.TimeoutError) as error:
            raise Broken(f"{len(paths)} GETs: {type(error).__name__} {error}") from None

    async def _get_many(self, paths):
        reader, writer = await self._connection()
        whole = False
        try:
            writer.write(b"".join(render("GET", path) for path in paths))
            answers = [await read_answer(reader) for _ in paths]
            whole = answers[-1].headers.get("connection", "").lower() != "close"
            return answers
        finally:
            self._give_back(reader, writer, whole)

    def close(self):
        for _, writer in self.idle:
            writer.close()
        self.idle.clear()
