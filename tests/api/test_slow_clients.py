"""Clients that send or read as slowly as they can hold nobody else up, and are let go of in time."""

import contextlib
import os
import socket
import statistics
import time
import unittest

from system import System

HELD = 1_000


class SlowClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.system = System(os.environ["OPENRUN_TEST_STATE"])
        cls.addClassCleanup(cls.system.down)
        cls.system.up()
        cls.campaign = cls.system.create(100_000)

    def served(self, prefix, count=200):
        """How long waited requests take, in ms, one after the other."""
        took = []
        for i in range(count):
            begun = time.monotonic()
            answer = self.system.request(self.campaign, f"{prefix}-{i}", wait=10)
            self.assertEqual(answer.status, 201, answer)
            took.append((time.monotonic() - begun) * 1e3)
        return statistics.median(took)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.system.port("gateway-1")), timeout=30)

    def test_a_thousand_sockets_that_never_end_their_request_hold_nobody_up(self):
        alone = self.served("alone")
        with contextlib.ExitStack() as held:
            sockets = [held.enter_context(contextlib.closing(self.connect())) for _ in range(HELD)]
            half = b"POST /v1/campaigns/%d/requests HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n" % self.campaign
            begun = time.monotonic()
            for one in sockets:
                one.sendall(half)
            # A byte more now and then, as such tools do it: it buys them no time.
            beside = self.served("beside")
            for one in sockets:
                with contextlib.suppress(OSError):
                    one.sendall(b"X")
            answers = [self.rest_of(one) for one in sockets]
            lasted = time.monotonic() - begun
        let_go = sum(answer is not None for answer in answers)
        print(f"{HELD} held sockets: a waited request took {beside:.1f} ms beside them, {alone:.1f} ms alone; {let_go} let go of after {lasted:.0f} s")
        self.assertEqual(let_go, HELD)
        self.assertLess(lasted, 60)

    @staticmethod
    def rest_of(one):
        """What the server still says before it closes; None where it doesn't close."""
        received = b""
        try:
            while piece := one.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        except TimeoutError:
            return None
        return received


if __name__ == "__main__":
    unittest.main()
