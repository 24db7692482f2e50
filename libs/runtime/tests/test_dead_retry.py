"""A dead record is said again once, byte for byte, by the service that could not read it."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from libs.runtime.tests.samples import CALENDAR, UNREADABLE, issued, make_roomy_commands, record, value
from seatledger.devstack import Devstack
from seatledger.runtime.bus import MemorySink
from seatledger.runtime.config_file import load_config
from seatledger.runtime.dead_ignore import IgnoreDeadLetters
from seatledger.runtime.dead_letters import DeadLetterSink
from seatledger.runtime.dead_retry import Raw, RetryDeadLetters, raw_of
from seatledger.runtime.delivery import Unreadable
from seatledger.runtime.findings_store import FindingDocument, StoredFindings
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.kafka_letters import KafkaLetters
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.runfile import Endpoints
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Documents
from seatledger.runtime.testing import FakeRecord
from seatledger.runtime.topics import apply_topics
from seatledger.schemas.commands import IgnoreDead, RetryDead
from seatledger.schemas.dead import DeadLetter, RecordPlace
from seatledger.schemas.envelope import Event
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.ids import LineId
from seatledger.schemas.registry import decode
from seatledger.schemas.topics import COMMANDS, DEAD

LETTER = RecordPlace(topic=DEAD.name, partition=0, offset=5)
BAD = FakeRecord(
    value=b"\xff\x00 no text", topic="commands.v1", partition=3, offset=7, headers=[("h", b"\xfe"), ("n", None)]
)


@dataclass
class World:
    """A writer that met one bad record. Its bus is told; what is said again is kept."""

    reader: str = "psa-writer.commands.v1"
    bad: FakeRecord = BAD
    store: MemoryStore = field(default_factory=MemoryStore)
    sink: MemorySink = field(default_factory=MemorySink)
    again: list[Raw] = field(default_factory=list)
    die: bool = False

    def __post_init__(self) -> None:
        self.stored = self.store.collection("findings_psa-writer")
        self.findings = StoredFindings("psa-writer", Documents(self.stored, FindingDocument), CALENDAR)
        self.retry = RetryDeadLetters(
            "psa-writer", self, self, self.findings, self.stored, frozenset({"commands.v1", "dead.v1"})
        )

    async def send_dead(self) -> "World":
        dead_letters = DeadLetterSink("psa-writer", self.reader, 1, self.sink, self.findings, CALENDAR)
        await dead_letters.send([Unreadable(self.bad, "not UTF-8")])
        return self

    async def at(self, place: RecordPlace) -> tuple[Event, DeadLetter] | None:
        if place != LETTER:
            return None
        event = self.sink.published[0].event
        return event, DeadLetter.model_validate(event.data)

    async def republish(self, raw: Raw) -> None:
        self.again.append(raw)
        if self.die:
            self.die = False
            raise asyncio.CancelledError

    async def ask(self, place: RecordPlace = LETTER, *, publish: bool = True, letter: str | None = None) -> Answer:
        named = letter or self.sink.published[0].event.id
        return await self.retry(issued(1, body=RetryDead(letter=named, place=place, publish=publish)))

    def open(self) -> list[Any]:
        return [found for found in self.stored.documents.values() if found["closed_at"] is None]


async def test_it_is_said_again_as_it_lay_there_and_its_finding_closes() -> None:
    """Value, key, headers, topic and partition are those of the record; the finding that asked for it is over."""
    world = await World().send_dead()
    (finding,) = world.open()
    assert f"seatledger dead retry {world.sink.published[0].event.id}" in finding["do"]
    answer = await world.ask()
    assert (answer.ok, answer.result) == (True, {"again": True})
    assert world.again == [Raw("commands.v1", 3, 7, b"key", BAD.value, (("h", b"\xfe"), ("n", None)))]
    assert world.open() == []


async def test_a_second_retry_says_nothing_again() -> None:
    """Whether it was retried is told by its finding: another person, another command, the same answer."""
    world = await World().send_dead()
    await world.ask()
    answer = await world.ask()
    assert (answer.ok, answer.result) == (True, {"again": False})
    assert len(world.again) == 1


async def test_a_crash_between_publishing_and_closing_is_run_again() -> None:
    """The record may then stand there twice, which no reader minds; the finding closes in the end."""
    world = await World(die=True).send_dead()
    with pytest.raises(asyncio.CancelledError):
        await world.ask()
    assert len(world.open()) == 1
    assert (await world.ask()).ok
    assert (len(world.again), world.open()) == (2, [])


async def test_of_several_readers_one_publishes() -> None:
    """A record that four services met is said again once; the others close their findings alone."""
    world = await World().send_dead()
    assert (await world.ask(publish=False)).ok
    assert (world.again, world.open()) == ([], [])


@pytest.mark.parametrize(("bad", "told"), [(BAD, "it still cannot be read"), (record(1, topic="commands.v1"), "")])
async def test_what_still_cannot_be_read_is_told_beforehand(bad: FakeRecord, told: str) -> None:
    """It is said again all the same: the person decides, and it comes back with a finding of its own."""
    world = await World(bad=bad).send_dead()
    answer = await world.ask()
    assert len(world.again) == 1
    assert answer.message.startswith(told)
    assert bool(answer.message) is bool(told)


@pytest.mark.parametrize(
    ("world", "place", "letter", "told"),
    [
        (World(), LETTER.model_copy(update={"offset": 6}), None, "no longer on dead.v1"),
        (World(), LETTER, "another", "no longer on dead.v1"),
        (World(reader="mapper.commands.v1"), LETTER, None, "not psa-writer"),
        (World(bad=FakeRecord(value=b"x", topic="others.v1")), LETTER, None, "no topic of this installation"),
        (World(bad=FakeRecord(value=None, topic="commands.v1")), LETTER, None, "no bytes to say again"),
    ],
    ids=["gone", "another letter", "another service", "another topic", "no bytes"],
)
async def test_what_cannot_be_said_again_is_a_no(
    world: World, place: RecordPlace, letter: str | None, told: str
) -> None:
    """The finding stays open, nothing is published, and the reason is told."""
    await world.send_dead()
    answer = await world.ask(place, letter=letter)
    assert not answer.ok
    assert told in answer.message
    assert world.again == []
    assert len(world.open()) == 1


async def test_what_is_no_event_of_ours_is_ignored() -> None:
    """The finding closes and names the way beforehand; nothing is said again, and a second time changes nothing."""
    world = await World().send_dead()
    (found,) = world.open()
    assert f"seatledger dead ignore {found['_id']} --reason" in found["do"]
    ignore = IgnoreDeadLetters(world.findings, world.stored)
    command = issued(1, body=IgnoreDead(finding=found["_id"], reason="a test"))
    for _ in range(2):
        assert (await ignore(command)).ok
        assert (world.open(), world.again) == ([], [])


async def test_another_finding_cannot_be_ignored_so() -> None:
    """A drift, say, is not made away with by the words for a dead letter; nor is what is not there."""
    world = World()
    await world.findings.raise_(FindingDraft(FindingCode.DRIFT, Subject(line=LineId(7)), "it drifted", "look"))
    (drift,) = world.open()
    ignore = IgnoreDeadLetters(world.findings, world.stored)
    for finding in (drift["_id"], "dead_letter-0000"):
        assert not (await ignore(issued(1, body=IgnoreDead(finding=finding, reason="a test")))).ok
    assert len(world.open()) == 1


@pytest.fixture
async def connection(devstack: Devstack, config_factory: Callable[..., Path]) -> Connection:
    """A broker with our topics."""
    endpoints = Endpoints(devstack.addresses.broker, devstack.addresses.store, embedded=True)
    config = load_config(config_factory())
    connection = Connection.of(endpoints, config)
    await make_roomy_commands(connection, config)
    await apply_topics(endpoints, config)
    return connection


async def read(connection: Connection, topic: str, count: int) -> list[Any]:
    consumer = AIOKafkaConsumer(topic, **connection.options(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            return [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()


async def test_on_a_broker_every_kind_comes_back_byte_for_byte(connection: Connection) -> None:
    """The letter is found by its place on dead.v1, and what is said again equals what was written, headers too."""
    sink, world = KafkaSink(connection), World()
    await sink.start()
    topic = COMMANDS.named(connection.prefix)
    kinds = [(raw, headers) for raw, headers, _ in UNREADABLE.values() if raw is not None] + [(value(1), ())]
    bad = [
        FakeRecord(value=raw, topic=topic, partition=2, offset=number, headers=headers)
        for number, (raw, headers) in enumerate(kinds)
    ]
    dead_letters = DeadLetterSink("psa-writer", world.reader, 1, sink, world.findings, CALENDAR)
    await dead_letters.send([Unreadable(one, "a test") for one in bad])
    letters = KafkaLetters(connection)
    for found in await read(connection, DEAD.named(connection.prefix), len(bad)):
        place = RecordPlace(topic=DEAD.name, partition=found.partition, offset=found.offset)
        letter = await letters.at(place)
        assert letter is not None
        assert letter[0].id == decode(found.value)[0].id
        await sink.republish(raw_of(letter[1]))
    said = await read(connection, topic, len(bad))
    await sink.stop()
    assert {one.partition for one in said} == {2}
    written = sorted((base64.b64encode(one.value or b""), one.key, tuple(one.headers)) for one in bad)
    assert sorted((base64.b64encode(one.value), one.key, tuple(one.headers)) for one in said) == written
