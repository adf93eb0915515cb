"""After the faults: what Postgres, Kafka and the gateways hold, read and compared."""

import json
import re
import subprocess
import time

import checker
import records
from log_reading import standing_twice, values
from reread import Rereading
from system import Failed, wait_until

REREAD_S = 600.0
PUBLISHED_S = 60.0
AUDIT_S = 1200.0
SESSION_TIMEOUT_MS = 6000  # the configuration's default, which ./dev up does not change


def session_timeout_s():
    return SESSION_TIMEOUT_MS / 1000


def examine(system, facts, names, stranger, report, say):
    """Name of the check -> findings. `report` becomes that of the deep audit."""
    gateways = [name for name in names if name.startswith("gateway-")]
    results = {}
    began = time.monotonic()
    reads = Rereading(facts, {name: system.port(name) for name in gateways}, REREAD_S).run()
    say(f"read {len(facts.receipts)} receipts again from {len(gateways)} gateways: {reads} reads in {time.monotonic() - began:.1f} s")
    read_rows(system, facts)
    for partition in sorted(system.next_offsets()):
        try:
            facts.twice_in_log |= standing_twice(values(system, partition))
        except (Failed, subprocess.TimeoutExpired) as error:
            facts.surprises.append(str(error))
    results.update(checker.check(facts))
    results["every outbox row stands in the results topic"] = findings(lambda: outbox(system))
    results["every undecodable record is one dead letter, and exported"] = findings(lambda: dead_letters(stranger))
    results["every partition is decided by one issuer, to the end of its log"] = findings(
        lambda: undecided(system, [name for name in names if name.startswith("issuer-")]))
    results["openrun audit is clean"] = findings(lambda: audit(system))
    results["openrun audit --deep is clean, and leaves nothing unchecked"] = findings(lambda: deep(system, report))
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


def deep(system, report):
    """Decides the whole log once more and compares it with every row and with the results topic."""
    code, out, err = system.command("--json", "audit", "--deep", timeout=AUDIT_S)
    try:
        report.update(json.loads(out))
    except ValueError:
        yield f"exit {code}, and no report: {out[-1000:]} {err[-1000:]}"
        return
    if code != 0 or not report["clean"]:
        yield f"exit {code}: {out[-3000:]} {err[-500:]}"
    yield from (f"partition {one['partition']} was not wholly checked: {one['text']}" for one in report["not_checked"])


def undecided(system, issuers):
    """Every partition has one issuer, and is decided to the end of its log."""
    def wrong():
        owned = [system.metrics(name) for name in issuers]
        for partition, decided_to in sorted(system.next_offsets().items()):
            owners = sum(metrics.get(f'openrun_issuer_owned{{partition="{partition}"}}', 0) for metrics in owned)
            if owners != 1:
                yield f"partition {partition} has {owners:g} issuers"
            end = log_end(system, partition)
            if decided_to != end:
                yield f"partition {partition} is decided to offset {decided_to}, its log ends at {end}"
    try:
        wait_until("every partition is decided", lambda: not list(wrong()), PUBLISHED_S, every=1.0)
    except Failed:
        yield from wrong()


def log_end(system, partition):
    done = subprocess.run(["kcat", "-Q", "-b", system.environment["OPENRUN_KAFKA"], "-t", f"openrun.requests:{partition}:-1"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, check=False)
    found = re.search(rb"offset (\d+)", done.stdout)
    if not found:
        raise Failed(f"kcat does not say where partition {partition} of the log ends: {done.stdout!r}")
    return int(found.group(1))


def drift(system):
    for name, value in system.metrics("reconciler-1").items():
        if name.startswith("openrun_reconciler_drift") and value:
            yield f"{name} is {value}"
