"""Counters, and the limit of calls a minute (section 2.6). Real time only, never the calendar."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from partner_center_sandbox.errors import ThrottledError


class Counters:
    """What callers sent, as ``GET /_sandbox/counters`` shows it."""

    def __init__(self) -> None:
        self._now: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Calls in flight stay: they end after the count starts anew."""
        self._by: Counter[str] = Counter()
        self._most: dict[str, int] = {}
        self._writes = 0
        self.throttled = 0
        self.over_limit = 0

    @contextmanager
    def call(self, what: str, method: str, *, writes: bool) -> Iterator[None]:
        """Counts a call when it comes, and holds its place until it is answered."""
        self._by[f"{what} {method}"] += 1
        self._writes += writes
        self._now[what] += 1
        self._most[what] = max(self._now[what], self._most.get(what, 0))
        try:
            yield
        finally:
            self._now[what] -= 1

    def wire(self) -> dict[str, Any]:
        return {
            "calls": self._by.total(),
            "writes": self._writes,
            "by": dict(self._by),
            "in_flight_max": dict(self._most),
            "throttled": self.throttled,
            "over_limit": self.over_limit,
        }


class Pace:
    """``most`` calls in a sliding window; a refused call counts too, so calling on prolongs the pause."""

    def __init__(
        self, most: int, window_s: float, counters: Counters, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._window_s = window_s
        self._counters = counters
        self._monotonic = monotonic
        self._calls: deque[float] = deque()
        self._quiet_until = -math.inf

    def enter(self) -> None:
        """Counts a call, or refuses it with the seconds to wait."""
        now = self._monotonic()
        while self._calls and self._calls[0] <= now - self._window_s:
            self._calls.popleft()
        self._counters.over_limit += now < self._quiet_until
        self._calls.append(now)
        if len(self._calls) > self._most:
            last_to_go = self._calls[len(self._calls) - self._most]
            raise self._refusal(last_to_go + self._window_s - now)

    def pause(self, seconds: float) -> None:
        """A 429 was answered: calls in the next ``seconds`` are counted as made inside the pause."""
        self._counters.throttled += 1
        self._quiet_until = max(self._quiet_until, self._monotonic() + seconds)

    def _refusal(self, seconds: float) -> ThrottledError:
        wait = max(1, math.ceil(seconds))
        self.pause(wait)
        return ThrottledError(wait)
