#!/usr/bin/env python3
"""operations.py [--overlay NAME] [--rate N] [--seconds N] [--brief] [--list] [OPERATION]...: deploys openrun into the cluster that kubectl
points at, lets one open run take place in it, and then does what operators and machines do to it while users come: N requests a second for N
seconds, every receipt read again. --brief: a little of each operation, one after the other, under one load.

After each: every 202 decided, exactly as many coupons as promised, `openrun audit --deep` clean, and no answer but those that a client is told
to expect: a 503 says when to ask again. Exit 0: nothing was lost. The last line is "N passed, N failed".
"""

import argparse
import datetime
import random
import re
import subprocess
import sys
import time

from cluster import (DEPLOYED, NEXT_TAG, NODE, TAG, Failed, Tool, all_ready, deploy, get, kubectl, pods,
                     refuse_what_is_not_for_tests, rolled_out, run, scale, seconds_since, versions, wait_until)

DAEMONS = ("statefulset/openrun-issuer", "deployment/openrun-relay", "deployment/openrun-reconciler", "deployment/openrun-gateway")
# Issued, refused and waiting requests, campaigns; and 503 with Retry-After, which every client is told to expect.
ANSWERS_EXPECTED = {"200", "201", "202", "409", "503"}
COMPONENTS = ("gateway", "issuer", "relay", "reconciler")
# One in each partition, so that whichever issuer, leader or relay goes, somebody waits for it.
CAMPAIGNS = 4


class Skipped(Exception):
    pass


def nothing(load):
    """Only the load."""


def scale_issuers(load):
    """Issuers 1, 3, 2."""
    for replicas in (3, 2):
        scale("statefulset/openrun-issuer", replicas)
        rolled_out("statefulset/openrun-issuer")
        wait_until(f"{replicas} issuers", lambda replicas=replicas: len(pods("issuer")) == replicas, 60)


def scale_gateways(load):
    """Gateways 1, 3."""
    scale("deployment/openrun-gateway", 3)
    rolled_out("deployment/openrun-gateway")


def roll(load, at_once=False):
    """Every daemon to another image tag, with programs that say another version."""
    image = get("deployment", "openrun-gateway")["spec"]["template"]["spec"]["containers"][0]["image"]
    name, _, tag = image.rpartition(":")
    new_tag = NEXT_TAG if tag == TAG else TAG
    before = set.union(*map(versions, COMPONENTS))
    for daemon in DAEMONS:
        kubectl("set", "image", daemon, f"{daemon.rpartition('-')[2]}={name}:{new_tag}")
        if not at_once:
            rolled_out(daemon)
    for daemon in DAEMONS:
        rolled_out(daemon)
    after = set.union(*map(versions, COMPONENTS))
    if len(after) != 1 or after & before or "unknown" in before | after:
        raise Failed(f"every daemon is at the tag {new_tag}, but what serves says that it is {after} and was {before}; "
                     f"were the images built from programs of two versions?")
    return f"{', '.join(before)} to {', '.join(after)}"


def container_of(pod):
    status = pod["status"].get("containerStatuses", [{}])[0]
    return status["containerID"].rpartition("/")[2] if status.get("ready") else None


def kill_one(component, dice):
    """SIGKILL to a container of the component, and waits until it is ready again; False where none was ready. Not to one that was killed more
    often than another: kubelet starts it later each time (10 s, 20 s, 40 s)."""
    alive = [pod for pod in pods(component) if container_of(pod)]
    if not alive:
        return False
    restarts = {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in alive}
    pod = dice.choice([pod for pod in alive if restarts[pod["metadata"]["name"]] == min(restarts.values())])
    name, container = pod["metadata"]["name"], container_of(pod)
    run([*NODE, "ctr", "-n", "k8s.io", "task", "kill", "--signal", "SIGKILL", container])
    wait_until(f"{name} is back", lambda: container_of(get("pod", name)) not in (None, container), 60)
    return True


def insist_on_a_way_into_the_node():
    if not NODE:
        raise Skipped("no container can be killed: say in OPENRUN_K8S_NODE how to run a command in the node")


def kill(load):
    """SIGKILL to a container of a random daemon, each as soon as the one before is ready again."""
    insist_on_a_way_into_the_node()
    dice, killed = random.Random(8), 0
    # The last one may be back only after 20 s, and users are to be there still.
    until = time.monotonic() + load.seconds - 25
    while time.monotonic() < until:
        killed += kill_one(dice.choice(("gateway", "issuer", "issuer", "relay", "reconciler")), dice)
    return f"{killed} killed"


def delete_pod(name):
    def operation(load):
        kubectl("delete", "pod", name, "--wait=true")
        rolled_out(f"statefulset/{name.rpartition('-')[0]}")
    operation.__doc__ = f"The pod {name} is deleted; its volume stays."
    return operation


