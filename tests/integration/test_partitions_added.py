"""Partitions are added while requests come: no campaign moves, new ones spread, nobody is restarted."""

import os
import time
import unittest

from crowd import Crowd, answers
from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
BEFORE, AFTER = 4, 6
# Clients of Kafka ask every 30 s what a topic has.
LEARNT_SECONDS = 90
system = System(STATE, gateways=2, issuers=2, relays=2, partitions=BEFORE)


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def topics(action, partitions):
    return system.command("topics", action, environment={"OPENRUN_KAFKA__PARTITIONS": str(partitions)})


def partitions_of(topic):
    told = system.kafka_tool("org.apache.kafka.tools.GetOffsetShell", "--topic", topic)
    return {int(line.split(":")[1]) for line in told.splitlines() if line.startswith(topic + ":")}


def homes():
    return {int(campaign): int(partition) for campaign, partition in system.sql("SELECT id, partition FROM campaign")}


class Creator:
    """Makes one campaign after the other until each partition has a new one. A key asks again until its campaign is made."""

    def __init__(self):
        self.made = []

    def make(self):
        """True when all partitions have one."""
        terms = {"name": "added", "stock": 100_000, "starts_at": "2026-01-01T00:00:00.000Z"}
        answer = system.call("POST", "/v1/campaigns", terms, headers={"Idempotency-Key": f"added-{len(self.made)}"}, admin=True)
        if answer.status == 201:
            self.made.append(answer.json["id"])
        elif answer.status not in (202, 503):
            raise AssertionError(answer)
        return len(self.newest()) == AFTER

    def newest(self):
        """The newest one in each partition."""
        now = homes()
        return {now[campaign]: campaign for campaign in self.made}


def owners():
    """How many issuers own each partition."""
    owned = {partition: 0 for partition in range(AFTER)}
    for issuer in ("issuer-1", "issuer-2"):
        metrics = system.metrics(issuer)
        for partition in owned:
            owned[partition] += metrics.get(f'openrun_issuer_owned{{partition="{partition}"}}', 0.0)
    return owned


class Added(unittest.TestCase):
    """Partitions are added once; what must hold is asked of it by every test."""

    @classmethod
    def setUpClass(cls):
        old = [system.create(1_000_000) for _ in range(BEFORE)]
        cls.old_homes = homes()
        crowd = Crowd(system, old, "old", threads=2)
        wait_until("some have asked", crowd.has_asked(200), LEARNT_SECONDS)
        cls.pids = {path.name: path.read_text() for path in (system.state / "run").glob("*.pid")}
        cls.created = topics("create", AFTER)
        begun = time.monotonic()
        cls.checked = topics("check", AFTER)
        creator = Creator()
        wait_until("campaigns are made in all partitions", creator.make, LEARNT_SECONDS, every=1)
        cls.new = creator.newest()
        cls.seconds = time.monotonic() - begun
        newcomers = Crowd(system, cls.new.values(), "new", threads=2)
        wait_until("all partitions have one owner", lambda: set(owners().values()) == {1.0}, LEARNT_SECONDS)
        for each in (crowd, newcomers):
            wait_until("both go on", each.has_asked(300), LEARNT_SECONDS)
        cls.crowds = [crowd, newcomers]
        cls.kept = [receipt for each in cls.crowds for receipt in each.stop()]
        wait_until("all is decided", lambda: None not in answers(system, cls.kept, 1).values(), 60)
        print(f"\n{BEFORE} partitions became {AFTER}: campaigns were made in all of them after {cls.seconds:.1f} s; {len(cls.kept)} requests accepted, "
              f"{sum(each.refused for each in cls.crowds)} answered 503, {sum(each.unreachable for each in cls.crowds)} not connected")

    def test_every_topic_has_grown_and_the_check_is_content(self):
        self.assertEqual((self.created[0], self.checked[0]), (0, 0), (self.created, self.checked))
        for topic in ("openrun.requests", "openrun.results", "openrun.dead-letters"):
            self.assertEqual(partitions_of(topic), set(range(AFTER)), topic)

    def test_old_campaigns_stay_where_they_are_and_new_ones_live_everywhere(self):
        now = homes()
        self.assertEqual({campaign: now[campaign] for campaign in self.old_homes}, self.old_homes)
        self.assertEqual({now[campaign] for campaign in self.new.values()}, set(range(AFTER)))
        for partition in range(BEFORE, AFTER):
            self.assertEqual(self.new[partition] % AFTER, partition)

    def test_nobody_was_restarted_or_has_ended(self):
        self.assertEqual({path.name: path.read_text() for path in (system.state / "run").glob("*.pid")}, self.pids)

    def test_nothing_is_lost_and_every_gateway_tells_the_same(self):
        told = answers(system, self.kept, 1)
        self.assertEqual([receipt for receipt, answer in told.items() if '"status":"issued"' not in answer], [])
        wait_until("the other gateway tells the same", lambda: answers(system, self.kept, 2) == told, 60)
        self.assertEqual(sum(each.unreachable for each in self.crowds), 0)

    def test_outcomes_and_dead_letters_of_new_partitions_are_published(self):
        partition = AFTER - 1
        with system.refusing_poison():
            answer = system.request(self.new[partition], "poison-1", wait=30)
        self.assertEqual(answer.json.get("reason"), "DEAD_LETTERED", answer)
        wait_until("the relay exports it", lambda: system.sql(f"SELECT count(*) FROM dead_letter WHERE partition = {partition} AND exported_at IS NOT NULL") == [["1"]],
                   LEARNT_SECONDS)
        wait_until("the relays have passed every row", lambda: system.sql(
            "SELECT count(*) FROM partition_checkpoint LEFT JOIN relay_progress USING (partition) WHERE coalesce(published_through, 0) < next_offset") == [["0"]],
                   LEARNT_SECONDS)
        wait_until("the reconciler watches it", lambda: f'openrun_undecided_seconds{{partition="{partition}"}}' in system.metrics("reconciler-1"), LEARNT_SECONDS)

    def test_the_proof_is_clean(self):
        self.assertTrue(system.audit()["clean"])
        self.assertTrue(system.deep_audit()["clean"])

    def test_partitions_are_never_taken_away(self):
        code, said, error = topics("create", BEFORE)
        self.assertEqual(code, 0, said + error)
        self.assertEqual(partitions_of("openrun.requests"), set(range(AFTER)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
