"""What others count by of each stage's documents: their collections, and the part of each that is read.

:mod:`seatledger.schemas.pending` counts.
"""

from datetime import date
from enum import StrEnum

from pydantic import Field

from seatledger.schemas.base import Instant, Tolerant
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import ConnectionName, SourceName

SNAPSHOTS = "snapshots"
SWEEPS = "sweeps"
HINTS = "hints"
MAPPED = "mapped"
COMPANY_MAPPINGS = "company_mappings"
OFFER_MAPPINGS = "offer_mappings"
CONTRACT_MAPPINGS = "contract_mappings"
PLANNER_WATCH = "planner_watch"
MAPPER_WATCH = "mapper_watch"
MAPPER_REPORTS = "mapper_reports"
COMPANIES = "companies"
ASSIGNMENTS = "assignments"
READINESS = "readiness"

SERVICES = ("collector", "mapper", "contract-planner", "psa-writer")


class SweepState(StrEnum):
    RUNNING = "running"
    ENDED = "ended"
    NEVER = "never"


class Head(Tolerant):
    """The part of a document that others count by. ``id`` is the document's."""

    id: str = Field(alias="_id")
    has_outbox: bool = False


class SweepHead(Head):
    """A row of ``sweeps``, one a source account (id = its name): the sweep under way or the last one."""

    source: SourceName
    connection: ConnectionName
    state: SweepState = SweepState.NEVER
    ended: int = 0
    """Sweeps that reached their end, ever; for a drop, files taken or found to be duplicates."""
    last_complete_at: Instant | None = None
    next_at: Instant | None = None
    held: int = 0
    """Subscriptions that the brake on mass decreases holds."""
    walked: int | None = None
    """Customers that the sweep under way has read so far, where it takes long."""
    to_walk: int | None = None
    """All that it has to read."""


class HintHead(Head):
    """A row of ``hints``: how often somebody wanted it read, and up to which of these a read answered."""

    wanted: int = 0
    answered: int = 0


class SnapshotHead(Head):
    """A row of ``snapshots`` (id = source / subscription / resource / part)."""

    source: SourceName
    revision: int


class Told(Tolerant):
    """A company that was (or is being) told of a result, and the revision it was told."""

    company: str
    """Id of the company document: connection / company."""
    revision: int


class MappedHead(Head):
    """A row of ``mapped`` (id as in ``snapshots``): which snapshot it decided, and whom it told."""

    source: SourceName
    snapshot_revision: int
    rev: int = 0
    """Rises with each change of the document."""
    lacking: bool = False
    """It waits for a person to map something."""
    told: tuple[Told, ...] = ()
    """Newest revision per company that it ever named."""


class MappingHead(Head):
    """A row of a mapping collection; ``redecide`` until all that it touches is decided anew."""

    redecide: bool = False


class MirrorHead(Head):
    """A row of ``psa_mirrors`` (id = connection)."""

    generation: int = 0


class WatchHead(Head):
    """A row of ``mapper_watch`` (id = connection): under which mirror and for which day the mapper has decided all."""

    generation: int = -1
    decided_for: date | None = None


class ReportHead(Head):
    """A row of ``mapper_reports`` (id = source account): what its findings about lacking mappings were made of."""

    lacking: str = ""
    """:func:`lacking_digest` of the documents that were lacking then."""


class PlannerWatchHead(Head):
    """A row of ``planner_watch`` (id = connection): the mirror under which every company was planned since the
    planner's last start; -1 until it has."""

    generation: int = -1


class CompanyHead(Head):
    """A row of ``companies`` (id = connection / company)."""

    connection: ConnectionName
    seen: dict[str, int] = {}
    """Per subscription the mapper's revision that is stored here."""
    dirty: bool = False
    planned_for: date | None = None
    unanswered: int = 0
    """Intents (or withdrawals) that are out and have no end, *held* and *not_seen* apart."""
    due: int = 0
    """Wishes due that may go, or only wait for ``settle_for_seconds``, and are not released."""
    waiting_approval: int = 0
    waiting_day: int = 0
    not_needed: int = 0
    """Wishes that vanished unsent, since the beginning."""


class ReadinessHead(Head):
    """A row of ``readiness`` (id = source account): for good once it is there."""

    ready_at: Instant | None = None


class BookHead(Head):
    """A row of ``lines`` (id = connection / line)."""

    open_state: str | None = None
    drifted: bool = False


DOUBTFUL = (FindingCode.HELD, FindingCode.NOT_SEEN)
"""States of an open intent that need a person; each is a finding of the same name."""
BOOK_FINDINGS = (FindingCode.DRIFT, *DOUBTFUL)
"""Findings that follow from a line's book alone."""


def book_findings(open_state: str | None, *, drifted: bool) -> tuple[FindingCode, ...]:
    """The findings that must stand open about a line with this book."""
    doubtful = tuple(code for code in DOUBTFUL if code == open_state)
    return (FindingCode.DRIFT, *doubtful) if drifted else doubtful
