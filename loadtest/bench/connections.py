"""The gateway's memory with ten thousand connections: what each costs, and that it doesn't grow while they are used."""

import threading

from goals import Goal, at_most
from machine import resident_bytes
from rig import thousands

CONNECTIONS, GROWTH_PERCENT_MAX = 9_900, 10  # the gateway takes 10,000, and the probes of its health are some


def run(bench):
    pid = bench.system.pid("gateway-1")
    bench.load("--create", bench.users, "--users", bench.users, "--connections", 256)
    before, sizes, ended = resident_bytes(pid), [], threading.Event()

    def watch():
        while not ended.wait(0.1):
            sizes.append(resident_bytes(pid))
    watcher = threading.Thread(target=watch)
    watcher.start()
    users = max(bench.options.coupons // 3, 4 * CONNECTIONS)
    report = bench.load("--create", users, "--users", users, "--connections", CONNECTIONS)
    ended.set()
    watcher.join()
    # The first third fills buffers; from then on nothing may grow but the window, 12 bytes an outcome.
    third, end = sizes[len(sizes) // 3], max(sizes[len(sizes) * 2 // 3:])
    grown = (end - third) / third * 100
    a_connection = (end - before) / CONNECTIONS
    print(f"{thousands(CONNECTIONS)} connections, {thousands(users)} waited coupons at {thousands(report['decided_per_second'])}/s: the gateway has "
          f"{before / 2**20:.0f} MiB before, {third / 2**20:.0f} after a third of the run, {end / 2**20:.0f} at its end.", flush=True)
    return [at_most(6, f"growth of the gateway under {thousands(CONNECTIONS)} connections", GROWTH_PERCENT_MAX, grown, "%"),
            Goal(6, "the gateway's memory a connection", "", f"{a_connection / 1024:.1f} KiB")]
