"""The pure core and the codes by themselves, without log, store or network (Google Benchmark)."""

import json
import subprocess

from goals import Goal, at_most
from programs import BIN

USER_BYTES_MAX = 64
NAMES = {
    "issue/10000": "decisions: a coupon, of 10,000", "issue/1000000": "decisions: a coupon, of 1,000,000", "refuse_sold_out/1000000": "decisions: sold out",
    "show_again/1000000": "decisions: asked twice, of 1,000,000", "encode_hangul": "codes made, Hangul", "encode_latin": "codes made, Latin",
    "decode_hangul": "codes decrypted, Hangul", "chain_link": "links of a campaign's digest"}


def run(bench):
    done = subprocess.run([BIN / "openrun-bench-core", "--benchmark_format=json", "--benchmark_repetitions=3", "--benchmark_min_time=0.2", "--benchmark_report_aggregates_only=true"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=300)
    goals = []
    for result in json.loads(done.stdout)["benchmarks"]:
        if result["aggregate_name"] != "median":
            continue
        name = result["run_name"]
        goals.append(Goal(4, f"core, one thread: {NAMES[name]}", "", f"{result['items_per_second']:,.0f}/s", f"{1e9 / result['items_per_second']:,.0f} ns each"))
        if name == "issue/1000000":
            goals.append(at_most(5, "core: memory a claimed user", USER_BYTES_MAX, result["bytes_per_user"], "bytes"))
    return goals
