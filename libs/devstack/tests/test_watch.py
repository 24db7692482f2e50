"""A store that answers and cannot write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, OperationFailure

from seatledger.devstack import Devstack, DevstackEvent, EventKind, store_answers, watch
from seatledger.devstack.child import Child
from seatledger.devstack.probes import store_has_panicked

Until = Callable[[Callable[[], bool], float], Awaitable[None]]
Client = AsyncMongoClient[dict[str, object]]


async def test_full_disk_is_told_once_and_the_store_is_left_alone(
    tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the disk is full a person is told, once; killing the store would not help it."""
    events: list[DevstackEvent] = []
    looks: list[Path] = []

    def full(folder: Path) -> bool:
        # The session's own stack is watched on this loop too, and has room.
        if folder != tmp_path:
            return False
        looks.append(folder)
        return True

    monkeypatch.setattr(watch, "is_full", full)
    monkeypatch.setattr(watch, "_EVERY_SECONDS", 0.05)
    async with Devstack(tmp_path, on_event=events.append, quick_stop=True) as stack:
        await until(lambda: len(looks) > 3, 10)
        assert stack.restarts["store"] == 0

    told = [event for event in events if event.kind is EventKind.DISK_FULL]
    assert len(told) == 1
    assert "is full" in told[0].detail
    assert "free some" in told[0].detail


async def test_store_that_panicked_is_restarted_once_there_is_room(
    tmp_path: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that fails every write is killed and comes back by itself on the same address."""
    panicked: set[str] = set()

    async def probe(client: object) -> bool:
        # The session's own stack is watched on this loop too, and works.
        hit = next((address for address in panicked if address in repr(client)), None)
        panicked.discard(hit or "")
        return hit is not None

    monkeypatch.setattr(watch, "store_has_panicked", probe)
    monkeypatch.setattr(watch, "_EVERY_SECONDS", 0.05)
    async with Devstack(tmp_path, quick_stop=True) as stack:
        panicked.add(urlsplit(stack.addresses.store).netloc)
        await until(lambda: stack.restarts["store"] == 1, 10)
        assert await store_answers(stack.addresses.store)


async def test_healthy_store_has_not_panicked(stack: Devstack) -> None:
    """The write probe succeeds on a store that works."""
    client: Client = AsyncMongoClient(stack.addresses.store)
    assert not await store_has_panicked(client)
    await client.close()


@pytest.mark.parametrize(
    ("error", "panicked"),
    [
        (OperationFailure("internal server error", 1), True),
        (OperationFailure("not authorized", 13), False),
        (AutoReconnect("connection closed"), False),
    ],
)
async def test_only_the_internal_error_is_a_panic(error: Exception, panicked: bool) -> None:
    """A store that is away, slow or refuses for a reason is not killed for it."""

    class Broken:
        def __getitem__(self, _name: str) -> Broken:
            return self

        async def update_one(self, *_: object, **__: object) -> None:
            raise error

    assert await store_has_panicked(Broken()) is panicked  # type: ignore[arg-type]  # the one method it calls


async def test_a_watch_ends_though_the_driver_lost_its_cancellation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As up to Python 3.11, where a result and a cancellation meet: a stop of the stack would wait for ever."""
    asked = asyncio.Event()

    async def loses_it(_client: object) -> bool:
        asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return False

    class Living:
        alive = True

    monkeypatch.setattr(watch, "store_has_panicked", loses_it)
    monkeypatch.setattr(watch, "_EVERY_SECONDS", 0.01)
    watching = asyncio.create_task(watch.watch_store(cast(Child, Living()), tmp_path, "mongodb://127.0.0.1:1"))
    await asked.wait()
    watching.cancel()
    await asyncio.wait([watching], timeout=30)
    assert watching.done()
