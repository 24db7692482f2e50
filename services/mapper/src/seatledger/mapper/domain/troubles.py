"""The mapper's findings: what waits for a mapping, and mapping rows whose target Autotask no longer offers. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import assert_never

from seatledger.mapper.domain.directory import Directory
from seatledger.mapper.domain.waiting import Waiting, WaitingSnapshot
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.ids import CompanyId, ConnectionName, ServiceId, SourceName
from seatledger.schemas.mappings import MappingDocument

UNMAPPED_CODES = (FindingCode.COMPANY_UNMAPPED, FindingCode.OFFER_UNMAPPED)
TARGET_CODES = (FindingCode.COMPANY_MISSING, FindingCode.COMPANY_INACTIVE, FindingCode.SERVICE_INACTIVE)


def unmapped(source: SourceName, documents: Iterable[Waiting], today: date) -> list[FindingDraft]:
    """One trouble per customer without a company and per offer without a service, counting what waits for it."""
    waiting = [document for document in documents if not has_ended(document.snapshot, today)]
    return [
        *(_company_unmapped(source, group) for group in _lacking(waiting, "company")),
        *(_offer_unmapped(source, group) for group in _lacking(waiting, "offer")),
    ]


def has_ended(snapshot: WaitingSnapshot, today: date) -> bool:
    """Nothing is asked for from today on, so nothing is lost while nobody maps it."""
    if snapshot.asks is None:
        return snapshot.status.ended
    units = snapshot.asks.units
    return all(units.at(day) is None for day in units.days_from(max(today, snapshot.asks.since)))


def _lacking(documents: Sequence[Waiting], what: str) -> Iterable[list[Waiting]]:
    found = [document for document in documents if any(lack.what == what for lack in document.lacks)]
    ordered = sorted(found, key=lambda document: (_group(document, what), document.id))
    return (list(group) for _, group in groupby(ordered, key=lambda document: _group(document, what)))


def _group(document: Waiting, what: str) -> str:
    return document.customer if what == "company" else document.offer


def _company_unmapped(source: SourceName, group: list[Waiting]) -> FindingDraft:
    customer = group[0].snapshot.customer
    return FindingDraft(
        code=FindingCode.COMPANY_UNMAPPED,
        subject=Subject(source=source, connection=group[0].connection, detail=f"customer {customer.id}"),
        message=f"customer {customer.name!r} ({customer.id}) has no company{_why(group, 'company')}: {_waits(group)}",
        do=f"Run: seatledger map company {source} {customer.id} COMPANY"
        f" (or: seatledger map ignore company {source} {customer.id} --reason WHY)",
    )


def _offer_unmapped(source: SourceName, group: list[Waiting]) -> FindingDraft:
    offer, name = group[0].offer, group[0].snapshot.offer_name
    kinds = sorted({_terms(document.snapshot) for document in group} - {""})
    of = f" in {', '.join(kinds)}" if kinds else ""
    return FindingDraft(
        code=FindingCode.OFFER_UNMAPPED,
        subject=Subject(source=source, connection=group[0].connection, detail=f"offer {offer}"),
        message=f"offer {name!r} ({offer}){of} has no service{_why(group, 'offer')}: {_waits(group)}",
        do=f"Run: seatledger map offer {source} {offer} SERVICE"
        f" (or: seatledger map ignore offer {source} {offer} --reason WHY)",
    )


def _terms(snapshot: WaitingSnapshot) -> str:
    cycle = snapshot.offer.billing_cycle or snapshot.billing_cycle.value
    return " ".join(part for part in (snapshot.offer.term, cycle) if part)


def _why(group: list[Waiting], what: str) -> str:
    reasons = sorted({lack.why for document in group for lack in document.lacks if lack.what == what} - {""})
    return f", for {'; '.join(reasons)}" if reasons else ""


def _waits(group: list[Waiting]) -> str:
    seats = sum(document.snapshot.quantity or 0 for document in group)
    many = "subscription waits" if len(group) == 1 else "subscriptions wait"
    return f"{len(group)} {many}, {seats} seats"


def targets(rows: Iterable[MappingDocument], connection: ConnectionName, directory: Directory) -> list[FindingDraft]:
    """Rows that point at what the mirror does not show, or no longer as active. The mapping itself stays: a mirror
    is no ground for taking units away. Nothing is known before the first mirror."""
    if directory.generation == 0:
        return []
    mapped = [row for row in rows if row.word.state == "mapped" and row.word.target is not None]
    troubles = (_target_trouble(row, connection, directory) for row in mapped)
    return [trouble for trouble in troubles if trouble is not None]


def _target_trouble(row: MappingDocument, connection: ConnectionName, directory: Directory) -> FindingDraft | None:
    match row.kind:
        case "company":
            return _company_trouble(row, connection, directory)
        case "offer":
            return _service_trouble(row, connection, directory)
        case "contract":
            return None
        case _:
            assert_never(row.kind)


def _company_trouble(row: MappingDocument, connection: ConnectionName, directory: Directory) -> FindingDraft | None:
    target = CompanyId(row.word.target or 0)
    company = directory.company.get(target)
    if company is not None and company.is_customer:
        return None
    state = "does not exist in Autotask" if company is None else f"({company.name!r}) is no active Customer"
    return FindingDraft(
        code=FindingCode.COMPANY_MISSING if company is None else FindingCode.COMPANY_INACTIVE,
        subject=Subject(source=row.source, connection=connection, company=target, detail=f"customer {row.key}"),
        message=f"customer {row.key} is mapped to company {target}, which {state}",
        do="map the customer to an active company of type Customer, or make this one active in Autotask",
    )


def _service_trouble(row: MappingDocument, connection: ConnectionName, directory: Directory) -> FindingDraft | None:
    target = ServiceId(row.word.target or 0)
    service = directory.service.get(target)
    if service is not None and service.is_active:
        return None
    state = "does not exist in Autotask" if service is None else f"({service.name!r}) is not active"
    offer = " ".join(part for part in (row.key, row.term, row.billing_cycle) if part)
    return FindingDraft(
        code=FindingCode.SERVICE_INACTIVE,
        subject=Subject(source=row.source, connection=connection, detail=f"offer {offer}"),
        message=f"offer {offer} is mapped to service {target}, which {state}",
        do="map the offer to an active service, or make this one active in Autotask",
    )
