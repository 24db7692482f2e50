"""What a planning sees besides the company document: mirror, books, day and instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.schemas.book import LineBook
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.mirror import MirrorContract, MirrorLine


@dataclass(frozen=True)
class LineEnd:
    """A line to which a subscription moves, of this company or another: what the mirror and its book say of it."""

    line: MirrorLine
    contract: MirrorContract | None
    book: LineBook | None


@dataclass(frozen=True)
class Facts:
    """Read for one company, just before its planning. ``now`` and ``today`` are of the business calendar.

    ``mirrored``: the connection was read at least once; before it nothing can be missing. ``ready``: every awaited
    source account of the connection is ready. ``settled``: the company has been quiet for ``settle_for_seconds`` of
    real time.
    """

    today: date
    now: datetime
    contracts: Mapping[ContractId, MirrorContract] = field(default_factory=dict)
    lines: Mapping[LineId, MirrorLine] = field(default_factory=dict)
    books: Mapping[LineId, LineBook] = field(default_factory=dict)
    moves: Mapping[str, Assignment] = field(default_factory=dict)
    """By subscription: assignments that lines of this company must leave."""
    ends: Mapping[LineId, LineEnd] = field(default_factory=dict)
    """The lines to which those subscriptions go."""
    generation: int = 1
    """The mirror's, read before it; 0 before the first. What was read is at least as new."""
    newest: int = 2
    """What was read is of this mirror at the latest: a mirror is written before its generation is raised."""
    ready: bool = False
    settled: bool = True

    @property
    def mirrored(self) -> bool:
        return self.generation > 0
