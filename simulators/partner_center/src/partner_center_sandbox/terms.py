"""Terms and billing periods: by anniversary, both ends inclusive (section 12.1)."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

MONTHS = {"P1M": 1, "P1Y": 12, "P2Y": 24, "P3Y": 36, "P5Y": 60}
CYCLES = {"monthly": 1, "annual": 12, "biennial": 24, "triennial": 36}
DAY = timedelta(days=1)


def plus_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def term_end(start: date, term: str) -> date | None:
    """The inclusive last day of a term that begins on ``start``; None for a term without an end."""
    months = MONTHS.get(term)
    return None if months is None else plus_months(start, months) - DAY


def period_end(start: date, end: date, cycle: str, today: date) -> date | None:
    """The last day of the billing period that is running; None where the cycle has no periods."""
    months = CYCLES.get(cycle)
    if months is None:
        return None
    number = 1
    while (last := plus_months(start, number * months) - DAY) < min(today, end):
        number += 1
    return min(last, end)
