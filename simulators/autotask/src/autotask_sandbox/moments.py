"""The sandbox's calendar: what day it is there. Waits and limits run in real time and never ask it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant or date; without an offset it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Calendar:
    """An instant that was put, else that of the clock file, else real time."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._put: datetime | None = None
        self._read: tuple[tuple[int, int, int], datetime] | None = None

    def now(self) -> datetime:
        if self._put is not None:
            return self._put
        if self._file is not None:
            return self._from_file(self._file)
        return datetime.now(UTC)

    def today(self) -> date:
        return self.now().date()

    def put(self, moment: datetime | None) -> None:
        """Stands still at ``moment`` until the next put; None gives the clock file or real time back."""
        self._put = moment

    def _from_file(self, file: Path) -> datetime:
        """Read again only when the file changed; a reader may meet it half written, then the last value stands."""
        try:
            status = file.stat()
            mark = (status.st_mtime_ns, status.st_size, status.st_ino)
            if self._read is None or self._read[0] != mark:
                self._read = (mark, parse_instant(file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            if self._read is None:
                raise
        return self._read[1]
