"""Stacks and short-lived parents for the tests of the embedded stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from seatledger.devstack import Devstack


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Devstack]:
    """A supervised stack of the test's own."""
    async with Devstack(tmp_path / "st", quick_stop=True) as running:
        yield running


Until = Callable[[Callable[[], bool], float], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Wait for a condition, at most so many seconds."""

    async def wait(condition: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  # the condition is another process's
                await asyncio.sleep(0.02)

    return wait
