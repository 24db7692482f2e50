"""A store that lives and cannot write: killed, so that the supervisor brings it back with its journal replayed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pymongo import AsyncMongoClient

from seatledger.devstack.child import Child
from seatledger.devstack.events import EventKind
from seatledger.devstack.folder import free_bytes, is_full
from seatledger.devstack.probes import store_has_panicked

_EVERY_SECONDS = 2.0


async def watch_store(child: Child, state_dir: Path, url: str) -> None:
    """Look every 2 s whether the store can write; kill it once it cannot and there is room. Runs until cancelled.

    A full disk is told once, by the event that a person sees; nothing acknowledged is lost by it, because acknowledged
    writes are in the journal.
    """
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(url, timeoutMS=int(_EVERY_SECONDS * 1000))
    told = False
    try:
        while not _is_cancelled():
            await asyncio.sleep(_EVERY_SECONDS)
            full = is_full(state_dir)
            if full and not told:
                child.tell(EventKind.DISK_FULL, _advice(state_dir))
            told = full
            if not full and child.alive and await store_has_panicked(client):
                child.kill()
    finally:
        await client.close()


def _is_cancelled() -> bool:
    """Asked beside waiting for the exception: up to Python 3.11 ``asyncio.wait_for``, which the driver uses, loses a
    cancellation that comes in the same step as its result (python/cpython#86296), and a stop would wait for ever."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _advice(state_dir: Path) -> str:
    return (
        f"the disk of {state_dir} is full ({free_bytes(state_dir) // 1_000_000} MB left): free some, the store goes on "
        "by itself; until then nothing is saved and nothing is posted"
    )
