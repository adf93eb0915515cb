"""The load: users who behave as the documents promise. They ask again where an answer is missing, keep every receipt and every
answer, and poll until they know. It runs on a thread of its own; facts are read after finish()."""

import asyncio
import collections
import random
import threading
import time

import campaigns
from facts import Facts, Receipt, User, told_by
from http_client import Broken, Endpoint

CALL_TIMEOUT_S = 6.0
POLL_WAIT_S = 5
POST_WAIT_S = 3
AVOIDED_AFTER_BREAK_S = 1.0
TICK_S = 0.02
PROBE_S = 0.1
PROBE_TIMEOUT_S = 1.0
# Of all users: two clicks at once on two gateways; asking again later; going away without ever asking for the outcome.
DOUBLE_SHARE, AGAIN_SHARE, GONE_SHARE = 0.08, 0.07, 0.05


class Load:
    def __init__(self, system, gateways, partitions, seed, rate, users_at_once):
        self.system = system
        self.names = [f"gateway-{n}" for n in range(1, gateways + 1)]
        self.partitions = partitions
        self.rate = rate
        self.users_at_once = users_at_once
        self.dice = random.Random(f"load {seed}")
        self.facts = Facts(gateways=tuple(self.names))
        self.counts = collections.Counter()
        # When the front, whichever gateway, did its work: requests accepted or refused for certain, polls of a probe answered.
        self.answered_at = {"requests": [], "polls": []}
        self.admin = {"Authorization": "Bearer " + system.environment["OPENRUN_ADMIN_TOKEN"]}
        self.endpoints = {}
        self.avoided_until = {}
        self.last_receipt = ""
        self.stopping = False
        self.give_up_at = None
        self.failure = None
        self.tasks = set()
        self.thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self):
        self.thread.start()

    def finish(self, seconds):
        """Nobody new comes; those who are there get their answer, for `seconds`."""
        self.give_up_at = time.monotonic() + seconds
        self.stopping = True
        self.thread.join(seconds + 4 * CALL_TIMEOUT_S)
        if self.thread.is_alive():
            self.facts.surprises.append(f"the load's own clients have not ended {seconds} s after the faults stopped")
        if self.failure:
            self.facts.surprises.append(f"the load itself failed: {self.failure!r}")
        return self.facts

    # ---- on the thread of the load

    def _run(self):
        try:
            asyncio.run(self._main())
        except Exception as error:  # noqa: BLE001 told by finish()
            self.failure = error

    async def _main(self):
        self.endpoints = {name: Endpoint(self.system.port(name)) for name in self.names}
        keeper = campaigns.Keeper(self)
        keeping = asyncio.create_task(keeper.keep())
        probing = asyncio.create_task(self._probe())
        owed, last = 0.0, time.monotonic()
        while not self.stopping:
            if keeping.done():
                keeping.result()
            now = time.monotonic()
            owed, last = min(owed + (now - last) * self.rate, self.rate), now
            while owed >= 1 and len(self.tasks) < self.users_at_once:
                owed -= 1
                run = keeper.next_campaign()
                if run is None:
                    break
                self.spawn(self._user(run))
            await asyncio.sleep(TICK_S)
        await keeping
        await probing
        while self.tasks and not self.out_of_time():
            await asyncio.sleep(TICK_S)
        for endpoint in self.endpoints.values():
            endpoint.close()
        if self.tasks:
            self.facts.surprises.append(f"{len(self.tasks)} clients had no answer at the deadline")

    def spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            self.failure = self.failure or task.exception()

    def out_of_time(self):
        return self.give_up_at is not None and time.monotonic() > self.give_up_at

    # ---- calls

    def some_gateway(self):
        """As a load balancer would: not one that has just broken a connection, if there is another."""
        now = time.monotonic()
        well = [name for name in self.names if self.avoided_until.get(name, 0) < now]
        return self.dice.choice(well or self.names)

    async def call(self, method, path, body=None, headers=None, wait_s=0, timeout_s=CALL_TIMEOUT_S):
        """One attempt at one gateway: (answer, whether anything was sent). The answer is None where none came in time."""
        name = self.some_gateway()
        send = dict(headers or {})
        if wait_s:
            send["Prefer"] = f"wait={wait_s}"
        self.counts["calls"] += 1
        try:
            answer = await self.endpoints[name].call(method, path, body, send, timeout_s + wait_s)
        except Broken as error:
            self.counts["calls that broke" if error.sent else "connections refused"] += 1
            self.avoided_until[name] = time.monotonic() + AVOIDED_AFTER_BREAK_S
            return None, error.sent
        self.counts[f"answers {answer.status}"] += 1
        return answer, True

    async def back_off(self, answer):
        seconds = min(answer.retry_after_s(), 2.0) if answer else 0.3
        await asyncio.sleep(seconds * self.dice.uniform(0.5, 1.0))

    async def _probe(self):
        """Somebody looks at an old receipt all the time, also while everybody else waits for a request to be taken."""
        looking = set()
        while not self.stopping:
            await asyncio.sleep(PROBE_S)
            if self.last_receipt:
                looking.add(asyncio.create_task(self._look_at(self.last_receipt)))
            looking = {task for task in looking if not task.done()}
        await asyncio.gather(*looking)

    async def _look_at(self, receipt):
        answer, _ = await self.call("GET", f"/v1/requests/{receipt}", timeout_s=PROBE_TIMEOUT_S)
        if answer is not None and answer.status == 200:
            self.answered_at["polls"].append(time.monotonic())

    # ---- one user

    async def _user(self, run):
        run.users += 1
        name = f"c{run.campaign.id}-u{run.users}"
        user = self.facts.users.setdefault((run.campaign.id, name), User(run.campaign.id, name))
        chance = self.dice.random()
        run.unanswered += 1
        if chance < DOUBLE_SHARE:
            answered = all(await asyncio.gather(self._ask(run, user), self._ask(run, user)))
        else:
            answered = await self._ask(run, user, goes_away=chance > 1 - GONE_SHARE)
        if DOUBLE_SHARE <= chance < DOUBLE_SHARE + AGAIN_SHARE:
            answered = await self._ask(run, user) and answered
        run.unanswered -= 1 if answered else 0

    async def _ask(self, run, user, goes_away=False):
        """Asks until the request is accepted or refused for certain, then polls until it is decided. False: no time left."""
        path = f"/v1/campaigns/{run.campaign.id}/requests"
        while not self.out_of_time():
            wait_s = POST_WAIT_S if not goes_away and self.dice.random() < 0.5 else 0
            after_restock = run.restock_answered
            user.asked += 1
            answer, sent = await self.call("POST", path, {"user_id": user.user}, wait_s=wait_s)
            if answer is None or answer.status in (429, 503):
                # A 503 says: not acknowledged, asking again is safe. It may still be decided.
                user.in_doubt += 1 if sent else 0
                await self.back_off(answer)
                continue
            self.answered_at["requests"].append(time.monotonic())
            if answer.status not in (201, 202, 409):
                self.facts.surprises.append(f"{user.user} in campaign {run.campaign.id}: the request was answered {answer}")
                return True
            body = answer.json
            told = told_by(body)
            if "receipt" not in body:
                user.told.append(told)
                self.counts["refused at the door"] += 1
                return True
            receipt = self._accepted(run, user, body["receipt"], answer.status)
            if receipt is None:
                return True
            if told.decided:
                receipt.first = told
            elif not goes_away:
                await self._poll(receipt, body)
            if receipt.first and receipt.first.reason == "SOLD_OUT" and after_restock:
                run.campaign.sold_out_at_last = True
            return True
        return False

    def _accepted(self, run, user, text, status):
        self.counts["accepted"] += 1
        if text in self.facts.receipts:
            self.facts.surprises.append(f"{user.user}: the receipt {text} was given twice ({status})")
            return None
        receipt = Receipt(text, run.campaign.id, user.user)
        self.facts.receipts[text] = receipt
        self.last_receipt = text
        return receipt

    async def _poll(self, receipt, body):
        path = f"/v1/requests/{receipt.receipt}"
        wait_s = POLL_WAIT_S if self.dice.random() < 0.6 else 0
        while not self.out_of_time():
            if not wait_s:
                await asyncio.sleep(min(body.get("poll_after_ms", 200), 2000) / 1000)
            answer, _ = await self.call("GET", path, wait_s=wait_s)
            if answer is None or answer.status in (429, 503):
                await self.back_off(answer)
                continue
            if answer.status != 200:
                self.facts.surprises.append(f"{receipt.user} in campaign {receipt.campaign}: the poll was answered {answer}")
                return
            body = answer.json
            told = told_by(body)
            if told.decided:
                receipt.first = told
                return
