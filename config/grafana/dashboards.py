#!/usr/bin/env python3
"""Writes the Grafana dashboards of this folder: a table of panels here, plain JSON there.

  dashboards.py          writes dashboards/*.json
  dashboards.py --check  says which are not as this file would write them, and exits with 1 if one is
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent / "dashboards"
PROMETHEUS = {"type": "prometheus", "uid": "${source}"}
COLUMNS, HEIGHT = 24, 8


def rate(metric, by=""):
    total = f"sum by ({by}) " if by else "sum"
    return f"{total}(rate({metric}[$__rate_interval]))"


def quantile(q, metric):
    return f"histogram_quantile({q}, sum by (le) (rate({metric}_bucket[$__rate_interval])))"


def quantiles(metric):
    return [(quantile(q, metric), f"p{q * 100:g}") for q in (0.5, 0.95, 0.99)]


PART = 'partition=~"$partition"'

# Of each dashboard: its file, its title, its variables, and its rows of panels: title, unit, width, [(query, legend)].
# A panel whose unit begins with "stat:" shows one number.
DASHBOARDS = [
    ("open-run", "openrun: an open run, live", [], [
        ("Now", [
            ("Coupons a second", "stat:cps", 4, [('sum(rate(openrun_decisions_total{outcome="ISSUED"}[$__rate_interval]))', "")]),
            ("Coupons left", "stat:short", 4, [("max(openrun_stock_left)", "")]),
            ("Open campaigns", "stat:short", 4, [("max(openrun_campaigns_open)", "")]),
            ("In the queue", "stat:short", 4, [("sum(openrun_queue_length)", "")]),
            ("Alerts that fire", "stat:short", 4, [('count(ALERTS{alertstate="firing", alertname=~"Openrun.+"}) or vector(0)', "")]),
            ("Connections", "stat:short", 4, [("sum(openrun_http_connections)", "")]),
        ]),
        ("Throughput", [
            ("Requests by outcome", "reqps", 12, [(rate("openrun_requests_total", "outcome"), "{{outcome}}")]),
            ("Decisions by outcome", "ops", 12, [(rate("openrun_decisions_total", "outcome"), "{{outcome}}")]),
            ("Accepted and decided", "ops", 12, [(rate("openrun_accepted_total"), "accepted by the log"), (rate("openrun_decisions_total"), "decided")]),
            ("Refused for want of room", "reqps", 12, [
                ('sum by (outcome) (rate(openrun_requests_total{outcome=~"overloaded|unavailable"}[$__rate_interval]))', "{{outcome}}"),
                (rate("openrun_shed_total", "cause"), "shed: {{cause}}"), (rate("openrun_rate_limited_total", "by"), "limited: {{by}}")]),
        ]),
        ("Latency", [
            ("From a POST to its outcome", "s", 12, quantiles("openrun_acknowledge_seconds")),
            ("From a POST to the log's acknowledgement", "s", 12, quantiles("openrun_append_seconds")),
        ]),
        ("Stock and queue", [
            ("Coupons left in open campaigns", "short", 12, [("max(openrun_stock_left)", "left")]),
            ("Records that wait for a decision", "short", 12, [("max by (partition) (openrun_queue_length)", "partition {{partition}}")]),
        ]),
    ]),
    ("pipeline", "openrun: the pipeline inside", ["partition"], [
        ("Deciding", [
            ("Queue length", "short", 8, [(f"max by (partition) (openrun_queue_length{{{PART}}})", "partition {{partition}}")]),
            ("Decided a second", "ops", 8, [(f"max by (partition) (rate(openrun_issuer_next_offset{{{PART}}}[$__rate_interval]))", "partition {{partition}}")]),
            ("Without progress", "s", 8, [(f"max by (partition) (openrun_issuer_no_progress_seconds{{{PART}}})", "issuer, {{partition}}"),
                                          (f"max by (partition) (openrun_undecided_seconds{{{PART}}})", "nobody, {{partition}}")]),
            ("From the log to the commit", "s", 8, quantiles("openrun_decision_lag_seconds")),
            ("One transaction", "s", 8, quantiles("openrun_commit_seconds")),
            ("Records in one transaction", "short", 8, quantiles("openrun_batch_records")),
            ("Transactions by result", "ops", 8, [(rate("openrun_commits_total", "result"), "{{result}}")]),
            ("Writers of a partition (1 is right)", "short", 8, [(f"sum by (partition) (openrun_issuer_owned{{{PART}}})", "partition {{partition}}")]),
            ("Takeovers, fences, rebuilds", "short", 8, [
                ("sum(increase(openrun_takeovers_total[$__rate_interval]))", "taken over"),
                ("sum(increase(openrun_issuer_fenced_total[$__rate_interval]))", "fenced"),
                ("sum by (reason) (increase(openrun_rebuilds_total[$__rate_interval])) or vector(0)", "rebuilt: {{reason}}")]),
            ("Batch limit and dispatch rate", "short", 8, [(f"min by (partition) (openrun_issuer_batch_limit{{{PART}}})", "batch limit, {{partition}}"),
                                                          (f"max by (partition) (openrun_issuer_dispatch_per_second{{{PART}}})", "dispatch, {{partition}}")]),
            ("Clock of the log ahead of the issuer's", "ms", 8, [(f"max by (partition) (openrun_issuer_clock_ahead{{{PART}}})", "partition {{partition}}")]),
            ("Open dead letters", "short", 8, [(f"max by (partition) (openrun_open_dead_letters{{{PART}}})", "partition {{partition}}")]),
        ]),
        ("Publishing", [
            ("Outbox rows not known to be published", "short", 8, [(f"max by (partition) (openrun_outbox_backlog{{{PART}}})", "partition {{partition}}")]),
            ("Results published by issuers, and filled in by relays", "ops", 8, [
                (rate("openrun_results_published_total", "result"), "issuer: {{result}}"), (rate("openrun_relay_filled_total"), "relay"),
                (rate("openrun_results_unacknowledged_total"), "unacknowledged")]),
            ("Exported and pruned", "ops", 8, [(rate("openrun_dead_letters_exported_total"), "dead letters"), (rate("openrun_outbox_pruned_total"), "pruned rows")]),
            ("Result records not read yet", "short", 8, [(f"max by (instance, partition) (openrun_results_lag_records{{{PART}}})", "{{instance}}, {{partition}}")]),
            ("Batches that gateways heard before Kafka had them", "ops", 8, [(rate("openrun_results_streamed_total", "instance"), "{{instance}}")]),
            ("Results behind", "s", 8, [(f"max by (instance, partition) (openrun_results_behind_seconds{{{PART}}})", "{{instance}}, {{partition}}")]),
            ("Outcomes in a gateway's window", "short", 8, [
                (f"openrun_window_highest{{{PART}}} - openrun_window_lowest{{{PART}}}", "{{instance}}, {{partition}}")]),
        ]),
        ("Checking", [
            ("Invariants that are violated", "short", 8, [("sum by (invariant) (openrun_reconciler_drift) > 0 or vector(0)", "{{invariant}}")]),
            ("Acknowledged coupons looked for, and missing", "ops", 8, [
                (rate("openrun_acknowledged_checked_total"), "looked for"), (rate("openrun_acknowledged_not_issued_total"), "missing")]),
            ("Age of the last complete look", "s", 8, [("time() - openrun_reconciler_last_success_timestamp_seconds", "recently changed"),
                                                       ("time() - (openrun_reconciler_full_pass_timestamp_seconds > 0)", "all campaigns")]),
        ]),
    ]),
    ("daemons", "openrun: daemons, Postgres and Kafka", ["job"], [
        ("Processes", [
            ("Up", "short", 6, [('up{job=~"$job"}', "{{job}} {{instance}}")]),
            ("CPU", "percentunit", 6, [('rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval])', "{{job}} {{instance}}")]),
            ("Memory", "bytes", 6, [('process_resident_memory_bytes{job=~"$job"}', "{{job}} {{instance}}")]),
            ("Threads and open files", "short", 6, [('process_threads{job=~"$job"}', "threads, {{instance}}"), ('process_open_fds{job=~"$job"}', "files, {{instance}}")]),
        ]),
        ("Gateways", [
            ("HTTP requests by route", "reqps", 8, [(rate("openrun_http_requests_total", "route"), "{{route}}")]),
            ("HTTP answers by class", "reqps", 8, [(rate("openrun_http_requests_total", "status"), "{{status}}")]),
            ("Answer times, waits included", "s", 8, quantiles("openrun_http_request_seconds")),
            ("Connections, waits and streams", "short", 8, [
                ("openrun_http_connections", "connections, {{instance}}"), ("openrun_waits", "waits, {{instance}}"), ("openrun_streams", "streams, {{instance}}")]),
            ("Levels (1 is the bound)", "percentunit", 8, [("openrun:level:ratio", "{{of}}, {{instance}}")]),
            ("Share of the submits that comes in", "percentunit", 8, [("openrun_admitted_share", "{{instance}}")]),
            ("Campaigns and winners in memory", "short", 8, [("openrun_campaigns_cached", "campaigns, {{instance}}"), ("openrun_winners_kept", "winners, {{instance}}")]),
            ("Calls that redeem", "reqps", 8, [(rate("openrun_redemptions_total", "outcome"), "{{outcome}}")]),
            ("Tokens refused", "reqps", 8, [(rate("openrun_token_refusals_total", "reason"), "{{reason}}")]),
        ]),
        ("Postgres, as the daemons see it", [
            ("Trouble", "short", 8, [("max by (job, cause) (openrun_store_trouble) > 0 or vector(0)", "{{job}} {{cause}}")]),
            ("Commits a second, and their time", "short", 8, [(rate("openrun_commit_seconds_count"), "commits"), (quantile(0.99, "openrun_commit_seconds"), "p99, seconds")]),
            ("Calls of the gateways", "short", 8, [("openrun_store_busy_threads", "busy threads, {{instance}}"), ("openrun_store_queue", "queue, {{instance}}"),
                                                   (rate("openrun_store_polls_total"), "polls a second")]),
        ]),
        ("Kafka, as the daemons see it", [
            ("Trouble", "short", 8, [("max by (job, cause) (openrun_log_trouble) > 0 or vector(0)", "{{job}} {{cause}}")]),
            ("Acknowledgements a second, and their time", "short", 8, [(rate("openrun_accepted_total"), "acknowledged"), (quantile(0.99, "openrun_append_seconds"), "p99, seconds")]),
            ("Requests without an acknowledgement", "short", 8, [("openrun_pending", "{{instance}}"), ("openrun_produce_stall_seconds", "oldest in seconds, {{instance}}")]),
        ]),
    ]),
]

# What the variables stand for: a label, and a metric that has it.
VARIABLES = {"partition": "openrun_queue_length", "job": "openrun_build_info"}


def variables(names):
    chosen = [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
    for name in names:
        chosen.append({"name": name, "type": "query", "datasource": PROMETHEUS, "query": f"label_values({VARIABLES[name]}, {name})",
                       "includeAll": True, "allValue": ".+", "multi": True, "refresh": 2, "sort": 3, "current": {"text": "All", "value": "$__all"}})
    return chosen


def panel(number, title, unit, width, queries, x, y):
    is_stat = unit.startswith("stat:")
    targets = [{"refId": chr(ord("A") + i), "datasource": PROMETHEUS, "expr": expression, "legendFormat": legend}
               for i, (expression, legend) in enumerate(queries)]
    return {"id": number, "type": "stat" if is_stat else "timeseries", "title": title, "datasource": PROMETHEUS,
            "gridPos": {"x": x, "y": y, "w": width, "h": 4 if is_stat else HEIGHT},
            "fieldConfig": {"defaults": {"unit": unit.removeprefix("stat:"), "min": 0}, "overrides": []}, "targets": targets}


def dashboard(name, title, names, rows):
    panels, y = [], 0
    for heading, members in rows:
        panels.append({"id": len(panels) + 1, "type": "row", "title": heading, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}})
        x, y, height = 0, y + 1, 0
        for member in members:
            if x + member[2] > COLUMNS:
                x, y = 0, y + height
            panels.append(panel(len(panels) + 1, *member, x, y))
            x, height = x + member[2], panels[-1]["gridPos"]["h"]
        y += height
    return {"uid": f"openrun-{name}", "title": title, "tags": ["openrun"], "schemaVersion": 38, "timezone": "browser", "refresh": "5s",
            "time": {"from": "now-15m", "to": "now"}, "templating": {"list": variables(names)}, "panels": panels}


def texts():
    return {f"{name}.json": json.dumps(dashboard(name, title, names, rows), indent=1) + "\n" for name, title, names, rows in DASHBOARDS}


def main(arguments):
    HERE.mkdir(exist_ok=True)
    stale = [name for name, text in texts().items() if not (HERE / name).exists() or (HERE / name).read_text(encoding="utf-8") != text]
    if arguments == ["--check"]:
        print("\n".join(f"{name} is not what dashboards.py writes" for name in stale))
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(texts()[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
