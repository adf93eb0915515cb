"""The dialects as their own clients see them: connect-node, connect-go and plain HTTP against a running system."""

import gzip
import http.client
import json
import os
import threading
import unittest

from connect_clients import Client, build_go, build_node, clients_directory
from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, gateways=1, issuers=1, relays=1, partitions=2)
commands = {}

COUPON = "coupon.v1.CouponService"
ISSUANCE = "coupon_issuance.v1.CouponService"
CAMPAIGNS = "rpc_campaign.CampaignService"
COUPONS = "rpc_coupon.CouponService"
LONG_AGO = "2025-01-01T09:00:00+09:00"
FAR_AWAY = "2099-01-01T00:00:00Z"


def setUpModule():
    system.down()
    # As in a deployment: only an admin's token opens the admin calls.
    system.up(environment={"OPENRUN_CONNECT__OPEN_ADMIN": "false"})
    commands["node"] = build_node(clients_directory() / "node")
    commands["go"] = build_go(clients_directory() / "go")


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def admin():
    return {"Authorization": "Bearer " + system.environment["OPENRUN_ADMIN_TOKEN"]}


# Every way in which such a client may be set up.
WAYS = [{"json": False, "gzip": False}, {"json": True, "gzip": False}, {"json": False, "gzip": True}, {"json": True, "gzip": True}]


class ClientCase(unittest.TestCase):
    client_name = None
    ways = WAYS

    @classmethod
    def setUpClass(cls):
        cls.client = Client(commands[cls.client_name](cls.url()))

    @classmethod
    def url(cls):
        return system.url()

    @classmethod
    def tearDownClass(cls):
        cls.client.close()

    def ok(self, *arguments, **options):
        answer = self.client.call(*arguments, **options)
        self.assertIn("response", answer, f"{arguments} {options}: {answer}")
        return answer["response"]

    def error(self, code, message, *arguments, **options):
        answer = self.client.call(*arguments, **options)
        self.assertEqual(answer.get("error", {}).get("code"), code, f"{arguments}: {answer}")
        if message is not None:
            self.assertEqual(answer["error"]["message"], message)


