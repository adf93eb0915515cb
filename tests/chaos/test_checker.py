"""The checker bites: a small world in which all is well, spoiled in one place at a time."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import checker  # noqa: E402
from facts import FAILED, ISSUED, REJECTED, WAITING, Campaign, Facts, Receipt, Told, User, told_by  # noqa: E402
from log_reading import asked_by, standing_twice  # noqa: E402

GATEWAYS = ("gateway-1", "gateway-2")
DECIDED = "every 202 is decided, whichever gateway is asked"
SAME = "every gateway gives every receipt the answer that was given first"
STORED = "every coupon that anybody was told of is in Postgres, for that user, with that code and sequence"
ONE_EACH = "nobody holds two coupons of a campaign"
KNOWN = "every coupon in Postgres was told to its user, or an attempt of theirs was left without an answer"
COMMANDS = "every create and restock took effect exactly once"
STRANDED = "issued = min(stock, demand): nothing is stranded and nothing too many"
SURPRISES = "no answer that the contract does not allow"

FIRST = Told(ISSUED, "", 1, "code-1", "then")
SECOND = Told(ISSUED, "", 2, "code-2", "then")
SOLD_OUT = Told(REJECTED, "SOLD_OUT")


def receipt(text, user, told):
    return Receipt(text, 7, user, told, {gateway: told for gateway in GATEWAYS})


def good_world():
    """Campaign 7 with two coupons: kim and lee got them, park did not."""
    facts = Facts(gateways=GATEWAYS)
    facts.campaigns[7] = Campaign(7, 3, stock_expected=2, finished=True)
    for text, user, told in (("r1", "kim", FIRST), ("r2", "lee", SECOND), ("r3", "park", SOLD_OUT)):
        facts.receipts[text] = receipt(text, user, told)
        facts.users[(7, user)] = User(7, user, asked=1)
    facts.rows = {(7, 1): ("kim", "code-1"), (7, 2): ("lee", "code-2")}
    facts.stored = {7: (2, 2)}
    return facts


class SpoiledFacts(unittest.TestCase):
    def setUp(self):
        self.facts = good_world()

    def assertFound(self, *names):
        self.assertEqual(sorted(name for name, wrong in checker.check(self.facts).items() if wrong), sorted(names))

    def test_in_a_world_where_all_is_well_nothing_is_found(self):
        self.assertFound()

    def test_a_202_without_a_decision(self):
        self.facts.receipts["r3"].reread["gateway-2"] = Told(WAITING)
        self.assertFound(DECIDED, SAME)

    def test_a_202_that_nobody_asked_about_and_no_gateway_knows(self):
        self.facts.receipts["r4"] = Receipt("r4", 7, "park")
        self.assertFound(DECIDED)

    def test_a_receipt_whose_answer_changed(self):
        self.facts.receipts["r3"].first = Told(REJECTED, "PAUSED")
        self.facts.campaigns[7].paused = True
        self.assertFound(SAME)

    def test_one_gateway_that_says_something_else(self):
        self.facts.receipts["r3"].reread["gateway-2"] = Told(REJECTED, "ALREADY_ISSUED", 1, "code-1", "then")
        self.facts.users[(7, "park")].asked = 2
        self.assertFound(SAME, STORED)

    def test_a_dead_letter_may_become_what_its_replay_was_decided_to(self):
        self.facts.receipts["r3"].first = Told(FAILED, "DEAD_LETTERED")
        self.assertFound()

    def test_a_missing_coupon_row(self):
        del self.facts.rows[(7, 2)]
        self.assertFound(STORED)

    def test_a_row_of_another_user(self):
        self.facts.rows[(7, 2)] = ("park", "code-2")
        self.assertFound(STORED)

    def test_a_row_with_another_code(self):
        self.facts.rows[(7, 2)] = ("lee", "code-3")
        self.assertFound(STORED)

    def test_somebody_with_two_coupons(self):
        self.facts.rows[(7, 3)] = ("lee", "code-3")
        self.assertFound(ONE_EACH, KNOWN)

    def test_a_coupon_that_nobody_was_told_of(self):
        self.facts.rows[(7, 3)] = ("park", "code-3")
        self.assertFound(KNOWN)

    def test_a_coupon_of_an_attempt_that_was_left_without_an_answer_is_none_too_many(self):
        self.facts.rows[(7, 3)] = ("park", "code-3")
        self.facts.users[(7, "park")].in_doubt = 1
        self.assertFound()

    def test_a_restock_that_took_effect_twice(self):
        self.facts.campaigns[7].restocked = True
        self.facts.stored[7] = (4, 2)
        self.assertFound(COMMANDS)

    def test_one_coupon_too_many(self):
        self.facts.stored[7] = (2, 3)
        self.assertFound(STRANDED)

    def test_a_stranded_coupon(self):
        self.facts.stored[7] = (2, 1)
        self.assertFound(STRANDED)

    def test_a_stranded_coupon_after_a_restock(self):
        campaign = self.facts.campaigns[7]
        campaign.restocked, campaign.sold_out_at_last, campaign.stock_expected = True, True, 3
        self.facts.stored[7] = (3, 2)
        self.assertFound(STRANDED)

    def test_a_refusal_that_cannot_be(self):
        self.facts.receipts["r3"] = receipt("r3", "park", Told(REJECTED, "CAMPAIGN_NOT_FOUND"))
        self.assertFound(SURPRISES)

    def test_already_issued_after_asking_once(self):
        self.facts.users[(7, "kim")].told.append(Told(REJECTED, "ALREADY_ISSUED", 1, "code-1", "then"))
        self.assertFound(SURPRISES)

    def test_already_issued_after_asking_once_where_the_log_holds_the_record_twice(self):
        self.facts.receipts["r1"] = receipt("r1", "kim", Told(REJECTED, "ALREADY_ISSUED", 1, "code-1", "then"))
        self.facts.twice_in_log.add((7, "kim"))
        self.assertFound(SURPRISES)

    def test_already_issued_without_the_coupon(self):
        self.facts.users[(7, "kim")].told.append(Told(REJECTED, "ALREADY_ISSUED"))
        self.facts.users[(7, "kim")].asked = 2
        self.assertFound(STORED)


class Log(unittest.TestCase):
    def test_a_record_names_its_campaign_and_user(self):
        record = b"\x0d\x07\x00\x00\x00" + b"\x12\x08" + b"\x08\xac\x02" + b"\x12\x03kim"
        self.assertEqual(asked_by(record), (300, "kim"))
        self.assertIsNone(asked_by(b"\xff no record"))
        self.assertEqual(standing_twice([record, b"\xff", record, b"\xff"]), {(300, "kim")})


class Answers(unittest.TestCase):
    def test_a_polled_coupon_and_the_refusal_that_shows_it_name_the_same_one(self):
        coupon = {"code": "code-1", "sequence": 1, "issued_at": "then"}
        self.assertEqual(told_by({"receipt": "r", "status": "issued", "coupon": coupon}), FIRST)
        self.assertEqual(told_by({"status": 409, "code": "ALREADY_ISSUED", "receipt": "r", "coupon": coupon}),
                         told_by({"status": "rejected", "reason": "ALREADY_ISSUED", "receipt": "r", "coupon": coupon}))


if __name__ == "__main__":
    unittest.main()
