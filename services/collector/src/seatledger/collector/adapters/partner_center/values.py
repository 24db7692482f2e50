"""Single values as Partner Center writes them."""

import base64
import binascii
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from seatledger.collector.domain.dates import EARLIEST

MOST_UNITS: Final = 2_147_483_647
"""More seats than that is a fault, and more than the stores' integers are sure to hold."""
MOST_VERSIONS: Final = 2**63 - 1
"""The largest integer that the store holds."""


def instant(text: str) -> datetime:
    """An instant in UTC; .NET writes seven fractional digits, the seventh is dropped. ValueError where it is none, or
    one before 1990, which nobody can mean."""
    value = datetime.fromisoformat(text.strip())
    try:
        found = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} lies beyond the calendar") from None
    if found.date() < EARLIEST:
        raise ValueError(f"{text!r} lies before {EARLIEST.year}")
    return found


def units(value: Any) -> int:
    """Whole seats out of a JSON number (``8`` and ``8.0`` are the same number). ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("it is no number")
    if not 0 <= value <= MOST_UNITS or value != int(value):
        raise ValueError("it is no whole number of seats")
    return int(value)


def version(etag: Any) -> int | None:
    """The number inside an ETag (base64 of ``{"id", "version"}``), which grows with each change; None where it does
    not decode, or to what no store holds: then it is opaque."""
    if not isinstance(etag, str):
        return None
    text = etag.removeprefix("W/").strip('"')
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (ValueError, binascii.Error):
        return None
    number = found.get("version") if isinstance(found, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or abs(number) > MOST_VERSIONS:
        return None
    return number