def drain(load):
    """A drain of the gateways' node takes no more than the budget allows."""
    node = pods("gateway")[0]["spec"]["nodeName"]
    try:
        done = kubectl("drain", node, "--pod-selector=app.kubernetes.io/component in (gateway,issuer,relay)", "--ignore-daemonsets",
                       "--delete-emptydir-data", "--timeout=40s", check=False, seconds=90)
        ready = get("deployment", "openrun-gateway")["status"].get("readyReplicas", 0)
        if ready < 1:
            raise Failed("the drain took the last gateway")
        return f"{'done' if done is not None else 'held back by the budgets'}, {ready} gateways ready"
    finally:
        kubectl("uncordon", node)


def brief(load):
    """A little of each: scaled, rolled, killed, the broker's pod deleted, PostgreSQL's pod deleted."""
    insist_on_a_way_into_the_node()

    def scaled():
        for workload in ("statefulset/openrun-issuer", "deployment/openrun-gateway"):
            scale(workload, 2)
        for workload in ("statefulset/openrun-issuer", "deployment/openrun-gateway"):
            rolled_out(workload)

    def killed():
        for component in ("issuer", "gateway"):
            kill_one(component, random.Random(8))

    steps = {"scaled": scaled, "rolled": lambda: roll(load, at_once=True), "killed": killed,
             "the broker": lambda: delete_pod("kafka-0")(load), "PostgreSQL": lambda: delete_pod("postgres-0")(load)}
    for name, step in steps.items():
        started = time.monotonic()
        note = step()
        # On a slow machine the last step may come too late for the users. Whatever was promised is looked at all the same.
        print(f"        {name} ({time.monotonic() - started:.0f} s{', the users had gone' if load.tool.ended() else ''}) {note or ''}", flush=True)


# What has to stand before, how it is called, what happens. The only gateway of a cluster that is killed is missed: two.
OPERATIONS = {
    "nothing": ({}, nothing),
    "scale-issuers": ({"statefulset/openrun-issuer": 1}, scale_issuers),
    "scale-gateways": ({"deployment/openrun-gateway": 1}, scale_gateways),
    "roll": ({"deployment/openrun-gateway": 2}, roll),
    "kill": ({"deployment/openrun-gateway": 2}, kill),
    "broker": ({"deployment/openrun-gateway": 2}, delete_pod("kafka-0")),
    "postgres": ({"deployment/openrun-gateway": 2}, delete_pod("postgres-0")),
    "drain": ({"deployment/openrun-gateway": 2}, drain),
}
BRIEF = {"brief": ({"statefulset/openrun-issuer": 1, "deployment/openrun-gateway": 1}, brief)}
BRIEF_SECONDS = 80


