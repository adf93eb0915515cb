"""A gateway that serves HTTPS itself, beside one that serves HTTP."""

import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import unittest

from connect_clients import Client, build_node, clients_directory
from system import System, free_ports, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, gateways=1, issuers=1, relays=1, partitions=2)


class Https(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        system.down()
        system.up()
        cls.node = staticmethod(build_node(clients_directory() / "node-tls"))
        cls.port, cls.grpc_port = free_ports(2)
        cls.certificate = pathlib.Path(system.state) / "tls.crt"
        cls.key = pathlib.Path(system.state) / "tls.key"
        cls.renew()
        cls.log = open(pathlib.Path(system.state) / "log" / "gateway-https.log", "wb")
        cls.gateway = subprocess.Popen(
            ["openrun-gateway", "--config", system.environment["OPENRUN_CONFIG"]], stdin=subprocess.DEVNULL, stderr=cls.log,
            env=dict(os.environ, **system.environment, OPENRUN_GATEWAY__PORT=str(cls.port), OPENRUN_GATEWAY__GRPC_PORT=str(cls.grpc_port),
                     OPENRUN_GATEWAY__TLS__CERTIFICATE_FILE=str(cls.certificate), OPENRUN_GATEWAY__TLS__KEY_FILE=str(cls.key)))
        wait_until("the gateway is ready over HTTPS", lambda: cls.call("GET", "/readyz")[0] == 200, 30)

    @classmethod
    def tearDownClass(cls):
        cls.gateway.send_signal(signal.SIGTERM)
        code = cls.gateway.wait(30)
        cls.log.close()
        system.down()
        if code != 0:
            raise AssertionError(f"the gateway exited {code}")

    @classmethod
    def renew(cls, name="127.0.0.1"):
        """A certificate of its own for 127.0.0.1, put in place as a whole."""
        for extension in ("crt", "key"):
            (pathlib.Path(system.state) / f"new.{extension}").unlink(missing_ok=True)
        new = pathlib.Path(system.state) / "new"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
             f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{new}.key", "-out", f"{new}.crt"],
            check=True, capture_output=True)
        os.replace(f"{new}.key", cls.key)
        os.replace(f"{new}.crt", cls.certificate)

    @classmethod
    def connect(cls):
        context = ssl.create_default_context(cafile=str(cls.certificate))
        return http.client.HTTPSConnection("127.0.0.1", cls.port, timeout=30, context=context)

    @classmethod
    def call(cls, method, path, body=None, headers=None):
        connection = cls.connect()
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def test_a_coupon_over_https_from_request_to_redeeming(self):
        campaign = system.create(10)
        status, body = self.call("POST", f"/v1/campaigns/{campaign}/requests", {"user_id": "ann"}, {"Prefer": "wait=30"})
        self.assertEqual(status, 201, body)
        receipt = json.loads(body)["receipt"]
        status, body = self.call("GET", f"/v1/requests/{receipt}/events")
        self.assertIn("event: outcome", body)
        admin = {"Authorization": "Bearer " + system.environment["OPENRUN_ADMIN_TOKEN"], "Accept": "text/csv"}
        status, body = self.call("GET", f"/v1/campaigns/{campaign}/coupons", headers=admin)
        self.assertEqual((status, len(body.splitlines())), (200, 2))

    def test_a_renewed_certificate_is_taken_without_a_restart(self):
        old = self.connect()
        old.request("GET", "/livez")
        self.assertEqual(old.getresponse().read(), b'{"status":"live"}')
        self.renew("renewed")
        # Verified against the new certificate alone.
        wait_until("new connections get the new certificate", lambda: self.call("GET", "/livez")[0] == 200, 30)
        old.request("GET", "/livez")
        self.assertEqual(old.getresponse().status, 200)
        old.close()

    def grpc(self, campaign, user):
        """The user's coupon over gRPC, by a client that trusts the certificate in place alone; None where it does not."""
        client = Client(self.node(f"https://127.0.0.1:{self.grpc_port}"), {"NODE_EXTRA_CA_CERTS": str(self.certificate)})
        try:
            answer = client.call("coupon.v1.CouponService", "IssueCoupon", {"campaignId": campaign, "userId": user}, grpc=True)
        finally:
            client.close()
        return answer.get("response")

    def test_a_coupon_over_grpc_with_tls_also_after_the_certificate_is_renewed(self):
        campaign = system.create(2)
        self.assertIsNotNone(self.grpc(campaign, 1))
        self.renew("renewed for gRPC")
        wait_until("new connections get the new certificate", lambda: self.grpc(campaign, 2) is not None, 30)
        self.assertEqual(system.sql(f"SELECT count(*) FROM coupon WHERE campaign_id = {campaign}"), [["2"]])

    def test_plain_http_and_old_versions_get_nothing(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain:
            plain.sendall(b"GET /livez HTTP/1.1\r\nHost: openrun\r\n\r\n")
            try:
                answer = plain.recv(1000)
            except ConnectionResetError:
                answer = b""
            self.assertNotIn(b"live", answer)
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
