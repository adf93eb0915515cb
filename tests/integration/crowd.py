"""Users who ask without a pause while something happens to the system, and what they were told."""

import concurrent.futures
import http.client
import threading

DECIDED = ("issued", "rejected", "failed")


class Crowd:
    """Each user asks once, at the gateways in turn; one that is not there or answers 503 is left for the next. Every receipt is kept."""

    def __init__(self, system, campaigns, name, gateways=2, threads=6):
        self.system = system
        self.campaigns = list(campaigns)
        self.name = name
        self.gateways = gateways
        self.receipts = []
        self.refused = 0
        self.unreachable = 0
        self.wrong = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.ask_on, args=(number,), daemon=True) for number in range(threads)]
        for thread in self.threads:
            thread.start()

    def ask_on(self, number):
        count = 0
        while not self.stopping.is_set():
            count += 1
            self.ask(self.campaigns[count % len(self.campaigns)], f"{self.name}-{number}-{count}", 1 + count // len(self.campaigns) % self.gateways)

    def ask(self, campaign, user, gateway):
        try:
            answer = self.system.request(campaign, user, gateway, patience=0)
        except (OSError, http.client.HTTPException):
            self.unreachable += 1
            self.stopping.wait(0.05)
            return
        if answer.status == 202:
            self.receipts.append(answer.json["receipt"])
        elif answer.status == 503 and answer.headers["Retry-After"]:
            self.refused += 1
            self.stopping.wait(0.05)
        else:
            self.wrong.append(repr(answer))

    def has_asked(self, more):
        """To be waited for: that many more are accepted than when this was called."""
        enough = len(self.receipts) + more
        return lambda: len(self.receipts) >= enough

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.wrong:
            raise AssertionError(f"{len(self.wrong)} wrong answers, such as {self.wrong[0]}")
        return self.receipts


def answer_of(system, receipt, gateway=1):
    """What the holder of a receipt is told, as it came; None while it is not decided."""
    answer = system.status(receipt, gateway)
    if answer.status != 200:
        raise AssertionError(f"{receipt}: {answer}")
    return answer.body if answer.json["status"] in DECIDED else None


def answers(system, receipts, gateway=1):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return dict(zip(receipts, pool.map(lambda receipt: answer_of(system, receipt, gateway), receipts)))
