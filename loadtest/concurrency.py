"""Many users at several gateways at once, each asking twice at two different ones, and an analysis of what came back.

  concurrency.py [--users N] [--stock N] [--clients N] URL...

Standard library only. Speaks coupon.v1, as people's own scripts do. OPENRUN_ADMIN_TOKEN, where it is set, opens the admin calls.
"""

import argparse
import collections
import concurrent.futures
import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

SERVICE = "/coupon.v1.CouponService/"
TIMEOUT_SECONDS = 40
SETTLE_SECONDS = 5
kept = threading.local()


def connection_to(url):
    """One connection a thread and gateway."""
    connections = kept.__dict__.setdefault("connections", {})
    if url not in connections:
        connections[url] = http.client.HTTPConnection(urllib.parse.urlparse(url).netloc, timeout=TIMEOUT_SECONDS)
    return connections[url]


def call(url, method, message):
    headers = {"Content-Type": "application/json"}
    if os.environ.get("OPENRUN_ADMIN_TOKEN"):
        headers["Authorization"] = "Bearer " + os.environ["OPENRUN_ADMIN_TOKEN"]
    connection = connection_to(url)
    try:
        connection.request("POST", SERVICE + method, json.dumps(message), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except (OSError, http.client.HTTPException):
        connection.close()
        raise


def issue(url, campaign, user):
    begun = time.monotonic()
    try:
        status, answer = call(url, "IssueCoupon", {"campaignId": campaign, "userId": user})
        told = answer.get("message", "")
        if status == 200 and told != "OK":
            told = f"200 {told}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        told = type(error).__name__
    return url, user, told, time.monotonic() - begun


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))] * 1000


def analyse(answers, campaign, stock, users, urls):
    """Prints what came back; returns what is wrong with it."""
    by_gateway = collections.defaultdict(collections.Counter)
    by_user = collections.defaultdict(list)
    for url, user, told, _ in answers:
        by_gateway[url][told] += 1
        by_user[user].append(told)
    for url in urls:
        print(f"{url}: " + ", ".join(f"{told} {count}" for told, count in sorted(by_gateway[url].items())))
    total = sum(by_gateway.values(), collections.Counter())
    times = sorted(seconds for *_, seconds in answers)
    print("all: " + ", ".join(f"{told} {count}" for told, count in sorted(total.items())))
    print(f"latency ms: p50 {percentile(times, 0.5):.1f}, p95 {percentile(times, 0.95):.1f}, p99 {percentile(times, 0.99):.1f}, "
          f"max {times[-1] * 1000:.1f}")

    issued = min(stock, users)
    faults = []
    if total["OK"] != issued:
        faults.append(f"{total['OK']} users were told OK, of {issued} coupons")
    strangers = set(total) - {"OK", "COUPON_SOLD_OUT", "COUPON_ALREADY_CLAIMED"}
    if strangers:
        faults.append(f"answers that are none: {sorted(strangers)}")
    twice = [user for user, told in by_user.items() if told.count("OK") > 1]
    if twice:
        faults.append(f"{len(twice)} users were told OK twice, such as {twice[0]}")
    forgotten = [user for user, told in by_user.items() if "OK" not in told and "COUPON_ALREADY_CLAIMED" in told]
    if forgotten:
        faults.append(f"{len(forgotten)} users hold a coupon of which nobody told them, such as {forgotten[0]}")
    faults += [fault for url in urls if (fault := wrong_count(url, campaign, issued))]
    return faults


def wrong_count(url, campaign, issued):
    """What is wrong with the campaign as this gateway shows it; a gateway may learn a moment later what another has told already."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        _, shown = call(url, "GetCampaign", {"campaignId": campaign})
        codes = len(set(shown.get("issuedCoupons", [])))
        if int(shown.get("currentCoupon", 0)) == issued and codes == issued:
            return None
        if time.monotonic() > deadline:
            return f"{url} shows {shown.get('currentCoupon', 0)} issued and {codes} different codes, not {issued}"
        time.sleep(0.05)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--users", type=int, default=2000)
    options.add_argument("--stock", type=int, default=500)
    options.add_argument("--clients", type=int, default=64, help="threads that ask")
    options.add_argument("urls", nargs="+")
    given = options.parse_args()
    starts = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    status, created = call(given.urls[0], "CreateCampaign", {"name": "concurrency", "couponLimit": str(given.stock), "startTime": starts})
    if status != 200:
        sys.exit(f"the campaign was not created: {status} {created}")
    campaign = created["campaignId"]
    count = len(given.urls)
    wishes = [(given.urls[(user + turn) % count], user) for user in range(1, given.users + 1) for turn in (0, 1)]
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(given.clients) as pool:
        answers = list(pool.map(lambda wish: issue(wish[0], campaign, wish[1]), wishes))
    seconds = time.monotonic() - begun
    print(f"{len(answers)} calls of {given.users} users at {count} gateways in {seconds:.1f} s ({len(answers) / seconds:.0f}/s), "
          f"{given.stock} coupons")
    faults = analyse(answers, campaign, given.stock, given.users, given.urls)
    for fault in faults:
        print(f"WRONG: {fault}")
    print("verdict: " + ("wrong" if faults else "exact"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
