"""Snapshots, mapping rows and companies in few words, for the mapper's tests."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from seatledger.mapper.domain.basis import Basis, SourceRule
from seatledger.mapper.domain.directory import Directory
from seatledger.mapper.domain.sightings import Sighting
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import CompanyId, ConnectionName, OfferKey, ServiceId, SourceName, SubscriptionKey, join
from seatledger.schemas.mappings import MappingDocument, MappingKind, MappingWord
from seatledger.schemas.mirror import MirrorCompany, MirrorService
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, BillingCycle, Change, Customer, Status, SubscriptionChanged

DROP = SourceName("drop")
MAIN = ConnectionName("main")
TODAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 8, tzinfo=UTC)
MANUAL = SourceRule(connection=MAIN)
AUTOMATIC = SourceRule(connection=MAIN, automatic=True)


def snapshot(
    subscription: str = "S1",
    *,
    revision: int = 1,
    customer: str = "c1",
    name: str = "Contoso",
    offer: str = "O1",
    offer_name: str = "Office",
    term: str = "P1Y",
    cycle: BillingCycle = BillingCycle.MONTHLY,
    units: int | None = 5,
    source: SourceName = DROP,
    resource: str = "",
    status: Status = Status.ACTIVE,
) -> SubscriptionChanged:
    """A complete state as the collector says it."""
    return SubscriptionChanged(
        key=SubscriptionKey(source=source, subscription=subscription, resource=resource),
        connection=MAIN,
        revision=revision,
        change=Change.SEEN if revision == 1 else Change.CHANGED,
        customer=Customer(id=customer, name=name),
        offer=OfferKey(offer=offer, term=term, billing_cycle=cycle.value),
        offer_name=offer_name,
        status=status,
        raw_status=status.value,
        quantity=units,
        billing_cycle=cycle,
        complete=True,
        asks=Asked(since=TODAY, units=StepFunction.constant(units)),
        observed_at=NOW,
    )


def changed_event(data: SubscriptionChanged) -> Event:
    return Event.about(data, source="/collector", subject=str(data.key), revision=data.revision, time=NOW)


def sighting(data: SubscriptionChanged) -> Sighting:
    return Sighting.of(changed_event(data), data)


def mapping(
    kind: MappingKind,
    key: str,
    target: int | None = None,
    *,
    term: str = "",
    cycle: str = "",
    source: SourceName = DROP,
    **word: Any,
) -> MappingDocument:
    """A stored row; mapped where it has a target, unless ``state`` says otherwise."""
    parts = (source, key, term, cycle) if kind == "offer" else (source, key)
    return MappingDocument(
        id=join(*parts),
        kind=kind,
        source=source,
        key=key,
        term=term,
        billing_cycle=cycle,
        word=MappingWord(**{"state": "mapped" if target else "unmapped", "target": target, **word}),
        revision=1,
    )


def company(number: int, name: str = "Contoso", *, company_type: int = 1, active: bool = True) -> MirrorCompany:
    return MirrorCompany(
        id=join(MAIN, number),
        connection=MAIN,
        company=CompanyId(number),
        name=name,
        company_type=company_type,
        is_active=active,
    )


def service(number: int, name: str = "Office", *, period: int | None = 2, active: bool = True) -> MirrorService:
    return MirrorService(
        id=join(MAIN, number),
        connection=MAIN,
        service=ServiceId(number),
        name=name,
        is_active=active,
        period_type=period,
    )


def directory(*things: MirrorCompany | MirrorService, generation: int = 1) -> Directory:
    return Directory(
        generation=generation,
        companies=tuple(thing for thing in things if isinstance(thing, MirrorCompany)),
        services=tuple(thing for thing in things if isinstance(thing, MirrorService)),
    )


def basis(
    *rows: MappingDocument,
    rule: SourceRule | None = MANUAL,
    today: date = TODAY,
    mirror: Directory | None = None,
    namesakes: Iterable[str] = (),
) -> Basis:
    """What a decision rests on: rows, one rule for the account ``drop``, and customers named Contoso."""
    kinds: Mapping[MappingKind, dict[str, MappingDocument]] = {"company": {}, "offer": {}, "contract": {}}
    for row in rows:
        kinds[row.kind][row.id] = row
    held = {
        (row.source, CompanyId(row.word.target)): (row,) for row in rows if row.kind == "company" and row.word.target
    }
    return Basis(
        rules={} if rule is None else {DROP: rule},
        today={MAIN: today},
        rows=kinds,
        namesakes={(DROP, "contoso"): frozenset(namesakes)},
        holders=held,
        directories={} if mirror is None else {MAIN: mirror},
    )
