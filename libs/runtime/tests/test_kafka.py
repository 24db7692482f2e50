"""Subscriptions on a real broker: what is committed, buried, given back, and when a subscription is red."""

import asyncio
import base64
import json
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.record.util import calc_crc32c

from libs.runtime.tests.samples import (
    CALENDAR,
    LOG,
    UNREADABLE,
    Told,
    kill_broker_for_good,
    make_roomy_commands,
    numbers,
    outgoing,
    until,
    value,
)
from seatledger.devstack import Devstack
from seatledger.devstack.kafka import kafka_home
from seatledger.runtime import delivery, kafka
from seatledger.runtime.bus import BusUnavailableError, EventTooLargeError, Handler, Received, Subscription
from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.config import BrokerConfig, Config
from seatledger.runtime.config_file import load_config
from seatledger.runtime.dead_letters import DeadLetterSink
from seatledger.runtime.delivery import Delivery
from seatledger.runtime.kafka import Consumer
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.kafka_packing import LARGEST_REQUEST, partition_of
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.runfile import Endpoints
from seatledger.runtime.store import StoreUnavailableError
from seatledger.runtime.testing import FakeRecord
from seatledger.runtime.topics import TopicError, TopicsMissingError, apply_topics, verify_topics
from seatledger.schemas.commands import CommandIssued
from seatledger.schemas.dead import DeadLetter
from seatledger.schemas.topics import CHANGED, COMMANDS, DEAD, TOPICS, Topic


