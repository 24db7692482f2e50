"""What stands in outboxes is published, in order, and taken out; whoever saved it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import pytest

from libs.runtime.tests.samples import LOG, Note, outgoing, until
from seatledger.runtime.bus import BusUnavailableError, EventTooLargeError, MemorySink
from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.outbox import Outboxes
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Json
from seatledger.schemas.documents import Outgoing


class Sink(MemorySink):
    """A sink that is away so many times."""

    away = 0

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        if self.away:
            self.away -= 1
            raise BusUnavailableError("away")
        await super().publish(outgoing)

    @property
    def said(self) -> list[str]:
        return [item.event.subject for item in self.published]


class Narrow(Sink):
    """A broker that takes what is small: of one publishing all up to the first that is not."""

    limit = 10_000

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        events = list(outgoing)
        self.calls.append(len(events))
        too_large = [n for n, item in enumerate(events) if len(item.event.to_bytes()) > self.limit]
        await super().publish(events[: too_large[0]] if too_large else events)
        if too_large:
            raise EventTooLargeError("the broker takes nothing so large")


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def outboxes(memory: MemoryStore, sink: Sink) -> AsyncIterator[Outboxes]:
    outboxes = Outboxes(memory, sink, SystemMachine(), Metrics(), LOG)
    yield outboxes
    await outboxes.stop()


@pytest.fixture
async def narrow(memory: MemoryStore) -> AsyncIterator[tuple[Outboxes, Narrow]]:
    sink = Narrow()
    outboxes = Outboxes(memory, sink, SystemMachine(), Metrics(), LOG)
    yield outboxes, sink
    await outboxes.stop()


async def empty(documents: Documents[Note]) -> bool:
    return not await documents.collection.count({"has_outbox": True})


async def test_saved_is_published(outboxes: Outboxes, sink: Sink) -> None:
    """A save wakes the flusher: in order per document, then the outbox is empty and the revision the same."""
    notes = outboxes.documents("notes", Note)
    outboxes.start()
    await asyncio.sleep(0)
    await notes.save(Note(id="a", outbox=(outgoing(1), outgoing(2), outgoing(3))))
    await until(lambda: empty(notes), 1)
    assert sink.said == ["c1", "c2", "c3"]
    stored = await notes.get("a")
    assert stored is not None
    assert (stored.outbox, stored.has_outbox, stored.rev) == ((), False, 1)


async def test_many_documents_in_one_publish(outboxes: Outboxes, sink: Sink) -> None:
    """Documents saved together are published together."""
    notes = outboxes.documents("notes", Note)
    calls: list[int] = []
    publish = sink.publish

    async def count(outgoing: Iterable[Outgoing]) -> None:
        events = list(outgoing)
        calls.append(len(events))
        await publish(events)

    sink.publish = count  # type: ignore[method-assign]  # counts the calls
    await notes.save_many([Note(id=str(n), outbox=(outgoing(n),)) for n in range(100)])
    outboxes.start()
    await until(lambda: empty(notes))
    assert calls == [100]


async def test_what_this_process_saved_is_not_read_again(
    outboxes: Outboxes, memory: MemoryStore, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is published as it was saved; what another process left is read."""
    notes, asked = outboxes.documents("notes", Note), list[Any]()
    find = notes.collection.find

    async def spied(where: Any, **how: Any) -> list[Json]:
        asked.append(where)
        return await find(where, **how)

    monkeypatch.setattr(type(notes.collection), "find", lambda _self, where, **how: spied(where, **how))
    await notes.save_many([Note(id=name, outbox=(outgoing(number),)) for number, name in enumerate("ab")])
    await Documents(memory.collection("notes"), Note).save(Note(id="left", outbox=(outgoing(7),)))
    outboxes.start()
    await until(lambda: empty(notes), 5)
    assert sorted(sink.said) == ["c0", "c1", "c7"]
    assert {one for where in asked for one in where.get("_id", {}).get("$in", ())} <= {"left"}


async def test_left_by_a_dead_process(outboxes: Outboxes, memory: MemoryStore, sink: Sink) -> None:
    """What another process saved and never published is found by the first sweep."""
    await Documents(memory.collection("notes"), Note).save(Note(id="a", outbox=(outgoing(1),)))
    notes = outboxes.documents("notes", Note)
    outboxes.start()
    await until(lambda: empty(notes), 1)
    assert sink.said == ["c1"]


async def test_left_while_we_run(outboxes: Outboxes, memory: MemoryStore, sink: Sink) -> None:
    """What a neighbour leaves behind later is found by the sweeps, once it stood still for one."""
    notes = outboxes.documents("notes", Note)
    outboxes.start()
    await asyncio.sleep(0)
    await Documents(memory.collection("notes"), Note).save(Note(id="a", outbox=(outgoing(1),)))
    await until(lambda: empty(notes), 8)
    assert sink.said == ["c1"]


