"""The page in a real Chromium (browser.mjs, scenarios in *.mjs) against a real system, and its pure parts by themselves.

Screenshots of every state are left in build/e2e/screenshots.
"""

import json
import os
import pathlib
import select
import subprocess
import unittest

from system import ROOT, Failed, System, wait_until, wrong_checks

HERE = pathlib.Path(__file__).resolve().parent
PAGE = ROOT / "services/gateway/web/page"
SECONDS = 360
BROWSERS = 50
STRANGERS = 3_000
STOCK = 1_000


class PageAlone(unittest.TestCase):
    def test_its_pure_parts_pass_their_own_tests(self):
        tests = [*sorted(PAGE.glob("*.test.mjs")), HERE / "qr.test.mjs"]
        done = subprocess.run(["node", "--test", *map(str, tests)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode())


class Browser:
    """One Chromium, and what it is told to play."""

    def __init__(self, system):
        screenshots = ROOT / "build/e2e/screenshots"
        self.process = subprocess.Popen(
            ["node", str(HERE / "browser.mjs"), system.url(), system.environment["OPENRUN_ADMIN_TOKEN"], str(screenshots)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def begin(self, name, **facts):
        self.process.stdin.write(json.dumps(dict(facts, play=name)).encode() + b"\n")
        self.process.stdin.flush()

    def finish(self):
        if not select.select([self.process.stdout], [], [], SECONDS)[0]:
            self.process.kill()
            raise Failed(f"the browser says nothing for {SECONDS} s")
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"the browser's driver has ended with {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["facts"]

    def play(self, name, **facts):
        self.begin(name, **facts)
        seen = self.finish()
        print(name, json.dumps(seen, ensure_ascii=False)[:600])
        return seen

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.stdout.close()


class WithBrowser(unittest.TestCase):
    environment = None  # of the daemons

    @classmethod
    def setUpClass(cls):
        cls.system = System(os.environ["OPENRUN_TEST_STATE"])
        cls.addClassCleanup(cls.system.down)
        cls.system.up(cls.environment)
        cls.browser = Browser(cls.system)
        cls.addClassCleanup(cls.browser.close)

    def play(self, name, **facts):
        return self.browser.play(name, **facts)


class Page(WithBrowser):
    """Each scenario also fails on a violation of the policy, a script's error, a call to elsewhere or a layout that jumps."""

    # ---- an open run

    def test_an_open_run_with_fifty_browsers_and_a_load_behind_them_is_exact(self):
        campaign = self.system.create(STOCK, opens_in=3_600, name="Open run")
        announced = self.system.campaign(campaign)["starts_at"]
        self.browser.begin("openRun", id=campaign, count=BROWSERS)
        wait_until("all browsers wait, and the opening is set", lambda: self.system.campaign(campaign)["starts_at"] != announced, SECONDS)
        load = self.system.load("--url", self.system.url(), "--campaign", campaign, "--users", STRANGERS, "--at-start", "--double-click",
                                "--connections", 64, "--reread")
        try:
            outcomes = self.browser.finish()["outcomes"]
            report = load.finish()
        finally:
            load.abandon()
        mine = {outcome["user"]: outcome["code"] for outcome in outcomes if outcome["code"]}
        theirs = report["outcomes"]["issued"]
        print(f"{len(mine)} of {BROWSERS} browsers and {theirs} of {STRANGERS} strangers have a coupon")
        self.assertEqual(len(outcomes), BROWSERS)
        self.assertEqual(len(mine) + theirs, STOCK)
        # The load alone can't know that others have taken a part of the stock; all else it checks must hold.
        self.assertLessEqual({check.split(": ", 1)[-1].split(" ", 1)[-1] for check in wrong_checks(report)},
                             {check.split(": ", 1)[-1].split(" ", 1)[-1] for check in wrong_checks(report)
                              if "issued of a stock" in check or "without gap" in check})
        for outcome in outcomes:
            self.assertTrue(outcome["code"] or outcome["says"] in ("Sold out", "모두 소진되었어요"), outcome)
        stored = {user: code for user, code in self.system.sql(
            f"SELECT user_id, code FROM coupon WHERE campaign_id = {campaign} AND user_id LIKE 'page-%'")}
        self.assertEqual(mine, stored, "each browser shows the code that Postgres holds for its user")
        self.system.audit()

    def test_pressing_twenty_times_is_one_request_and_one_coupon(self):
        self.play("pressTwice")

    def test_a_page_that_is_reloaded_while_it_waits_keeps_its_place(self):
        self.play("reloadWhileWaiting")

    def test_the_position_that_is_shown_only_moves_forward(self):
        self.play("positionMovesForward")

    def test_a_tab_that_was_frozen_shows_the_coupon_when_it_is_back(self):
        self.play("tabHiddenAndShown")

    def test_two_tabs_of_a_user_show_one_request(self):
        self.play("twoTabs")

    def test_a_user_may_ask_for_each_of_several_coupons(self):
        self.play("several")

    def test_the_page_follows_what_the_operator_does(self):
        self.play("operatorChangesThings")

    # ---- troubles

    def test_a_network_that_goes_and_comes_back_keeps_the_place(self):
        self.play("offlineAndBack")

    def test_what_is_pressed_offline_is_asked_for_when_the_network_is_back(self):
        self.play("pressedOffline")

    def test_a_coupon_is_shown_without_the_service(self):
        self.play("couponWithoutNetwork")

    def test_a_gateway_that_ends_while_users_wait_costs_them_nothing(self):
        self.play("gatewayEndsAndComesBack", dev=str(ROOT / "dev"), state=str(self.system.state))

    def test_the_countdown_is_right_on_a_device_with_a_wrong_clock(self):
        self.play("wrongClock")

    def test_who_presses_a_moment_too_early_is_asked_for_again(self):
        self.play("aMomentTooEarly")

    def test_a_hostile_campaign_name_is_shown_as_text(self):
        self.play("hostileName")

    def test_a_users_token_is_taken_out_of_the_address_and_forgotten_when_refused(self):
        self.play("token")

    # ---- looks

    def test_every_state_on_a_phone_in_korean(self):
        self.play("states", device="phone", scheme="light", language="ko")

    def test_every_state_on_a_desktop_in_the_dark_in_english(self):
        self.play("states", device="desktop", scheme="dark", language="en")

    def test_the_language_is_the_browsers_until_it_is_changed(self):
        self.play("languages")

    def test_dark_mode_follows_the_device(self):
        self.play("darkMode")

    def test_motion_is_reduced_where_the_device_asks_for_it(self):
        self.play("reducedMotion")

    def test_the_keyboard_is_enough(self):
        self.play("keyboardOnly")

    def test_the_code_can_be_copied_and_scanned(self):
        self.play("copyAndScan")

    def test_a_visit_loads_less_than_60_kilobytes(self):
        self.play("bytes")


if __name__ == "__main__":
    unittest.main()
