"""Runs the repeating work of a service: a failure is logged, backed off and shown, and never ends the process."""

import asyncio
from typing import TYPE_CHECKING, Final

from seatledger.runtime.backoff import pause
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.service import Loop

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

RECOVERED_SECONDS: Final = 5.0
"""A round that failed before and has run for so long is taken to work: some rounds never return."""


class LoopRunner:
    """One :class:`~seatledger.runtime.service.Loop` as a task."""

    def __init__(self, loop: Loop, machine: MachineClock, metrics: Metrics, log: "FilteringBoundLogger") -> None:
        self.name = loop.name
        self._loop = loop
        self._machine = machine
        self._metrics = metrics
        self._log = log
        self._failures = 0
        self._error = ""
        self._round_began: float | None = None

    async def run(self) -> None:
        """Repeat until cancelled."""
        while True:
            if self._loop.wake is not None:
                self._loop.wake.clear()
            await self._round()
            if self._failures:
                await self._machine.sleep(max(self._loop.every, pause(self._failures, first=0.2, cap=10.0)))
            else:
                await self._rest()

    async def _round(self) -> None:
        self._round_began = self._machine.seconds()
        try:
            await self._loop.run()
            seconds = self._machine.seconds() - self._round_began
            self._metrics.loop_seconds.labels(self._loop.name).observe(seconds)
            if self._failures:
                self._log.info("loop works again", loop=self._loop.name, failures=self._failures)
            self._failures = 0
        except Exception as error:
            self._failures += 1
            self._error = f"{type(error).__name__}: {error}"
            self._metrics.loop_failures.labels(self._loop.name).inc()
            first = self._failures == 1  # the same traceback every few seconds would bury the rest of the log
            self._log.warning(
                "loop failed", loop=self._loop.name, failures=self._failures, error=self._error, exc_info=first
            )
        finally:
            self._round_began = None

    async def _rest(self) -> None:
        if self._loop.wake is None:
            await self._machine.sleep(self._loop.every)
            return
        try:
            async with asyncio.timeout(self._loop.every):
                await self._loop.wake.wait()
        except TimeoutError:
            pass

    async def check(self) -> str | None:
        """One line while the loop keeps failing (twice in a row), else None."""
        began = self._round_began
        works = began is not None and self._machine.seconds() - began > RECOVERED_SECONDS
        return f"loop {self._loop.name}: {self._error}" if self._failures >= 2 and not works else None
