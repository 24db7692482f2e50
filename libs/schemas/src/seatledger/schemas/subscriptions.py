"""What a distributor says of a subscription, and what the mapper makes of it."""

from collections.abc import Sequence
from datetime import date
from functools import reduce
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from seatledger.schemas.base import Instant, OpenEnum, Strict, Tolerant
from seatledger.schemas.envelope import EventData
from seatledger.schemas.ids import CompanyId, ConnectionName, ContractId, OfferKey, ServiceId, SubscriptionKey
from seatledger.schemas.money import Money
from seatledger.schemas.steps import StepFunction


class Status(OpenEnum):
    """Normalised status (subscription sources section 14); the source's own word stands beside it."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    DISABLED = "disabled"
    CANCELLED = "cancelled"
    TRIAL = "trial"
    OTHER = "other"

    @property
    def ended(self) -> bool:
        """Whether it ends a subscription: its units are *none* from the effective date on, which is not 0."""
        return self in {Status.CANCELLED, Status.EXPIRED, Status.DISABLED}


class BillingCycle(OpenEnum):
    """Normalised billing cycle; only monthly and annual can stand on a recurring contract here (C28)."""

    MONTHLY = "monthly"
    ANNUAL = "annual"
    TRIENNIAL = "triennial"
    ONE_TIME = "one_time"
    USAGE = "usage"
    NONE = "none"
    OTHER = "other"


class Change(OpenEnum):
    """Why a snapshot has a new revision. ``seen`` is a first sighting: nobody knows what it was before."""

    SEEN = "seen"
    CHANGED = "changed"
    GONE = "gone"
    REAPPEARED = "reappeared"
    OTHER = "other"


class Customer(Tolerant):
    """A customer as the source names it."""

    id: str
    """The source's own id."""
    name: str
    """As the source writes it."""
    tenant_id: str | None = None
    """The vendor's tenant, where the source gives one."""
    domain: str | None = None
    """The customer's domain, where the source gives one."""


class Asked(Strict):
    """The units that a subscription asks for: ``units`` holds from ``since`` on, before it nothing is said.

    Computed by the collector from the last complete state (kernel.md section 5, table of states, suspension policy
    applied) with every change that the source announced. ``since`` is the day the state was read (its row's stamp in
    the PSA's zone, else our read), or the change's own effective date where that is earlier (kernel.md section 6).
    ``None`` in ``units`` is *ended*, not 0.
    """

    since: date
    """The first day of which anything is said."""
    units: StepFunction

    def followed_by(self, later: "Asked") -> "Asked":
        """Two states told as one: this one until the later one says something."""
        if later.since <= self.since:
            return later
        return Asked(since=self.since, units=self.units.replaced_from(later.since, later.units))

    def since_when(self, day: date) -> "Asked":
        """This from ``day`` on: what it said of days before is forgotten."""
        if self.since >= day:
            return self
        kept = [(step.on, step.units) for step in self.units.steps if step.on > day]
        return Asked(since=day, units=StepFunction.of([(day, self.units.at(day)), *kept]))


class Earlier(Strict):
    """What a revision before asked for, for whoever never read that revision: a bus that lost its records, or kept them
    no longer, says the newest revision again and no other (decision 0013)."""

    revision: int
    """The revision that asked for it."""
    asks: Asked


MOST_EARLIER: Final = 16
"""Revisions told apart; older ones are told as one."""
EARLIER_DAYS: Final = 400
"""Days before the newest state of which anything is told."""


def remembered(
    earlier: tuple[Earlier, ...], revision: int, asks: Asked | None, newest: Asked | None
) -> tuple[Earlier, ...]:
    """``earlier`` and what ``revision`` asked for, to be told with a newer revision that asks for ``newest``."""
    if asks is None or newest is None or asks == newest:
        return earlier
    first, *others = (*earlier, Earlier(revision=revision, asks=asks))
    while len(others) >= MOST_EARLIER:
        first = Earlier(revision=others[0].revision, asks=first.asks.followed_by(others[0].asks))
        others = others[1:]
    oldest = date.fromordinal(max(1, newest.since.toordinal() - EARLIER_DAYS))  # the calendar begins with year 1
    return tuple(Earlier(revision=one.revision, asks=one.asks.since_when(oldest)) for one in (first, *others))


def caught_up(asks: Asked | None, earlier: Sequence[Earlier], read: int) -> Asked | None:
    """``asks`` for one who read revision ``read`` last: with the days of which only revisions after that one spoke."""
    if asks is None:
        return None
    missed = [one.asks for one in earlier if one.revision > read]
    return reduce(Asked.followed_by, [*missed, asks])


