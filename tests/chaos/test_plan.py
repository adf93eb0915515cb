"""The plan is a function of its seed, and the times are read rightly from what happened."""

import itertools
import pathlib
import sys
import unittest

import measure
import plan

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from conductor import Done  # noqa: E402

COUNTS = (3, 3, 2)


def first_steps(seed, number=400):
    return list(itertools.islice(plan.steps(seed, *COUNTS), number))


class Plan(unittest.TestCase):
    def test_the_same_seed_gives_the_same_plan(self):
        self.assertEqual(first_steps(5), first_steps(5))
        self.assertNotEqual(first_steps(5), first_steps(6))

    def test_everything_is_killed_and_frozen_and_some_at_once(self):
        steps = first_steps(1)
        hit = {(fault.action, fault.target) for step in steps for fault in step.faults}
        self.assertEqual(hit, {(action, target) for action in (plan.KILL, plan.FREEZE) for target in plan.targets(*COUNTS)})
        pairs = [step.faults for step in steps if len(step.faults) == 2]
        self.assertTrue(pairs)
        self.assertTrue(all(first.target != second.target for first, second in pairs))


def frozen(began, restart, owned, target="issuer-1"):
    return Done(1, plan.Fault(plan.FREEZE, target, restart - began), began, restart, restart, owned)


class Times(unittest.TestCase):
    def test_a_takeover_is_the_first_commit_under_a_newer_epoch(self):
        changes = [(1.0, 4, 100), (2.1, 4, 110), (8.0, 5, 110), (8.4, 5, 120)]
        self.assertEqual(measure.takeover(changes, 2.0, 4, 100), 8.4)

    def test_who_woke_up_in_time_was_not_taken_over(self):
        done = frozen(2.0, 3.0, {0: (4, 100)})
        history = {0: [(1.0, 4, 100), (3.2, 4, 110), (50.0, 5, 110), (50.5, 5, 120)]}
        self.assertEqual(measure.takeovers([done], history), [])

    def test_another_fault_meanwhile_is_told_apart(self):
        done = frozen(2.0, 12.0, {0: (4, 100)})
        other = frozen(3.0, 4.0, {}, target="kafka")
        history = {0: [(1.0, 4, 100), (9.0, 5, 120)]}
        self.assertEqual(measure.takeovers([done], history), [(7.0, plan.FREEZE, True, True)])
        self.assertEqual(measure.takeovers([done, other], history), [(7.0, plan.FREEZE, True, False)])

    def test_who_was_back_before_anybody_else_decided_took_over_from_itself(self):
        done = frozen(2.0, 3.0, {0: (4, 100)})
        self.assertEqual(measure.takeovers([done], {0: [(1.0, 4, 100), (3.5, 5, 120)]}), [(1.5, plan.FREEZE, False, True)])

    def test_a_spell_without_answers_is_told_by_what_was_at_fault(self):
        spells = measure.gaps([1.0, 1.5, 4.0, 4.2, 9.0, 9.1], 0.5, 11.0, 1.0)
        self.assertEqual([(first, round(seconds, 1)) for first, seconds in spells], [(1.5, 2.5), (4.2, 4.8), (9.1, 1.9)])
        done = [frozen(1.0, 3.0, {}, target="kafka"), frozen(3.5, 5.0, {}, target="gateway-1")]
        self.assertEqual({cause: len(those) for cause, those in measure.by_cause(spells, done).items()},
                         {"daemons only": 1, "kafka": 1, "nothing": 1})

    def test_the_first_commit_after_a_restart(self):
        history = {0: [(1.0, 4, 100), (5.5, 4, 101)], 1: [(1.0, 9, 7), (5.2, 10, 7), (6.0, 10, 8)]}
        self.assertEqual(measure.first_commit_after(history, 5.0), 0.5)

    def test_a_server_that_is_hit_again_before_the_next_commit_has_not_recovered(self):
        history = {0: [(1.0, 4, 100), (9.5, 4, 101)]}
        first, again = frozen(2.0, 5.0, {}, target="kafka"), frozen(6.0, 9.0, {}, target="kafka")
        self.assertEqual(measure.recoveries([first, again], "kafka", plan.FREEZE, history), [0.5])


if __name__ == "__main__":
    unittest.main()
