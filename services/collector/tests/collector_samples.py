"""Rows, readings and files in few words, for the collector's tests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from seatledger.collector.adapters.file_drop.parse import parse
from seatledger.collector.adapters.file_drop.values import DateForm, Profile
from seatledger.collector.domain.account import Account
from seatledger.collector.domain.asks import Suspension
from seatledger.collector.domain.reading import Reading, RecordType, Row
from seatledger.schemas.ids import ConnectionName, OfferKey, SourceName, SubscriptionKey
from seatledger.schemas.subscriptions import BillingCycle, Customer, Status

DROP = SourceName("drop")
MAIN = ConnectionName("main")
ZONE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
HEADER = (
    *("source_system", "record_type", "observed_at", "customer_id", "customer_name", "subscription_id", "resource_id"),
    *("offer_id", "offer_name", "status", "quantity", "unit_price", "currency", "term_duration", "billing_cycle"),
    *("is_trial", "term_start", "term_end", "effective_date", "previous_quantity", "last_modified"),
)
GOOD = {
    "source_system": "c3",
    "record_type": "snapshot",
    "observed_at": "2026-03-10T06:00:00Z",
    "customer_id": "c1",
    "customer_name": "Contoso",
    "subscription_id": "S1",
    "offer_id": "O1",
    "offer_name": "Office",
    "status": "active",
    "quantity": "10",
    "unit_price": "20.60",
    "currency": "EUR",
    "term_duration": "P1Y",
    "billing_cycle": "monthly",
}


def at(day: int, hour: int = 8, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def on(day: int, month: int = 3) -> date:
    return date(2026, month, day)


def account(**changes: Any) -> Account:
    return Account(**{"source": DROP, "connection": MAIN, "zone": ZONE, **changes})


def row(
    quantity: int = 10,
    *,
    subscription: str = "S1",
    status: Status = Status.ACTIVE,
    stamp: datetime | None = None,
    line: int = 2,
    customer: str = "c1",
    **more: Any,
) -> Row:
    values: dict[str, Any] = {
        "line": line,
        "record_type": RecordType.SNAPSHOT,
        "customer": Customer(id=customer, name=customer.title()),
        "subscription": subscription,
        "offer": OfferKey(offer="O1", term="P1Y", billing_cycle="monthly"),
        "offer_name": "Office",
        "status": status,
        "raw_status": status.value,
        "quantity": quantity,
        "billing_cycle": BillingCycle.MONTHLY,
        "reported_at": stamp,
    }
    return Row(**{**values, **more})


def reading(*rows: Row, name: str = "a.csv", digest: str = "", **more: Any) -> Reading:
    return Reading(name, digest, rows, **more)


def key(subscription: str = "S1", resource: str = "") -> str:
    return str(SubscriptionKey(source=DROP, subscription=subscription, resource=resource))


def csv_text(
    *rows: Mapping[str, str], header: Sequence[str] = HEADER, delimiter: str = ",", trailer: str | None = None
) -> str:
    """A drop as text; each row is :data:`GOOD` with changes. Cells go in as they are, quoting is the test's."""
    lines = [delimiter.join(header)]
    lines += [delimiter.join({**GOOD, **changes}.get(name, "") for name in header) for changes in rows]
    return "\n".join([*lines, *([trailer] if trailer else [])]) + "\n"


def profile(dates: DateForm = DateForm.ISO, decimal: str = ".") -> Profile:
    return Profile(ZONE, dates, decimal)


def parsed(content: str | bytes, using: Profile | None = None) -> Reading:
    raw = content.encode() if isinstance(content, str) else content
    return parse("a.csv", raw, using or profile(), NOW)


KEEP = Suspension.KEEP_BILLING
ZERO = Suspension.ZERO_UNITS
