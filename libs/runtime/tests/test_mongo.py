"""The store over a network that fails: what was stored is found out, and nothing is counted twice or lost."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from libs.runtime.tests.samples import Note
from seatledger.devstack import Devstack
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.store import Documents, StoreUnavailableError


class Proxy:
    """Stands between client and store. ``lose`` drops that many answers to writes, after the store has written;
    ``refuse`` drops the writes themselves."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port, self._query = parts.hostname or "", parts.port or 0, parts.query
        self.lose = self.refuse = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"mongodb://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/?{self._query}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream_reader, upstream = await asyncio.open_connection(self._host, self._port)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                request = await _message(reader)
                write = b"write_id" in request
                if write and self.refuse:
                    self.refuse -= 1
                    break
                upstream.write(request)
                answer = await _message(upstream_reader)
                if write and self.lose:
                    self.lose -= 1
                    break
                writer.write(answer)
        writer.close()
        upstream.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    size = await reader.readexactly(4)
    return size + await reader.readexactly(int.from_bytes(size, "little") - 4)


@pytest.fixture
async def proxy(devstack: Devstack) -> AsyncIterator[Proxy]:
    proxy = Proxy(devstack.addresses.store)
    yield proxy
    await proxy.stop()


@pytest.fixture
async def behind(proxy: Proxy, fresh_name: str, store: MongoStore) -> AsyncIterator[MongoStore]:
    """The same database as ``store``, through the proxy."""
    behind = MongoStore(await proxy.start(), fresh_name)
    yield behind
    await behind.close()


@pytest.mark.parametrize("fault", ["lose", "refuse"])
async def test_lost_acknowledgement_of_insert(behind: MongoStore, proxy: Proxy, fault: str) -> None:
    """An insert whose answer was lost says True, whether it had arrived or not; a second one says False."""
    collection = behind.collection("c")
    await behind.ping()
    setattr(proxy, fault, 2)
    assert await collection.insert({"_id": "a", "n": 1})
    setattr(proxy, fault, 1)
    assert not await collection.insert({"_id": "a", "n": 2})
    assert await collection.get("a") == {"_id": "a", "n": 1}


@pytest.mark.parametrize("fault", ["lose", "refuse"])
async def test_lost_acknowledgement_of_replace(behind: MongoStore, proxy: Proxy, fault: str) -> None:
    """A replacement whose answer was lost says True and is stored once; one that lost the race says False."""
    collection = behind.collection("c")
    await collection.replace({"_id": "a", "n": 1}, expected=0)
    setattr(proxy, fault, 2)
    assert await collection.replace({"_id": "a", "n": 2}, expected=1)
    assert await collection.get("a") == {"_id": "a", "n": 2, "rev": 2}
    setattr(proxy, fault, 1)
    assert not await collection.replace({"_id": "a", "n": 9}, expected=1)
    assert await collection.get("a") == {"_id": "a", "n": 2, "rev": 2}


@pytest.mark.parametrize("fault", ["lose", "refuse"])
async def test_lost_acknowledgement_of_many(behind: MongoStore, proxy: Proxy, fault: str) -> None:
    """Each document of a bulk whose answer was lost is told its own truth."""
    collection = behind.collection("c")
    await collection.replace_many([({"_id": "old"}, 0), ({"_id": "moved"}, 0)])
    await collection.replace({"_id": "moved"}, expected=1)
    setattr(proxy, fault, 1)
    wanted = [({"_id": "new"}, 0), ({"_id": "old"}, 1), ({"_id": "moved"}, 1), ({"_id": "moved"}, 0)]
    assert await collection.replace_many(wanted) == [True, True, False, False]
    assert {d["_id"]: d["rev"] for d in await collection.find({})} == {"new": 1, "old": 2, "moved": 2}


async def test_write_ids_stay_inside(store: MongoStore) -> None:
    """What tells our writes from others' is never shown to a reader."""
    await store.collection("c").replace({"_id": "a"}, expected=0)
    assert await store.collection("c").find({}) == [{"_id": "a", "rev": 1}]


async def test_store_away(store: MongoStore, devstack: Devstack, fresh_name: str) -> None:
    """A store that does not come back within the patience is said so; so does its ping."""
    away = MongoStore("mongodb://127.0.0.1:1/?directConnection=true", fresh_name, patience=0.1)
    with pytest.raises(StoreUnavailableError, match="the store failed"):
        await away.collection("c").replace({"_id": "a"}, expected=0)
    with pytest.raises(StoreUnavailableError, match=r"^the store does not answer: \S"):
        await away.ping()
    await away.close()


async def test_store_killed_in_the_middle(tmp_path: Path) -> None:
    """Writers count up while the store is killed three times. On a document of its own a writer is told exactly what
    was stored; on one that all share no count that was told to be stored is lost (a write that somebody replaced
    before it was read back says False: its writer reads and decides again)."""
    async with Devstack(tmp_path / "st", quick_stop=True) as stack, AsyncExitStack() as closing:
        store = MongoStore(stack.addresses.store, "counts")
        closing.push_async_callback(store.close)
        notes = Documents(store.collection("notes"), Note)
        stored = dict.fromkeys(("own-1", "own-2", "shared"), 0)
        over = asyncio.Event()

        async def count(name: str) -> None:
            while not over.is_set():
                note = await notes.get(name) or Note(id=name, text="0")
                stored[name] += await notes.save(note.model_copy(update={"text": str(int(note.text) + 1)}))

        writers = [asyncio.create_task(count(name)) for name in ("own-1", "own-2", "shared", "shared")]
        for kill in range(3):
            before = dict(stored)
            async with asyncio.timeout(30):
                while any(stored[name] < before[name] + 5 for name in stored):  # noqa: ASYNC110  # the writers decide
                    await asyncio.sleep(0.01)
            os.kill(stack.pids()["store"], signal.SIGKILL)
            async with asyncio.timeout(30):
                while stack.restarts["store"] <= kill:  # noqa: ASYNC110  # the stack's supervisor decides
                    await asyncio.sleep(0.02)
        over.set()
        await asyncio.gather(*writers)
        final = {name: int(note.text) for name, note in (await notes.get_many(list(stored))).items()}
        assert {name: final[name] for name in ("own-1", "own-2")} == {name: stored[name] for name in ("own-1", "own-2")}
        assert final["shared"] >= stored["shared"]
