"""The billing periods of a recurring-service contract (reference section 12, point 1)."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = {2: 1, 3: 3, 4: 6, 5: 12}
DAY = timedelta(days=1)
LONGEST_YEARS = 100


@dataclass(frozen=True, slots=True)
class Period:
    """Days inclusive at both ends; ``full_days`` is the length before the contract's end cut it."""

    start: date
    end: date
    full_days: int


def span_fault(start: date, end: date) -> str | None:
    """Why no contract can run from ``start`` to ``end``; the sandbox writes all rows at once, so 100 years must do."""
    if end < start:
        return "endDate lies before startDate"
    if end.year - start.year > LONGEST_YEARS or end.year > date.max.year - LONGEST_YEARS:
        return f"the contract is longer than {LONGEST_YEARS} years"
    return None


def add_months(day: date, months: int, anchor: int | None = None) -> date:
    """The same day of a later month, clamped to that month's last day; ``anchor`` is the wished day of month."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(anchor or day.day, calendar.monthrange(year, month + 1)[1]))


def periods(start: date, end: date, period_type: int, *, anchored: bool = True) -> tuple[Period, ...]:
    """Steps of the period type from ``start``, cut at ``end``.

    From the 29th to 31st the steps clamp to short months (31, 28, 31) or drift down with them (31, 28, 28);
    which one is unconfirmed (section 12, U), so both exist.
    """
    found: list[Period] = []
    begin = start
    while begin <= end:
        following = add_months(begin, MONTHS[period_type], start.day if anchored else None)
        found.append(Period(begin, min(following - DAY, end), (following - begin).days))
        begin = following
    return tuple(found)
