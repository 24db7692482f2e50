"""From raw records to a handler: what is handled, retried, buried."""

import base64
import hashlib
import logging
from collections.abc import Iterable, Sequence

import pytest
import structlog

from libs.runtime.tests.samples import CALENDAR, LOG, UNREADABLE, Told, numbers, record, value
from seatledger.runtime.bus import BusUnavailableError, EventTooLargeError, MemorySink, Received, Subscription
from seatledger.runtime.dead_letters import DeadLetterSink
from seatledger.runtime.delivery import ATTEMPTS, LARGEST, MOST_SECONDS, Delivery
from seatledger.runtime.kafka import BATCH
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import ConflictError, StoreUnavailableError
from seatledger.runtime.testing import FakeRecord, JumpingMachine
from seatledger.schemas.commands import CommandAnswered, CommandIssued
from seatledger.schemas.dead import DeadLetter
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import EventData
from seatledger.schemas.topics import COMMANDS, DEAD

SILENT = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
"""For hundreds of failures: each is a traceback in the log."""


class World:
    """A delivery with a handler that remembers, and fails as told."""

    def __init__(self, accepts: tuple[type[EventData], ...] = (CommandIssued,)) -> None:
        self.sink, self.told, self.machine = MemorySink(), Told(), JumpingMachine()
        self.calls: list[list[str]] = []
        self.failures: list[Exception | None] = []
        self.poison: set[str] = set()
        dead_letters = DeadLetterSink("psa-writer", "psa-writer.commands.v1", 3, self.sink, self.told, CALENDAR)
        subscription = Subscription(COMMANDS, self.handle, accepts=accepts)
        self.delivery = Delivery(subscription, dead_letters.send, self.machine, Metrics(), LOG)

    async def handle(self, batch: Sequence[Received]) -> None:
        self.calls.append(numbers(batch))
        failure = self.failures.pop(0) if self.failures else None
        if failure:
            raise failure
        if self.poison & set(numbers(batch)):
            raise ValueError("poison")

    @property
    def letters(self) -> list[DeadLetter]:
        return [DeadLetter.model_validate(item.event.data) for item in self.sink.published]


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_unreadable_record_is_buried_alone(kind: str) -> None:
    """What cannot be read goes to dead.v1 byte for byte, with a finding; its neighbours are handled."""
    world = World()
    raw, headers, why = UNREADABLE[kind]
    bad = FakeRecord(raw, offset=2, key=b"\xfe", headers=headers)
    await world.delivery.take([record(1), bad, record(3)])
    assert world.calls == [["c1", "c3"]]
    (letter,) = world.letters
    assert why in letter.why
    assert letter.bytes_base64 == (None if raw is None else base64.b64encode(raw).decode())
    assert letter.key_base64 == base64.b64encode(b"\xfe").decode()
    assert [(h.key, base64.b64decode(h.value_base64 or "")) for h in letter.headers] == [(k, v) for k, v in headers]
    assert (letter.place.topic, letter.place.partition, letter.place.offset) == ("topic.v1", 0, 2)
    (finding,) = world.told.drafts
    assert (finding.code.value, finding.subject.detail) == ("dead_letter", "topic.v1/0/2")


async def test_burying_again_is_the_same_event() -> None:
    """A batch that comes back buries the same records under the same ids, and keyed by their partition."""
    world = World()
    for _ in range(2):
        await world.delivery.take([FakeRecord(b"x", offset=5, partition=4)])
    first, second = world.sink.published
    assert first == second
    assert (first.topic, first.key) == (DEAD.name, "topic.v1/4")


async def test_huge_record_is_buried_without_bytes() -> None:
    """A record too large for a copy is told of by its hash, so that it cannot stop the partition for ever."""
    world = World()
    await world.delivery.take([FakeRecord(b" " * (11 * LARGEST))])
    assert world.letters[0].bytes_base64 is None
    assert "SHA-256" in world.letters[0].why


async def test_letter_that_the_broker_refuses_goes_without_bytes() -> None:
    """dead.v1 made for smaller records than ours stops no partition either; its neighbours keep their bytes."""
    world = World()
    publish = world.sink.publish

    async def narrow(outgoing: Iterable[Outgoing]) -> None:
        events = list(outgoing)
        if any(len(item.event.to_bytes()) > 10_000 for item in events):
            raise EventTooLargeError("nothing so large")
        await publish(events)

    world.sink.publish = narrow  # type: ignore[method-assign]  # a topic with a lower limit
    large = FakeRecord(b"y" * 20_000, offset=2, headers=(("a", b"z" * 20_000),))
    await world.delivery.take([FakeRecord(b"x", offset=1), large, record(3)])
    small, bare = world.letters
    assert (small.place.offset, small.bytes_base64) == (1, base64.b64encode(b"x").decode())
    assert (bare.place.offset, bare.bytes_base64, bare.key_base64, bare.headers) == (2, None, None, ())
    assert f"SHA-256 {hashlib.sha256(b'y' * 20_000).hexdigest()}" in bare.why
    assert len(world.told.drafts) == 2
    assert world.calls == [["c3"]]


