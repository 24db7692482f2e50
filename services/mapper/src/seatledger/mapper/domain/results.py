"""The mapper's document per subscription, and how a decision becomes its next result. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, assert_never

from seatledger.mapper.domain.deciding import Decision, Lack
from seatledger.mapper.domain.names import fold
from seatledger.mapper.domain.sightings import Sighting
from seatledger.schemas.base import Strict
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.heads import Told
from seatledger.schemas.ids import CompanyKey, ConnectionName, SourceName
from seatledger.schemas.shapes import ReplacedResult
from seatledger.schemas.subscriptions import (
    Asked,
    Earlier,
    Excluded,
    Frozen,
    Ignored,
    Mapped,
    MappingOutcome,
    SubscriptionMapped,
    Unassigned,
    Unmapped,
    remembered,
)
from seatledger.schemas.topics import MAPPED

PRODUCER = "/mapper"


class Counted(Strict):
    """The state that counted last: what it asked for, and of which company."""

    company: CompanyKey
    asks: Asked | None


class MappedDocument(Document):
    """A row of ``mapped`` (id = source / subscription / resource / part): last snapshot, last result, outbox.

    Parking is this document in state *unmapped*; nothing waits in a queue.
    """

    source: SourceName
    connection: ConnectionName
    customer: str
    name_key: str
    """The customer's folded name, indexed for automatic mapping."""
    offer: str
    subscription: str
    snapshot_revision: int
    sighting: Sighting
    outcome: MappingOutcome
    lacks: tuple[Lack, ...] = ()
    lacking: bool = False
    """Indexed twin of ``lacks``."""
    revision: int
    mapping_revision: int
    named: CompanyKey | None = None
    """The company named last."""
    counted: Counted | None = None
    frozen: Frozen | None = None
    """Belongs to the company of ``counted``."""
    told: tuple[Told, ...] = ()
    said: tuple[Outgoing, ...] = ()
    """The last event per company that it ever named, to say again."""


@dataclass(frozen=True)
class Moment:
    """When a result is made: the business instant, and the local day of its PSA."""

    now: datetime
    today: date


def newest(document: MappedDocument | None, sighting: Sighting | None) -> Sighting | None:
    """What there is to decide: a lower or equal revision than the stored one is ignored.

    Revisions that never came count by what the newest tells of them, but only where the subscription counted
    meanwhile: what happened while it was unmapped or frozen is of no account, and a first sighting joins from now on.
    """
    if document is None:
        return None if sighting is None else sighting.alone()
    if sighting is None or sighting.snapshot.revision <= document.snapshot_revision:
        return document.sighting
    counted = isinstance(document.outcome, Mapped)
    return sighting.caught_up(document.snapshot_revision) if counted else sighting.alone()


def replaced(before: MappedDocument | None, after: MappedDocument) -> list[ReplacedResult]:
    """What the document said before and says no more. Kept first, it is nowhere lost: kept twice it is one row."""
    kept = {entry.event.id for entry in after.said}
    said = before.said if before is not None else ()
    return [ReplacedResult(id=one.event.id, event=one.event) for one in said if one.event.id not in kept]


def advance(
    document: MappedDocument | None, sighting: Sighting, decision: Decision, moment: Moment
) -> MappedDocument | None:
    """The document with this decision as its result; None where it stands there already."""
    if document is not None and not _is_news(document, sighting, decision):
        return _with_lacks(document, decision)
    return _with_result(document, sighting, decision, moment)


def _is_news(document: MappedDocument, sighting: Sighting, decision: Decision) -> bool:
    return sighting.snapshot.revision > document.snapshot_revision or decision.outcome != document.outcome


def _with_lacks(document: MappedDocument, decision: Decision) -> MappedDocument | None:
    """Only the reason for people changed: no new result, nobody is told."""
    if decision.lacks == document.lacks:
        return None
    return document.model_copy(update=_lacks(decision))


def _with_result(
    document: MappedDocument | None, sighting: Sighting, decision: Decision, moment: Moment
) -> MappedDocument:
    snapshot, outcome = sighting.snapshot, decision.outcome
    named = _names(outcome, snapshot.connection)
    changed = document is None or document.outcome != outcome
    result = _Result(
        sighting=sighting,
        outcome=outcome,
        revision=document.revision + 1 if document else 1,
        mapping_revision=(document.mapping_revision if document else 0) + changed,
        before=document,
        frozen=_frozen(document, moment.today),
        moment=moment,
    )
    outgoing = tuple(result.event(company, told) for company, told in _hearers(document, named, outcome))
    fields = {
        **_facts(sighting),
        **_lacks(decision),
        **_standing(document, result, named),
        "outcome": outcome,
        "revision": result.revision,
        "mapping_revision": result.mapping_revision,
        "named": named or (document.named if document else None),
        "told": _told(document, outgoing, result.revision),
        "said": _said(document, outgoing),
        "outbox": (*(document.outbox if document else ()), *outgoing),
    }
    if document is not None:
        return document.model_copy(update=fields)
    return MappedDocument.model_validate({"_id": str(snapshot.key), **fields})


