"""Waited requests: HTTP in, into the log, decided, durable, HTTP out; tokens of users off and on; beside a bare Beast handler and the peers."""

import base64
import hashlib
import hmac
import json
import time

from goals import Goal, at_least, at_most
from rig import ms, thousands, write_lines

WANTED = {64: 20_000, 256: 42_000, 1024: 50_000}
# What the designs reached on the machine where the goals were set; a peer that reaches less would make the comparison void.
REACHED_THERE = {"redis": {64: 31_700, 256: 33_500}, "single": {64: 29_200, 256: 39_000}, "go": {64: 29_200, 256: 39_000}}
CPU_US_MAX = 25
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
    return bench.median(lambda: bench.costs(bench.users, "--create", bench.users, "--connections", connections, *arguments),
                        lambda run: run[0]["decided_per_second"])


def line(name, report, cpu, beast):
    rate = report["decided_per_second"]
    exact = "" if report["exact"] else " NOT EXACT"
    parts = cpu if isinstance(cpu, dict) else {"": cpu}
    total = sum(parts.values())
    split = " + ".join(f"{value:.0f}" for value in cpu.values()) if isinstance(cpu, dict) else ""
    print(f"| {name} | {rate:,.0f}{exact} | {ms(report['decided_us']['p50']):.1f} | {ms(report['decided_us']['p99']):.1f} "
          f"| {rate / beast:.2f} | {total:.0f} | {split} |", flush=True)


def run(bench):
    peers = bench.peers(bench.users)
    print("| connections, what | coupons/s | p50 ms | p99 ms | of bare Beast | server CPU us/coupon | " + " + ".join(bench.parts) + " |")
    print("|---|---|---|---|---|---|---|")
    limits, plain, goals = {}, {}, []
    for connections in WANTED:
        beast, cpu = bench.beast(connections)
        limits[connections] = beast["decided_per_second"]
        line(f"{connections}, bare Beast", beast | {"exact": True}, cpu, limits[connections])
        plain[connections], parts = openrun(bench, connections)
        line(f"{connections}, openrun", plain[connections], parts, limits[connections])
        rate = plain[connections]["decided_per_second"]
        goals.append(at_least(1, f"waited coupons at {connections} connections", WANTED[connections], rate,
                              beside=f"bare Beast {thousands(limits[connections])}/s", ratio=rate / limits[connections]))
        if connections == 256:
            goals.append(at_most(1, "server CPU a coupon at 256", CPU_US_MAX, sum(parts.values()), "us"))
        for name, start in peers.items():
            report, cpu = bench.median(lambda start=start, c=connections: bench.peer_run(start, c), lambda run: run[0]["decided_per_second"])
            line(f"{connections}, {name}", report, cpu, limits[connections])
            other = report["decided_per_second"]
            there = REACHED_THERE[name].get(connections)
            goals.append(Goal(1, f"peer {name} at {connections}; the ratio is openrun's to it", f"at least {there:,}/s, or it is no peer" if there else "",
                              f"{other:,.0f}/s", f"openrun {rate:,.0f}/s", rate / other, other >= there if there else None))
    with_tokens(bench, limits, plain, goals)
    return goals


def with_tokens(bench, limits, plain, goals):
    keys, file = bench.system.state / "bench-keys.json", bench.system.state / "bench-tokens"
    keys.write_text(json.dumps({"keys": [{"kty": "oct", "kid": "bench", "alg": "HS256", "k": base64url(SECRET)}]}))
    write_lines(file, tokens(bench.users))
    bench.restart("gateway-1", OPENRUN_AUTH__MODE="jwt", OPENRUN_AUTH__JWT__JWKS_FILE=str(keys))
    for connections, wanted in WANTED.items():
        report, parts = openrun(bench, connections, "--tokens", file)
        line(f"{connections}, openrun, users' tokens verified", report, parts, limits[connections])
        rate, without = report["decided_per_second"], plain[connections]["decided_per_second"]
        goals.append(at_least(1, f"the same with tokens (HS256) at {connections}", wanted, rate, beside=f"without {thousands(without)}/s",
                              ratio=rate / without))
    bench.restart("gateway-1")
