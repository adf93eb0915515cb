"""What is done with coupons once they are issued, and how a browser hears of it: redeeming, CSV exports, event streams."""

import concurrent.futures
import csv
import http.client
import io
import os
import socket
import unicodedata
import unittest
import urllib.parse

from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
# As docs/operations.md says; a smaller number is quicker.
EXPORTED = int(os.environ.get("OPENRUN_TEST_EXPORTED", "1000000"))
# One page of rows and its text, with what the allocator keeps; without pages it would be some hundred MB.
GROWTH_KB_MAX = 24 * 1024
system = System(STATE, gateways=2, issuers=1, relays=1, partitions=2)


def setUpModule():
    system.down()
    system.up()
    for gateway in (1, 2):
        wait_until(f"gateway-{gateway} is ready", lambda g=gateway: system.ready(g), 30)


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def code_path(code, action=""):
    return "/v1/coupons/" + urllib.parse.quote(code, safe="") + action


def redeem(code, body, gateway=1, key=None, admin=False):
    headers = {} if key is None else {"Idempotency-Key": key}
    return system.call("POST", code_path(code, "/redeem"), body, gateway, headers, admin=admin)


class CouponCase(unittest.TestCase):
    def open_stream(self, path, gateway=1, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", system.port(f"gateway-{gateway}"), timeout=40)
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        self.addCleanup(connection.close)
        self.addCleanup(response.close)
        return response

    def issue(self, user, **policy):
        campaign = system.create(10, policy=policy)
        answer = system.request(campaign, user, wait=30)
        if answer.status == 202:  # an issuer that takes over a million coupons on a busy machine
            answer = system.status(answer.json["receipt"], wait=30)
        self.assertEqual(answer.json["status"], "issued", answer)
        return campaign, answer.json["coupon"]["code"]


class Redeeming(CouponCase):
    def test_of_many_tills_at_once_one_redeems(self):
        _, code = self.issue("ann")
        with concurrent.futures.ThreadPoolExecutor(16) as tills:
            answers = list(tills.map(
                lambda till: redeem(code, {"user_id": "ann"}, gateway=1 + till % 2, key=f"till-{till}"), range(32)))
        winners = [till for till, answer in enumerate(answers) if answer.status == 200]
        self.assertEqual(len(winners), 1, answers)
        self.assertEqual({answer.json["code"] for answer in answers if answer.status != 200}, {"ALREADY_USED"})
        again = redeem(code, {"user_id": "ann"}, key=f"till-{winners[0]}")
        self.assertEqual((again.status, again.body), (200, answers[winners[0]].body))
        self.assertEqual(system.sql(f"SELECT status, redeem_key, used_at IS NOT NULL FROM coupon WHERE code = '{code}'"),
                         [["USED", f"till-{winners[0]}", "t"]])
        self.assertTrue(system.audit()["clean"])

    def test_codes_as_people_type_them_and_who_may(self):
        _, code = self.issue("ann")
        typed = unicodedata.normalize("NFD", code)
        self.assertEqual(redeem(typed, {"user_id": "bob"}).status, 403)
        self.assertEqual(redeem(typed, {"user_id": "ann"}).json["status"], "USED")
        _, code = self.issue("ann", code_format="latin")
        typed = f"{code[:4]}-{code[4:8]}-{code[8:]}".lower()
        self.assertEqual(redeem(typed, None, admin=True).json["code"], code)
        self.assertEqual(redeem(code, {"user_id": "ann"}).status, 409)

    def test_an_expired_coupon_is_410(self):
        _, code = self.issue("ann", valid_for_seconds=1)
        gone = wait_until("it has expired", lambda: [a for a in [redeem(code, {"user_id": "bob"}, admin=True),
                                                                 system.call("GET", code_path(code), admin=True)]
                                                     if a.status == 200 and a.json["status"] == "EXPIRED"])
        self.assertTrue(gone)
        self.assertEqual(redeem(code, {"user_id": "ann"}).json["code"], "EXPIRED")


def events_of(response):
    """The events with data, as (name, id, data), until the stream ends."""
    fields = {}
    while line := response.readline().decode():
        line = line.rstrip("\n")
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield fields.get("event"), fields.get("id"), fields["data"]
            fields = {}


def all_but_positions(events):
    """A position is told again whenever it has become smaller, so nobody knows how often."""
    return [event for event in events if event[0] != "position"]


class EventStreams(CouponCase):
    def test_position_then_outcome_then_no_more(self):
        campaign = system.create(10)
        system.freeze("issuer-1")
        try:
            for user in ("first", "second"):
                accepted = system.request(campaign, user)
            path = f"/v1/requests/{accepted.json['receipt']}/events"
            response = self.open_stream(path)
            self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/event-stream"))
            events = events_of(response)
            # A bound, and larger by one while the gateway does not know that the campaign itself is decided.
            name, _, data = next(event for event in events if event[1] == "1")
            self.assertEqual(name, "position")
            self.assertIn('"status":"waiting"', data)
        finally:
            system.thaw("issuer-1")
        outcome = ("outcome", "outcome", system.status(accepted.json["receipt"], wait=30).body)
        self.assertEqual(all_but_positions(events), [outcome])
        # What a browser does next, with the id of the last event.
        self.assertEqual(self.open_stream(path, 2, {"Last-Event-ID": "outcome"}).status, 204)
        # Another gateway may learn of the outcome a moment later.
        self.assertEqual(all_but_positions(events_of(self.open_stream(path, 2))), [outcome])
        self.assertEqual(self.open_stream("/v1/requests/nonsense/events").status, 404)

    def test_a_gateway_that_drains_ends_its_streams_and_another_goes_on(self):
        campaign = system.create(10)
        system.freeze("issuer-1")
        try:
            accepted = system.request(campaign, "ann")
            path = f"/v1/requests/{accepted.json['receipt']}/events"
            events = events_of(self.open_stream(path, gateway=2))
            self.assertEqual(next(events)[0], "position")
            system.stop("gateway-2")
            self.assertEqual(all_but_positions(events), [], "a whole stream: its end was sent")
            events = events_of(self.open_stream(path, gateway=1))
            self.assertEqual(next(events)[0], "position")
        finally:
            system.thaw("issuer-1")
            system.start("gateway-2")
            wait_until("gateway-2 is ready", lambda: system.ready(2), 30)
        self.assertEqual([name for name, _, _ in all_but_positions(events)], ["outcome"])


def memory_kb(field="VmRSS"):
    with open(f"/proc/{system.pid('gateway-1')}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def forget_peak():
    with open(f"/proc/{system.pid('gateway-1')}/clear_refs", "w", encoding="ascii") as peak:
        peak.write("5")


class Exports(CouponCase):
    """A million coupons in the table, written by SQL: the export reads them as it would read issued ones."""

    @classmethod
    def setUpClass(cls):
        cls.campaign = system.create(10)
        system.sql(
            "INSERT INTO coupon (campaign_id, sequence, user_id, idempotency_key, code, issued_at, request_partition, request_offset) "
            f"SELECT {cls.campaign}, n, 'user, number ' || n, '', '쿠폰' || lpad(n::text, 8, '0'), now(), 0, 0 "
            f"FROM generate_series(1, {EXPORTED}) AS n")
        cls.path = f"/v1/campaigns/{cls.campaign}/coupons"
        cls.headers = {"Accept": "text/csv", "Authorization": "Bearer " + system.environment["OPENRUN_ADMIN_TOKEN"]}

    @classmethod
    def tearDownClass(cls):
        system.sql(f"DELETE FROM coupon WHERE campaign_id = {cls.campaign}")

    def test_a_million_coupons_in_constant_memory(self):
        warm_up = csv.reader(io.StringIO(system.call("GET", self.path + "?limit=3", headers=self.headers).body))
        self.assertEqual([row[3] for row in warm_up], ["user_id", "user, number 1", "user, number 2", "user, number 3"])
        before = memory_kb()
        forget_peak()
        response = self.open_stream(self.path, headers=self.headers)
        self.assertIn("attachment", response.headers["Content-Disposition"])
        during, size = [], 0

        def lines():
            nonlocal size
            for line in response:
                size += len(line)
                if size % 1000 == 0:
                    during.append(memory_kb())
                yield line.decode()

        rows = csv.DictReader(lines())
        for sequence, row in enumerate(rows, 1):
            if int(row["sequence"]) != sequence or row["user_id"] != f"user, number {sequence}":
                self.fail(f"row {sequence}: {row}")
        self.assertEqual(sequence, EXPORTED)
        peak, after = memory_kb("VmHWM"), memory_kb()
        print(f"exported {EXPORTED} coupons, {size / 1e6:.1f} MB; resident memory of the gateway in KB: {before} before, "
              f"{max(during, default=before)} seen and {peak} at most during, {after} after", flush=True)
        self.assertLess(peak - before, GROWTH_KB_MAX)

    def test_a_client_that_does_not_read_costs_one_page(self):
        before = memory_kb()
        forget_peak()
        lazy = [socket.create_connection(("127.0.0.1", system.port("gateway-1"))) for _ in range(4)]
        for one in lazy:
            one.sendall((f"GET {self.path} HTTP/1.1\r\nHost: openrun\r\n" +
                         "".join(f"{name}: {value}\r\n" for name, value in self.headers.items()) + "\r\n").encode())
        wait_until("the exports run", lambda: system.metrics("gateway-1")["openrun_exports"] == 4)
        # Meanwhile the pool's threads are free for others.
        for _ in range(50):
            self.assertEqual(system.call("GET", "/v1/users/nobody/coupons", admin=True).status, 200)
        self.assertLess(memory_kb("VmHWM") - before, GROWTH_KB_MAX)
        for one in lazy:
            one.close()
        wait_until("their seats are free", lambda: system.metrics("gateway-1")["openrun_exports"] == 0)

    def test_without_the_store_the_client_sees_that_the_end_is_missing(self):
        response = self.open_stream(self.path, headers=self.headers)
        response.read(1000)
        system.stop("postgres")
        try:
            with self.assertRaises(http.client.IncompleteRead):
                response.read()
        finally:
            system.start("postgres")
            wait_until("the gateway finds it again",
                       lambda: system.call("GET", self.path + "?limit=1", headers=self.headers).status == 200)


if __name__ == "__main__":
    unittest.main()