class Scenario:
    """Create, issue, duplicate, sold out, not started, not found: in each dialect and each way."""

    def test_coupon_v1(self):
        for way in self.ways:
            with self.subTest(**way):
                create = {"name": "opening", "couponLimit": "2", "startTime": LONG_AGO}
                self.error("unauthenticated", None, COUPON, "CreateCampaign", create, **way)
                campaign = self.ok(COUPON, "CreateCampaign", create, headers=admin(), **way)["campaignId"]
                for user in (1, 2):
                    issued = self.ok(COUPON, "IssueCoupon", {"campaignId": campaign, "userId": user}, **way)
                    self.assertEqual(issued, {"message": "OK"})
                self.error("already_exists", "COUPON_ALREADY_CLAIMED", COUPON, "IssueCoupon", {"campaignId": campaign, "userId": 1}, **way)
                self.error("failed_precondition", "COUPON_SOLD_OUT", COUPON, "IssueCoupon", {"campaignId": campaign, "userId": 3}, **way)
                shown = self.ok(COUPON, "GetCampaign", {"campaignId": campaign}, headers=admin(), **way)
                self.assertEqual((shown["couponLimit"], shown["currentCoupon"]), ("2", "2"))
                rows = system.sql(f"SELECT code FROM coupon WHERE campaign_id = {campaign} ORDER BY sequence")
                self.assertEqual(shown["issuedCoupons"], [code for (code,) in rows])
                self.assertNotIn("issuedCoupons", self.ok(COUPON, "GetCampaign", {"campaignId": campaign}, **way))
                create["startTime"] = FAR_AWAY
                later = self.ok(COUPON, "CreateCampaign", create, headers=admin(), **way)["campaignId"]
                self.error("failed_precondition", "CAMPAIGN_NOT_STARTED", COUPON, "IssueCoupon", {"campaignId": later, "userId": 1}, **way)
                for method in ("IssueCoupon", "GetCampaign"):
                    self.error("not_found", "RECORD_NOT_FOUND", COUPON, method, {"campaignId": 999999}, **way)
                create["startTime"] = "soon"
                self.error("invalid_argument", None, COUPON, "CreateCampaign", create, headers=admin(), **way)

    def test_coupon_issuance_v1(self):
        for way in self.ways:
            with self.subTest(**way):
                create = {"name": "opening", "description": "first", "totalCouponsCount": 1, "startTime": LONG_AGO}
                campaign = self.ok(ISSUANCE, "CreateCampaign", create, headers=admin(), **way)["campaign"]
                self.assertEqual(campaign["status"], "CAMPAIGN_STATUS_ACTIVE")
                wish = {"campaignId": campaign["id"], "userId": "ann"}
                coupon = self.ok(ISSUANCE, "IssueCoupon", wish, **way)["coupon"]
                self.assertEqual((coupon["campaignId"], coupon["userId"]), (campaign["id"], "ann"))
                again = self.ok(ISSUANCE, "IssueCoupon", wish, **way)
                self.assertEqual((again["error"]["code"], again.get("coupon")), ("COUPON_ALREADY_CLAIMED", None))
                refused = self.ok(ISSUANCE, "IssueCoupon", {"campaignId": campaign["id"], "userId": "bob"}, **way)
                self.assertEqual(refused["error"]["code"], "COUPON_SOLD_OUT")
                shown = self.ok(ISSUANCE, "GetCampaign", {"campaignId": campaign["id"]}, headers=admin(), **way)["campaign"]
                self.assertEqual((shown["issuedCouponsCount"], shown["issuedCouponCodes"]), (1, [coupon["code"]]))
                create["startTime"] = FAR_AWAY
                later = self.ok(ISSUANCE, "CreateCampaign", create, headers=admin(), **way)["campaign"]
                self.assertEqual(later["status"], "CAMPAIGN_STATUS_PENDING")
                early = self.ok(ISSUANCE, "IssueCoupon", {"campaignId": later["id"], "userId": "ann"}, **way)
                self.assertEqual(early["error"]["code"], "CAMPAIGN_NOT_STARTED")
                unknown = self.ok(ISSUANCE, "GetCampaign", {"campaignId": "999999"}, **way)
                self.assertEqual(unknown["error"]["code"], "RECORD_NOT_FOUND")

    def test_rpc(self):
        for way in self.ways:
            with self.subTest(**way):
                create = {"title": "opening", "couponRemains": 2, "beginAt": "2025-01-01T00:00:00Z"}
                created = self.ok(CAMPAIGNS, "CreateCampaign", create, headers=admin(), **way)
                campaign = created.pop("campaignId")
                self.assertEqual(created, create)
                ids = [int(self.ok(COUPONS, "IssueCoupon", {"campaignId": campaign}, **way)["couponId"]) for _ in range(2)]
                self.assertEqual(ids, [campaign * 2**32 + 1, campaign * 2**32 + 2])
                self.error("failed_precondition", "COUPON_SOLD_OUT", COUPONS, "IssueCoupon", {"campaignId": campaign}, **way)
                shown = self.ok(CAMPAIGNS, "GetCampaign", {"campaignId": campaign}, **way)
                self.assertEqual(shown["couponRemains"], 0)
                create["beginAt"] = FAR_AWAY
                later = self.ok(CAMPAIGNS, "CreateCampaign", create, headers=admin(), **way)["campaignId"]
                self.error("failed_precondition", "CAMPAIGN_NOT_STARTED", COUPONS, "IssueCoupon", {"campaignId": later}, **way)
                self.error("not_found", "RECORD_NOT_FOUND", CAMPAIGNS, "GetCampaign", {"campaignId": 999999}, **way)

    def test_a_call_meets_its_deadline_while_nothing_is_decided(self):
        campaign = self.ok(COUPON, "CreateCampaign", {"couponLimit": "5", "startTime": LONG_AGO}, headers=admin(),
                           **self.ways[0])["campaignId"]
        # Postgres is reached by nobody who writes: the issuer is frozen.
        system.freeze("issuer-1")
        try:
            self.error("deadline_exceeded", None, COUPON, "IssueCoupon", {"campaignId": campaign, "userId": 1}, timeoutMs=5000, **self.ways[0])
        finally:
            system.thaw("issuer-1")
        wait_until("the request was decided all the same",
                   lambda: system.sql(f"SELECT count(*) FROM coupon WHERE campaign_id = {campaign}") == [["1"]])


class NodeClient(Scenario, ClientCase):
    client_name = "node"


class GoClient(Scenario, ClientCase):
    client_name = "go"


class NodeClientOverGrpc(Scenario, ClientCase):
    client_name = "node"
    ways = [{"grpc": True, "gzip": False}, {"grpc": True, "gzip": True}]

    @classmethod
    def url(cls):
        return f"http://127.0.0.1:{system.port('grpc-1')}"