class RawRef(Tolerant):
    """Where the raw payload stands: a file and its row, or a stored payload's id."""

    file: str | None = None
    """Name of the file."""
    row: int | None = None
    """Its row, the header being 1."""
    payload: str | None = None
    """Id of the stored payload."""


class SubscriptionChanged(EventData):
    """The full state of a subscription at one revision; a lower revision than the one held is ignored.

    ``asks`` is None until a first complete state was read. While the newest read is pending, trial or incomplete,
    ``asks`` still is that of the last complete state and ``complete`` is False.
    """

    event_type: ClassVar[str] = "SubscriptionChanged"

    key: SubscriptionKey
    connection: ConnectionName
    revision: int
    """Rises by one with each change of this subscription and resource."""
    change: Change
    customer: Customer
    offer: OfferKey
    offer_name: str
    """As the source writes it."""
    resource_name: str | None = None
    """As the source writes it, where a subscription holds several."""
    vendor_subscription_id: str | None = None
    """The vendor's own id: the same at every distributor."""
    parent_subscription_id: str | None = None
    """The subscription that this one is an add-on of."""
    status: Status
    raw_status: str
    """The source's own word."""
    quantity: int | None
    """Seats as read; None where the row gave none that could be read."""
    billing_cycle: BillingCycle
    complete: bool
    """Whether the newest read says all that is needed to count."""
    missing: tuple[str, ...] = ()
    """What keeps the newest read from being complete."""
    asks: Asked | None
    earlier: tuple[Earlier, ...] = ()
    """What the revisions before asked for, oldest first; each counts only for whoever never read it."""
    unit_price: Money | None = None
    unit_cost: Money | None = None
    term_start: date | None = None
    """First day of the term; it never dates a change of quantity."""
    term_end: date | None = None
    """Last day of the term; no subscription ends because it has passed."""
    occurred_at: Instant | None = None
    """The source's instant of the change."""
    reported_at: Instant | None = None
    """The source's stamp of the row or record."""
    observed_at: Instant
    """When we read it."""
    effective_on: date | None = None
    """The source's own date of this change, where it gave one."""
    previous_quantity: int | None = None
    """Seats at the revision before; null at a first sighting."""
    previous_status: Status | None = None
    raw: RawRef | None = None


class Mapped(Strict):
    """The subscription belongs on ``service`` of ``company``; ``contract`` only where a person chose it."""

    kind: Literal["mapped"] = "mapped"
    company: CompanyId
    service: ServiceId
    contract: ContractId | None = None


class Unmapped(Strict):
    """No company, or no service, for it (yet)."""

    kind: Literal["unmapped"] = "unmapped"
    missing: Literal["company", "offer"]
    """What no row names a target for."""
    company: CompanyId | None = None


class Ignored(Strict):
    """A person said that this customer or offer is not billed here."""

    kind: Literal["ignored"] = "ignored"
    reason: str = ""
    """As the person gave it."""
    expires_on: date | None = None
    """It counts as unmapped after this day."""


class Excluded(Strict):
    """The customer is excluded in the configuration, or its source no longer counts (``retired``)."""

    kind: Literal["excluded"] = "excluded"
    reason: str = ""
    """Which setting excludes it."""


class Unassigned(Strict):
    """Said under the company named last: the subscription now names ``company``."""

    kind: Literal["unassigned"] = "unassigned"
    company: CompanyId


MappingOutcome = Annotated[Mapped | Unmapped | Ignored | Excluded | Unassigned, Field(discriminator="kind")]


class Frozen(Strict):
    """Set while a member is frozen (kernel.md section 5): the state that counted last, and the day it froze."""

    asks: Asked | None
    on: date
    """The day it froze."""


class SubscriptionMapped(EventData):
    """The mapper's result for one subscription, published under ``company`` (kernel.md section 5, which company hears).

    ``revision`` rises with each result of the mapper for this subscription, ``mapping_revision`` whenever the mapping
    that decides it changed. Two events of one ``revision`` may exist, under two companies.
    """

    event_type: ClassVar[str] = "SubscriptionMapped"

    key: SubscriptionKey
    connection: ConnectionName
    company: CompanyId
    revision: int
    """Rises with each result of the mapper for this subscription."""
    snapshot_revision: int
    """The collector's revision that it decides."""
    mapping_revision: int
    """Rises whenever the mapping that decides it changed."""
    outcome: MappingOutcome
    """What became of it, told apart by `kind`."""
    frozen: Frozen | None = None
    earlier: tuple[Earlier, ...] = ()
    """What the results before this one that were told to this company, and *mapped*, asked for, by ``revision``."""
    subscription: SubscriptionChanged
