"""The operator's page in a real Chromium (operators.mjs) against a real system.

Screenshots are left in build/e2e/screenshots.
"""

import subprocess
import unittest

from system import ROOT, wait_until
from test_page import WithBrowser

CAMPAIGNS = 10_000


class AdminAlone(unittest.TestCase):
    def test_its_pure_parts_pass_their_own_tests(self):
        done = subprocess.run(["node", "--test", str(ROOT / "services/gateway/web/admin/admin.test.mjs")], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode())


class Admin(WithBrowser):
    """Each scenario also fails on a violation of the policy, a script's error, a call to elsewhere or a layout that jumps."""

    environment = {"OPENRUN_RECONCILER__FULL_INTERVAL_S": "2"}

    def test_a_wrong_token_is_refused_and_the_right_one_is_kept_for_the_tab_alone(self):
        self.play("adminSignsIn")

    def test_a_campaign_is_created_restocked_paused_exported_and_closed(self):
        self.play("adminCreatesRestocksAndCloses")

    def test_the_numbers_move_while_a_load_runs(self):
        campaign = self.system.create(1_000_000, name="Under load")
        load = self.system.load("--url", self.system.url(), "--campaign", campaign, "--users", 30_000, "--rate", 1_000, "--connections", 64)
        try:
            self.play("adminWatchesALoad")
        finally:
            load.abandon()

    def test_a_dead_letter_is_inspected_and_replayed(self):
        campaign = self.system.create(5, name="Poisoned")
        with self.system.refusing_poison():
            answer = self.system.request(campaign, "poison-kim", wait=30)
            self.assertEqual((answer.json["status"], answer.json["reason"]), ("failed", "DEAD_LETTERED"))
        partition, offset = wait_until("its row is there", lambda: self.system.sql(
            'SELECT partition, "offset" FROM dead_letter WHERE final_offset IS NULL'))[0]
        self.play("adminReplaysADeadLetter", place=f"{partition}:{offset}", receipt=answer.json["receipt"])
        self.system.audit()

    def test_audits_are_shown_and_a_forged_row_is_found(self):
        campaign = self.system.create(5, name="Audited")
        for user in ("ann", "bob", "cay"):
            self.assertEqual(self.system.request(campaign, user, wait=30).status, 201)
        self.system.audit()
        self.play("adminSeesACleanAudit", by="openrun audit")
        digest = self.system.sql(f"SELECT encode(digest, 'hex') FROM campaign WHERE id = {campaign}")[0][0]
        self.system.sql(f"UPDATE coupon SET user_id = 'thief' WHERE campaign_id = {campaign} AND sequence = 2; "
                        f"UPDATE campaign SET digest = coupon_chain(id) WHERE id = {campaign}")
        try:
            self.system.audit()
            self.assertEqual(self.system.command("audit", "--deep", "--by", "kim")[0], 1)
            self.play("adminSeesAForgery", campaign=campaign)
        finally:
            self.system.sql(f"UPDATE coupon SET user_id = 'bob' WHERE campaign_id = {campaign} AND sequence = 2; "
                            f"UPDATE campaign SET digest = decode('{digest}', 'hex') WHERE id = {campaign}")
        self.system.deep_audit()
        self.play("adminSeesACleanAudit", by="openrun audit --deep")
        self.system.sql(f"UPDATE campaign SET issued = 2 WHERE id = {campaign}")
        try:
            self.play("adminSeesTheReconcilersDrift", campaign=campaign)
        finally:
            self.system.sql(f"UPDATE campaign SET issued = 3 WHERE id = {campaign}")

    def look(self, **how):
        self.system.create(5, name="To be seen")
        self.play("adminLooks", **how)

    def test_on_a_phone_in_light(self):
        self.look(device="phone", scheme="light")

    def test_on_a_phone_in_the_dark(self):
        self.look(device="phone", scheme="dark")

    def test_on_a_desktop_in_light(self):
        self.look(device="desktop", scheme="light")

    def test_on_a_desktop_in_the_dark(self):
        self.look(device="desktop", scheme="dark")

    def test_the_keyboard_is_enough(self):
        self.play("adminByKeyboard")


class Many(WithBrowser):
    def test_ten_thousand_campaigns_stay_usable(self):
        # Rows as the issuer writes them: as many calls would take minutes, and the page reads rows.
        self.system.create(10, name="The first")
        self.system.sql(
            "INSERT INTO campaign SELECT (jsonb_populate_record(campaign, jsonb_build_object('id', n, 'name', 'Campaign ' || n))).* "
            f"FROM campaign, generate_series(1001, {1_000 + CAMPAIGNS}) AS n WHERE id = (SELECT min(id) FROM campaign)")
        self.play("adminAmongTenThousand", last=1_000 + CAMPAIGNS)


if __name__ == "__main__":
    unittest.main()
