"""The campaigns of the load: always some in every partition, made, restocked, paused and resumed through the log while it runs."""

import asyncio
import uuid
from dataclasses import dataclass

from facts import Campaign

PER_PARTITION = 2
STOCK = (300, 900)
STARTS_AT = "2026-01-01T00:00:00.000Z"
# Kind -> users for each coupon of the first stock.
KINDS = {"oversubscribed": 1.4, "roomy": 0.8, "restocked": 2.2, "paused": 1.4}
TICK_S = 0.05
# A gateway holds a command for 10 s at most, and answers 202 then.
COMMAND_TIMEOUT_S = 12.0


@dataclass
class Run:
    campaign: Campaign
    kind: str
    demand: int
    users: int = 0
    unanswered: int = 0
    restock_answered: bool = False
    commanded: bool = False

    @property
    def over(self):
        return self.users >= self.demand


class Keeper:
    def __init__(self, load):
        self.load = load
        self.dice = load.dice
        self.runs = []

    def next_campaign(self):
        partitions = sorted({run.campaign.partition for run in self.runs if not run.over})
        if not partitions:
            return None
        partition = self.dice.choice(partitions)
        return self.dice.choice([run for run in self.runs if run.campaign.partition == partition and not run.over])

    async def keep(self):
        making = set()
        ended = []
        while not self.load.stopping:
            ended += [run for run in self.runs if run.over]
            self.runs = [run for run in self.runs if not run.over]
            making = {task for task in making if not task.done() or task.result()}
            open_runs = len(self.runs) + len(making)
            covered = {run.campaign.partition for run in self.runs}
            wanted = PER_PARTITION * self.load.partitions
            if open_runs < wanted or (len(covered) < self.load.partitions and not making):
                making.add(asyncio.create_task(self._make()))
            for run in self.runs:
                self._command(run)
            await asyncio.sleep(TICK_S)
        if making:
            await asyncio.wait(making)
        while self.load.tasks and not self.load.out_of_time():
            await asyncio.sleep(TICK_S)
        for run in ended + self.runs:
            run.campaign.finished = run.unanswered == 0

    async def _make(self):
        kind = self.dice.choice(sorted(KINDS))
        stock = self.dice.randint(*STOCK)
        body = {"name": f"chaos, {kind}", "stock": stock, "starts_at": STARTS_AT}
        made = await self._until_answered("/v1/campaigns", body, 201)
        if made is None:
            return
        number = made["id"]
        campaign = Campaign(number, number % self.load.partitions, stock)
        self.load.facts.campaigns[number] = campaign
        self.runs.append(Run(campaign, kind, int(stock * KINDS[kind])))

    def _command(self, run):
        if run.commanded or run.users < run.demand * 0.4:
            return
        run.commanded = True
        if run.kind == "restocked":
            self.load.spawn(self._restock(run))
        elif run.kind == "paused":
            self.load.spawn(self._pause(run))

    async def _restock(self, run):
        more = run.campaign.stock_expected // 2
        run.campaign.restocked = True
        run.campaign.stock_expected += more
        answer = await self._until_answered(f"/v1/campaigns/{run.campaign.id}/stock", {"add": more}, 200)
        run.restock_answered = answer is not None

    async def _pause(self, run):
        run.campaign.paused = True
        if await self._until_answered(f"/v1/campaigns/{run.campaign.id}/pause", None, 200) is None:
            return
        await asyncio.sleep(self.dice.uniform(0.2, 2.0))
        await self._until_answered(f"/v1/campaigns/{run.campaign.id}/resume", None, 200)

    async def _until_answered(self, path, body, status):
        """The same command with the same key until it is answered: it takes effect once."""
        headers = dict(self.load.admin, **{"Idempotency-Key": str(uuid.UUID(int=self.dice.getrandbits(128)))})
        while not self.load.out_of_time():
            answer, _ = await self.load.call("POST", path, body, headers, timeout_s=COMMAND_TIMEOUT_S)
            if answer is not None and answer.status == status:
                self.load.counts["commands"] += 1
                return answer.json
            # 202: not decided within 10 s. The key may be sent again.
            if answer is not None and answer.status not in (202, 429, 503):
                self.load.facts.surprises.append(f"the command {path} {body} was answered {answer}")
                return None
            await self.load.back_off(answer)
        self.load.facts.surprises.append(f"the command {path} {body} had no answer at the deadline")
        return None
