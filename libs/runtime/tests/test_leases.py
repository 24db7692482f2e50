"""One holder at a time, told by a beat; the dead, the paused and the polite are replaced."""

import asyncio
from collections.abc import Callable

import pytest

from libs.runtime.tests.samples import until
from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.leases import StoreLease
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.store import StoreUnavailableError
from seatledger.schemas.base import Json

LENGTH = 0.4


@pytest.fixture
def lease() -> Callable[[str], StoreLease]:
    """``lease("a")`` → replica a's hold on the one lease of the test."""
    store = MemoryStore()

    def make(replica: str) -> StoreLease:
        return StoreLease(store, "leases_test", "it", length=LENGTH, replica=replica, machine=SystemMachine())

    return make


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_one_holder(lease: Callable[[str], StoreLease]) -> None:
    """While the holder beats, nobody else gets it, however long they try."""
    first, second = lease("a"), lease("b")
    tasks = [asyncio.create_task(first.run())]
    await until(first.held)
    tasks.append(asyncio.create_task(second.run()))
    token = first.token
    for _ in range(30):
        await asyncio.sleep(LENGTH / 10)
        assert first.held()
        assert not second.held()
    assert first.token == token
    for task in tasks:
        await cancel(task)


async def test_dead_holder_is_replaced(lease: Callable[[str], StoreLease]) -> None:
    """A holder that stops beating loses it after its length, to a successor with another token."""
    first, second = lease("a"), lease("b")
    holder = asyncio.create_task(first.run())
    await until(first.held)
    await cancel(holder)
    successor = asyncio.create_task(second.run())
    await until(second.held, 4 * LENGTH)
    assert not first.held()
    assert second.token != first.token
    await cancel(successor)


async def test_paused_holder_finds_out(lease: Callable[[str], StoreLease]) -> None:
    """A holder that was paused past its length does not think that it holds, and does not take it back by beating."""
    first, second = lease("a"), lease("b")
    holder = asyncio.create_task(first.run())
    await until(first.held)
    await cancel(holder)
    successor = asyncio.create_task(second.run())
    await until(second.held, 4 * LENGTH)
    assert not first.held()
    woken = asyncio.create_task(first.run())
    await asyncio.sleep(2 * LENGTH)
    assert second.held()
    assert not first.held()
    for task in (successor, woken):
        await cancel(task)


async def test_release_hands_over(lease: Callable[[str], StoreLease]) -> None:
    """After a polite release the successor need not wait for the length."""
    first, second = lease("a"), lease("b")
    holder = asyncio.create_task(first.run())
    await until(first.held)
    await cancel(holder)
    await first.release()
    await first.release()
    assert not first.held()
    successor = asyncio.create_task(second.run())
    await until(second.held, LENGTH / 2)
    await cancel(successor)


async def test_store_away(lease: Callable[[str], StoreLease], monkeypatch: pytest.MonkeyPatch) -> None:
    """While no beat can be stored the holder stops holding after its length; it goes on once the store is back."""
    first = lease("a")
    holder = asyncio.create_task(first.run())
    await until(first.held)

    async def gone(document: Json, *, expected: int) -> bool:
        raise StoreUnavailableError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(first._collection, "replace", gone)
        await until(lambda: not first.held(), 3 * LENGTH)
        assert not holder.done()
    await until(first.held, 3 * LENGTH)
    await cancel(holder)
