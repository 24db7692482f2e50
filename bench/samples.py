"""Events as the collector says them of a Partner Center subscription, and their mapping: the load of the stages."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from seatledger.mapper.domain.basis import Basis, SourceRule
from seatledger.mapper.domain.deciding import decide
from seatledger.mapper.domain.results import Moment, advance
from seatledger.mapper.domain.sightings import Sighting
from seatledger.schemas.base import Json
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import CompanyId, ConnectionName, OfferKey, ServiceId, SourceName, SubscriptionKey, join
from seatledger.schemas.mappings import MAPPING_COLLECTIONS, MappingDocument, MappingKind, MappingWord
from seatledger.schemas.money import Money
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import (
    Asked,
    BillingCycle,
    Change,
    Customer,
    Mapped,
    RawRef,
    Status,
    SubscriptionChanged,
    SubscriptionMapped,
)
from seatledger.schemas.topics import CHANGED

MAIN = ConnectionName("main")
SOURCE = SourceName("north")
NOW = datetime(2026, 3, 10, 8, 30, 15, 250_000, tzinfo=UTC)
SERVICE = ServiceId(9001)
EACH = 10
"""Subscriptions of a customer."""
OFFER = "CFQ7TTC0LH18:0001"


def company_of(number: int) -> CompanyId:
    return CompanyId(1001 + number // EACH)


def customer_of(number: int) -> str:
    return f"4d3c0000-0000-4000-8000-{number // EACH:012d}"


def changed(number: int) -> SubscriptionChanged:
    """The first complete state of the subscription of that number."""
    subscription = f"5b5c0000-0000-4000-8000-{number:012d}"
    return SubscriptionChanged(
        key=SubscriptionKey(source=SOURCE, subscription=subscription),
        connection=MAIN,
        revision=1,
        change=Change.SEEN,
        customer=Customer(
            id=customer_of(number),
            name=f"Company {number // EACH}",
            tenant_id=customer_of(number),
            domain=f"customer{number // EACH}.example",
        ),
        offer=OfferKey(offer=OFFER, term="P1Y", billing_cycle="monthly"),
        offer_name="Microsoft 365 Business Basic",
        vendor_subscription_id=subscription,
        status=Status.ACTIVE,
        raw_status="active",
        quantity=5 + number % 7,
        billing_cycle=BillingCycle.MONTHLY,
        complete=True,
        asks=Asked(since=NOW.date(), units=StepFunction.constant(5 + number % 7)),
        unit_price=Money(amount=Decimal("5.60"), currency="EUR"),
        term_start=date(2026, 1, 1),
        term_end=date(2026, 12, 31),
        observed_at=NOW,
        raw=RawRef(payload=f"{number:032x}"),
    )


def changes(events: int, first: int = 0) -> Iterator[Outgoing]:
    """So many first sightings from number ``first`` on, as the collector publishes them."""
    for number in range(first, first + events):
        data = changed(number)
        event = Event.about(data, source="/collector", subject=str(data.key), revision=data.revision, time=NOW)
        yield Outgoing(topic=CHANGED.name, key=data.key.bus_key, event=event)


def mapped(snapshot: SubscriptionChanged) -> SubscriptionMapped:
    """What the mapper says of it; which company, costs both stages the same and nothing here."""
    company = CompanyId(1001 + int(snapshot.customer.id[-12:]))
    return SubscriptionMapped(
        key=snapshot.key,
        connection=snapshot.connection,
        company=company,
        revision=1,
        snapshot_revision=snapshot.revision,
        mapping_revision=1,
        outcome=Mapped(company=company, service=SERVICE),
        subscription=snapshot,
    )


def mapping_rows(events: int) -> list[MappingDocument]:
    """What a person said of these customers and of the one offer."""
    companies = {customer_of(number): company_of(number) for number in range(0, events, EACH)}
    rows = [_row("company", join(SOURCE, customer), customer, company) for customer, company in companies.items()]
    return [*rows, _row("offer", join(SOURCE, OFFER, "", ""), OFFER, SERVICE)]


def _row(kind: MappingKind, row: str, key: str, target: int) -> MappingDocument:
    word = MappingWord(state="mapped", target=target)
    return MappingDocument(id=row, kind=kind, source=SOURCE, key=key, word=word, revision=1, claim=row)


def stored_mappings(events: int) -> dict[str, list[Json]]:
    """The rows as they stand in the store, by collection."""
    found: dict[str, list[Json]] = {}
    for row in mapping_rows(events):
        found.setdefault(MAPPING_COLLECTIONS[row.kind], []).append(row.model_dump(mode="json", by_alias=True))
    return found


def mapped_documents(events: int) -> Iterator[Json]:
    """The documents that the mapper makes of :func:`changes`, by its own decisions, as it stores them."""
    rows: dict[MappingKind, dict[str, MappingDocument]] = {"company": {}, "offer": {}, "contract": {}}
    for row in mapping_rows(events):
        rows[row.kind][row.id] = row
    basis = Basis(rules={SOURCE: SourceRule(connection=MAIN)}, today={MAIN: NOW.date()}, rows=rows)
    for number in range(events):
        data = changed(number)
        event = Event.about(data, source="/collector", subject=str(data.key), revision=data.revision, time=NOW)
        sighting = Sighting.of(event, data)
        found = advance(None, sighting, decide(data, basis), Moment(now=NOW, today=NOW.date()))
        if found is not None:
            yield found.model_copy(update={"has_outbox": True}).model_dump(mode="json", by_alias=True)


T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items, the last one shorter (itertools has it from Python 3.12 on)."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
