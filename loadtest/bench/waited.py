"""Waited requests: HTTP in, into the log, decided, durable, HTTP out; tokens of users off and on; beside a bare Beast handler and the peers."""

import base64
import hashlib
import hmac
import json
import time

from goals import Goal, at_least, at_most
from rig import compared, cost, in_the_middle, ms, rate, thousands, write_lines

WANTED = {64: 20_000, 256: 42_000, 1024: 50_000}
# What the designs reached on the machine where the goals were set; a peer that reaches less would make the comparison void.
REACHED_THERE = {"redis": {64: 31_700, 256: 33_500}, "single": {64: 29_200, 256: 39_000}, "go": {64: 29_200, 256: 39_000}}
CPU_US_MAX = 25
FIRST_USERS = 5_000
GO_CPU_US_THERE = 36  # at 256 connections
LIMIT = "bare Beast"  # it knows no stock, so it is never exact
TOKENS = "openrun, users' tokens verified"
SECRET = b"only for the benchmark, 32 bytes"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def tokens(users):
    head = base64url(json.dumps({"alg": "HS256", "kid": "bench", "typ": "JWT"}).encode())
    until = int(time.time()) + 3600
    for user in range(users):
        text = head + "." + base64url(json.dumps({"sub": f"user-{user}", "exp": until}).encode())
        yield text + "." + base64url(hmac.new(SECRET, text.encode(), hashlib.sha256).digest())


def openrun(bench, connections, *arguments):
    return bench.costs(bench.users, "--create", bench.users, "--connections", connections, *arguments)


def with_tokens(bench, connections, keys, file):
    """The same behind a gateway that verifies users' tokens. A gateway that has just started is given something to do first."""
    first = min(FIRST_USERS, bench.users)
    bench.restart("gateway-1", OPENRUN_AUTH__MODE="jwt", OPENRUN_AUTH__JWT__JWKS_FILE=str(keys))
    try:
        bench.load("--create", first, "--users", first, "--tokens", file)
        return openrun(bench, connections, "--tokens", file)
    finally:
        bench.restart("gateway-1")
        bench.load("--create", first, "--users", first)


def line(name, run, of_beast):
    report, parts = run
    exact = "" if report["exact"] or name.endswith(LIMIT) else " NOT EXACT"
    split = " + ".join(f"{value:.0f}" for value in parts.values()) if isinstance(parts, dict) else ""
    print(f"| {name} | {rate(run):,.0f}{exact} | {ms(report['decided_us']['p50']):.1f} | {ms(report['decided_us']['p99']):.1f} "
          f"| {of_beast:.2f} | {cost(run):.0f} | {split} |", flush=True)


def run(bench):
    keys, file = bench.system.state / "bench-keys.json", bench.system.state / "bench-tokens"
    keys.write_text(json.dumps({"keys": [{"kty": "oct", "kid": "bench", "alg": "HS256", "k": base64url(SECRET)}]}))
    write_lines(file, tokens(bench.users))
    peers = bench.peers(bench.users)
    print("Each row is the run in the middle; ratios are those of one round, the one in the middle.\n")
    print("| connections, what | coupons/s | p50 ms | p99 ms | of bare Beast | server CPU us/coupon | " + " + ".join(bench.parts) + " |")
    print("|---|---|---|---|---|---|---|")
    goals = []
    for connections in WANTED:
        measures = {LIMIT: lambda c=connections: bench.beast(c), "openrun": lambda c=connections: openrun(bench, c)}
        measures |= {name: lambda start=start, c=connections: bench.peer_run(start, c) for name, start in peers.items()}
        measures[TOKENS] = lambda c=connections: with_tokens(bench, c, keys, file)
        runs = bench.in_turn(measures)
        middles = in_the_middle(runs)
        for name, one in middles.items():
            line(f"{connections}, {name}", one, compared(rate, runs, name, LIMIT))
        goals += goals_of(connections, runs, middles, peers)
    return goals


def goals_of(connections, runs, middles, peers):
    ours, limit = middles["openrun"], middles[LIMIT]
    goals = [at_least(1, f"waited coupons at {connections} connections", WANTED[connections], rate(ours),
                      beside=f"bare Beast {thousands(rate(limit))}/s", ratio=compared(rate, runs, "openrun", LIMIT))]
    if "go" in peers and connections in REACHED_THERE["go"]:
        share = compared(rate, runs, "openrun", "go")
        wanted = WANTED[connections] / REACHED_THERE["go"][connections]
        goals.append(Goal(1, f"the same as a share of the Go process at {connections}", f"at least {wanted:.2f} of it", f"{rate(ours):,.0f}/s",
                          f"go {rate(middles['go']):,.0f}/s", share, share >= wanted))
    if connections == 256:
        goals.append(at_most(1, "server CPU a coupon at 256", CPU_US_MAX, cost(ours), "us"))
        if "go" in peers:
            share, wanted = compared(cost, runs, "openrun", "go"), CPU_US_MAX / GO_CPU_US_THERE
            goals.append(Goal(1, "the same as a share of the Go process's", f"at most {wanted:.2f} of it", f"{cost(ours):,.1f} us",
                              f"go {cost(middles['go']):,.1f} us", share, share <= wanted))
    for name in peers:
        other, there = rate(middles[name]), REACHED_THERE[name].get(connections)
        goals.append(Goal(1, f"peer {name} at {connections}; the ratio is openrun's to it", f"at least {there:,}/s, or it is no peer" if there else "",
                          f"{other:,.0f}/s", f"openrun {rate(ours):,.0f}/s", compared(rate, runs, "openrun", name), other >= there if there else None))
    goals.append(at_least(1, f"with users' tokens (HS256) at {connections}", WANTED[connections], rate(middles[TOKENS]),
                          beside=f"without {thousands(rate(ours))}/s", ratio=compared(rate, runs, TOKENS, "openrun")))
    return goals
