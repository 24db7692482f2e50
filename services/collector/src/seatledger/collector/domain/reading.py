"""What an adapter hands over: rows in our own words, and what was wrong with the others."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from seatledger.schemas.base import Strict
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import OfferKey, SourceName, SubscriptionKey
from seatledger.schemas.money import Money
from seatledger.schemas.subscriptions import BillingCycle, Customer, Status

MOST_TEXT: Final = 1_000
"""Characters of any text in a row. An event of such texts alone is far below the 1 MiB that a broker takes by default;
one that it refuses would stay in its outbox, and all that is said of the subscription behind it."""


class RecordType(StrEnum):
    """Both state an absolute quantity (interface.md, file drop)."""

    SNAPSHOT = "snapshot"
    CHANGE = "change"


@dataclass(frozen=True)
class Announced:
    """A quantity that the source says will hold from a date on (a change scheduled for the next term)."""

    on: date
    quantity: int


@dataclass(frozen=True)
class Row:
    """One state of one subscription and resource at its stamp, every value read and normalised; no text of it is longer
    than :data:`MOST_TEXT`.

    ``missing`` names what keeps it from being complete (kernel.md section 5): then it tells no units.
    """

    line: int
    """Line of the file as an editor counts, from 1; a running number where there is no file."""
    customer: Customer
    subscription: str
    offer: OfferKey
    offer_name: str
    status: Status
    raw_status: str
    quantity: int
    billing_cycle: BillingCycle
    record_type: RecordType = RecordType.SNAPSHOT
    missing: tuple[str, ...] = ()
    resource: str = ""
    resource_name: str | None = None
    vendor_subscription_id: str | None = None
    parent_subscription_id: str | None = None
    unit_price: Money | None = None
    unit_cost: Money | None = None
    term_start: date | None = None
    term_end: date | None = None
    reported_at: datetime | None = None
    """The source's stamp of this row; it orders the rows and dates their change."""
    last_modified: datetime | None = None
    effective_on: date | None = None
    previous_quantity: int | None = None
    version: int | None = None
    """The source's own number of this state, rising with each change (the version inside an ETag): it orders reads
    before any stamp does."""
    announced: Announced | None = None
    """Beside what holds now; a state without it takes back what was announced before."""
    payload: str | None = None
    """Id of the stored raw payload, where the adapter keeps one."""

    def key(self, source: SourceName) -> SubscriptionKey:
        return SubscriptionKey(source=source, subscription=self.subscription, resource=self.resource)


@dataclass(frozen=True)
class Problem:
    """A row, or a place in it, that needs a person. ``stops``: the row does not count."""

    code: FindingCode
    message: str
    do: str
    subscription: str | None = None
    """None where no id could be read: then the whole reading proves no absence."""
    line: int | None = None
    column: str | None = None
    stops: bool = True
    file: str | None = None
    """Where it is another one than the delivery's (a price list)."""
    detail: str | None = None
    """Tells problems of one place apart (the offer without a price)."""


@dataclass(frozen=True)
class Usage:
    """What a plan without seats has cost so far in the calendar month (UTC) that begins with ``period``."""

    customer: Customer
    subscription: str
    offer: str
    offer_name: str
    raw_status: str
    period: date
    total: Money
    as_of: datetime | None = None
    payload: str | None = None


@dataclass(frozen=True)
class CustomerTrouble:
    """A customer of whom a reading says nothing, and why."""

    customer: str
    message: str
    do: str
    foreign: bool = False
    """The source itself lists it as nobody of ours: that it does not show itself is news only where something of it is
    collected."""


@dataclass(frozen=True)
class Reading:
    """One delivery, read to its end; or what a live source answered when it was asked.

    ``full`` is what the source says of it (None: it says nothing, the configuration decides). ``whole``: each row had
    a readable id and their number was right; else it proves no absence. ``failure``: nothing of it could be read.
    """

    name: str
    digest: str
    """Equal for equal content."""
    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()
    full: bool | None = None
    whole: bool = True
    stamp: datetime | None = None
    """The source's stamp of the whole delivery (``generated_at``)."""
    failure: Problem | None = None
    live: bool = False
    """Asked of the source just now: one equal to the last is a second look, no duplicate, and there is no file."""
    customers: frozenset[str] = frozenset()
    """Customers that were read to their end, those without a subscription included; rows name the others."""
    silent: tuple[CustomerTrouble, ...] = ()
    """Customers that the source does not show us (403, 404: the relation is lost). Their subscriptions stay as they
    are: no decrease, no absence. The reading is complete for all that."""
    unread: tuple[CustomerTrouble, ...] = ()
    """Customers whose part failed this time: the reading is incomplete, and proves no absence of theirs."""
    cut_short: str | None = None
    """Why the walk over the customers itself broke off: what was read counts, but nothing proves an absence."""
    gone: frozenset[str] = frozenset()
    """Direct reads alone: subscriptions that the source, asked for them by id, says it does not have."""
    usage: tuple[Usage, ...] = ()
    """Plans without seats; they are no rows."""

    @property
    def direct(self) -> bool:
        """Somebody asked for one subscription or customer: it says nothing of all others."""
        return self.live and not self.full

    @property
    def place(self) -> str | None:
        """The file in which a person finds what is wrong."""
        return None if self.live else self.name

    @property
    def incomplete(self) -> str | None:
        """Why not all was read, or None."""
        if self.failure is not None:
            return f"{self.name}: {self.failure.message}"
        if self.cut_short is not None:
            return self.cut_short
        if not self.unread:
            return None
        others = f" (and {len(self.unread) - 1} more customers)" if len(self.unread) > 1 else ""
        return f"customer {self.unread[0].customer}: {self.unread[0].message}{others}"


class Parcel(Strict):
    """Something that waits to be read. ``identity`` tells it from another of the same name."""

    name: str
    identity: str
