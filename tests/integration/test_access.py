"""Who may do what, and how much, on real parts: users by signed tokens, keys that are rotated, limits.

Tokens are made here with the standard library (HS256) and with the openssl command (RS256).
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import time
import unittest

from system import Failed, System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, partitions=1)
ISSUER = "https://id.example"
AUDIENCE = "openrun"


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hmac_key(kid, secret):
    return {"kty": "oct", "kid": kid, "alg": "HS256", "use": "sig", "k": base64url(secret)}


class RsaPair:
    """A pair that openssl keeps in a file of its own."""

    def __init__(self, kid, folder):
        self.kid = kid
        self.file = pathlib.Path(folder) / f"{kid}.pem"
        self.run("genrsa", "-out", self.file, "2048")

    def run(self, *arguments, send=b""):
        done = subprocess.run(["openssl", *map(str, arguments)], input=send, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60, check=False)
        if done.returncode != 0:
            raise Failed(f"openssl {arguments[0]}: {done.stderr.decode()}")
        return done.stdout

    def public(self):
        modulus = bytes.fromhex(self.run("rsa", "-in", self.file, "-noout", "-modulus").decode().strip().partition("=")[2])
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": base64url(modulus), "e": "AQAB"}

    def sign(self, message):
        return self.run("dgst", "-sha256", "-sign", self.file, send=message)


def token(user, sign, kid, algorithm="HS256", **more):
    header = {"alg": algorithm, "kid": kid, "typ": "JWT"}
    claims = dict(sub=user, iss=ISSUER, aud=AUDIENCE, exp=int(time.time()) + 300, iat=int(time.time()))
    claims.update(more)
    text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return text + "." + base64url(sign(text.encode()))


def hs256(secret):
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()


def bearing(text):
    return {"Authorization": "Bearer " + text}


def restart(environment):
    system.stop("gateway-1")
    system.start("gateway-1", environment)
    wait_until("gateway-1 is ready", system.ready, 60)


class UsersByToken(unittest.TestCase):
    old = b"old" * 12
    new = b"new" * 12

    def setUp(self):
        self.file = system.state / "users.json"
        self.publish(hmac_key("old", self.old))
        restart({
            "OPENRUN_AUTH__MODE": "jwt", "OPENRUN_AUTH__JWT__JWKS_FILE": str(self.file), "OPENRUN_AUTH__JWT__ISSUER": ISSUER,
            "OPENRUN_AUTH__JWT__AUDIENCE": AUDIENCE})
        self.path = f"/v1/campaigns/{system.create(100)}/requests"

    def tearDown(self):
        restart({})

    def publish(self, *keys):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"keys": keys}))
        fresh.replace(self.file)

    def ask(self, text, body=None):
        return system.call("POST", self.path, body, headers={"Prefer": "wait=30", **bearing(text)})

    def test_a_signed_token_is_the_user_from_request_to_coupon(self):
        mina = token("mina", hs256(self.old), "old")
        issued = self.ask(mina)
        self.assertEqual(issued.status, 201, issued)
        code = issued.json["coupon"]["code"]
        own = system.call("GET", "/v1/users/mina/coupons", headers=bearing(mina))
        self.assertEqual([coupon["code"] for coupon in own.json["coupons"]], [code])
        self.assertEqual(self.ask(mina, {"user_id": "mina"}).status, 409)
        self.assertEqual(self.ask(mina, {"user_id": "jun"}).status, 403)
        jun = token("jun", hs256(self.old), "old")
        self.assertEqual(system.call("GET", "/v1/users/mina/coupons", headers=bearing(jun)).status, 403)
        self.assertEqual(system.call("GET", "/v1/users/mina/coupons", headers={"X-User-Id": "mina"}).status, 401)
        self.assertEqual(system.call("GET", "/v1/users/mina/coupons", admin=True).status, 200)
        self.assertEqual(system.status(issued.json["receipt"]).json["status"], "issued")
        self.assertEqual(system.sql("SELECT user_id FROM coupon WHERE user_id IN ('mina', 'jun')"), [["mina"]])

    def test_bad_tokens_all_get_the_same_401(self):
        unsigned = base64url(b'{"alg":"none"}') + "." + base64url(b'{"sub":"mina"}') + "."
        answers = [
            self.ask(bad) for bad in (
                unsigned, "x.y.z", token("mina", hs256(self.new), "old"), token("mina", hs256(self.old), "nobody"),
                token("mina", hs256(self.old), "old", exp=int(time.time()) - 60),
                token("mina", hs256(self.old), "old", aud="shop"), token("mina", hs256(self.old), "old", iss="https://evil.example"))]
        self.assertEqual({answer.status for answer in answers}, {401})
        self.assertEqual(len({answer.body for answer in answers}), 1)
        for answer in answers:
            self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])
        nobody = system.call("POST", self.path, {"user_id": "mina"})
        self.assertEqual(nobody.headers["WWW-Authenticate"], 'Bearer realm="openrun"')

    def test_keys_are_rotated_by_the_file_without_a_restart(self):
        pid = system.pid("gateway-1")
        pair = RsaPair("rsa", system.state)
        self.publish(hmac_key("old", self.old), hmac_key("new", self.new), pair.public())
        wait_until("the new key counts", lambda: self.ask(token("a", hs256(self.new), "new")).status != 401)
        self.assertEqual(self.ask(token("b", hs256(self.old), "old")).status, 201)
        self.assertEqual(self.ask(token("c", pair.sign, "rsa", "RS256")).status, 201)
        # The public key as a secret of HMAC.
        confused = token("d", hs256(base64.urlsafe_b64decode(pair.public()["n"] + "==")), "rsa")
        self.assertEqual(self.ask(confused).status, 401)
        self.publish(hmac_key("new", self.new))
        wait_until("the old key is gone", lambda: self.ask(token("e", hs256(self.old), "old")).status == 401)
        self.file.write_text("{")
        wait_until("a bad file is logged", lambda: any("could not be read" in line.get("message", "")
                                                       for line in system.log_lines("gateway-1")))
        self.assertEqual(self.ask(token("f", hs256(self.new), "new")).status, 201)
        self.assertEqual(system.pid("gateway-1"), pid)
        log = (system.state / "log" / "gateway-1.log").read_text(errors="replace")
        for secret in (base64url(self.old), base64url(self.new), "eyJ", system.environment["OPENRUN_ADMIN_TOKEN"]):
            self.assertNotIn(secret, log)

    def test_a_gateway_without_its_keys_does_not_start(self):
        self.file.unlink()
        out = subprocess.run(
            ["openrun-gateway", "--config", system.environment["OPENRUN_CONFIG"]], stdin=subprocess.DEVNULL,
            env=dict(os.environ, PATH=system.environment["PATH"], OPENRUN_GATEWAY__PORT="0", OPENRUN_AUTH__MODE="jwt",
                     OPENRUN_AUTH__JWT__JWKS_FILE=str(self.file)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        self.assertEqual(out.returncode, 1)
        self.assertIn("auth.jwt.jwks_file", out.stdout.decode())


class Limits(unittest.TestCase):
    def tearDown(self):
        restart({})

    def test_a_user_who_asks_too_often_gets_429_and_others_do_not(self):
        restart({"OPENRUN_GATEWAY__LIMITS__USER_PER_SECOND": "1", "OPENRUN_GATEWAY__LIMITS__USER_BURST": "5"})
        campaign = system.create(100)
        answers = [system.request(campaign, "eager") for _ in range(20)]
        refused = [answer for answer in answers if answer.status == 429]
        self.assertGreaterEqual(len(refused), 10)
        self.assertEqual(refused[0].json["code"], "RATE_LIMITED")
        self.assertGreaterEqual(int(refused[0].headers["Retry-After"]), 1)
        self.assertEqual(refused[0].headers["RateLimit-Policy"], '"user";q=5;w=5')
        self.assertRegex(refused[0].headers["RateLimit"], r'^"user";r=0;t=\d+$')
        self.assertEqual(answers[0].headers["RateLimit"], '"user";r=4;t=1')
        self.assertEqual(system.request(campaign, "patient", wait=30).status, 201)
        # Polls are counted apart.
        self.assertEqual(system.status(answers[0].json["receipt"]).status, 200)
        wait_until("it may ask again", lambda: system.request(campaign, "eager").status != 429)
        self.assertGreaterEqual(system.metrics("gateway-1")['openrun_rate_limited_total{by="user"}'], 10)
        self.assertEqual(system.sql(f"SELECT count(*) FROM coupon WHERE campaign_id = {campaign}"), [["2"]])

    def test_addresses_are_told_apart_behind_a_proxy_that_is_trusted(self):
        restart({
            "OPENRUN_GATEWAY__LIMITS__ADDRESS_PER_SECOND": "1", "OPENRUN_GATEWAY__LIMITS__ADDRESS_BURST": "3",
            "OPENRUN_GATEWAY__TRUSTED_PROXIES": "127.0.0.0/8"})

        def look(client):
            return system.call("GET", "/v1/campaigns", headers={"X-Forwarded-For": client}).status

        self.assertEqual([look("203.0.113.7") for _ in range(3)], [200] * 3)
        # On a busy machine a second, and with it a look more, may have gone by meanwhile.
        wait_until("it has looked too often", lambda: look("203.0.113.7") == 429, every=0)
        self.assertEqual(look("203.0.113.8"), 200)
        strangers = iter(range(9, 250))
        wait_until("it may not look as somebody else", lambda: look(f"203.0.113.{next(strangers)}, 203.0.113.7") == 429, every=0)
        self.assertEqual(system.call("GET", "/livez").status, 200)
        self.assertEqual(system.call("GET", "/v1/dispatch", admin=True).status, 200)


class Admins(unittest.TestCase):
    def test_commands_are_logged_with_the_name_of_the_token(self):
        campaign = system.create(10)
        system.call("POST", f"/v1/campaigns/{campaign}/pause", {}, admin=True)
        pause = ("dev", "POST", f"/v1/campaigns/{campaign}/pause")
        wait_until("the call is logged", lambda: pause in [
            (line["admin"], line["method"], line["path"]) for line in system.log_lines("gateway-1") if line.get("message") == "admin call"])
        self.assertEqual(system.call("POST", f"/v1/campaigns/{campaign}/resume", {}, headers=bearing("guessed-token-1234")).status, 401)


if __name__ == "__main__":
    unittest.main()
