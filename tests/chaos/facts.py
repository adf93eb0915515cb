"""What clients were told and what the system holds at the end, as plain values. checker.py compares them."""

from dataclasses import dataclass, field

ISSUED, REJECTED, FAILED, WAITING, APPLIED = "issued", "rejected", "failed", "waiting", "applied"


@dataclass(frozen=True)
class Told:
    """One answer about a request: its status, the reason of a refusal, and the coupon that was shown with it."""
    status: str
    reason: str = ""
    sequence: int = 0
    code: str = ""
    issued_at: str = ""

    @property
    def decided(self):
        return self.status in (ISSUED, REJECTED, FAILED, APPLIED)

    def __str__(self):
        return f"{self.status} {self.reason} {f'#{self.sequence} {self.code}' if self.sequence else ''}".strip()


def told_by(body):
    """The answer in the JSON of a request, or of a refusal as application/problem+json."""
    coupon = body.get("coupon") or {}
    status = body.get("status")
    reason = body.get("reason", "")
    if isinstance(status, int):
        status, reason = REJECTED, body.get("code", "")
    return Told(str(status), reason, coupon.get("sequence", 0), coupon.get("code", ""), coupon.get("issued_at", ""))


@dataclass
class Receipt:
    receipt: str
    campaign: int
    user: str
    first: Told | None = None  # the first decided answer; None: nobody has asked
    reread: dict = field(default_factory=dict)  # gateway -> Told


@dataclass
class User:
    campaign: int
    user: str
    asked: int = 0
    in_doubt: int = 0  # attempts without an answer that says what became of them
    told: list = field(default_factory=list)  # Told without a receipt: refusals at the door


@dataclass
class Campaign:
    id: int
    partition: int
    stock_expected: int
    restocked: bool = False
    paused: bool = False
    # A request that was sent after the last restock was answered was refused by the log as sold out.
    sold_out_at_last: bool = False
    finished: bool = False  # all of its users have their answer


@dataclass
class Facts:
    """All that the checker needs. `rows` and `stored` are what Postgres says at the end."""
    gateways: tuple = ()
    receipts: dict = field(default_factory=dict)  # text -> Receipt
    users: dict = field(default_factory=dict)  # (campaign, user) -> User
    campaigns: dict = field(default_factory=dict)  # id -> Campaign
    surprises: list = field(default_factory=list)  # answers that the contract does not allow, as text
    rows: dict = field(default_factory=dict)  # (campaign, sequence) -> (user, code)
    stored: dict = field(default_factory=dict)  # campaign -> (stock, issued)
    twice_in_log: set = field(default_factory=set)  # (campaign, user) of records that stand in the log twice, byte for byte
