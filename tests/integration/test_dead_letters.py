"""Dead letters on real parts: how they come to be, what `openrun dlq` does with them, and that a replay happens once."""

import base64
import concurrent.futures
import json
import os
import signal
import subprocess
import time
import unittest

from system import System, wait_until

STATE = os.environ.get("OPENRUN_TEST_STATE", ".openrun/integration")
system = System(STATE, gateways=2, partitions=4)


def setUpModule():
    system.down()
    system.up()


def tearDownModule():
    if os.environ.get("OPENRUN_TEST_KEEP") != "1":
        system.down()


def refusing():
    return system.refusing_poison()


def dlq(*arguments, code=0):
    exit_code, out, err = system.command("--json", "dlq", *arguments)
    if exit_code != code:
        raise AssertionError(f"openrun dlq {' '.join(map(str, arguments))} exited {exit_code}: {out} {err}")
    return json.loads(out) if out else err


def home_of(campaign):
    return int(system.sql(f"SELECT partition FROM campaign WHERE id = {campaign}")[0][0])


def produce(partition, value, count=1):
    """Records of a foreign producer: `count` lines of text."""
    lines = "".join(f"{value}\n" for _ in range(count))
    subprocess.run(
        ["kcat", "-P", "-q", "-b", system.environment["OPENRUN_KAFKA"], "-t", "openrun.requests", "-p", str(partition),
         "-H", "trace=abc", "-k", "7"],
        input=lines.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=True)


