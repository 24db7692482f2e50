"""Which unit rows the mirror reads: at least the previous period to the next one, in as few queries as may be."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from seatledger.psa_writer.domain.reading import ContractFacts
from seatledger.schemas.ids import ContractId
from seatledger.schemas.intents import Span
from seatledger.schemas.mirror import PERIOD_MONTHS

LONGEST = {1: 31, 3: 92, 6: 184, 12: 366}
"""Days of the longest period of so many months."""
MANY = 1000
"""More contracts of one period type than this are read without naming them, however few rows others add."""


@dataclass(frozen=True)
class Window:
    """Rows that overlap ``span`` on these contracts."""

    span: Span
    contracts: tuple[ContractId, ...]

    @property
    def named(self) -> tuple[ContractId, ...] | None:
        """The contracts to name in the query; None where all are read."""
        return None if len(self.contracts) > MANY else self.contracts


def windows(contracts: Sequence[ContractFacts], today: date) -> Iterator[Window]:
    """One window per length of period: a yearly contract's neighbours lie a year away, a monthly one's a month.

    Contracts that lie wholly outside their window have no rows to offer and are left out.
    """
    by_months: dict[int, list[ContractFacts]] = defaultdict(list)
    for contract in contracts:
        by_months[PERIOD_MONTHS.get(contract.period_type or 0, 1)].append(contract)
    for months, group in sorted(by_months.items()):
        reach = timedelta(days=LONGEST[months])
        span = Span(start=today - reach, end=today + reach)
        inside = [one.contract for one in group if one.end >= span.start and one.start <= span.end]
        if inside:
            yield Window(span, tuple(sorted(inside)))
