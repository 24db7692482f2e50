"""A contract line's quantity over time, and the rows in which Autotask shows it (reference sections 11.5 and 12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from autotask_sandbox.grid import DAY, Period
from autotask_sandbox.kinds import SERVICE, Kind
from autotask_sandbox.switches import Switches
from autotask_sandbox.values import FOUR_PLACES


@dataclass(frozen=True, slots=True)
class Change:
    """One adjustment as applied: ``delta`` units and a price from ``on`` forward through all later periods."""

    on: date
    delta: int
    price: Decimal | None
    cost: Decimal | None
    number: int


@dataclass(frozen=True, slots=True)
class Closure:
    """What Approve & Post did to a row: it keeps its end from now on (section 12, point 5)."""

    end: date
    at: datetime


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One row of ContractServiceUnits; days inclusive."""

    id: int
    contract_id: int
    service_id: int
    line_id: int
    start: date
    end: date
    units: int
    unit_price: Decimal
    unit_cost: Decimal | None
    priced_units: int
    share: tuple[int, int]
    posted_at: datetime | None
    vendor_company_id: int | None
    business_line_id: int | None
    written_on: date

    @property
    def price(self) -> Decimal:
        """Extended: units x unit price, prorated by days where the span is partial (section 12, point 4)."""
        return _prorated(self.unit_price, self.share) * self.priced_units

    @property
    def cost(self) -> Decimal | None:
        return None if self.unit_cost is None else _prorated(self.unit_cost, self.share) * self.priced_units

    def get(self, name: str) -> Any:
        """The value of a field by its name on the wire."""
        return getattr(self, ATTRIBUTES[name])


ATTRIBUTES = {
    "id": "id",
    "contractID": "contract_id",
    "serviceID": "service_id",
    "contractServiceID": "line_id",
    "contractServiceBundleID": "line_id",
    "serviceBundleID": "service_id",
    "startDate": "start",
    "endDate": "end",
    "units": "units",
    "price": "price",
    "cost": "cost",
    "internalCurrencyPrice": "price",
    "approveAndPostDate": "posted_at",
    "vendorCompanyID": "vendor_company_id",
    "organizationalLevelAssociationID": "business_line_id",
}


def _prorated(amount: Decimal, share: tuple[int, int]) -> Decimal:
    days, full = share
    return amount if days == full else (amount * days / full).quantize(FOUR_PLACES)