class PlainHttp(unittest.TestCase):
    """What curl and people's scripts send."""

    def post(self, path, body=b"{}", port=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port or system.port("gateway-1"), timeout=40)
        try:
            send = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
            connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), send)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def test_the_edges_of_the_protocol(self):
        path = f"/{COUPON}/IssueCoupon"
        for (status, code), (body, headers) in [
                ((400, "invalid_argument"), (b"{", {})),
                ((400, "invalid_argument"), (b"", {})),
                ((400, "invalid_argument"), (b"{}", {"Connect_Protocol_Version": "2"})),
                ((400, "invalid_argument"), (b"{}", {"Connect_Timeout_Ms": "12345678901"})),
                ((404, "not_found"), (b"{}", {"Connect_Protocol_Version": "1"})),
                ((404, "not_found"), (gzip.compress(b"{}"), {"Content_Encoding": "gzip"})),
                ((429, "resource_exhausted"), (gzip.compress(b" " * 1_000_000), {"Content_Encoding": "gzip"})),
                ((501, "unimplemented"), (b"{}", {"Content_Encoding": "br"})),
                ((415, "unknown"), (b"{}", {"Content_Type": "text/plain"})),
        ]:
            with self.subTest(body=body[:20], **headers):
                answered, _, text = self.post(path, body, **headers)
                self.assertEqual((answered, json.loads(text)["code"]), (status, code))
        self.assertEqual(self.post(f"/{COUPON}/Nothing")[0], 404)
        answer = system.call("GET", path + "?message=%7B%7D&encoding=json")
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST, OPTIONS"))

    def test_a_thousand_users_and_a_hundred_coupons(self):
        campaign = system.create(100)
        answers = []

        def ask(first):
            for user in range(first, 1000, 16):
                answers.append(self.post(f"/{COUPON}/IssueCoupon", {"campaign_id": campaign, "user_id": user}))

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        messages = [json.loads(text)["message"] for _, _, text in answers]
        self.assertEqual((messages.count("OK"), messages.count("COUPON_SOLD_OUT")), (100, 900))
        self.assertEqual(system.sql(f"SELECT count(*), count(DISTINCT user_id) FROM coupon WHERE campaign_id = {campaign}"), [["100", "100"]])

    def test_the_waiting_room(self):
        campaign = system.create(1)
        status, headers, text = self.post(f"/gate/events/{campaign}/enqueue?userId=ann", b"")
        entered = json.loads(text)
        self.assertEqual((status, entered["status"]), (200, "ENQUEUED"))
        cookie = headers["Set-Cookie"].split(";")[0]
        self.assertIn("HttpOnly", headers["Set-Cookie"])

        def rank(query, **send):
            return system.call("GET", f"/gate/events/{campaign}/rank{query}", headers=send).json

        told = wait_until("the outcome", lambda: (told := rank("", Cookie=cookie))["status"] == "PROCESSING" and told)
        self.assertEqual(told["outcome"]["status"], "issued")
        self.assertEqual(rank(f"?receipt={entered['receipt']}"), told)
        self.assertEqual(rank("?userId=ann"), told)
        again = json.loads(self.post("/enqueue", {"eventId": campaign, "userId": "ann"})[2])
        self.assertEqual(again, {"status": "ALREADY_ENQUEUED", "rank": 0})
        self.assertEqual(json.loads(self.post("/enqueue", {"eventId": campaign, "userId": "bob"})[2])["status"], "ENQUEUED")
        wait_until("bob is told", lambda: rank("?userId=bob").get("outcome", {}).get("reason") == "SOLD_OUT")
        system.stop("gateway-1")
        system.start("gateway-1")
        wait_until("gateway-1 is ready", system.ready)
        # It has forgotten names, but Postgres has not.
        self.assertEqual(rank("?userId=ann"), told)
        self.assertEqual(system.call("GET", f"/gate/events/{campaign}/rank?userId=bob").status, 404)

    def test_the_second_port_serves_the_same(self):
        try:
            port = int(system.setting("second-port"))
        except AssertionError:
            self.skipTest("port 8000 belongs to somebody else")
        status, _, text = self.post(f"/{COUPON}/GetCampaign", {"campaignId": 999999}, port=port)
        self.assertEqual((status, json.loads(text)["message"]), (404, "RECORD_NOT_FOUND"))


if __name__ == "__main__":
    unittest.main()