class Bus:
    """A broker with our topics, a producer, and subscriptions that the test makes."""

    def __init__(self, stack: Devstack, config: Config) -> None:
        self.endpoints = Endpoints(stack.addresses.broker, stack.addresses.store, embedded=True)
        self.config = config
        self.connection = Connection.of(self.endpoints, config)
        self.sink, self.told = KafkaSink(self.connection), Told()
        self.consumers: list[Consumer] = []

    async def open(self) -> None:
        await make_roomy_commands(self.connection, self.config)
        await apply_topics(self.endpoints, self.config)
        await self.sink.start()

    async def close(self) -> None:
        await asyncio.gather(*(consumer.stop() for consumer in self.consumers))
        await self.sink.stop()

    async def subscribe(self, handle: Handler, *, group: str = "g") -> Consumer:
        group = f"{self.connection.prefix}{group}"
        dead_letters = DeadLetterSink("test", "test", 1, self.sink, self.told, CALENDAR)
        subscription = Subscription(COMMANDS, handle, accepts=(CommandIssued,))
        bringer = Delivery(subscription, dead_letters.send, SystemMachine(), Metrics(), LOG)
        consumer = Consumer(self.connection, bringer, group)
        self.consumers.append(consumer)
        await consumer.start()
        return consumer

    async def write(self, *records: tuple[bytes | None, Sequence[tuple[str, bytes | None]]]) -> None:
        """Records as somebody else might write them, to one partition, in order."""
        producer = AIOKafkaProducer(**self.connection.options(), max_request_size=4_000_000)
        await producer.start()
        for body, headers in records:
            await producer.send_and_wait(self.name(COMMANDS), body, key=b"k", partition=1, headers=list(headers))
        await producer.stop()

    async def read(self, topic: Topic, count: int) -> list[Any]:
        """The first ``count`` records of a topic, whatever partition they are in."""
        consumer = AIOKafkaConsumer(self.name(topic), **self.connection.options(), auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(15):
                return [await consumer.getone() for _ in range(count)]
        finally:
            await consumer.stop()

    async def committed(self, group: str = "g") -> int:
        """What the group has committed, over all partitions."""
        consumer = AIOKafkaConsumer(**self.connection.options(), group_id=f"{self.connection.prefix}{group}")
        await consumer.start()
        try:
            parts = [TopicPartition(self.name(COMMANDS), n) for n in range(self.config.topics.partitions)]
            return sum([await consumer.committed(part) or 0 for part in parts])
        finally:
            await consumer.stop()

    def name(self, topic: Topic) -> str:
        return topic.named(self.connection.prefix)


@pytest.fixture
async def bus(devstack: Devstack, config_factory: Callable[..., Path]) -> AsyncIterator[Bus]:
    bus = Bus(devstack, load_config(config_factory()))
    await bus.open()
    yield bus
    await bus.close()


class Seen:
    """A handler that remembers."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def __call__(self, batch: Sequence[Received]) -> None:
        self.ids += numbers(batch)


async def test_every_dead_letter_kind(bus: Bus) -> None:
    """Each kind of unreadable record lands in dead.v1 byte for byte, its neighbours are handled in order, and the group
    has committed all of it."""
    records = [
        part for n, (raw, headers, _) in enumerate(UNREADABLE.values()) for part in ((value(n), ()), (raw, headers))
    ]
    await bus.write(*records, (value(1000), ()))
    seen = Seen()
    consumer = await bus.subscribe(seen)
    good = [f"c{n}" for n in range(len(UNREADABLE))] + ["c1000"]
    await until(lambda: len(seen.ids) == len(good), 20)
    assert seen.ids == good
    letters = [DeadLetter.model_validate_json(_data(record.value)) for record in await bus.read(DEAD, len(UNREADABLE))]
    by_offset = {letter.place.offset: letter for letter in letters}
    for n, (raw, headers, why) in enumerate(UNREADABLE.values()):
        letter = by_offset[2 * n + 1]
        assert why in letter.why
        assert _bytes(letter.bytes_base64) == raw
        assert [(h.key, _bytes(h.value_base64)) for h in letter.headers] == list(headers)
    assert {draft.code.value for draft in bus.told.drafts} == {"dead_letter"}

    async def all_committed() -> bool:
        return await bus.committed() == len(records) + 1

    await until(all_committed, 10)
    assert await consumer.check() is None


def _data(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw)["data"]).encode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


async def test_header_name_that_is_no_text(bus: Bus) -> None:
    """A header whose *name* is not UTF-8, on which the client itself fails, costs one record and no neighbour."""
    producer = AIOKafkaProducer(**bus.connection.options())
    await producer.start()
    for body, names in ((value(1), [b"good"]), (value(2), [b"good", b"\xff\xfe\xff\xfe", b"last"]), (value(3), [])):
        await (await producer.send_batch(_batch(producer, body, names), bus.name(COMMANDS), partition=0))
        await producer.send_and_wait(bus.name(COMMANDS), value(10), partition=1)
    await producer.stop()
    seen = Seen()
    await bus.subscribe(seen)
    await until(lambda: len(seen.ids) == 5, 20)
    assert sorted(seen.ids) == ["c1", "c10", "c10", "c10", "c3"]
    (record,) = await bus.read(DEAD, 1)
    letter = DeadLetter.model_validate_json(_data(record.value))
    assert _bytes(letter.bytes_base64) == value(2)
    assert [header.key for header in letter.headers] == ["good", r"\xff\xfe\xff\xfe", "last"]


def _batch(producer: AIOKafkaProducer, body: bytes, names: list[bytes]) -> Any:
    """A batch of one record with these header names, which the client would refuse to write."""
    batch = producer.create_batch()
    places = [f"NAME{n:04}"[-len(name) :] for n, name in enumerate(names)]
    batch.append(key=None, value=body, timestamp=None, headers=[(place, b"v") for place in places])
    batch.close()
    raw = bytearray(batch._build())
    for place, name in zip(places, names, strict=True):
        raw = raw.replace(place.encode() + b"\x02v", name + b"\x02v")
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    batch._buffer = bytes(raw)
    return batch


async def test_publish_keeps_order_of_keys(bus: Bus) -> None:
    """Events of one key arrive in the order in which they were published, and each exactly once here: also where a
    partition's share is several batches of 256 KiB, and one event is larger than such a batch."""
    await bus.sink.publish(outgoing(n, reason="x" * (400_000 if n == 250 else 5_000)) for n in range(500))
    await bus.sink.publish([])
    seen = Seen()
    await bus.subscribe(seen)
    await until(lambda: len(seen.ids) == 500, 20)
    for key in range(5):
        mine = [int(i[1:]) for i in seen.ids if int(i[1:]) % 5 == key]
        assert mine == sorted(mine)


async def test_partition_is_the_clients_own(bus: Bus) -> None:
    """An event goes where any client of Kafka would send its key: else a key's events lose their order."""
    topic, keys = bus.name(COMMANDS), [f"main/{number}".encode() for number in range(30)]
    async with AIOKafkaProducer(**bus.connection.options()) as producer:
        partitions = frozenset(await producer.partitions_for(topic))
        sent = [await producer.send_and_wait(topic, b"{}", key=key) for key in keys]
    assert [partition_of(key, partitions) for key in keys] == [record.partition for record in sent]
    assert {record.partition for record in sent} == partitions


async def test_event_larger_than_a_request(bus: Bus) -> None:
    """It is refused in one line. What its key said before it is sent, what comes after it is not; other partitions
    get all that is theirs."""
    before, after, elsewhere = outgoing(5), outgoing(15), outgoing(7)
    with pytest.raises(EventTooLargeError, match=r"^an event of \d{8} bytes for .*commands"):
        await bus.sink.publish([before, outgoing(10, reason="x" * LARGEST_REQUEST), after, elsewhere])
    await bus.sink.publish([outgoing(20)])
    seen = Seen()
    await bus.subscribe(seen)
    await until(lambda: len(seen.ids) == 3)
    assert [one for one in seen.ids if one != "c7"] == ["c5", "c20"]


@pytest.mark.skipif(not kafka_home(), reason="needs Apache Kafka: run by `make test-kafka`")
async def test_a_refused_event_is_the_end_of_no_partition(bus: Bus) -> None:
    """What the broker refuses costs only itself: the next event of its key is taken."""
    await bus.sink.publish([outgoing(5, CHANGED)])
    with pytest.raises(EventTooLargeError, match=r"takes nothing so large on .*changed\.v1"):
        await bus.sink.publish([outgoing(10, CHANGED, reason="x" * 1_100_000)])
    await bus.sink.publish([outgoing(15, CHANGED)])
    assert [json.loads(record.value)["subject"] for record in await bus.read(CHANGED, 2)] == ["c5", "c15"]


async def test_handler_fails_then_recovers(bus: Bus) -> None:
    """A handler that fails twice gets the batch again; nothing is lost, nothing buried, and readiness shows it."""
    await bus.sink.publish([outgoing(1)])
    seen, failures, red = Seen(), 2, list[str | None]()

    async def handle(batch: Sequence[Received]) -> None:
        nonlocal failures
        red.append(await bus.consumers[0].check())
        if failures:
            failures -= 1
            raise ValueError("not yet")
        await seen(batch)

    consumer = await bus.subscribe(handle)
    await until(lambda: seen.ids == ["c1"], 15)
    assert [why for why in red if why and "not yet" in why]
    await until(lambda: consumer.delivery.busy_since is None)
    assert await consumer.check() is None
    assert bus.told.drafts == []


async def test_uncommitted_comes_back(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch given back because the store was away for too long is delivered again by the client."""
    monkeypatch.setattr(delivery, "PATIENCE", 0.0)
    await bus.sink.publish([outgoing(1), outgoing(2)])
    seen, away = Seen(), 4

    async def handle(batch: Sequence[Received]) -> None:
        nonlocal away
        if away:
            away -= 1
            raise StoreUnavailableError("gone")
        await seen(batch)

    await bus.subscribe(handle)
    await until(lambda: set(seen.ids) == {"c1", "c2"}, 15)


async def test_stop_finishes_the_batch(bus: Bus) -> None:
    """A stop waits for the batch under way and commits it: the next member does not get it again."""
    await bus.sink.publish([outgoing(5), outgoing(10)])
    begun, seen = asyncio.Event(), Seen()

    async def slow(batch: Sequence[Received]) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        await seen(batch)

    first = await bus.subscribe(slow)
    await asyncio.wait_for(begun.wait(), 15)
    await first.stop()
    again = Seen()
    await bus.subscribe(again)
    await bus.sink.publish([outgoing(15)])
    await until(lambda: bool(again.ids), 15)
    assert sorted([*seen.ids, *again.ids]) == ["c10", "c15", "c5"]


async def test_dead_consume_task_is_red(bus: Bus) -> None:
    """Where nobody polls any more the subscription is red, though broker and group think that all is well."""
    consumer = await bus.subscribe(Seen())
    assert await consumer.check() is None
    assert consumer._subscriber is not None
    for task in consumer._subscriber.tasks:
        task.cancel()
    await until(lambda: all(task.done() for task in consumer._subscriber.tasks), 5)  # type: ignore[union-attr]  # set above
    assert await consumer.check() == "commands.v1: nobody reads it"


async def test_stall_is_red_and_idle_is_green(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that wait while none is handled turn red; without records nothing does."""
    monkeypatch.setattr(kafka, "STALL_SECONDS", 0.3)
    go = asyncio.Event()

    async def stuck(_batch: Sequence[Received]) -> None:
        await go.wait()

    consumer = await bus.subscribe(stuck)

    async def red() -> bool:
        return "none was handled" in (await consumer.check() or "")

    async def green() -> bool:
        return await consumer.check() is None

    await asyncio.sleep(0.5)
    assert await green()
    await bus.sink.publish([outgoing(n) for n in range(50)])
    await until(red, 10)
    go.set()
    await until(green, 10)


class Message:
    """As much of FastStream's message as a decoder sees; it keeps what was decoded."""

    def __init__(self) -> None:
        self.raw_message = (FakeRecord(b"{}"),)
        self.decoded: Any = None


async def test_a_batch_is_given_back_at_once() -> None:
    """A message does not keep itself: what is handled does not wait for the collector of garbage."""
    message = Message()
    message.decoded = await kafka._undecoded(message)
    assert message.decoded is message.raw_message
    given_back = weakref.ref(message)
    del message
    assert given_back() is None


async def test_topics(bus: Bus) -> None:
    """Topics are made once, as declared, and again is no error; asking for one that is missing never makes it."""
    lines = await apply_topics(bus.endpoints, bus.config)
    assert lines == [f"{bus.name(topic)}: stands" for topic in TOPICS]
    await verify_topics(bus.endpoints, bus.config)
    other = bus.config.model_copy(update={"topics": bus.config.topics.model_copy(update={"prefix": "none."})})
    for _ in range(2):
        with pytest.raises(TopicsMissingError, match=r"none\.dead\.v1.*topics apply"):
            await verify_topics(bus.endpoints, other)


async def test_topic_mismatch(bus: Bus) -> None:
    """A topic with other partitions is one clear line, at apply and at a service's start."""
    other = bus.config.model_copy(update={"topics": bus.config.topics.model_copy(update={"partitions": 7})})
    for look in (apply_topics, verify_topics):
        with pytest.raises(TopicError, match=r"it has 3 partitions and topics\.partitions says 7"):
            await look(bus.endpoints, other)


async def test_no_broker(bus: Bus) -> None:
    """Where no broker answers, sink and topics say so."""
    nowhere = Endpoints("127.0.0.1:1", "", embedded=True)
    sink = KafkaSink(Connection.of(nowhere, bus.config))
    with pytest.raises(BusUnavailableError, match=r"no broker answers at 127\.0\.0\.1:1"):
        await sink.start()
    with pytest.raises(BusUnavailableError, match="not started"):
        await sink.publish([outgoing(1)])
    with pytest.raises(BusUnavailableError, match="no broker answers"):
        await apply_topics(nowhere, bus.config)
    await sink.stop()


async def test_broker_without_memory(tmp_path: Path, config_factory: Callable[..., Path]) -> None:
    """A broker that comes back empty: our clients do not make its topics. Once they are made, a position beyond the new
    log's end is red, or the member is given its partitions again and reads that log from its beginning."""
    config = load_config(config_factory())
    async with Devstack(tmp_path / "own", quick_stop=True) as stack:
        bus = Bus(stack, config)
        await bus.open()
        try:
            seen = Seen()
            consumer = await bus.subscribe(seen)
            await bus.sink.publish([outgoing(n) for n in range(100)])
            await until(lambda: len(seen.ids) == 100, 20)
            assert await bus.sink.check() is None
            kill_broker_for_good(stack, tmp_path / "own")
            await until(lambda: stack.restarts["broker"] == 1, 60)
            await asyncio.sleep(1)  # time enough for clients that would make topics
            with pytest.raises(TopicsMissingError):
                await verify_topics(bus.endpoints, config)
            await apply_topics(bus.endpoints, config)
            await bus.sink.publish([outgoing(1)])

            async def told_or_read() -> bool:
                return len(seen.ids) > 100 or "beyond the log's end" in (await consumer.check() or "")

            await until(told_or_read, 90)
        finally:
            await bus.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_credentials_are_passed_on(mechanism: str) -> None:
    """TLS and SASL settings reach the clients."""
    settings = BrokerConfig.model_validate(
        {"url": "k:9092", "tls": True, "sasl_mechanism": mechanism, "sasl_username": "u", "sasl_password": "p"}
    )
    connection = Connection("k:9092", embedded=False, prefix="", settings=settings)
    options = connection.options()
    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", mechanism)
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "p")
    assert options["ssl_context"] is not None
    assert kafka._security(connection) is not None
    assert (connection.session_ms, connection.heartbeat_ms) == (10_000, 3_000)