class Load:
    def __init__(self, name, rate, seconds):
        self.rate, self.seconds = rate, seconds
        self.users = rate * seconds
        # Most are issued, so that most promises can be broken; the rest is refused at the end.
        self.stock = self.users * 9 // 10 // CAMPAIGNS * CAMPAIGNS
        self.tool = Tool(f"load-{name}", [
            "load", "--json", "--create", str(self.stock // CAMPAIGNS), "--campaigns", str(CAMPAIGNS), "--users", str(self.users), "--rate", str(rate), "--mode", "poll", "--reread",
            "--check-codes", "--connections", "2000", "--retries", "1000", "--duration", str(seconds + 240)])


def issued_of(document):
    """Users who were shown a coupon. Nobody wants two here: who was cut off asks again and is shown the one that is there already."""
    return document["outcomes"].get("issued", 0) + document["outcomes"].get("ALREADY_ISSUED", 0)


def wrongs_of(document, load, ok):
    """What was promised and did not happen, each as a sentence."""
    found = [] if ok else ["the load generator exited with 1"]
    found += [check["text"] for check in document["checks"] if not check["ok"]]
    if document["sent"] != load.users:
        found.append(f"{document['sent']} of {load.users} users asked")
    for name in ("undecided", "gave_up", "changed"):
        if document[name]:
            found.append(f"{name}: {document[name]}")
    if document["unadvised"]:
        found.append(f"{document['unadvised']} answers 503 or 429 without Retry-After")
    if issued_of(document) != load.stock:
        found.append(f"{document['outcomes']} of a stock of {load.stock}")
    found += [f"{count} answers {status}" for status, count in document["statuses"].items() if status not in ANSWERS_EXPECTED]
    if load.users / document["send_seconds"] < load.rate * 0.8 and document["send_seconds"] < 60:
        found.append("the load was shorter than a minute")
    return found


def table_line(name, document, note):
    """A row of the table in k8s/README.md, and what else is worth knowing."""
    statuses, shown_again = document["statuses"], document["outcomes"].get("ALREADY_ISSUED", 0)
    lost = document["undecided"] + document["gave_up"] + document["changed"]
    return (f"| {name} | {document['sent']:,} | {document['accepted']:,} | {issued_of(document):,} "
            f"| {sum(document['outcomes'].values()) - issued_of(document):,} | {statuses.get('503', 0):,} | {document['unadvised']} "
            f"| {document['transport_errors']} | **{lost}** | {document['decided_us']['max'] / 1e6:.1f} s |"
            f"  median {document['decided_us']['p50'] / 1000:.0f} ms, {shown_again} asked again and were shown their coupon"
            f"{', ' + note if note else ''}")


def perform(name, rate, seconds):
    """Raises `Failed` where anything was lost."""
    replicas, operation = (OPERATIONS | BRIEF)[name]
    for workload, count in replicas.items():
        scale(workload, count)
    all_ready()
    load = Load(name, rate, seconds)
    load.tool.wait_running()
    note = operation(load)
    too_late = name not in BRIEF and load.tool.ended()
    ok, document = load.tool.result(seconds + 300)
    all_ready()
    print(table_line(name, document, note), flush=True)
    found = wrongs_of(document, load, ok) + wrongs_of_audit(name)
    if too_late:
        found.append("the users had gone before it was done; give them more --seconds")
    if found:
        raise Failed(f"{'; '.join(found)} (all answers: {document['statuses']})")


def wrongs_of_audit(name):
    clean, audit = Tool(f"audit-{name}", ["audit", "--deep", "--json"]).result(240)
    return [] if clean and audit["clean"] else [f"the audit: {audit['findings'] if 'findings' in audit else audit}"]


def open_run(applied_at):
    """1,000 coupons for 5,000 users who all come at the opening."""
    ok, document = Tool("load-open-run", [
        "load", "--json", "--create", "1000", "--users", "5000", "--opens-in", "1", "--at-start", "--connections", "500", "--retries", "1000",
        "--reread", "--check-codes", "--duration", "120"]).result(180)
    found = [check["text"] for check in document["checks"] if not check["ok"]] + wrongs_of_audit("open-run")
    if not ok or found or document["unadvised"]:
        raise Failed("; ".join(found) or f"not exact: {document}")
    first = next(re.search(r"first coupon (\S+)\)", check["text"]) for check in document["checks"] if "first coupon" in check["text"])[1]
    after_s = seconds_since(applied_at, datetime.datetime.fromisoformat(first.replace("Z", "+00:00")))
    print(f"open run: {issued_of(document):,} coupons for {document['sent']:,} users, exact; the first coupon {after_s:.0f} s after kubectl apply",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--overlay", default="kind", help="what is deployed (kind)")
    parser.add_argument("--rate", type=int, default=500, help="requests a second")
    parser.add_argument("--seconds", type=int, help=f"how long they come, for each operation (70; with --brief {BRIEF_SECONDS})")
    parser.add_argument("--brief", action="store_true", help="instead of each operation a little of all under one load")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help="default: all")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.operations if name not in OPERATIONS]
    if arguments.list or unknown:
        for name, (_, operation) in OPERATIONS.items():
            print(f"{name:15} {operation.__doc__}")
        if unknown:
            sys.exit(f"there is no operation {unknown[0]}; choose one of these")
        return
    if arguments.brief and arguments.operations:
        sys.exit("--brief is a little of all; name operations, or say --brief")
    seconds = arguments.seconds or (BRIEF_SECONDS if arguments.brief else 70)
    refuse_what_is_not_for_tests()
    applied_at = deploy(arguments.overlay)
    print(f"deployed: {', '.join(DEPLOYED)} ready {seconds_since(applied_at):.0f} s after kubectl apply", flush=True)
    tried = {"open-run": lambda: open_run(applied_at)}
    for name in BRIEF if arguments.brief else arguments.operations or OPERATIONS:
        tried[name] = lambda name=name: perform(name, arguments.rate, seconds)
    sys.exit(1 if verdict_of(tried) else 0)


def verdict_of(tried):
    """How many failed."""
    counts = {"ok": 0, "FAILED": 0, "skipped": 0}
    for name, attempt in tried.items():
        started = time.monotonic()
        outcome, reason = "ok", ""
        try:
            attempt()
        except Skipped as why:
            outcome, reason = "skipped", f": {why}"
        except (Failed, OSError, subprocess.TimeoutExpired) as why:
            outcome, reason = "FAILED", f": {why}"
        counts[outcome] += 1
        print(f"{outcome:7} {name} ({time.monotonic() - started:.0f} s){reason}", flush=True)
    print(f"{counts['ok']} passed, {counts['FAILED']} failed" + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return counts["FAILED"]


if __name__ == "__main__":
    main()