async def test_headers_of_text_are_fine() -> None:
    """Headers that are text, or absent values, bury nothing."""
    world = World()
    await world.delivery.take([record(1, headers=(("a", "é".encode()), ("b", None)))])
    assert (world.calls, world.letters) == ([["c1"]], [])


async def test_other_types_are_passed_over() -> None:
    """A readable event of a type that is not accepted is neither handled nor buried."""
    world = World(accepts=(CommandAnswered,))
    await world.delivery.take([record(1)])
    assert (world.calls, world.letters) == ([], [])


async def test_handler_that_recovers() -> None:
    """A handler that fails and then works gets the whole batch again, and nothing is buried."""
    world = World()
    world.failures = [ValueError("first"), ValueError("second")]
    await world.delivery.take([record(1), record(2)])
    assert world.calls == [["c1", "c2"]] * 3
    assert world.letters == []
    assert world.delivery.trouble is None


async def test_one_poisonous_record() -> None:
    """A record on which the handler always fails costs only itself, after as many attempts alone as in the batch."""
    world = World()
    world.poison = {"c2"}
    await world.delivery.take([record(1), record(2), record(3)])
    assert world.calls == [["c1", "c2", "c3"]] * ATTEMPTS + [["c1"]] + [["c2"]] * ATTEMPTS + [["c3"]]
    assert [letter.place.offset for letter in world.letters] == [2]
    assert world.letters[0].why == "the handler failed: ValueError: poison"
    assert base64.b64decode(world.letters[0].bytes_base64 or "") == value(2)


async def test_whole_batch_of_poison() -> None:
    """A full batch of which the handler takes nothing is buried long before the group takes us for dead: else it would
    come back and be buried again, without end. The first records are tried as often as ever."""
    world = World()
    world.delivery.log = SILENT
    world.poison = {f"c{n}" for n in range(BATCH)}
    started = world.machine.seconds()
    await world.delivery.take([record(n) for n in range(BATCH)])
    assert world.machine.seconds() - started < MOST_SECONDS / 5
    assert [letter.place.offset for letter in world.letters] == list(range(BATCH))
    assert world.calls[ATTEMPTS : 2 * ATTEMPTS] == [["c0"]] * ATTEMPTS
    assert world.calls.count([f"c{BATCH - 1}"]) == 1


async def test_trouble_that_passes_buries_few() -> None:
    """Records that come to be tried alone once the handler works again are handled, not buried."""
    world = World()
    world.delivery.log = SILENT
    world.failures = [ValueError("for some seconds")] * (ATTEMPTS * 4)
    await world.delivery.take([record(n) for n in range(BATCH)])
    assert [letter.place.offset for letter in world.letters] == [0, 1, 2]


async def test_lone_poisonous_record() -> None:
    """A batch of one is not tried twice as often."""
    world = World()
    world.poison = {"c1"}
    await world.delivery.take([record(1)])
    assert len(world.calls) == ATTEMPTS
    assert len(world.letters) == 1


@pytest.mark.parametrize("error", [StoreUnavailableError("gone"), BusUnavailableError("gone"), ConflictError("busy")])
async def test_no_store_buries_nothing(error: Exception) -> None:
    """However often broker or store fail, no record is blamed; meanwhile the trouble shows, and pauses are capped."""
    world = World()
    world.failures = [error] * 12
    seen: list[str | None] = []
    handle = world.handle

    async def watch(batch: Sequence[Received]) -> None:
        seen.append(world.delivery.trouble)
        await handle(batch)

    object.__setattr__(world.delivery.subscription, "handle", watch)
    await world.delivery.take([record(1)])
    assert len(world.calls) == 13
    assert world.letters == []
    assert seen[1:] == [f"{type(error).__name__}: {error}"] * 12
    assert world.delivery.trouble is None
    assert max(world.machine.slept) == 5


async def test_store_away_for_long_gives_the_batch_back() -> None:
    """After a minute the batch goes back to the client uncommitted, so that the group does not drop us; still red."""
    world = World()
    world.failures = [StoreUnavailableError("gone")] * 1000
    with pytest.raises(StoreUnavailableError):
        await world.delivery.take([record(1)])
    assert sum(world.machine.slept) >= 60
    assert world.delivery.trouble == "StoreUnavailableError: gone"


async def test_grave_that_is_shut() -> None:
    """Where dead.v1 takes nothing the batch is not over: no record is skipped."""
    world = World()
    refusals = iter([True, True, False])

    async def refuse(outgoing: Iterable[Outgoing]) -> None:
        if next(refusals):
            raise BusUnavailableError("no")
        await MemorySink.publish(world.sink, outgoing)

    world.sink.publish = refuse  # type: ignore[method-assign]  # a sink that is away twice
    await world.delivery.take([FakeRecord(b"x"), record(1)])
    assert len(world.letters) == 1
    assert world.calls == [["c1"]]


async def test_counts_per_batch() -> None:
    """Metrics count batches, events and dead letters."""
    world = World()
    await world.delivery.take([record(1), record(2), FakeRecord(b"x")])
    text = world.delivery.metrics.text().decode()
    for line in ("batches_total", "dead_letters_total"):
        assert f'seatledger_{line}{{topic="commands.v1"}} 1.0' in text
    assert 'seatledger_events_total{topic="commands.v1"} 2.0' in text
