"""A gateway that knows one campaign and remembers what it was asked."""

import http.server
import json
import threading

CAMPAIGN = {
    "id": 7, "name": "봄 세일 \u001b[31m and a name that is longer than any terminal of forty columns is wide",
    "description": "", "stock": 12345, "issued": 345, "remaining": 12000, "state": "open",
    "starts_at": "2026-01-01T00:00:00.000Z", "ends_at": None, "policy": {"max_per_user": 1, "code_format": "hangul"},
    "created_at": "2026-01-01T00:00:00.000Z", "server_time": "2026-01-01T00:00:00.000Z"}


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle_call(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.calls.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
        if self.path.endswith("/pause"):
            return self.answer(202, {"receipt": "abc", "campaign_id": 7, "status": "waiting"})
        if self.path.startswith("/v1/campaigns?"):
            return self.answer(200, {"campaigns": [CAMPAIGN], "next_after": None})
        if self.path in ("/v1/campaigns/7", "/v1/campaigns") or self.path.endswith(("/resume", "/close", "/stock")):
            return self.answer(200 if self.path != "/v1/campaigns" else 201, CAMPAIGN)
        return self.answer(404, {"title": "There is no such campaign", "status": 404, "code": "NOT_FOUND"})

    do_GET = do_POST = do_PATCH = do_PUT = handle_call

    def log_message(self, *_):
        pass


class Gateway:
    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.calls = []
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def calls(self):
        return self.server.calls
