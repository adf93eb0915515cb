"""What the verdict over a load in the cluster must not overlook. Needs no cluster."""

import types
import unittest
from unittest import mock

import operations

LOAD = types.SimpleNamespace(users=1000, stock=900, rate=10)
GOOD = {
    "checks": [{"ok": True, "text": "no user twice"}], "sent": 1000, "accepted": 950, "undecided": 0, "gave_up": 0, "changed": 0, "unadvised": 0,
    "outcomes": {"issued": 898, "ALREADY_ISSUED": 2, "SOLD_OUT": 100}, "statuses": {"200": 1800, "202": 950, "409": 50, "503": 7},
    "send_seconds": 100, "transport_errors": 2, "decided_us": {"p50": 20_000, "max": 1_500_000},
}


def wrongs(ok=True, **changed):
    return operations.wrongs_of(GOOD | changed, LOAD, ok)


class Judgement(unittest.TestCase):
    def test_users_who_were_cut_off_and_asked_again_are_as_good_as_others(self):
        self.assertEqual(wrongs(), [])

    def test_whatever_broke_a_promise_is_named(self):
        for changed, sentence in (
                ({"unadvised": 3}, "3 answers 503 or 429 without Retry-After"),
                ({"statuses": {"202": 1000, "500": 1}}, "1 answers 500"),
                ({"statuses": {"202": 1000, "429": 4}}, "4 answers 429"),
                ({"undecided": 1}, "undecided: 1"), ({"gave_up": 1}, "gave_up: 1"), ({"changed": 1}, "changed: 1"),
                ({"sent": 999}, "999 of 1000 users asked"),
                ({"outcomes": {"issued": 899, "SOLD_OUT": 101}}, "of a stock of 900"),
                ({"outcomes": {"issued": 901, "SOLD_OUT": 99}}, "of a stock of 900"),
                ({"checks": [{"ok": False, "text": "no code twice"}]}, "no code twice")):
            with self.subTest(sentence=sentence):
                self.assertIn(sentence, " ".join(wrongs(**changed)))

    def test_a_load_generator_that_failed_is_no_success(self):
        self.assertEqual(wrongs(ok=False), ["the load generator exited with 1"])

    def test_what_was_lost_stands_in_the_row(self):
        row = operations.table_line("kill", GOOD | {"undecided": 1, "gave_up": 2}, None)
        self.assertTrue(row.startswith("| kill | 1,000 | 950 | 900 | 100 | 7 | 0 | 2 | **3** | 1.5 s |"), row)


class Roll(unittest.TestCase):
    """With what the daemons tell before and after in place of a cluster."""

    def rolled(self, *told):
        deployment = {"spec": {"template": {"spec": {"containers": [{"image": "localhost/openrun:dev"}]}}}}
        with mock.patch.multiple(operations, get=lambda *_: deployment, kubectl=mock.DEFAULT, rolled_out=mock.DEFAULT,
                                 versions=mock.Mock(side_effect=told)):
            return operations.roll(LOAD)

    def test_every_daemon_must_tell_another_version(self):
        self.assertEqual(self.rolled(*[{"1"}] * 4, *[{"2"}] * 4), "1 to 2")

    def test_an_image_of_the_same_programs_is_no_roll(self):
        with self.assertRaisesRegex(operations.Failed, "says that it is {'1'} and was {'1'}"):
            self.rolled(*[{"1"}] * 8)

    def test_a_daemon_that_stayed_behind_or_tells_nothing_is_seen(self):
        for last in ({"1"}, {"1", "2"}, {"unknown"}):
            with self.subTest(last=last):
                with self.assertRaises(operations.Failed):
                    self.rolled(*[{"1"}] * 4, *[{"2"}] * 3, last)


if __name__ == "__main__":
    unittest.main()
