"""Receivers of spans and of errors on loopback, as collectors and trackers are: they keep what they are sent, and answer as a test says."""

import http.server
import json
import ssl
import threading
import time


class Receiver:
    """`answer(path)` returns (status, headers); it may block. `posts` holds (path, headers, body)."""

    def __init__(self, port=0, tls=None):
        receiver = self
        self.posts = []
        self.answer = lambda path: (200, {})
        self.changed = threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.changed:
                    receiver.posts.append((self.path, dict(self.headers), body))
                    receiver.changed.notify_all()
                status, headers = receiver.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            certificate, key = tls
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def wait_for(self, what, check, seconds=30):
        """Until `check()` returns something true; looks after each post."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not (found := check()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {seconds} s: {what}")
                self.changed.wait(left)
            return found

    # ---- spans

    def spans(self):
        """All that came, each with its resource's attributes beside its own."""
        found = []
        for path, headers, body in list(self.posts):
            if path != "/v1/traces":
                continue
            assert headers["Content-Type"] == "application/json", headers
            for of_resource in json.loads(body)["resourceSpans"]:
                resource = attributes(of_resource["resource"])
                for scope in of_resource["scopeSpans"]:
                    found += [Span(span, resource) for span in scope["spans"]]
        return found

    def trace(self, trace_id):
        return {span.id: span for span in self.spans() if span.trace == trace_id}


def attributes(of):
    return {entry["key"]: next(iter(entry["value"].values())) for entry in of["attributes"]}


class Span:
    def __init__(self, span, resource):
        self.trace, self.id, self.parent = span["traceId"], span["spanId"], span.get("parentSpanId", "")
        self.name, self.kind = span["name"], span["kind"]
        self.begin, self.end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        self.attributes, self.resource = attributes(span), resource
        self.is_error = span.get("status", {}).get("code") == 2


def tree(spans):
    """The spans as lines of text: children below their parents, times from the first one's begin."""
    begin = min(span.begin for span in spans)
    lines = []

    def add(span, depth):
        shown = " ".join(f"{name.removeprefix('openrun.')}={value}" for name, value in span.attributes.items())
        lines.append(f"{(span.begin - begin) / 1e6:9.3f} ms {(span.end - span.begin) / 1e6:9.3f} ms  "
                     f"{'  ' * depth + span.name:<16} {span.resource['service.name']:<16} {shown}")
        for child in sorted((one for one in spans if one.parent == span.id), key=lambda one: one.begin):
            add(child, depth + 1)

    known = {span.id for span in spans}
    for root in (span for span in spans if span.parent not in known):
        add(root, 0)
    return "\n".join(["    begins         takes  span             daemon"] + lines)