async def test_broker_away(outboxes: Outboxes, sink: Sink) -> None:
    """While the broker is away nothing leaves the outbox, and the trouble shows; then all goes out."""
    sink.away = 2
    notes = outboxes.documents("notes", Note)
    await notes.save(Note(id="a", outbox=(outgoing(1),)))
    outboxes.start()
    await until(lambda: sink.away == 1)
    assert not await empty(notes)
    assert "BusUnavailableError" in (await outboxes.check() or "")
    await until(lambda: empty(notes))
    await until(lambda: outboxes._relays["notes"].trouble is None)
    assert sink.said == ["c1"]


async def test_hook_comes_first(outboxes: Outboxes, sink: Sink) -> None:
    """The hook sees all entries at once, before they are published; those it does not let go stay, and others go."""
    hooked: list[tuple[dict[str, int], int]] = []

    async def hook(entries: Mapping[str, Sequence[Outgoing]]) -> Mapping[str, Exception]:
        hooked.append(({key: len(items) for key, items in entries.items()}, len(sink.published)))
        return {"b": RuntimeError("not yet")} if len(hooked) == 1 else {}

    notes = outboxes.documents("notes", Note, before_publish=hook)
    await notes.save_many([Note(id="a", outbox=(outgoing(1), outgoing(2))), Note(id="b", outbox=(outgoing(3),))])
    outboxes.start()
    await until(lambda: empty(notes))
    assert hooked == [({"a": 2, "b": 1}, 0), ({"b": 1}, 2)]
    assert sink.said == ["c1", "c2", "c3"]


async def test_hook_that_fails_keeps_all(outboxes: Outboxes, sink: Sink) -> None:
    """Nothing is published that the hook has not seen through; the trouble shows, and the next attempt goes on."""
    troubles: list[str | None] = []

    async def hook(entries: Mapping[str, Sequence[Outgoing]]) -> Mapping[str, Exception]:
        troubles.append(await outboxes.check())
        assert not sink.published
        if len(troubles) == 1:
            raise RuntimeError("not yet")
        return {}

    notes = outboxes.documents("notes", Note, before_publish=hook)
    await notes.save_many([Note(id="a", outbox=(outgoing(1),)), Note(id="b", outbox=(outgoing(2),))])
    outboxes.start()
    await until(lambda: empty(notes))
    assert troubles == [None, "outbox of notes: RuntimeError: not yet"]
    assert sink.said == ["c1", "c2"]


async def test_saved_again_meanwhile(outboxes: Outboxes, sink: Sink) -> None:
    """An entry saved while others are being published is published too, and the mark stays until it is."""
    notes = outboxes.documents("notes", Note)
    publish, second = sink.publish, outgoing(2)

    async def interfere(outgoing: Iterable[Outgoing]) -> None:
        await publish(outgoing)
        if len(sink.published) == 1:
            await notes.change("a", lambda note: note and note.model_copy(update={"outbox": (*note.outbox, second)}))

    sink.publish = interfere  # type: ignore[method-assign]  # somebody saves in between
    await notes.save(Note(id="a", outbox=(outgoing(1),)))
    outboxes.start()
    await until(lambda: empty(notes))
    assert set(sink.said) == {"c1", "c2"}


async def test_carried_along_is_not_said_again(outboxes: Outboxes, sink: Sink) -> None:
    """What a save carries along while it is on its way is said once; what the save adds is said, and both leave."""
    notes = outboxes.documents("notes", Note)
    publish, more = sink.publish, [outgoing(4), outgoing(3), outgoing(2)]

    async def save_meanwhile(outgoing: Iterable[Outgoing]) -> None:
        if more:
            added = more.pop()
            await notes.change("a", lambda note: note and note.model_copy(update={"outbox": (*note.outbox, added)}))
        await publish(outgoing)

    sink.publish = save_meanwhile  # type: ignore[method-assign]  # somebody saves in between
    await notes.save(Note(id="a", outbox=(outgoing(1),)))
    outboxes.start()
    await until(lambda: empty(notes))
    assert sink.said == ["c1", "c2", "c3", "c4"]


async def test_said_again_after_it_was_said(outboxes: Outboxes, memory: MemoryStore, sink: Sink) -> None:
    """An entry put in again once it was said, be it while it is being cleared, is said again."""
    notes = outboxes.documents("notes", Note)
    clear, again = notes.collection.clear_outboxes, iter([True])

    async def put_in_again(published: Sequence[tuple[str, Sequence[str]]]) -> None:
        put = next(again, False)
        if put:
            await notes.change("a", lambda note: note and note.model_copy(update={"text": "again"}))
        await clear(published)

    notes.collection.clear_outboxes = put_in_again  # type: ignore[method-assign]  # a save that comes with the clearing
    await notes.save(Note(id="a", outbox=(outgoing(1),)))
    outboxes.start()
    await until(lambda: len(sink.said) == 2)
    await until(lambda: empty(notes))
    assert sink.said == ["c1", "c1"]


async def test_stop_publishes_the_rest(memory: MemoryStore, sink: Sink) -> None:
    """A graceful stop publishes what was just saved."""
    outboxes = Outboxes(memory, sink, SystemMachine(), Metrics(), LOG)
    notes = outboxes.documents("notes", Note)
    await notes.save(Note(id="a", outbox=(outgoing(1),)))
    await outboxes.stop()
    assert sink.said == ["c1"]
    assert await empty(notes)


