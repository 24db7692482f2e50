"""What a plan without seats has cost so far: said by the collector, planned by nobody yet."""

from datetime import date
from typing import ClassVar

from seatledger.schemas.base import Instant
from seatledger.schemas.envelope import EventData
from seatledger.schemas.ids import ConnectionName, SubscriptionKey
from seatledger.schemas.money import Money
from seatledger.schemas.subscriptions import Customer, RawRef

USAGES = "usages"
"""The collector's collection: the last usage of each plan, its revision and outbox."""


class UsageObserved(EventData):
    """Month-to-date cost of one plan at one revision; a lower revision than the one held is ignored.

    ``period`` is the first day of the calendar month (UTC) that ``total`` belongs to, ``as_of`` the source's stamp of
    it, about a day behind. A new month begins anew: the last total of the month before is the best known one of it,
    and the vendor's invoice is the authority. ``total`` is the partner's cost, without any margin.
    """

    event_type: ClassVar[str] = "UsageObserved"

    key: SubscriptionKey
    connection: ConnectionName
    revision: int
    """Rises by one with each change of this plan's total."""
    customer: Customer
    offer: str
    """As in an offer key, without term and cycle: a plan has neither."""
    offer_name: str
    """As the source writes it."""
    raw_status: str
    """The source's own word."""
    period: date
    """First day of the calendar month (UTC) of the total."""
    total: Money
    as_of: Instant | None = None
    """The source's stamp of the total, about a day behind."""
    observed_at: Instant
    """When we read it."""
    previous_total: Money | None = None
    """Of the same period."""
    raw: RawRef | None = None
