"""When a call may be made: a token bucket a lane, and the pause that a 429 asks of everybody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from seatledger.runtime.clock import MachineClock


class Lane(StrEnum):
    """A sweep under way must not make a hint wait, so each has its own part of the budget."""

    SWEEP = "sweep"
    REREAD = "reread"


SHARES: Final = {Lane.SWEEP: 0.85, Lane.REREAD: 0.15}
BURST: Final = 0.25
"""The part of a lane's minute that may be spent at once. The rest flows evenly, so no minute ever has more than all."""
SLOWEST: Final = 0.125
"""A 429 halves the pace, down to this part of it."""
RECOVERY: Final = 300.0
"""Seconds without a 429 after which the full pace holds again."""


@dataclass
class _Bucket:
    rate: float
    """Calls a second."""
    capacity: float
    calls: float
    filled_at: float


@dataclass
class Pace:
    """One account's calls. ``per_minute`` is never passed in any minute, both lanes together.

    The pause is kept here, in memory: one process holds the account's lease, and only it calls.
    """

    machine: MachineClock
    per_minute: int
    made: int = 0
    _buckets: dict[Lane, _Bucket] = field(default_factory=dict)
    _free_at: float = 0.0
    _slowed_at: float | None = None
    _slowed_to: float = 1.0
    _under_way: int = 0
    _landed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        now = self.machine.seconds()
        for lane, share in SHARES.items():
            budget = self.per_minute * share
            burst = max(1.0, budget * BURST)
            self._buckets[lane] = _Bucket(max(1.0, budget - burst) / 60.0, burst, burst, now)

    @asynccontextmanager
    async def call(self, lane: Lane, patience: float) -> AsyncIterator[bool]:
        """Waits until a call of this lane may be made, and counts it. False, and nothing counted, where the source
        wants to be left alone for longer than ``patience`` seconds. For a while after a 429 calls go out one by one:
        those that are under way when a limit is met are calls inside the pause."""
        may = await self._turn(lane, patience)
        self._under_way += may
        try:
            yield may
        finally:
            self._under_way -= may
            self._landed.set()

    async def _turn(self, lane: Lane, patience: float) -> bool:
        while self.paused_for() <= patience:
            if self._under_way and self._speed(self.machine.seconds()) < 1.0:
                self._landed.clear()
                await self._landed.wait()
            elif (wait := self._wait(lane)) > 0:
                await self.machine.sleep(wait)
            else:
                self.made += 1
                return True
        return False

    def pause(self, seconds: float) -> None:
        """The source refused for being called too often: nobody calls for so long, and after it more slowly."""
        now = self.machine.seconds()
        self._free_at = max(self._free_at, now + seconds)
        self._slowed_to = max(SLOWEST, self._speed(now) / 2)
        self._slowed_at = self._free_at
        for bucket in self._buckets.values():
            bucket.calls, bucket.filled_at = 0.0, self._free_at

    def paused_for(self) -> float:
        """Seconds until anybody may call."""
        return max(0.0, self._free_at - self.machine.seconds())

    def minutes_for(self, calls: int) -> float:
        """How long so many calls of a sweep will take at the present pace, as far as the budget decides."""
        bucket = self._buckets[Lane.SWEEP]
        rate = bucket.rate * self._speed(self.machine.seconds())
        return (self.paused_for() + max(0.0, calls - bucket.calls) / rate) / 60.0

    def _wait(self, lane: Lane) -> float:
        """Seconds to wait; 0 where a call was taken out of the bucket."""
        if (paused := self.paused_for()) > 0:
            return paused
        bucket, now = self._buckets[lane], self.machine.seconds()
        rate = bucket.rate * self._speed(now)
        bucket.calls = min(bucket.capacity, bucket.calls + max(0.0, now - bucket.filled_at) * rate)
        bucket.filled_at = max(now, bucket.filled_at)
        if bucket.calls < 1.0:
            return (1.0 - bucket.calls) / rate + 0.001
        bucket.calls -= 1.0
        return 0.0

    def _speed(self, now: float) -> float:
        """Part of the full pace: what the last 429 left of it, growing back evenly."""
        if self._slowed_at is None:
            return 1.0
        passed = max(0.0, now - self._slowed_at) / RECOVERY
        return min(1.0, self._slowed_to + (1.0 - self._slowed_to) * passed)
