"""After the faults: what Postgres, Kafka and the gateways hold, read and compared."""

import time

import checker
import records
from reread import Rereading
from system import Failed, wait_until

REREAD_S = 600.0
PUBLISHED_S = 60.0
SESSION_TIMEOUT_MS = 6000  # the configuration's default, which ./dev up does not change


def session_timeout_s():
    return SESSION_TIMEOUT_MS / 1000


def examine(system, facts, names, stranger, say):
    """Name of the check -> findings."""
    gateways = [name for name in names if name.startswith("gateway-")]
    results = {}
    began = time.monotonic()
    reads = Rereading(facts, {name: system.port(name) for name in gateways}, REREAD_S).run()
    say(f"read {len(facts.receipts)} receipts again from {len(gateways)} gateways: {reads} reads in {time.monotonic() - began:.1f} s")
    read_rows(system, facts)
    results.update(checker.check(facts))
    results["every outbox row stands in the results topic"] = findings(lambda: outbox(system))
    results["every undecodable record is one dead letter, and exported"] = findings(lambda: dead_letters(stranger))
    results["openrun audit is clean"] = findings(lambda: audit(system))
    results.update(deep_audit(system))
    results["the reconciler sees no drift"] = findings(lambda: drift(system))
    return results


def findings(look):
    """The texts that `look` returns; what it raises is one too."""
    try:
        return list(look())
    except (Failed, OSError, ValueError) as error:
        return [str(error)]


def read_rows(system, facts):
    for campaign, sequence, user, code in system.sql("SELECT campaign_id, sequence, user_id, code FROM coupon"):
        facts.rows[(int(campaign), int(sequence))] = (user, code)
    for campaign, stock, issued in system.sql("SELECT id, stock, issued FROM campaign"):
        facts.stored[int(campaign)] = (int(stock), int(issued))


def outbox(system):
    for partition in sorted(system.next_offsets()):
        try:
            wait_until(f"partition {partition}: every outbox row in the results topic",
                       lambda p=partition: records.missing_ranges(system, p) == [], PUBLISHED_S, every=1.0)
        except Failed as error:
            yield f"{error}: {records.missing_ranges(system, partition)[:10]}"


def dead_letters(stranger):
    try:
        wait_until("the dead letters are as many as there should be, and exported", lambda: not list(stranger.wrong()), PUBLISHED_S, every=1.0)
    except Failed:
        yield from stranger.wrong()


def audit(system):
    system.audit()
    return []


def deep_audit(system):
    """Re-executes the whole log, where `openrun audit` knows how to."""
    if "--deep" not in system.command("audit", "--help")[1]:
        return {}
    return {"openrun audit --deep is clean": findings(lambda: deep(system))}


def deep(system):
    code, out, err = system.command("--json", "audit", "--deep", timeout=1200)
    if code != 0:
        yield f"exit {code}: {out[-3000:]} {err[-500:]}"


def drift(system):
    for name, value in system.metrics("reconciler-1").items():
        if name.startswith("openrun_reconciler_drift") and value:
            yield f"{name} is {value}"
