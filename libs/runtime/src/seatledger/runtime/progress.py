"""Reads the heads that ``drain`` and the planner's readiness compare; the arithmetic is in ``schemas.heads``."""

from collections import Counter
from typing import TypeVar

from seatledger.runtime.epoch import epochs_done, read_epoch
from seatledger.runtime.store import Store
from seatledger.schemas import heads
from seatledger.schemas.book import INTENTS, LINES
from seatledger.schemas.findings import Finding, FindingCode
from seatledger.schemas.heads import Head
from seatledger.schemas.ids import LineKey
from seatledger.schemas.mirror import PSA_MIRRORS
from seatledger.schemas.pending import Progress
from seatledger.schemas.planning import PLANS
from seatledger.schemas.usage import USAGES

H = TypeVar("H", bound=Head)

COMMANDS_SENT = "commands_sent"
"""Collection of the commands that the CLI sent, its own: ``{"_id": id, "owner": service}``."""

BOOKKEEPER = "psa-writer"
OTHER_OUTBOXES = {
    "collector": (USAGES,),
    "contract-planner": (PLANS, heads.ASSIGNMENTS),
    "psa-writer": (INTENTS,),
}
"""Collections with outboxes that no head counts, besides ``findings_`` and ``commands_`` of each service."""


async def read_progress(store: Store) -> Progress:
    """All heads, read *from the first stage to the last*: what a stage hands on while we read is counted where it
    arrives; what it hands on behind our back is seen by the second look that ``drain`` takes."""
    return Progress(
        epoch=await read_epoch(store),
        epochs_done=await epochs_done(store),
        unanswered_commands=await _unanswered(store),
        hints=await _heads(store, heads.HINTS, heads.HintHead),
        sweeps=await _heads(store, heads.SWEEPS, heads.SweepHead),
        snapshots=await _heads(store, heads.SNAPSHOTS, heads.SnapshotHead),
        mappings=(
            *await _heads(store, heads.COMPANY_MAPPINGS, heads.MappingHead),
            *await _heads(store, heads.OFFER_MAPPINGS, heads.MappingHead),
            *await _heads(store, heads.CONTRACT_MAPPINGS, heads.MappingHead),
        ),
        mirrors=await _heads(store, PSA_MIRRORS, heads.MirrorHead),
        watches=await _heads(store, heads.MAPPER_WATCH, heads.WatchHead),
        reports=await _heads(store, heads.MAPPER_REPORTS, heads.ReportHead),
        mapped=await _heads(store, heads.MAPPED, heads.MappedHead),
        planner_watches=await _heads(store, heads.PLANNER_WATCH, heads.PlannerWatchHead),
        readiness=await _heads(store, heads.READINESS, heads.ReadinessHead),
        companies=await _heads(store, heads.COMPANIES, heads.CompanyHead),
        books=await _books(store),
        book_findings=await _book_findings(store),
        outboxes=await _outboxes(store),
    )


async def _heads(store: Store, collection: str, model: type[H]) -> tuple[H, ...]:
    fields = [field.alias or name for name, field in model.model_fields.items()]
    found = await store.collection(collection).find({}, fields=fields)
    return tuple(model.model_validate(document) for document in found)


async def _books(store: Store) -> tuple[heads.BookHead, ...]:
    found = await store.collection(LINES).find({}, fields=["has_outbox", "open.state", "drift.since"])
    return tuple(
        heads.BookHead(
            _id=book["_id"],
            has_outbox=book.get("has_outbox", False),
            open_state=(book.get("open") or {}).get("state"),
            drifted=bool(book.get("drift")),
        )
        for book in found
    )


async def _book_findings(store: Store) -> frozenset[tuple[str, FindingCode]]:
    """Open findings of the writer that follow from a line's book."""
    codes = {"code": {"$in": [code.value for code in heads.BOOK_FINDINGS]}, "closed_at": None}
    found = [
        Finding.model_validate(document) for document in await store.collection(f"findings_{BOOKKEEPER}").find(codes)
    ]
    return frozenset(
        (str(LineKey(connection=finding.subject.connection, line=finding.subject.line)), finding.code)
        for finding in found
        if finding.subject.connection is not None and finding.subject.line is not None
    )


async def _unanswered(store: Store) -> dict[str, int]:
    """Commands recorded and not answered, and commands sent that their owner has not recorded."""
    counts: Counter[str] = Counter()
    known: set[str] = set()
    for service in heads.SERVICES:
        records = await store.collection(f"commands_{service}").find({}, fields=["answer.ok"])
        known |= {record["_id"] for record in records}
        counts[service] += sum(not record.get("answer") for record in records)
    for sent in await store.collection(COMMANDS_SENT).find({}):
        counts[sent["owner"]] += sent["_id"] not in known
    return dict(counts)


async def _outboxes(store: Store) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for service in heads.SERVICES:
        names = (f"findings_{service}", f"commands_{service}", *OTHER_OUTBOXES.get(service, ()))
        for name in names:
            counts[service] += await store.collection(name).count({"has_outbox": True})
    return dict(counts)
