#!/usr/bin/env python3
"""What is read from a trace of the scheduler."""

import unittest

import scheduled

TRACE = """
# tracer: nop
          <idle>-0       [000] d..2.  10.000000: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=http-0 next_pid=7 next_prio=120
          <idle>-0       [001] d..2.  10.000000: sched_switch: prev_comm=postgres prev_pid=9 prev_prio=120 prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120
          http-0-7       [000] d..2.  10.000100: sched_waking: comm=postgres pid=9 prio=120 target_cpu=001
        postgres-9       [001] d..2.  10.000400: sched_waking: comm=http-0 pid=7 prio=120 target_cpu=000
          http-0-7       [000] d..2.  10.000500: sched_switch: prev_comm=http-0 prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120
        postgres-9       [001] d..2.  10.000700: sched_switch: prev_comm=postgres prev_pid=9 prev_prio=120 prev_state=D ==> next_comm=swapper/1 next_pid=0 next_prio=120
          <idle>-0       [001] d.h1.  10.000890: irq_handler_entry: irq=36 name=virtio1-req.0
          <idle>-0       [001] d.s4.  10.000900: sched_waking: comm=postgres pid=9 prio=120 target_cpu=001
        postgres-9       [001] d..2.  10.001000: sched_switch: prev_comm=postgres prev_pid=9 prev_prio=120 prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120
          <idle>-0       [000] d..2.  10.001000: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=http-0 next_pid=7 next_prio=120
"""


class Shares(unittest.TestCase):
    def setUp(self):
        self.shares = scheduled.shares(scheduled.Schedule(TRACE.splitlines()))

    def test_a_thread_that_speaks_has_run_since_it_was_woken(self):
        self.assertEqual({count: round(time) for count, time in self.shares.busy.items()}, {0: 200, 1: 400, 2: 400})

    def test_who_was_alone(self):
        self.assertEqual({thread: round(time) for thread, time in self.shares.alone.items()}, {7: 100, 9: 300})

    def test_what_ended_silence(self):
        self.assertEqual({key: round(time) for key, time in self.shares.ended.items()}, {(9, "interrupt virtio1-req.0"): 200})


if __name__ == "__main__":
    unittest.main()