@dataclass
class Line:
    """The truth of one contract line: what it started with and every change since.

    ``service_id`` is the id of the service, or of the bundle where the line is one.
    """

    id: int
    contract_id: int
    service_id: int
    base_units: int
    base_price: Decimal
    base_cost: Decimal | None
    changes: list[Change] = field(default_factory=list)
    closures: dict[date, Closure] = field(default_factory=dict)
    row_ids: dict[date, int] = field(default_factory=dict)
    period_ids: dict[date, int] = field(default_factory=dict)
    billed: set[tuple[date, int]] = field(default_factory=set)
    kind: Kind = SERVICE

    def units_on(self, day: date) -> int:
        return self.base_units + sum(change.delta for change in self.changes if change.on <= day)

    def lowest_from(self, day: date, delta: int) -> int:
        """The smallest quantity from ``day`` on if ``delta`` were added there."""
        days = [day, *(change.on for change in self.changes if change.on > day)]
        return min(self.units_on(at) for at in days) + delta

    def price_on(self, day: date) -> Decimal:
        """The latest re-price that reaches ``day``; a change goes forward through all later periods (11.4)."""
        said = [c for c in self.changes if c.on <= day and c.price is not None]
        last = max(said, key=lambda c: c.number, default=None)
        return self.base_price if last is None or last.price is None else last.price

    def cost_on(self, day: date) -> Decimal | None:
        said = [c for c in self.changes if c.on <= day and c.cost is not None]
        return max(said, key=lambda c: c.number).cost if said else self.base_cost

    def posted_over(self, day: date) -> bool:
        """Whether ``day`` lies in a span that was approved and posted."""
        return any(start <= day <= closure.end for start, closure in self.closures.items())


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a period that one row covers; ``days`` are those it is charged for."""

    start: date
    end: date
    days: int


def _first_after(marks: list[date], day: date) -> date | None:
    return next((mark for mark in marks if mark > day), None)


def _open_spans(starts: list[date], period: Period, switches: Switches) -> Iterator[Span]:
    """Consecutive slices, each ending where the next one begins (11.5), in the shape of the switch."""
    for start in starts:
        following = _first_after(starts, start)
        last = period.end if following is None else following - DAY
        if following is None or switches.first_row == "kept":
            end = period.end
        elif switches.first_row == "cut_same_day":
            end = following
        else:
            end = last
        # A whole row beside a delta row is charged whole; beside a running total that would charge its days twice.
        charged = end if switches.split_units == "delta" and switches.first_row == "kept" else last
        yield Span(start, end, (charged - start).days + 1)


def spans(line: Line, period: Period, switches: Switches) -> list[Span]:
    """The rows of one line in one period.

    A posted row keeps its span whatever comes later; what comes later is an extra row (section 12, point 5).
    """
    marks = {change.on for change in line.changes if period.start < change.on <= period.end}
    closed = {day: c for day, c in line.closures.items() if period.start <= day <= period.end}
    opening = marks | {period.start}
    if closed and (last := max(c.end for c in closed.values())) < period.end:
        opening.add(last + DAY)  # the contract was extended after this span had been posted
    shut = [Span(day, c.end, (c.end - day).days + 1) for day, c in closed.items()]
    return sorted([*shut, *_open_spans(sorted(opening - set(closed)), period, switches)], key=lambda s: s.start)


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What rows show besides quantities: from the service and the contract."""

    vendor_company_id: int | None
    business_line_id: int | None


def _charged_units(shown: int, before: int, switches: Switches) -> int:
    """Without proration only the added units of a slice are charged, at the full price of the period."""
    return shown - before if switches.proration == "none" and switches.split_units == "total" else shown


def _row(line: Line, span: Span, period: Period, facts: LineFacts, switches: Switches, written_on: date) -> UnitRow:
    first = span.start == period.start
    total = line.units_on(span.start)
    before = 0 if first else line.units_on(span.start - DAY)
    shown = total - before if switches.split_units == "delta" else total
    closure = line.closures.get(span.start)
    share = (period.full_days, period.full_days) if switches.proration == "none" else (span.days, period.full_days)
    return UnitRow(
        id=line.row_ids[span.start],
        contract_id=line.contract_id,
        service_id=line.service_id,
        line_id=line.id,
        start=span.start,
        end=span.end,
        units=shown,
        unit_price=line.price_on(span.start),
        unit_cost=line.cost_on(span.start),
        priced_units=_charged_units(shown, before, switches),
        share=share,
        posted_at=closure.at if closure else None,
        vendor_company_id=facts.vendor_company_id,
        business_line_id=facts.business_line_id,
        written_on=written_on,
    )


def written_days(grid: tuple[Period, ...]) -> tuple[date, ...]:
    """The days on which a nightly job has written the rows of each period, for the switch ``rows: rolling``.

    The first period is there from the beginning; each later one the day after the period before it began, so that on
    the first day of a period the next one is still missing (11.5: a missing next row has been seen, L).
    """
    return (date.min, *(period.start + DAY for period in grid[:-1]))[: len(grid)]


def render(
    line: Line, grid: tuple[Period, ...], facts: LineFacts, switches: Switches, next_id: Iterator[int]
) -> tuple[UnitRow, ...]:
    """All rows of a line over the whole contract; a row keeps its id as long as it keeps its start."""
    rows: list[UnitRow] = []
    for period, written_on in zip(grid, written_days(grid), strict=True):
        for span in spans(line, period, switches):
            if switches.zero_row == "none" and line.units_on(span.start) == 0:
                continue
            if span.start not in line.row_ids:
                line.row_ids[span.start] = next(next_id)
            rows.append(_row(line, span, period, facts, switches, written_on))
    return tuple(rows)
