"""Outcomes stand in ``intents`` before they leave a book's outbox: a whole flush at once, each book on its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from writer_world import TODAY, Replica, World, key

from seatledger.runtime.memory import MemoryCollection, MemoryStore
from seatledger.runtime.store import StoreUnavailableError
from seatledger.schemas.base import Json
from seatledger.schemas.book import INTENTS, LINES
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.intents import IntentReleased


@dataclass
class Counted(MemoryCollection):
    """A collection that tells its round trips to a common list, and can be away or beaten once."""

    name: str
    verbs: list[str]
    away: bool = False
    beaten: set[str] = field(default_factory=set)
    saved: list[list[str]] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def get(self, document_id: str) -> Json | None:
        self.verbs.append(f"get {self.name}")
        return await super().get(document_id)

    async def find(self, *args: Any, **kwargs: Any) -> list[Json]:
        if self.away:
            raise StoreUnavailableError("away")
        self.verbs.append(f"find {self.name}")
        self.limits.append(kwargs.get("limit", 0))
        return await super().find(*args, **kwargs)

    async def replace_many(self, documents: Sequence[tuple[Json, int]]) -> list[bool]:
        self.verbs.append(f"replace {self.name}")
        self.saved.append([document["_id"] for document, _ in documents])
        return [await self._replace(document, expected) for document, expected in documents]

    async def _replace(self, document: Json, expected: int) -> bool:
        if document["_id"] in self.beaten:
            self.beaten.remove(document["_id"])
            return False
        return await super().replace(document, expected=expected)


class CountedStore(MemoryStore):
    """A store whose books and intents tell their round trips."""

    def __init__(self) -> None:
        super().__init__()
        self.verbs: list[str] = []
        self.mine = {name: Counted(name, self.verbs) for name in (LINES, INTENTS)}

    def collection(self, name: str) -> MemoryCollection:
        return self.mine[name] if name in self.mine else super().collection(name)


@dataclass
class Scene:
    """Three lines, each with an intent just taken whose outcome is not yet told."""

    world: World
    store: CountedStore
    replica: Replica
    intents: list[IntentReleased]

    async def flush(self) -> dict[str, Exception]:
        books = await self.replica.books.find({"has_outbox": True})
        entries: dict[str, Sequence[Outgoing]] = {book.id: book.outbox for book in books}
        self.store.verbs.clear()
        return await self.replica.history.before_publish(entries)

    async def recorded(self) -> dict[str, str]:
        known = await self.replica.records.get_many([intent.id for intent in self.intents])
        return {record.id: record.outcome for record in known.values()}


@pytest.fixture
async def scene() -> Scene:
    store = CountedStore()
    world = World(store=store)
    lines = [world.psa.add_line(number, 10) for number in (1, 2, 3)]
    replica = await world.linked(*lines)
    intents = [await world.release(replica, line, TODAY, 2) for line in lines]
    return Scene(world, store, replica, intents)


async def test_a_flush_of_many_books_is_recorded_in_three_round_trips(scene: Scene) -> None:
    """Rows, books and saving are one call each, however many books; a second time only the rows are looked at."""
    assert await scene.flush() == {}
    assert scene.store.verbs == ["find intents", "find lines", "replace intents"]
    assert list((await scene.recorded()).values()) == ["taken"] * 3
    assert (await scene.flush(), scene.store.verbs) == ({}, ["find intents"])


async def test_a_row_that_somebody_changed_meanwhile_is_recorded_again_alone(scene: Scene) -> None:
    """A lost compare-and-set costs a second round for its own row and no other."""
    lost = scene.intents[1].id
    scene.store.mine[INTENTS].beaten.add(lost)
    scene.store.mine[INTENTS].saved.clear()
    assert await scene.flush() == {}
    first, second = scene.store.mine[INTENTS].saved
    assert (sorted(first), second) == (sorted(intent.id for intent in scene.intents), [lost])
    assert set(await scene.recorded()) == {intent.id for intent in scene.intents}


async def test_a_row_that_cannot_be_read_holds_its_own_book_alone(scene: Scene) -> None:
    """Its outcomes stay in the outbox, with the reason; those of the others are recorded."""
    await scene.store.collection(INTENTS).insert({"_id": scene.intents[1].id, "rev": 1, "outbox": []})
    kept = await scene.flush()
    assert list(kept) == [key(scene.intents[1].at.line)]
    assert "IntentRecord" in str(kept[key(scene.intents[1].at.line)])
    raw = await scene.store.collection(INTENTS).find({"outcome": "taken"})
    assert {document["_id"] for document in raw} == {scene.intents[0].id, scene.intents[2].id}


async def test_a_store_that_is_away_holds_all(scene: Scene) -> None:
    """It is asked once, not once for each book, and nothing leaves an outbox."""
    scene.store.mine[INTENTS].away = True
    with pytest.raises(StoreUnavailableError):
        await scene.flush()
    assert scene.store.verbs == []


async def test_all_is_said_again_page_by_page(scene: Scene) -> None:
    """``intents`` grows for ever: each newest outcome is said again once, and no read asks for the whole collection."""
    await scene.flush()
    limits = scene.store.mine[INTENTS].limits
    limits.clear()
    again = [entry.event.subject async for entry in scene.replica.history.say_again()]
    assert sorted(again) == sorted(scene.store.mine[INTENTS].documents)
    assert {intent.id for intent in scene.intents} < set(again)
    assert limits
    assert 0 not in limits
