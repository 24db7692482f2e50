"""Two clocks, never one for the other (design.md section 4).

The *business calendar* dates money and stamps events; a file can set it in tests and the demo. *Machine time*
measures leases, waits and time-outs, and is always real.
"""

import asyncio
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo


class BusinessClock(Protocol):
    """The calendar on which customers are billed."""

    def now(self) -> datetime:
        """The instant of events and findings, aware UTC."""

    def today(self, zone: ZoneInfo) -> date:
        """The calendar date in the PSA's zone."""


class MachineClock(Protocol):
    """Time as it really passes."""

    def now(self) -> datetime:
        """Wall-clock instant: for logs, for 'since when' shown to people, and for times that a restart or another
        replica has to find again (when a reading is due, the minutes of the hourly budget, since when a claim is
        unnamed). It can be set, and then such a time comes early or late: no W, lease or deadline is measured by it."""

    def seconds(self) -> float:
        """Seconds since boot, the time asleep included; only differences mean anything."""

    async def sleep(self, seconds: float) -> None: ...


class SystemCalendar:
    """The real calendar, to the millisecond: as finely as events and documents keep an instant, so that one that was
    stored equals itself."""

    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def today(self, zone: ZoneInfo) -> date:
        return self.now().astimezone(zone).date()


class FileCalendar:
    """A calendar that stands at the one instant written in a file, read at every use.

    Raises ValueError where the file holds no instant: a wrong clock must not date money.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        text = self._path.read_text().strip()
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise ValueError(f"{self._path}: {text!r} has no time zone; write an instant such as 2026-03-01T08:00:00Z")
        return instant.astimezone(UTC)

    def today(self, zone: ZoneInfo) -> date:
        return self.now().astimezone(zone).date()


class FixedCalendar:
    """A calendar for tests that moves when told."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def today(self, zone: ZoneInfo) -> date:
        return self.at.astimezone(zone).date()


class SystemMachine:
    """Real time, on the clock that goes on while the machine sleeps where there is one (Linux)."""

    _clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        return time.clock_gettime(self._clock)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
