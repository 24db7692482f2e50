"""What was read of one line: its rows, its contract, and when the reading began."""

from datetime import date

from seatledger.schemas.base import Strict
from seatledger.schemas.ids import CompanyId, ContractId, LineId
from seatledger.schemas.intents import Span
from seatledger.schemas.mirror import IN_EFFECT, UnitRow


class ContractFacts(Strict):
    """A contract's window and state as Autotask shows them; both days inclusive."""

    contract: ContractId
    company: CompanyId
    start: date
    end: date
    status: int
    period_type: int | None

    @property
    def in_effect(self) -> bool:
        return self.status == IN_EFFECT

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


class Reading(Strict):
    """One line as one reading showed it.

    ``contract`` and ``readable`` (the ContractServices row) are None where this reading did not ask, or got no row:
    neither means that the thing does not exist (kernel.md section 4.1). ``rows`` holds every row that ends on or
    after ``since``; None there means all rows.
    """

    line: LineId
    rows: tuple[UnitRow, ...]
    contract: ContractFacts | None
    readable: bool = False
    mirrored: bool = True
    """Whether the mirror still has the line; asked only where this reading got no contract, or no row and no line."""
    since: date | None = None
    read_at: float
    """Machine seconds at which the reading began: what is shown may be that old."""

    @property
    def posted_spans(self) -> tuple[Span, ...]:
        return tuple(Span(start=row.start, end=row.end) for row in self.rows if row.posted)

    def is_posted(self, day: date) -> bool:
        return any(day in span for span in self.posted_spans)