async def test_mark_without_entries(outboxes: Outboxes, memory: MemoryStore) -> None:
    """A mark that a crash left on an empty outbox is taken away."""
    await memory.collection("notes").insert({"_id": "a", "rev": 1, "outbox": [], "has_outbox": True})
    notes = outboxes.documents("notes", Note)
    outboxes.start()
    await until(lambda: empty(notes), 1)


def large(number: int) -> Outgoing:
    return outgoing(number, reason="x" * 20_000)


async def test_one_event_that_the_broker_refuses(narrow: tuple[Outboxes, Narrow]) -> None:
    """It stays in its outbox, readiness says why, and all other documents go out; those saved later go at once."""
    outboxes, sink = narrow
    notes = outboxes.documents("notes", Note)
    await notes.save(Note(id="poison", outbox=(large(0),)))
    await notes.save_many([Note(id=f"n{n:04}", outbox=(outgoing(n),)) for n in range(1, 401)])
    outboxes.start()

    async def one_left() -> bool:
        return await notes.collection.count({"has_outbox": True}) == 1

    await until(one_left)
    assert sorted(sink.said) == sorted(f"c{n}" for n in range(1, 401))
    assert await outboxes.check() == "outbox of notes: poison: EventTooLargeError: the broker takes nothing so large"
    for n in range(500, 505):
        await notes.save(Note(id=f"n{n:04}", outbox=(outgoing(n),)))
        await until(one_left)
    assert sink.said[400:] == [f"c{n}" for n in range(500, 505)]


async def test_it_is_tried_again_at_growing_intervals(narrow: tuple[Outboxes, Narrow]) -> None:
    """Each save of its document is no reason to try it; once the broker takes it all is said, in its order."""
    outboxes, sink = narrow
    notes = outboxes.documents("notes", Note)
    await notes.save(Note(id="a", outbox=(outgoing(1), large(2), outgoing(3))))
    outboxes.start()
    relay = outboxes._relays["notes"]
    await until(lambda: bool(relay._held) and relay._held["a"].failures == 4)
    stored = await notes.get("a")
    assert stored is not None
    assert [entry.event.subject for entry in stored.outbox] == ["c2", "c3"]
    assert set(sink.said) == {"c1"}
    before = len(sink.calls)
    for text in "bcdef":
        await notes.change("a", lambda note, text=text: note and note.model_copy(update={"text": text}))  # type: ignore[misc]  # the loop's own value is bound
        await asyncio.sleep(0)
    assert len(sink.calls) == before
    sink.limit, sink.published = 10**6, []
    await until(lambda: empty(notes))
    assert sink.said == ["c2", "c3"]
    assert await outboxes.check() is None


async def test_one_event_under_two_keys_of_which_one_is_refused(narrow: tuple[Outboxes, Narrow]) -> None:
    """What is said under the first key stays in the outbox too, since the entries have one id between them."""
    outboxes, _ = narrow
    notes = outboxes.documents("notes", Note)
    small = outgoing(1)
    refused = Outgoing(topic=small.topic, key="other", event=large(1).event)
    assert refused.event.id == small.event.id
    await notes.save(Note(id="a", outbox=(small, refused)))
    outboxes.start()
    await until(lambda: bool(outboxes._relays["notes"]._held))
    stored = await notes.get("a")
    assert stored is not None
    assert stored.outbox == (small, refused)


async def test_nothing_is_tried_one_by_one_while_the_broker_is_away(narrow: tuple[Outboxes, Narrow]) -> None:
    """The documents are offered together each time, and all of them stay."""
    outboxes, sink = narrow
    sink.away = 3
    notes = outboxes.documents("notes", Note)
    await notes.save_many([Note(id=f"n{n}", outbox=(outgoing(n),)) for n in range(50)])
    outboxes.start()
    await until(lambda: empty(notes))
    assert sink.calls == [50] * 4
    assert len(sink.said) == 50


async def test_the_broker_goes_away_while_documents_are_tried_one_by_one(narrow: tuple[Outboxes, Narrow]) -> None:
    """What was said until then is cleared, the rest waits for the broker."""
    outboxes, sink = narrow
    notes = outboxes.documents("notes", Note)
    publish = sink.publish

    async def goes_away(outgoing: Iterable[Outgoing]) -> None:
        if len(sink.calls) == 3:
            sink.away = 1
        await publish(outgoing)

    sink.publish = goes_away  # type: ignore[method-assign]  # away at the fourth call
    await notes.save(Note(id="poison", outbox=(large(0),)))
    await notes.save_many([Note(id=f"n{n}", outbox=(outgoing(n),)) for n in range(5)])
    outboxes.start()

    async def one_left() -> bool:
        return await notes.collection.count({"has_outbox": True}) == 1

    await until(one_left)
    assert set(sink.said) == {f"c{n}" for n in range(5)}
    assert "BusUnavailableError" not in (await outboxes.check() or "")