def _facts(sighting: Sighting) -> dict[str, Any]:
    snapshot = sighting.snapshot
    return {
        "sighting": sighting,
        "source": snapshot.key.source,
        "connection": snapshot.connection,
        "customer": snapshot.customer.id,
        "name_key": fold(snapshot.customer.name),
        "offer": snapshot.offer.offer,
        "subscription": snapshot.key.subscription,
        "snapshot_revision": snapshot.revision,
    }


def _lacks(decision: Decision) -> dict[str, Any]:
    return {"lacks": decision.lacks, "lacking": bool(decision.lacks)}


@dataclass(frozen=True)
class _Result:
    sighting: Sighting
    outcome: MappingOutcome
    revision: int
    mapping_revision: int
    before: MappedDocument | None
    frozen: Frozen | None
    moment: Moment

    def event(self, company: CompanyKey, outcome: MappingOutcome) -> Outgoing:
        """The event for one company. Two of one revision differ in their company, so the id has both."""
        snapshot = self.sighting.snapshot
        data = SubscriptionMapped(
            key=snapshot.key,
            connection=company.connection,
            company=company.company,
            revision=self.revision,
            snapshot_revision=snapshot.revision,
            mapping_revision=self.mapping_revision,
            outcome=outcome,
            frozen=self.frozen_of(company, outcome),
            earlier=self._earlier(company),
            subscription=snapshot,
        )
        event = Event.about(
            data,
            source=PRODUCER,
            subject=str(snapshot.key),
            revision=f"{self.revision}/{company}",
            time=self.moment.now,
            cause=self.sighting.cause,
        )
        return Outgoing(topic=MAPPED.name, key=str(company), event=event)

    def _earlier(self, company: CompanyKey) -> tuple[Earlier, ...]:
        """What the results told to this company before asked for, while they named it."""
        last = next((said for said in (self.before.said if self.before else ()) if said.key == str(company)), None)
        if last is None:
            return ()
        told = SubscriptionMapped.model_validate(last.event.data)
        if not isinstance(told.outcome, Mapped):
            return told.earlier
        newest = self.sighting.snapshot.asks
        return remembered(told.earlier, told.revision, told.subscription.asks, newest)

    def frozen_of(self, company: CompanyKey, outcome: MappingOutcome) -> Frozen | None:
        """Only the company whose member it was last has something to freeze."""
        if isinstance(outcome, Mapped) or self.before is None or self.before.counted is None:
            return None
        return self.frozen if self.before.counted.company == company else None


def _names(outcome: MappingOutcome, connection: ConnectionName) -> CompanyKey | None:
    match outcome:
        case Mapped(company=company) | Unassigned(company=company):
            return CompanyKey(connection=connection, company=company)
        case Unmapped(company=maybe):
            return None if maybe is None else CompanyKey(connection=connection, company=maybe)
        case Ignored() | Excluded():
            return None
        case _:
            assert_never(outcome)


def _hearers(
    document: MappedDocument | None, named: CompanyKey | None, outcome: MappingOutcome
) -> list[tuple[CompanyKey, MappingOutcome]]:
    """Who hears what (kernel.md section 5, *which company hears*); the company named last first."""
    last = document.named if document else None
    if named is None or last is None or named == last:
        company = named or last
        return [] if company is None else [(company, outcome)]
    return [(last, Unassigned(company=named.company)), (named, outcome)]


def _frozen(document: MappedDocument | None, today: date) -> Frozen | None:
    """The state that counted last and the day it stopped counting; it stays until the subscription is mapped again."""
    if document is None or document.counted is None:
        return None
    return document.frozen or Frozen(asks=document.counted.asks, on=today)


def _standing(document: MappedDocument | None, result: _Result, named: CompanyKey | None) -> dict[str, Any]:
    if isinstance(result.outcome, Mapped) and named is not None:
        return {"counted": Counted(company=named, asks=result.sighting.snapshot.asks), "frozen": None}
    return {"counted": document.counted if document else None, "frozen": result.frozen}


def _told(document: MappedDocument | None, outgoing: tuple[Outgoing, ...], revision: int) -> tuple[Told, ...]:
    told = {entry.company: entry for entry in (document.told if document else ())}
    told |= {entry.key: Told(company=entry.key, revision=revision) for entry in outgoing}
    return tuple(told.values())


def _said(document: MappedDocument | None, outgoing: tuple[Outgoing, ...]) -> tuple[Outgoing, ...]:
    said = {entry.key: entry for entry in (document.said if document else ())}
    said |= {entry.key: entry for entry in outgoing}
    return tuple(said.values())
