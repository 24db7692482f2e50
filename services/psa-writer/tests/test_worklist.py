"""The executor looks at the books twice a second: what a look costs follows what is to do, not how many lines stand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from writer_world import MAIN, TODAY, WAIT, World, key

from seatledger.psa_writer.handlers.worklist import worklist
from seatledger.runtime.memory import MemoryCollection, MemoryStore
from seatledger.runtime.store import Where
from seatledger.schemas.base import Json
from seatledger.schemas.book import LINES


@dataclass
class Asked(MemoryCollection):
    """A collection that remembers what it was asked, and which documents it gave out whole."""

    filters: list[Where] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def find(
        self,
        where: Where,
        *,
        fields: Sequence[str] | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> list[Json]:
        found = await super().find(where, fields=fields, sort=sort, limit=limit)
        self.filters.append(where)
        self.whole += [document["_id"] for document in found if fields is None]
        return found


class Watched(MemoryStore):
    """A store whose line book remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = Asked()

    def collection(self, name: str) -> MemoryCollection:
        return self.lines if name == LINES else super().collection(name)


@pytest.fixture
def store() -> Watched:
    return Watched()


@pytest.fixture
def world(store: Watched) -> World:
    return World(store=store)


async def test_a_look_reads_no_book_that_is_not_due(world: World, store: Watched) -> None:
    """Idle, drifted and not seen lines, and one whose outcome is unknown, stand: passes between two readings of theirs
    read no book whole; when its time has come, the unknown one is read alone."""
    idle, drifted, unseen, unknown = (world.psa.add_line(number, 10) for number in range(1, 5))
    replica = await world.linked(idle, drifted, unseen, unknown)
    world.psa.edit(drifted, date(2026, 3, 1), 7)
    await world.release(replica, drifted, TODAY, 2)
    world.psa.script.append("time_out_without_effect")
    await world.release(replica, unseen, TODAY, 2)
    await replica.passes(WAIT + 180)
    world.psa.script.append("time_out_without_effect")
    await world.release(replica, unknown, TODAY, 2)
    await replica.passes(120)
    assert world.findings.codes == ["drift", "not_seen"]
    store.lines.whole.clear()
    for _ in range(5):
        await replica.parts.executor.run()
    assert store.lines.whole == []
    world.hand.at += replica.parts.executor.settings.slowest_read
    await replica.parts.executor.run()
    assert set(store.lines.whole) == {key(unknown)}


async def test_the_books_are_read_for_their_findings_where_one_has_moved(world: World, store: Watched) -> None:
    """A book that needs a person is read again for its finding as soon as its revision is another one."""
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.edit(line, date(2026, 3, 1), 7)
    await world.release(replica, line, TODAY, 2)
    await replica.passes(30)
    store.lines.whole.clear()
    book = await world.book(line)
    await replica.books.save(book.model_copy(update={"drift": None}))
    await replica.parts.executor.run()
    assert world.findings.codes == []
    await replica.books.save((await world.book(line)).model_copy(update={"drift": book.drift}))
    await replica.parts.executor.run()
    assert (store.lines.whole, world.findings.codes) == ([key(line)], ["drift"])


async def test_a_look_asks_only_what_an_index_answers(world: World, store: Watched) -> None:
    """Null stands in both indexes for each idle line, so a filter must name what it wants there; ``$exists`` would have
    every book examined."""
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    await world.release(replica, line, TODAY, 2)
    store.lines.filters.clear()
    await worklist(replica.books, MAIN)
    await world.mirrored(replica)
    looks = [where for where in store.lines.filters if {"open.state", "drift.since"} & set(where)]
    assert len(looks) == 4
    assert not any("$exists" in _wanted(where) for where in looks)


def _wanted(where: Where) -> dict[str, Any]:
    return next(where[name] for name in ("open.state", "drift.since") if name in where)
