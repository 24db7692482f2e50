"""The sandbox's calendar, and instants as Partner Center writes them. Waits and limits run in real time."""

from __future__ import annotations

import zlib
from datetime import UTC, date, datetime
from pathlib import Path

DOT_NET_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant or date with any number of fractional digits; without an offset UTC. Raises ValueError."""
    head, dot, rest = text.strip().partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    short = f"{head}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}" if dot and digits else text.strip()
    moment = datetime.fromisoformat(short)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """To the second: ``2026-03-01T08:00:00Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def ticks(moment: datetime, salt: str) -> str:
    """Seven fractional digits, as .NET writes them; a calendar on a whole second gets a made-up fraction."""
    crumb = zlib.crc32(salt.encode())
    fraction = moment.microsecond * 10 + crumb % 9 + 1 if moment.microsecond else crumb % 9_999_999 + 1
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{fraction:07d}Z"


def dot_net_ticks(moment: datetime) -> int:
    """Hundreds of nanoseconds since the year 1, as audit record ids carry them."""
    since = moment - DOT_NET_EPOCH
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10


class Calendar:
    """What day it is: an instant that was put, else that of the clock file, else real time."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._put: datetime | None = None
        self._last: datetime | None = None

    def now(self) -> datetime:
        if self._put is not None:
            return self._put
        return datetime.now(UTC) if self._file is None else self._from_file(self._file)

    def today(self) -> date:
        return self.now().date()

    def put(self, moment: datetime | None) -> None:
        """Stands still at ``moment``; None gives the clock file or real time back."""
        self._put = moment

    def _from_file(self, file: Path) -> datetime:
        """Raises OSError or ValueError only before the first good read: later a file may be met half written."""
        try:
            self._last = parse_instant(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            if self._last is None:
                raise
        return self._last
