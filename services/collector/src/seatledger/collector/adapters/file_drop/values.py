"""Single cells: numbers, dates and instants in the form that the account's profile declares, never guessed."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from seatledger.collector.domain.dates import EARLIEST, LATEST, never_set

MOST_UNITS: Final = 2_147_483_647
"""More seats than that is a typing error, and more than the stores' integers are sure to hold."""

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_SPACES = "\u0020\u00a0\u2009\u202f'\u2019"


class DateForm(StrEnum):
    ISO = "iso"
    DMY = "dmy"
    MDY = "mdy"


_FORMS: Final = {
    DateForm.ISO: (re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})", re.ASCII), "YYYY-MM-DD"),
    DateForm.DMY: (re.compile(r"(?P<d>\d{1,2})(?P<s>[/.\-])(?P<m>\d{1,2})(?P=s)(?P<y>\d{4})", re.ASCII), "DD/MM/YYYY"),
    DateForm.MDY: (re.compile(r"(?P<m>\d{1,2})(?P<s>[/.\-])(?P<d>\d{1,2})(?P=s)(?P<y>\d{4})", re.ASCII), "MM/DD/YYYY"),
}


@dataclass(frozen=True)
class Profile:
    """How an account writes its cells. ``zone`` (the PSA's) turns a plain date that stands for a stamp into an instant:
    the day's first moment."""

    zone: ZoneInfo
    dates: DateForm = DateForm.ISO
    decimal: str = "."

    @property
    def date_form(self) -> str:
        return _FORMS[self.dates][1]


class CellError(ValueError):
    """A cell that cannot be read: ``what`` is wrong, ``do`` helps."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what)
        self.what = what
        self.do = do


class _NoDateError(CellError):
    """No date in the declared form."""


def units(text: str, profile: Profile) -> int:
    """A whole number of seats, thousands marks allowed. ``8.0``, ``1e3``, ``-1`` and ``(2)`` are errors."""
    plain = _without_thousands(text, profile)
    if plain is None or not re.fullmatch(r"\d+", plain, re.ASCII) or int(plain) > MOST_UNITS:
        raise CellError(f"{_shown(text)} is no whole number of seats", "Write whole seats, such as 8.")
    return int(plain)


def amount(text: str, profile: Profile) -> Decimal:
    """An amount of money: thousands marks allowed, negative with a sign or in parentheses."""
    inner = text[1:-1].strip() if text.startswith("(") and text.endswith(")") else text
    plain = _without_thousands(inner, profile)
    if plain is None or not _NUMBER.fullmatch(plain) or len(plain) > 30:
        raise CellError(
            f"{_shown(text)} is no amount with {profile.decimal!r} as decimal mark",
            "Write amounts such as 1234.50 in the form that the source's `decimal:` declares.",
        )
    return -Decimal(plain) if inner is not text else Decimal(plain)


def day(text: str, profile: Profile) -> date | None:
    """A date in the declared form; None where it was never set. Another form is an error, also where it could mean only
    one date, and so is a date that nobody can mean: one before 1990, or without a day after it."""
    found = last_day(text, profile)
    if found is not None and found > LATEST:
        raise _beyond_belief(text)
    return found


def last_day(text: str, profile: Profile) -> date | None:
    """As :func:`day`, and 9999-12-31, which many write for *no end*."""
    found = None if never_set(text) else _date(text, profile)
    if found is None or found.year == 1:
        return None
    if found < EARLIEST:
        raise _beyond_belief(text)
    return found


def instant(text: str, profile: Profile) -> datetime | None:
    """An ISO instant with its zone, in UTC; or a date in the declared form: its first moment in the PSA's zone. None
    where it was never set; before 1990 it is an error."""
    if never_set(text):
        return None
    if _INSTANT.fullmatch(text):
        return _with_zone(text, profile)
    try:
        on = day(text, profile)
    except _NoDateError:
        raise _no_instant(text, profile) from None
    return None if on is None else datetime.combine(on, time(), profile.zone).astimezone(UTC)


def _date(text: str, profile: Profile) -> date:
    pattern, form = _FORMS[profile.dates]
    found = pattern.fullmatch(text)
    try:
        if found:
            return date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:
        pass  # 31 February: told below like any other date that is none
    raise _NoDateError(
        f"{_shown(text)} is no date in the form {form}",
        f"Write {form}, or set the source's `dates:` to the form that the file uses.",
    )


def _with_zone(text: str, profile: Profile) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace(" Z", "Z")).astimezone(UTC)
    except (ValueError, OverflowError):  # 25 o'clock
        raise _no_instant(text, profile) from None
    if found.date() < EARLIEST:
        raise _beyond_belief(text)
    return found


def _no_instant(text: str, profile: Profile) -> CellError:
    return CellError(
        f"{_shown(text)} is no instant",
        f"Write an instant with its zone, such as 2026-03-01T08:00:00Z, or a date {profile.date_form}.",
    )


def _beyond_belief(text: str) -> CellError:
    return CellError(
        f"{_shown(text)} lies before {EARLIEST.year} or beyond {LATEST}",
        "Write the date that is meant, or leave the cell empty where there is none.",
    )


def _without_thousands(text: str, profile: Profile) -> str | None:
    """Digits with ``.`` as decimal mark, or None where thousands marks stand in wrong places."""
    whole, mark, rest = text.partition(profile.decimal)
    thousands = {",": ".", ".": ","}[profile.decimal] + _SPACES
    groups = re.split(f"[{re.escape(thousands)}]", whole)
    if len(groups) > 1 and not (
        re.fullmatch(r"[+-]?\d{1,3}", groups[0], re.ASCII)
        and all(re.fullmatch(r"\d{3}", group, re.ASCII) for group in groups[1:])
    ):
        return None
    return "".join(groups) + ("." + rest if mark else "")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
