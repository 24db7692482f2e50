"""What is pending at each stage: the arithmetic of ``drain`` and of the planner's readiness on the stages' documents.

A stage is *pending* where a document of the stage before says more than the stage has stored. Comparing documents,
not lags, leaves nothing to hide between two stages (interface.md, ``drain``).
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from seatledger.schemas.base import Tolerant
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.heads import (
    SERVICES,
    BookHead,
    CompanyHead,
    HintHead,
    MappedHead,
    MappingHead,
    MirrorHead,
    PlannerWatchHead,
    ReadinessHead,
    ReportHead,
    SnapshotHead,
    SweepHead,
    SweepState,
    WatchHead,
    book_findings,
)
from seatledger.schemas.ids import ConnectionName, SourceName


class Progress(Tolerant):
    """All heads at one look."""

    sweeps: tuple[SweepHead, ...] = ()
    hints: tuple[HintHead, ...] = ()
    snapshots: tuple[SnapshotHead, ...] = ()
    mapped: tuple[MappedHead, ...] = ()
    mappings: tuple[MappingHead, ...] = ()
    mirrors: tuple[MirrorHead, ...] = ()
    watches: tuple[WatchHead, ...] = ()
    reports: tuple[ReportHead, ...] = ()
    planner_watches: tuple[PlannerWatchHead, ...] = ()
    companies: tuple[CompanyHead, ...] = ()
    readiness: tuple[ReadinessHead, ...] = ()
    books: tuple[BookHead, ...] = ()
    book_findings: frozenset[tuple[str, FindingCode]] = frozenset()
    """Book and code of each finding of :data:`~seatledger.schemas.heads.BOOK_FINDINGS` that stands open."""
    outboxes: dict[str, int] = {}
    """Per service: documents of its other collections that still have events to publish."""
    unanswered_commands: dict[str, int] = {}
    """Per service."""
    epoch: int = 0
    epochs_done: dict[str, int] = {}


def lacking_digest(documents: Iterable[tuple[str, int]]) -> str:
    """What tells one set of lacking documents (id and ``rev`` of each) from another; empty where there is none."""
    lines = "\n".join(f"{document_id} {rev}" for document_id, rev in sorted(documents))
    return hashlib.sha256(lines.encode()).hexdigest() if lines else ""


def undecided(progress: Progress, source: str | None = None) -> int:
    """Snapshots (of one source) that the mapper has not decided at their newest revision."""
    decided = {head.id: head.snapshot_revision for head in progress.mapped}
    return sum(
        decided.get(snapshot.id, -1) < snapshot.revision
        for snapshot in progress.snapshots
        if source is None or snapshot.source == source
    )


def unstored(progress: Progress, source: str | None = None) -> int:
    """Results (of one source) that name a company and are not stored in that company's document."""
    seen = {company.id: company.seen for company in progress.companies}
    return sum(
        seen.get(told.company, {}).get(head.id, -1) < told.revision
        for head in progress.mapped
        if source is None or head.source == source
        for told in head.told
    )


def newly_ready(progress: Progress, sources: Iterable[str]) -> tuple[SourceName, ...]:
    """Source accounts that became ready (kernel.md section 5, *Ready*) and are not yet noted as such."""
    noted = {head.id for head in progress.readiness if head.ready_at is not None}
    swept = {head.id for head in progress.sweeps if head.ended > 0}
    return tuple(
        SourceName(source)
        for source in sources
        if source in swept
        and source not in noted
        and undecided(progress, source) == 0
        and unstored(progress, source) == 0
    )


OPEN_AND_WORKING = frozenset({"taken", "sent", "unknown"})


def pending(progress: Progress, today: Mapping[ConnectionName, date]) -> dict[str, int]:
    """What is pending at each service (interface.md, ``drain``); ``today`` per connection, read from the clock now."""
    counts: Counter[str] = Counter(dict.fromkeys(SERVICES, 0))
    counts["collector"] += sum(head.state is SweepState.RUNNING for head in progress.sweeps)
    counts["collector"] += sum(head.answered < head.wanted for head in progress.hints)
    counts["collector"] += sum(head.has_outbox for head in (*progress.sweeps, *progress.snapshots))
    counts["mapper"] += undecided(progress) + sum(head.redecide for head in progress.mappings)
    counts["mapper"] += sum(head.has_outbox for head in (*progress.mapped, *progress.mappings))
    counts["mapper"] += _watches_behind(progress, today) + _lacks_untold(progress)
    counts["contract-planner"] += unstored(progress) + _not_ready(progress) + _unplanned_mirrors(progress)
    counts["contract-planner"] += sum(_company_pending(head, today) for head in progress.companies)
    counts["psa-writer"] += sum(head.has_outbox or head.open_state in OPEN_AND_WORKING for head in progress.books)
    counts["psa-writer"] += _unreported(progress)
    for service, number in (*progress.outboxes.items(), *progress.unanswered_commands.items()):
        counts[service] += number
    for service in SERVICES:
        counts[service] += progress.epochs_done.get(service, progress.epoch) < progress.epoch
    return dict(counts)


def _unreported(progress: Progress) -> int:
    """Findings about lines that are to be opened or closed."""
    wanted = {
        (head.id, code) for head in progress.books for code in book_findings(head.open_state, drifted=head.drifted)
    }
    return len(wanted ^ progress.book_findings)


def _not_ready(progress: Progress) -> int:
    ready = {head.id for head in progress.readiness if head.ready_at is not None}
    return sum(head.ended > 0 and head.id not in ready for head in progress.sweeps)


def _watches_behind(progress: Progress, today: Mapping[ConnectionName, date]) -> int:
    """Connections whose names or expiries the mapper has not looked at under the newest mirror and the local day."""
    generations = {head.id: head.generation for head in progress.mirrors}
    return sum(
        head.generation < generations.get(head.id, 0)
        or head.decided_for != today.get(ConnectionName(head.id), head.decided_for)
        for head in progress.watches
    )


def _lacks_untold(progress: Progress) -> int:
    """Source accounts whose findings about lacking mappings are not those of the documents as they stand."""
    lacking: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for head in progress.mapped:
        if head.lacking:
            lacking[head.source].append((head.id, head.rev))
    told = {head.id: head.lacking for head in progress.reports}
    return sum(lacking_digest(lacking[source]) != told.get(source, "") for source in lacking.keys() | told.keys())


def _unplanned_mirrors(progress: Progress) -> int:
    """Connections whose companies were not all planned under the newest mirror."""
    generations = {head.id: head.generation for head in progress.mirrors}
    return sum(head.generation < generations.get(head.id, 0) for head in progress.planner_watches)


def _company_pending(head: CompanyHead, today: Mapping[ConnectionName, date]) -> int:
    unplanned = head.dirty or (head.connection in today and head.planned_for != today[head.connection])
    return int(unplanned) + head.unanswered + head.due + int(head.has_outbox)
