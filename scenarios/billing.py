"""What March must cost, by the demo's own sum: units by day from the distributors' seats, priced and prorated.

Autotask bills a monthly period at what its lines have on the first day, and each later change of units for the days
that are left; rates to four places, amounts to cents.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from scenarios.draw import EDIT_DAY, EDITED_BY, POSTING_DAY
from scenarios.msp import FIRST_OPEN_DAY, Line, Month

PERIOD = date(2026, 3, 1)
DAYS_OF_PERIOD = (FIRST_OPEN_DAY - PERIOD).days
RATE, CENT = Decimal("0.0001"), Decimal("0.01")


@dataclass
class Posted:
    """What Autotask billed, contract by contract, as the posting answered."""

    totals: dict[int, Decimal] = field(default_factory=dict)
    items: int = 0

    def add(self, contract: int, said: dict[str, Any]) -> None:
        self.totals[contract] = Decimal(str(said["total"]))
        self.items += said["billing_items"]

    def against(self, bill: "Bill") -> dict[str, Any]:
        """Both sums, and the contracts on which they differ."""
        expected = {contract: bill.total(contract) for contract in self.totals}
        wrong = [
            {"contract": contract, "billed": str(billed), "expected": str(expected[contract])}
            for contract, billed in self.totals.items()
            if billed != expected[contract]
        ]
        return {"billed": str(sum(self.totals.values())), "expected": str(sum(expected.values())), "differ": wrong}


@dataclass
class Bill:
    """Units of each line at the end of each day, as they are to be billed."""

    month: Month
    units: dict[int, list[tuple[date, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What stands in Autotask when the period begins."""
        for _, line in self.month.lines():
            self.units[line.id] = [(PERIOD, line.units)]

    def take_down(self, index: int) -> None:
        """What changed on this day. A second change of a day that is posted already comes after it, and counts from
        the next one."""
        for customer, line in self.month.lines():
            if index >= customer.mapped_from:
                self._take(line, index)

    def _take(self, line: Line, index: int) -> None:
        day, stood = self.month.day(index), self.units[line.id][-1][1]
        units = self._billed(line, index, stood)
        if units != stood:
            self.units[line.id].append((day, units))

    def _billed(self, line: Line, index: int, stood: int) -> int:
        """The line's seats; a line edited by hand stays as it was left, and a posted period takes nothing more."""
        if line.id == self.month.star("edit_by_hand").line and index >= EDIT_DAY:
            return stood + (EDITED_BY if index == EDIT_DAY else 0)
        posted = line.contract == self.month.customer(self.month.stars["posted_period"]).contract
        if posted and index >= POSTING_DAY and self.month.day(index) < FIRST_OPEN_DAY:
            return stood
        return self.month.seats(line)

    def total(self, contract: int) -> Decimal:
        """One contract's bill of the period."""
        lines = [line for _, line in self.month.lines() if line.contract == contract]
        return sum((amount for line in lines for amount in self._amounts(line)), Decimal(0))

    def _amounts(self, line: Line) -> Iterator[Decimal]:
        price = Decimal(str(line.price))
        before = 0
        for day, units in self.units[line.id]:
            if day < FIRST_OPEN_DAY:
                left = (FIRST_OPEN_DAY - day).days
                rate = (price * left / DAYS_OF_PERIOD).quantize(RATE)
                yield (rate * (units - before)).quantize(CENT)
            before = units