def ask(campaign, users):
    """Accepted requests, not waited for: receipts in the order of the users."""
    def one(user):
        answer = system.request(campaign, user)
        if answer.status != 202:
            raise AssertionError(answer)
        return answer.json["receipt"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return list(pool.map(one, users))


def shown(receipt, gateway=1):
    body = system.status(receipt, gateway).json
    return body.get("reason") or body["status"]


def all_shown(receipts, gateway=1):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return set(pool.map(lambda receipt: shown(receipt, gateway), receipts))


def letters_of(campaign):
    return dlq("list", "--campaign", campaign, "--limit", 100000)["dead_letters"]


class DeadLetterCase(unittest.TestCase):
    def setUp(self):
        for gateway in (1, 2):
            wait_until("the gateway is ready", lambda g=gateway: system.ready(g), 30)

    def assertClean(self):
        self.assertTrue(system.audit()["clean"])

    def poisoned(self, campaign, user):
        """One request that became a dead letter; its receipt."""
        with refusing():
            answer = system.request(campaign, user, wait=30)
            self.assertEqual((answer.json["status"], answer.json["reason"]), ("failed", "DEAD_LETTERED"))
        return answer.json["receipt"]

    def replay(self, campaign, *arguments):
        return self.replay_all("--campaign", campaign, *arguments)

    def replay_all(self, *arguments):
        done = dlq("replay", "--execute", *arguments)
        self.assertEqual((done.get("done", 0), done.get("error")), (done["planned"], None), done)
        return done


class One(DeadLetterCase):
    def test_bytes_that_are_no_record_are_kept_exported_and_repaired(self):
        campaign = system.create(5)
        partition = home_of(campaign)
        produce(partition, "no record")
        only = ["--reason", "UNDECODABLE", "--partition", partition, "--state", "open"]
        letter = wait_until("it is exported", lambda: [one for one in dlq("list", *only)["dead_letters"] if one["exported_at"]])[0]
        place = f"{partition}:{letter['offset']}"
        whole = dlq("show", place)
        self.assertEqual(base64.b64decode(whole["value_base64"]), b"no record")
        self.assertEqual([(base64.b64decode(h["name_base64"]), base64.b64decode(h["value_base64"])) for h in whole["headers"]],
                         [(b"trace", b"abc")])
        plan = dlq("replay", "--partition", partition, "--offsets", letter["offset"])
        self.assertEqual((plan["planned"], plan["skipped"]), (0, {"NOT_READABLE": 1}))

        exported = system.state / "exported.jsonl"
        self.assertEqual(dlq("export", *only, "--file", exported)["exported"], 1)
        dlq("replay", "--from-file", exported, "--execute", code=2)
        line = json.loads(exported.read_text())
        line["request"] = {"campaign_id": campaign, "user_id": "kim"}
        exported.write_text(json.dumps(line))
        self.assertEqual(dlq("replay", "--from-file", exported)["planned"], 1, "a plan only")
        self.assertEqual(dlq("replay", "--from-file", exported, "--execute", "--by", "kim")["done"], 1)
        final = wait_until("it is decided", lambda: dlq("show", place)["final_outcome"])
        self.assertTrue(final.startswith("ISSUED, coupon 1"), final)
        self.assertEqual(dlq("show", place)["replayed"][0]["sent_by"], "kim")
        self.assertClean()

    def test_a_record_that_the_store_refuses_stands_alone_in_the_end(self):
        campaign = system.create(100)
        users = [f"user-{i}" for i in range(30)] + ["poison-1"] + [f"late-{i}" for i in range(29)]
        system.stop("issuer-1")
        receipts = ask(campaign, users)
        with refusing():
            system.start("issuer-1")
            wait_until("all are decided", lambda: "waiting" not in all_shown(receipts), 30)
        self.assertEqual(shown(receipts[30]), "DEAD_LETTERED")
        self.assertEqual(system.sql(f"SELECT count(*), max(sequence) FROM coupon WHERE campaign_id = {campaign}"), [["59", "59"]])
        letters = letters_of(campaign)
        self.assertEqual([(one["reason"], one["state"]) for one in letters], [("STORE_REFUSED", "open")])
        # Refused once more while the cause lasts: the origin stays open, and the replay breeds no other.
        with refusing():
            self.replay(campaign)
            wait_until("it failed again", lambda: dlq("stats", "--campaign", campaign)["refused_replay"] == 1)
        self.assertEqual([one["state"] for one in letters_of(campaign)], ["open", "refused_replay"])
        self.assertEqual(dlq("replay", "--campaign", campaign, "--max-replays", 1)["skipped"],
                         {"REPLAYED_OFTEN": 1, "REFUSED_REPLAY": 1})
        # What the machine knows after a rebuild is what the table says.
        system.kill("issuer-1")
        system.start("issuer-1")
        self.replay(campaign)
        for gateway in (1, 2):
            wait_until("the old receipt shows the new outcome", lambda g=gateway: shown(receipts[30], g) == "issued")
        self.assertClean()

    def test_a_replay_finds_the_stock_of_now(self):
        campaign = system.create(1)
        receipt = self.poisoned(campaign, "poison-1")
        self.assertEqual(system.request(campaign, "winner", wait=30).status, 201)
        self.replay(campaign)
        wait_until("sold out meanwhile", lambda: shown(receipt) == "SOLD_OUT")

    def test_a_replay_is_judged_by_its_first_arrival_also_after_the_end_and_on_a_gateway_that_started_later(self):
        campaign = system.create(5)
        receipt = self.poisoned(campaign, "poison-1")
        # The end is set when the request has come, however long that took.
        ends_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        self.assertEqual(system.call("PATCH", f"/v1/campaigns/{campaign}", {"ends_at": ends_at}, admin=True).status, 200)
        wait_until("it is over", lambda: system.campaign(campaign)["state"] == "ended")
        self.replay(campaign)
        wait_until("issued after the end", lambda: shown(receipt) == "issued")
        late = system.request(campaign, "late", wait=30)
        self.assertEqual(late.json["code"], "ENDED")
        system.stop("gateway-2")
        # It reads no results of the past: what it shows comes from Postgres.
        system.start("gateway-2", {"OPENRUN_GATEWAY__WINDOW_AGE_S": "1"})
        wait_until("gateway-2 is ready", lambda: system.ready(2), 30)
        wait_until("the restarted gateway shows it", lambda: shown(receipt, 2) == "issued")

    def test_a_discarded_dead_letter_stays_failed_and_is_not_replayed(self):
        campaign = system.create(5)
        receipt = self.poisoned(campaign, "poison-1")
        self.assertEqual(dlq("discard", "--campaign", campaign)["planned"], 1)
        self.assertEqual([one["state"] for one in letters_of(campaign)], ["open"], "a plan only")
        self.assertEqual(dlq("discard", "--campaign", campaign, "--execute")["done"], 1)
        self.assertEqual(dlq("discard", "--campaign", campaign, "--execute")["planned"], 0)
        self.assertEqual(dlq("replay", "--campaign", campaign, "--execute")["skipped"], {"DISCARDED": 1})
        self.assertEqual(shown(receipt), "DEAD_LETTERED")
        # For the machine it stays as it was: a discard is not in the log.
        partition = home_of(campaign)
        epoch = system.sql(f"SELECT epoch FROM partition_checkpoint WHERE partition = {partition}")
        system.kill("issuer-1")
        system.start("issuer-1")
        wait_until("rebuilt", lambda: system.sql(f"SELECT epoch FROM partition_checkpoint WHERE partition = {partition}") != epoch)
        self.assertEqual(system.request(campaign, "other", wait=30).status, 201)
        self.assertClean()

    def test_a_command_is_replayed_too(self):
        campaign = system.create(5)
        partition = home_of(campaign)
        # Only for the store's eyes: the campaign's new name is refused.
        system.sql("CREATE FUNCTION refuse_name() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.name = 'refused' THEN "
                   "RAISE EXCEPTION 'not this one' USING ERRCODE = '22021'; END IF; RETURN NEW; END $$; "
                   "CREATE TRIGGER refuse_name BEFORE INSERT ON campaign FOR EACH ROW EXECUTE FUNCTION refuse_name()")
        try:
            answer = system.call("PATCH", f"/v1/campaigns/{campaign}", {"name": "refused"}, admin=True)
            self.assertEqual(answer.status, 202, answer)
            receipt = answer.headers["Location"].rsplit("/", 1)[1]
            wait_until("it is a dead letter", lambda: shown(receipt) == "DEAD_LETTERED")
        finally:
            system.sql("DROP TRIGGER refuse_name ON campaign")
        self.replay(campaign, "--partition", partition)
        wait_until("it is applied", lambda: shown(receipt) == "applied")
        wait_until("the name is another", lambda: system.campaign(campaign)["name"] == "refused")


class Many(DeadLetterCase):
    def test_more_than_half_of_a_batch_stops_before_writing_any_and_accept_goes_on(self):
        campaign = system.create(100)
        partition = home_of(campaign)
        system.stop("issuer-1")
        first = int(system.next_offsets()[partition])
        produce(partition, "no record", 120)
        receipts = ask(campaign, [f"user-{i}" for i in range(20)])
        system.start("issuer-1")
        reason = f'openrun_issuer_stopped{{partition="{partition}",reason="BULK_DEAD_LETTERS"}}'
        wait_until("it stops", lambda: system.metrics("issuer-1").get(reason) == 1.0, 30)
        self.assertEqual(system.next_offsets()[partition], first)
        self.assertEqual(all_shown(receipts), {"waiting"})
        accepted = dlq("accept", "--partition", partition, "--offsets", f"{first}-{first + 119}", "--by", "kim")
        self.assertEqual(accepted["next_offset"], first)
        wait_until("it goes on", lambda: all_shown(receipts) == {"issued"})
        stats = dlq("stats", "--partition", partition, "--offsets", f"{first}-{first + 119}")
        self.assertEqual((stats["total"], stats["open"]), (120, 120))
        self.assertEqual(dlq("discard", "--partition", partition, "--offsets", f"{first}-{first + 119}", "--execute")["done"], 120)

    def dead(self, campaigns, each):
        """Dead letters with good receipts: {campaign: receipts}. One record a transaction, or each would be searched for."""
        ids = [system.create(each) for _ in range(campaigns)]
        system.stop("issuer-1")
        receipts = {campaign: ask(campaign, [f"poison-{i}" for i in range(each)]) for campaign in ids}
        before = int(system.sql("SELECT count(*) FROM dead_letter")[0][0])
        for partition in range(4):
            dlq("accept", "--partition", partition, "--offsets", "0-1000000")
        try:
            with refusing():
                system.start("issuer-1", {"OPENRUN_ISSUER__BATCH_MAX": "1"})
                wait_until("all are dead letters", lambda: int(system.sql("SELECT count(*) FROM dead_letter")[0][0]) - before
                           == campaigns * each, 180, 0.5)
        finally:
            system.sql("DELETE FROM dead_letter_acceptance")
            system.stop("issuer-1")
            system.start("issuer-1")
        return receipts

    def assertOnce(self, receipts):
        for campaign, of_campaign in receipts.items():
            for gateway in (1, 2):
                wait_until("each gateway has heard of all", lambda r=of_campaign, g=gateway: all_shown(r, g) == {"issued"})
            self.assertEqual(
                system.sql(f"SELECT count(*), count(DISTINCT user_id), max(sequence) FROM coupon WHERE campaign_id = {campaign}"),
                [[str(len(of_campaign))] * 3])
        self.assertClean()

    def test_a_thousand_replayed_twice_give_a_thousand_outcomes_once(self):
        begun = time.monotonic()
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        receipts = self.dead(4, 250)
        print(f"\n1,000 dead letters in {time.monotonic() - begun:.1f} s")
        for of_campaign in receipts.values():
            wait_until("the gateway has heard of all", lambda r=of_campaign: all_shown(r) == {"DEAD_LETTERED"})
        these = ["--since", since, "--reason", "STORE_REFUSED"]

        # The second run comes while the first one's replays are in the log and not decided.
        system.stop("issuer-1")
        begun = time.monotonic()
        first = self.replay_all(*these)
        sent = time.monotonic() - begun
        second = self.replay_all(*these)
        self.assertEqual(second["skipped"], {"IN_THE_LOG": 1000})
        begun = time.monotonic()
        system.start("issuer-1")
        wait_until("all are decided", lambda: dlq("stats", *these)["replayed"] == 1000, 60)
        decided = time.monotonic() - begun
        third = self.replay_all(*these)
        print(f"1,000 replayed in {sent:.2f} s, all decided {decided:.2f} s after the issuer's start; the second run planned {second['planned']} and "
              f"left out {second['skipped']}, the third {third['planned']} and {third['skipped']}")
        self.assertEqual((first["planned"], second["planned"], third["planned"]), (1000, 0, 0))
        self.assertEqual(third["skipped"], {"RESOLVED": 1000})
        self.assertEqual({one["replays"] for one in dlq("list", *these, "--limit", 2000)["dead_letters"]}, {1})
        self.assertOnce(receipts)

    def test_a_tool_that_is_killed_in_the_middle_of_a_replay_is_simply_run_again(self):
        receipts = self.dead(1, 60)
        campaign = next(iter(receipts))
        sent = lambda: int(system.sql("SELECT count(*) FROM dead_letter_replay JOIN dead_letter_action a ON a.id = action_id "
                                      "WHERE a.done_by = 'killed'")[0][0])
        # So slow that it is seen in the middle on a busy machine too.
        tool = subprocess.Popen(
            ["openrun", "dlq", "replay", "--campaign", str(campaign), "--execute", "--rate", "5", "--by", "killed"],
            env=dict(os.environ, **system.environment), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("some are sent", lambda: sent() >= 10, every=0.02)
        tool.send_signal(signal.SIGKILL)
        tool.wait()
        done = sent()
        again = self.replay(campaign)
        print(f"\nkilled after {done} of 60; the next run planned {again['planned']}")
        self.assertLess(done, 60)
        self.assertGreaterEqual(again["planned"], 60 - done - 4)
        wait_until("all are decided", lambda: dlq("stats", "--campaign", campaign)["replayed"] == 60, 60)
        self.assertEqual(self.replay(campaign)["planned"], 0)
        self.assertOnce(receipts)
        self.assertEqual(system.sql("SELECT finished_at IS NULL FROM dead_letter_action WHERE done_by = 'killed'"), [["t"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
