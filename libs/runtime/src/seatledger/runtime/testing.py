"""Twins for tests: a machine clock that jumps, and a record as a broker would hand it over."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_BOOT = datetime(2026, 1, 1, tzinfo=UTC)


class JumpingMachine:
    """Machine time that passes only in ``sleep``, which returns at once. For one sleeper at a time:
    two would add up."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return _BOOT + timedelta(seconds=self.at)

    def seconds(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)


@dataclass(frozen=True)
class FakeRecord:
    """A record of a topic."""

    value: bytes | None
    topic: str = "topic.v1"
    partition: int = 0
    offset: int = 0
    key: bytes | None = b"key"
    headers: Sequence[tuple[str, bytes | None]] = ()
