"""Every receipt is read again from every gateway, until each one has its answer, or no more come, or the time is over."""

import asyncio
import time

from facts import told_by
from http_client import Broken, Endpoint

AT_ONCE = 8
PIPELINED = 32
CALL_TIMEOUT_S = 30.0
PAUSE_S = 0.5
IDLE_S = 60.0


class Rereading:
    def __init__(self, facts, ports, seconds):
        self.facts = facts
        self.ports = ports  # gateway -> port
        self.deadline = time.monotonic() + seconds
        self.reads = 0
        self.answered_at = time.monotonic()

    def run(self):
        asyncio.run(self._all())
        return self.reads

    async def _all(self):
        await asyncio.gather(*(self._gateway(name, port) for name, port in self.ports.items()))

    async def _gateway(self, name, port):
        endpoint = Endpoint(port)
        open_receipts = list(self.facts.receipts.values())
        while open_receipts and time.monotonic() < min(self.deadline, self.answered_at + IDLE_S):
            chunks = [open_receipts[at:at + PIPELINED] for at in range(0, len(open_receipts), PIPELINED)]
            left = iter(chunks)
            again = []
            await asyncio.gather(*(self._reader(name, endpoint, left, again) for _ in range(AT_ONCE)))
            open_receipts = again
            if open_receipts:
                await asyncio.sleep(PAUSE_S)
        endpoint.close()

    async def _reader(self, name, endpoint, chunks, again):
        for chunk in chunks:
            if time.monotonic() > self.deadline:
                return
            try:
                answers = await endpoint.get_many([f"/v1/requests/{receipt.receipt}" for receipt in chunk], CALL_TIMEOUT_S)
            except Broken:
                again.extend(chunk)
                continue
            self.reads += len(answers)
            again.extend(receipt for receipt, answer in zip(chunk, answers) if not self._keep(name, receipt, answer))

    def _keep(self, name, receipt, answer):
        """False where it has to be asked again: not decided yet, or not now."""
        if answer.status in (429, 503):
            return False
        if answer.status != 200:
            self.facts.surprises.append(f"{receipt.user} in campaign {receipt.campaign}: at the end {name} answered {answer}")
            return True
        told = told_by(answer.json)
        receipt.reread[name] = told
        if told.decided:
            self.answered_at = time.monotonic()
        return told.decided
