"""A managed service provider and its month, as data drawn from one seed.

Customers with contracts in Autotask, subscriptions at three distributors (``north`` delivers CSV, ``south`` JSON,
``cloud`` is a Partner Center), and what happens on which day. Nothing here knows Seatledger: the month is what the
world does to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

FIRST_DAY = date(2026, 3, 9)
DAYS = 31
FIRST_OPEN_DAY = date(2026, 4, 1)
"""The day after the period that the biller posts in advance for one contract."""

MONTHLY, ANNUAL = 2, 5
"""Autotask's contractPeriodType and Services.periodType."""


@dataclass(frozen=True)
class Line:
    """A contract service line in Autotask; ``units`` is what stands there on the first day."""

    id: int
    contract: int
    service: int
    service_name: str
    price: float
    units: int


@dataclass(frozen=True)
class Subscription:
    """Seats at a distributor. ``vendor_id`` is the vendor's own id, the same at every distributor that sees it."""

    id: str
    account: str
    customer: int
    line: int
    offer: str
    offer_name: str
    cycle: str
    seats: int
    vendor_id: str
    status: str = "active"
    listed: bool = True
    trial: bool = False
    complete: bool = True
    """False while Partner Center has not yet said when its term ends."""

    @property
    def counts(self) -> int:
        """Seats that are billed: suspended and cancelled ones, trials and unfinished ones are not."""
        billed = self.listed and self.status == "active" and self.complete and not self.trial
        return self.seats if billed else 0


@dataclass(frozen=True)
class Customer:
    """A company in Autotask and at the distributors; ``mapped_from`` is the day index from which it is mapped."""

    number: int
    name: str
    lines: tuple[Line, ...]
    mapped_from: int = 0

    @property
    def company(self) -> int:
        return 101 + self.number

    @property
    def contract(self) -> int:
        return 5001 + self.number

    @property
    def yearly_contract(self) -> int:
        return 6001 + self.number

    @property
    def second_contract(self) -> int:
        """Where the moved subscription goes."""
        return 7001 + self.number


@dataclass(frozen=True)
class Change:
    """A subscription's new seats or status; ``wave`` 2 arrives after the first changes of that day were posted."""

    subscription: str
    seats: int | None = None
    status: str | None = None
    listed: bool | None = None
    trial: bool | None = None
    complete: bool | None = None
    line: int | None = None
    wave: int = 1

    def on(self, old: Subscription) -> Subscription:
        named = ("seats", "status", "listed", "trial", "complete", "line")
        said = {name: value for name in named if (value := getattr(self, name)) is not None}
        return replace(old, **said)


@dataclass
class Month:
    """All that happens. Days are indices from ``FIRST_DAY``."""

    seed: int
    customers: list[Customer]
    subscriptions: dict[str, Subscription]
    changes: dict[int, list[Change]] = field(default_factory=dict)
    stars: dict[str, str] = field(default_factory=dict)
    """Scene → id of the subscription that plays it."""

    def day(self, index: int) -> date:
        return FIRST_DAY + timedelta(days=index)

    def customer(self, subscription: str) -> Customer:
        return self.customers[self.subscriptions[subscription].customer]

    def apply(self, index: int, wave: int) -> list[str]:
        """Let the changes of a day happen; the ids that changed."""
        due = [change for change in self.changes.get(index, []) if change.wave == wave]
        for change in due:
            self.subscriptions[change.subscription] = change.on(self.subscriptions[change.subscription])
        return [change.subscription for change in due]

    def lines(self) -> Iterator[tuple[Customer, Line]]:
        return ((customer, line) for customer in self.customers for line in customer.lines)

    def feeding(self, line: int) -> list[Subscription]:
        return [subscription for subscription in self.subscriptions.values() if subscription.line == line]

    def star(self, scene: str) -> Subscription:
        """The subscription that plays the scene, as it is now."""
        return self.subscriptions[self.stars[scene]]

    def monthly_contracts(self) -> set[int]:
        """Those whose periods are the calendar's months."""
        return {customer.contract for customer in self.customers}

    def seats(self, line: Line) -> int:
        """What the distributors' seats ask of a line; a vendor's subscription counts once, whoever lists it."""
        return sum({s.vendor_id: s.counts for s in self.feeding(line.id)}.values())
