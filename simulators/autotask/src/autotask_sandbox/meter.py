"""Threads, the hourly window and the counters (reference section 6). Real time only, never the calendar."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autotask_sandbox.errors import OVER_LIMIT, THREADS_EXCEEDED, ApiError
from autotask_sandbox.seed import Limits

WINDOW_SECONDS = 3600.0
WINDOW_MINUTES = 60


class ThreadsExceededError(ApiError):
    """429: too many calls in flight for one integration and entity."""


class OverLimitError(ApiError):
    """The hourly limit is used up; its status is a switch."""


class Window:
    """Calls of the last 60 real minutes, plus what a second integration is said to make in an hour."""

    def __init__(self, limits: Limits, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._calls: deque[float] = deque()
        self.foreign: Callable[[], int] = lambda: 0

    def used(self) -> int:
        horizon = self._monotonic() - WINDOW_SECONDS
        while self._calls and self._calls[0] <= horizon:
            self._calls.popleft()
        return len(self._calls) + self.foreign()

    def enter(self, status: int) -> None:
        """Counts a call, or refuses it; a refused call does not prolong the stop."""
        if self.used() >= self._limits.threshold:
            raise OverLimitError(OVER_LIMIT.format(threshold=self._limits.threshold), status=status)
        self._calls.append(self._monotonic())

    def latency(self) -> float:
        """Seconds that a call waits: 0.5 from half of the limit, 1 from three quarters (section 6)."""
        share = self.used() / self._limits.threshold
        slow = 1.0 if share >= 0.75 else 0.5 if share >= 0.5 else 0.0
        return slow + self._limits.latency_ms / 1000

    def information(self) -> dict[str, int]:
        return {
            "externalRequestThreshold": self._limits.threshold,
            "requestThresholdTimeframe": WINDOW_MINUTES,
            "currentTimeframeRequestCount": self.used(),
        }


class Threads:
    """Calls in flight per integration and entity; every URL of an entity shares one bucket (section 6, L)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_flight: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def held(self, code: str, entity: str, note: Callable[[str, int], None]) -> Iterator[None]:
        """Holds a place while the call is worked on; ``note`` hears of every attempt, the refused one too."""
        key = (code.lower(), entity)
        self._in_flight[key] += 1
        note(entity, self._in_flight[key])
        try:
            if self._in_flight[key] > self._most:
                raise ThreadsExceededError(THREADS_EXCEEDED.format(threads=self._most), status=429)
            yield
        finally:
            self._in_flight[key] -= 1


class Counters:
    """What callers sent, as ``GET /_sandbox/counters`` shows it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._by: Counter[str] = Counter()
        self._in_flight_max: dict[str, int] = {}
        self._writes = 0
        self.throttled = 0
        self.over_limit = 0

    def count(self, what: str, method: str, *, writes: bool) -> None:
        self._by[f"{what} {method}"] += 1
        self._writes += writes

    def in_flight(self, entity: str, number: int) -> None:
        self._in_flight_max[entity] = max(number, self._in_flight_max.get(entity, 0))

    def wire(self) -> dict[str, Any]:
        return {
            "calls": self._by.total(),
            "writes": self._writes,
            "by": dict(self._by),
            "in_flight_max": dict(self._in_flight_max),
            "throttled": self.throttled,
            "over_limit": self.over_limit,
        }
