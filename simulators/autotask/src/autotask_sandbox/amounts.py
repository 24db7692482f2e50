"""What a period of a line costs, and what one more change adds to a bill (reference sections 11.9 and 12, point 4)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from autotask_sandbox.grid import DAY, Period
from autotask_sandbox.units import Change, Line
from autotask_sandbox.values import FOUR_PLACES

BASE = 0
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bill; ``change`` is the number of the adjustment it bills, BASE for the period itself."""

    period_start: date
    on: date
    quantity: int
    rate: Decimal
    total: Decimal
    cost: Decimal | None
    change: int


def _share(amount: Decimal, days: int, full: int) -> Decimal:
    return amount if days == full else (amount * days / full).quantize(FOUR_PLACES)


@dataclass(frozen=True, slots=True)
class Bill:
    """One period of one line; ``daily``: changes inside it are prorated by days (a switch)."""

    line: Line
    period: Period
    daily: bool

    def base(self) -> Item:
        """The quantity and price in force when the period begins."""
        start = self.period.start
        known = [change for change in self.line.changes if change.on <= start]
        quantity = self._units(known, start)
        days = (self.period.end - start).days + 1
        total = _share(self._price(known, start), days, self.period.full_days) * quantity
        cost = self._cost(known, start)
        spent = None if cost is None else _share(cost, days, self.period.full_days) * quantity
        return Item(start, start, quantity, self._price(known, start), total.quantize(CENT), spent, BASE)

    def added(self, change: Change, billed: Collection[int]) -> Iterator[Item]:
        """What a change adds to changes that are billed already.

        A delta of units at the new price (11.9, L), and where the price moved, the units that were there before at
        the difference; together exactly what the period costs more than it was billed for.
        """
        on = max(change.on, self.period.start)
        known = [c for c in self.line.changes if c.number in billed]
        both = sorted([*known, change], key=lambda c: (c.on, c.number))
        more = self._total(both) - self._total(known)
        rate, old = self._price(both, on), self._price(known, on)
        fresh = (self._part(rate, on) * change.delta).quantize(CENT)
        rest = more.quantize(CENT) - fresh
        if change.delta:
            spent = self._cost(both, on)
            cost = None if spent is None else self._part(spent, on) * change.delta
            yield Item(self.period.start, on, change.delta, rate, fresh, cost, change.number)
        if rest:
            yield Item(self.period.start, on, self._units(known, on), rate - old, rest, None, change.number)

    def _total(self, known: Collection[Change]) -> Decimal:
        """The whole period under some changes: each day on which something changes prices the rest of it anew."""
        start, end = self.period.start, self.period.end
        days = (end - start).days + 1
        total = _share(self._price(known, start), days, self.period.full_days) * self._units(known, start)
        for day in sorted({change.on for change in known if start < change.on <= end}):
            after = self._part(self._price(known, day), day) * self._units(known, day)
            before = self._part(self._price(known, day - DAY), day) * self._units(known, day - DAY)
            total += after - before
        return total

    def _part(self, amount: Decimal, on: date) -> Decimal:
        """From a day to the period's end, that day included."""
        days = (self.period.end - on).days + 1
        if on > self.period.start and not self.daily:
            days = self.period.full_days
        return _share(amount, days, self.period.full_days)

    def _units(self, known: Collection[Change], day: date) -> int:
        return self.line.base_units + sum(change.delta for change in known if change.on <= day)

    def _price(self, known: Collection[Change], day: date) -> Decimal:
        said = [c for c in known if c.on <= day and c.price is not None]
        last = max(said, key=lambda c: c.number, default=None)
        return self.line.base_price if last is None or last.price is None else last.price

    def _cost(self, known: Collection[Change], day: date) -> Decimal | None:
        said = [c for c in known if c.on <= day and c.cost is not None]
        return max(said, key=lambda c: c.number).cost if said else self.line.base_cost
