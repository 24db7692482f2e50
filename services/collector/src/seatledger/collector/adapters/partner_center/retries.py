"""How often, and after how long, a call that failed for the moment is made again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from seatledger.runtime.backoff import pause
from seatledger.runtime.clock import MachineClock

ATTEMPTS: Final = 4
FIRST: Final = 0.5
LONGEST: Final = 30.0
THROTTLES: Final = 8
"""Refusals in a row for calling too often, each with its pause, after which one call gives up."""
PATIENCE: Final = 600.0
"""Seconds of a pause asked for by the source that a call sits out; who is told to wait longer gives up for now."""


@dataclass(frozen=True)
class Retries:
    """``random``: a number from 0 to 1 a call, so that many who failed together do not come back together."""

    machine: MachineClock
    random: Callable[[], float]

    def begin(self) -> "Left":
        return Left(self)

    def backoff(self, failures: int) -> float:
        """Doubled each time, capped, between half and the whole of it."""
        return pause(failures, first=FIRST, cap=LONGEST) * (0.5 + self.random() / 2)


@dataclass
class Left:
    """What one call has left."""

    retries: Retries
    failures: int = 0
    waited: float = field(default=0.0)

    async def wait(self, asked: float | None = None) -> bool:
        """Sit out a pause: that of the source (``asked``), else our own. False where there is nothing left to try."""
        self.failures += 1
        seconds = self.retries.backoff(self.failures) if asked is None else asked
        if not self._may(seconds, asked is not None):
            return False
        self.waited += seconds
        await self.retries.machine.sleep(seconds)
        return True

    def _may(self, seconds: float, asked: bool) -> bool:
        return self.failures < ATTEMPTS and (not asked or self.waited + seconds <= PATIENCE)
