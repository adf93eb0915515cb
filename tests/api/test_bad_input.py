"""Bad input, one row each: the answer is a problem document with the right status and code, and never a 5xx."""

import json
import os
import socket
import unittest

from system import System

LONG = "x" * 17_000
JSON = {"Content-Type": "application/json"}


def body_of(value):
    return json.dumps(value).encode()


CAMPAIGN = {"name": "bad input", "stock": 10, "starts_at": "2020-01-01T00:00:00Z"}


def campaign(**changes):
    return body_of({**CAMPAIGN, **changes})


def policy(**members):
    return campaign(policy=members)


# What, method, path ({c}: an open campaign, {r}: a receipt), headers, body, as admin, the status that is right, the code.
INVALID = "INVALID_REQUEST"
USER = "POST", "/v1/campaigns/{c}/requests"
NEW = "POST", "/v1/campaigns"
STOCK = "POST", "/v1/campaigns/{c}/stock"
CHANGE = "PATCH", "/v1/campaigns/{c}"
DISPATCH = "PUT", "/v1/dispatch"

ROWS = [
    # ---- bodies that are no JSON object
    ("no body", *USER, {}, b"", False, 400, INVALID),
    ("no content type", *USER, {}, b"{}", False, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("a form", *USER, {"Content-Type": "application/x-www-form-urlencoded"}, b"user_id=ann", False, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("XML", *USER, {"Content-Type": "application/xml"}, b"<user/>", False, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("JSON in another charset", *USER, {"Content-Type": "application/json; charset=euc-kr"}, b'{"user_id":"a"}', False, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("text", *USER, JSON, b"ann", False, 400, INVALID),
    ("an array", *USER, JSON, b'["ann"]', False, 400, INVALID),
    ("a string", *USER, JSON, b'"ann"', False, 400, INVALID),
    ("a number", *USER, JSON, b"7", False, 400, INVALID),
    ("null", *USER, JSON, b"null", False, 400, INVALID),
    ("true", *USER, JSON, b"true", False, 400, INVALID),
    ("an open brace", *USER, JSON, b"{", False, 400, INVALID),
    ("a comma too many", *USER, JSON, b'{"user_id":"a",}', False, 400, INVALID),
    ("single quotes", *USER, JSON, b"{'user_id':'a'}", False, 400, INVALID),
    ("two documents", *USER, JSON, b'{"user_id":"a"}{"user_id":"b"}', False, 400, INVALID),
    ("a comment", *USER, JSON, b'{"user_id":"a"/* me */}', False, 400, INVALID),
    ("the same member twice", *USER, JSON, b'{"user_id":"a","user_id":"b"}', False, 400, INVALID),
    ("a byte order mark", *USER, JSON, b'\xef\xbb\xbf{"user_id":"a"}', False, 400, INVALID),
    ("UTF-16", *USER, JSON, '{"user_id":"a"}'.encode("utf-16-le"), False, 400, INVALID),
    ("deep nesting", *USER, JSON, b'{"user_id":' + b"[" * 5_000 + b"]" * 5_000 + b"}", False, 400, INVALID),
    ("NaN", *STOCK, JSON, b'{"add":NaN}', True, 400, INVALID),
    ("Infinity", *STOCK, JSON, b'{"add":Infinity}', True, 400, INVALID),
    ("a body too long", *USER, JSON, body_of({"user_id": LONG}), False, 413, "TOO_LARGE"),
    # ---- users
    ("no user", *USER, JSON, b"{}", False, 400, INVALID),
    ("an empty user", *USER, JSON, body_of({"user_id": ""}), False, 400, INVALID),
    ("a user of 65 characters", *USER, JSON, body_of({"user_id": "가" * 65}), False, 400, INVALID),
    ("NUL in the user", *USER, JSON, body_of({"user_id": "a\0b"}), False, 400, INVALID),
    ("a line feed in the user", *USER, JSON, body_of({"user_id": "a\nb"}), False, 400, INVALID),
    ("a C1 control in the user", *USER, JSON, body_of({"user_id": "a\u0085"}), False, 400, INVALID),
    ("DEL in the user", *USER, JSON, body_of({"user_id": "a\x7f"}), False, 400, INVALID),
    ("a lone surrogate", *USER, JSON, b'{"user_id":"\\ud800"}', False, 400, INVALID),
    ("broken UTF-8", *USER, JSON, b'{"user_id":"\xff"}', False, 400, INVALID),
    ("an overlong form", *USER, JSON, b'{"user_id":"\xc0\x80"}', False, 400, INVALID),
    ("a user that is a number", *USER, JSON, b'{"user_id":7}', False, 400, INVALID),
    ("a user that is null", *USER, JSON, b'{"user_id":null}', False, 400, INVALID),
    ("a user that is an object", *USER, JSON, b'{"user_id":{"id":"a"}}', False, 400, INVALID),
    ("a field that nobody knows", *USER, JSON, body_of({"user_id": "a", "sequence": 1}), False, 400, INVALID),
    ("another case", *USER, JSON, body_of({"User_ID": "a"}), False, 400, INVALID),
    ("a header that names nobody", *USER, {"X-User-Id": ""}, b"", False, 400, INVALID),
    ("a header user too long", *USER, {"X-User-Id": "u" * 65}, b"", False, 400, INVALID),
    # ---- idempotency keys
    ("an empty key", *USER, {**JSON, "Idempotency-Key": ""}, body_of({"user_id": "a"}), False, 400, INVALID),
    ("a key of 129 characters", *USER, {**JSON, "Idempotency-Key": "k" * 129}, body_of({"user_id": "a"}), False, 400, INVALID),
    ("a tab in the key", *USER, {**JSON, "Idempotency-Key": "a\tb"}, body_of({"user_id": "a"}), False, 400, INVALID),
    # ---- campaigns that are not there
    ("campaign 0", "POST", "/v1/campaigns/0/requests", JSON, body_of({"user_id": "a"}), False, 404, "CAMPAIGN_NOT_FOUND"),
    ("campaign -1", "POST", "/v1/campaigns/-1/requests", JSON, body_of({"user_id": "a"}), False, 404, "CAMPAIGN_NOT_FOUND"),
    ("campaign 2^31", "POST", "/v1/campaigns/2147483648/requests", JSON, body_of({"user_id": "a"}), False, 404, "CAMPAIGN_NOT_FOUND"),
    ("campaign 2^64", "POST", "/v1/campaigns/18446744073709551616/requests", JSON, body_of({"user_id": "a"}), False, 404, "CAMPAIGN_NOT_FOUND"),
    ("campaign 1.0", "POST", "/v1/campaigns/1.0/requests", JSON, body_of({"user_id": "a"}), False, 404, "CAMPAIGN_NOT_FOUND"),
    ("campaign 0x1", "POST", "/v1/campaigns/0x1/requests", JSON, body_of({"user_id": "a"}), False, 404, "CAMPAIGN_NOT_FOUND"),
    ("campaign abc", "GET", "/v1/campaigns/abc", {}, b"", False, 404, "CAMPAIGN_NOT_FOUND"),
    ("a campaign that nobody made", "POST", "/v1/campaigns/2147483647/requests", JSON, body_of({"user_id": "a"}), False, 404, "CAMPAIGN_NOT_FOUND"),
    ("a quote in the campaign", "GET", "/v1/campaigns/1'--", {}, b"", False, 404, "CAMPAIGN_NOT_FOUND"),
    ("NUL in the path", "GET", "/v1/campaigns/%00", {}, b"", False, 404, "CAMPAIGN_NOT_FOUND"),
    ("to change nothing that exists", "PATCH", "/v1/campaigns/2147483647", JSON, b"{}", True, 404, "CAMPAIGN_NOT_FOUND"),
    ("to close nothing that exists", "POST", "/v1/campaigns/2147483647/close", {}, b"", True, 404, "CAMPAIGN_NOT_FOUND"),
    # ---- paths and methods
    ("an unknown path", "GET", "/v2/campaigns", {}, b"", False, 404, "NOT_FOUND"),
    ("a path with dots", "GET", "/v1/campaigns/../../etc/passwd", {}, b"", False, 404, "NOT_FOUND"),
    ("a path with encoded dots", "GET", "/%2e%2e/%2e%2e/etc/passwd", {}, b"", False, 404, "NOT_FOUND"),
    ("a slash too many", "GET", "/v1/campaigns/", {}, b"", False, 404, "NOT_FOUND"),
    ("DELETE of a campaign", "DELETE", "/v1/campaigns/{c}", {}, b"", True, 405, "METHOD_NOT_ALLOWED"),
    ("GET of requests", "GET", "/v1/campaigns/{c}/requests", {}, b"", False, 405, "METHOD_NOT_ALLOWED"),
    ("POST to a receipt", "POST", "/v1/requests/{r}", JSON, b"{}", False, 405, "METHOD_NOT_ALLOWED"),
    ("a method of one's own", "BREW", "/v1/campaigns", {}, b"", False, 405, "METHOD_NOT_ALLOWED"),
    # ---- receipts
    ("no receipt", "GET", "/v1/requests/", {}, b"", False, 404, "NOT_FOUND"),
    ("an invented receipt", "GET", "/v1/requests/abc", {}, b"", False, 404, "NOT_FOUND"),
    ("a receipt cut short", "GET", "/v1/requests/{r_short}", {}, b"", False, 404, "NOT_FOUND"),
    ("a receipt with a letter changed", "GET", "/v1/requests/{r_changed}", {}, b"", False, 404, "NOT_FOUND"),
    ("a receipt with something behind it", "GET", "/v1/requests/{r}AAAA", {}, b"", False, 404, "NOT_FOUND"),
    ("an encoded receipt", "GET", "/v1/requests/%41%41", {}, b"", False, 404, "NOT_FOUND"),
    # ---- who may
    ("to create as nobody", *NEW, JSON, campaign(), False, 401, "UNAUTHENTICATED"),
    ("a wrong token", *NEW, {**JSON, "Authorization": "Bearer wrong"}, campaign(), False, 401, "UNAUTHENTICATED"),
    ("an empty token", *NEW, {**JSON, "Authorization": "Bearer "}, campaign(), False, 401, "UNAUTHENTICATED"),
    ("basic authentication", *NEW, {**JSON, "Authorization": "Basic YTpi"}, campaign(), False, 401, "UNAUTHENTICATED"),
    ("stock as nobody", *STOCK, JSON, body_of({"add": 1}), False, 401, "UNAUTHENTICATED"),
    ("to change as nobody", *CHANGE, JSON, b"{}", False, 401, "UNAUTHENTICATED"),
    ("to pause as nobody", "POST", "/v1/campaigns/{c}/pause", {}, b"", False, 401, "UNAUTHENTICATED"),
    ("the pace as nobody", *DISPATCH, JSON, body_of({"per_second": 1}), False, 401, "UNAUTHENTICATED"),
    ("the coupons of a campaign as nobody", "GET", "/v1/campaigns/{c}/coupons", {}, b"", False, 401, "UNAUTHENTICATED"),
    ("a user's coupons as nobody", "GET", "/v1/users/ann/coupons", {}, b"", False, 401, "UNAUTHENTICATED"),
    ("another user's coupons", "GET", "/v1/users/ann/coupons", {"X-User-Id": "bob"}, b"", False, 403, "FORBIDDEN"),
    ("a coupon as nobody", "GET", "/v1/coupons/ABCDE", {}, b"", False, 401, "UNAUTHENTICATED"),
    ("an invented code", "GET", "/v1/coupons/0000000000000", {}, b"", True, 404, "NOT_FOUND"),
    ("a code with a quote", "GET", "/v1/coupons/'%20or%201=1", {}, b"", True, 404, "NOT_FOUND"),
    ("a code with a broken escape", "GET", "/v1/coupons/%zz", {}, b"", True, 404, "NOT_FOUND"),
    ("a user with a broken escape", "GET", "/v1/users/%E0%A4/coupons", {}, b"", True, 400, INVALID),
    # ---- new campaigns
    ("an empty campaign", *NEW, JSON, b"{}", True, 400, INVALID),
    ("no name", *NEW, JSON, body_of({"stock": 1, "starts_at": "2020-01-01T00:00:00Z"}), True, 400, INVALID),
    ("a name that is a number", *NEW, JSON, campaign(name=1), True, 400, INVALID),
    ("a name of 101 characters", *NEW, JSON, campaign(name="가" * 101), True, 400, INVALID),
    ("a line feed in the name", *NEW, JSON, campaign(name="a\nb"), True, 400, INVALID),
    ("a description too long", *NEW, JSON, campaign(description="d" * 1001), True, 400, INVALID),
    ("stock below zero", *NEW, JSON, campaign(stock=-1), True, 400, INVALID),
    ("stock of 2^32", *NEW, JSON, campaign(stock=4294967296), True, 400, INVALID),
    ("stock of 1e400", *NEW, JSON, b'{"name":"a","stock":1e400,"starts_at":"2020-01-01T00:00:00Z"}', True, 400, INVALID),
    ("half a coupon", *NEW, JSON, campaign(stock=0.5), True, 400, INVALID),
    ("stock in words", *NEW, JSON, campaign(stock="ten"), True, 400, INVALID),
    ("a start in words", *NEW, JSON, campaign(starts_at="tomorrow"), True, 400, INVALID),
    ("a start without zone", *NEW, JSON, campaign(starts_at="2020-01-01T00:00:00"), True, 400, INVALID),
    ("the 30th of February", *NEW, JSON, campaign(starts_at="2020-02-30T00:00:00Z"), True, 400, INVALID),
    ("hour 24", *NEW, JSON, campaign(starts_at="2020-01-01T24:00:00Z"), True, 400, INVALID),
    ("the year 1969", *NEW, JSON, campaign(starts_at="1969-12-31T23:59:59Z"), True, 400, INVALID),
    ("the year 10000", *NEW, JSON, campaign(starts_at="10000-01-01T00:00:00Z"), True, 400, INVALID),
    ("a start that is a number", *NEW, JSON, campaign(starts_at=1577836800), True, 400, INVALID),
    ("an end before the start", *NEW, JSON, campaign(ends_at="2019-01-01T00:00:00Z"), True, 400, INVALID),
    ("an end at the start", *NEW, JSON, campaign(ends_at="2020-01-01T00:00:00Z"), True, 400, INVALID),
    ("a policy that is a list", *NEW, JSON, campaign(policy=[]), True, 400, INVALID),
    ("an unknown policy", *NEW, JSON, policy(colour="red"), True, 400, INVALID),
    ("101 percent", *NEW, JSON, policy(discount={"type": "percent", "value": 101}), True, 400, INVALID),
    ("0 percent", *NEW, JSON, policy(discount={"type": "percent", "value": 0}), True, 400, INVALID),
    ("percent of a currency", *NEW, JSON, policy(discount={"type": "percent", "value": 1, "currency": "KRW"}), True, 400, INVALID),
    ("an amount of no currency", *NEW, JSON, policy(discount={"type": "amount", "value": 1}), True, 400, INVALID),
    ("a currency of two letters", *NEW, JSON, policy(discount={"type": "amount", "value": 1, "currency": "KR"}), True, 400, INVALID),
    ("an unknown discount", *NEW, JSON, policy(discount={"type": "gift", "value": 1}), True, 400, INVALID),
    ("both validities", *NEW, JSON, policy(valid_until="2030-01-01T00:00:00Z", valid_for_seconds=1), True, 400, INVALID),
    ("valid for no time", *NEW, JSON, policy(valid_for_seconds=0), True, 400, INVALID),
    ("no coupon a user", *NEW, JSON, policy(max_per_user=0), True, 400, INVALID),
    ("1001 coupons a user", *NEW, JSON, policy(max_per_user=1001), True, 400, INVALID),
    ("an unknown alphabet", *NEW, JSON, policy(code_format="klingon"), True, 400, INVALID),
    ("an id of one's own", *NEW, JSON, campaign(id=7), True, 400, INVALID),
    # ---- commands
    ("stock without a number", *STOCK, JSON, b"{}", True, 400, INVALID),
    ("2^33 more", *STOCK, JSON, body_of({"add": 2**33}), True, 400, INVALID),
    ("stock below what is issued", *STOCK, JSON, body_of({"add": -11}), True, 409, "BELOW_ISSUED"),
    ("a body for pause", "POST", "/v1/campaigns/{c}/pause", JSON, body_of({"why": "rain"}), True, 400, INVALID),
    ("a change that nobody knows", *CHANGE, JSON, body_of({"stock": 5}), True, 400, INVALID),
    ("a start after the first coupon", *CHANGE, JSON, body_of({"starts_at": "2021-01-01T00:00:00Z"}), True, 409, "ALREADY_STARTED"),
    ("a pace below zero", *DISPATCH, JSON, body_of({"per_second": -1}), True, 400, INVALID),
    ("a partition that is not there", *DISPATCH, JSON, body_of({"per_second": 0, "partition": 99}), True, 400, INVALID),
    # ---- queries
    ("a limit of 0", "GET", "/v1/campaigns?limit=0", {}, b"", False, 400, INVALID),
    ("a limit of 501", "GET", "/v1/campaigns?limit=501", {}, b"", False, 400, INVALID),
    ("a limit in words", "GET", "/v1/campaigns?limit=all", {}, b"", False, 400, INVALID),
    ("an unknown state", "GET", "/v1/campaigns?state=lost", {}, b"", False, 400, INVALID),
    ("after nothing", "GET", "/v1/campaigns?after=", {}, b"", False, 400, INVALID),
    ("a sequence beyond 2^32", "GET", "/v1/campaigns/{c}/coupons?after=4294967296", {}, b"", True, 400, INVALID),
]


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.system = System(os.environ["OPENRUN_TEST_STATE"])
        cls.addClassCleanup(cls.system.down)
        cls.system.up()
        cls.campaign = cls.system.create(10)
        issued = cls.system.request(cls.campaign, "somebody", wait=30)
        cls.receipt = issued.json["receipt"]

    def path(self, text):
        changed = ("B" if self.receipt[0] == "A" else "A") + self.receipt[1:]
        return text.format(c=self.campaign, r=self.receipt, r_short=self.receipt[:-1], r_changed=changed)

    def test_each_is_refused_with_its_reason_and_none_is_a_failure_of_the_server(self):
        self.assertGreater(len(ROWS), 100)
        for what, method, path, headers, body, admin, status, code in ROWS:
            with self.subTest(what):
                answer = self.system.call(method, self.path(path), raw=body, headers=headers, admin=admin)
                problem = answer.json
                self.assertEqual((answer.status, problem["code"]), (status, code), answer)
                self.assertEqual(answer.headers.get("content-type"), "application/problem+json")
                self.assertEqual(problem["status"], status)
                self.assertNotRegex(answer.body, r"(?i)select |\.cpp|/home|/root|sqlstate|exception")
        print(f"{len(ROWS)} bad inputs, each refused as it should be, none with 5xx")
        self.assertEqual(self.system.call("GET", f"/v1/campaigns/{self.campaign}").json["issued"], 1)

    RAW = [
        # Request smuggling (RFC 9112, section 11.2) and lines that are none: refused, and the connection is closed.
        ("two lengths", b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ("a length and chunks", b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("chunks by another name", b"POST /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("a length with a sign", b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na"),
        ("a length below zero", b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
        ("a length without end", b"POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        ("a chunk without size", b"POST /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        ("a blank before the colon", b"GET /livez HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("a folded header", b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n"),
        ("a header without colon", b"GET /livez HTTP/1.1\r\nHost a\r\n\r\n"),
        ("NUL in a header", b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n"),
        ("HTTP/9.9", b"GET /livez HTTP/9.9\r\nHost: a\r\n\r\n"),
        ("no version", b"GET /livez\r\n\r\n"),
        ("TLS to a plain port", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
        ("headers too long", b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: " + b"b" * 20_000 + b"\r\n\r\n"),
        ("a target too long", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    ]

    def test_what_is_no_request_is_refused_and_the_connection_closed(self):
        for what, sent in self.RAW:
            with self.subTest(what), socket.create_connection(("127.0.0.1", self.system.port("gateway-1")), timeout=20) as connection:
                connection.sendall(sent)
                received = b""
                try:
                    while piece := connection.recv(65536):
                        received += piece
                except ConnectionResetError:
                    pass
                status = int(received.split(b" ", 2)[1]) if received else 0
                self.assertIn(status, (400, 413, 414, 431, 501, 505), received[:300])
                self.assertEqual(received.count(b"\r\n\r\n"), 1, "one answer, then the end")
        print(f"{len(self.RAW)} streams of bytes that are no request, each refused once and closed")


if __name__ == "__main__":
    unittest.main()
