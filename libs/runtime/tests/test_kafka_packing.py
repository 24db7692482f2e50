"""What becomes of the other batches of a publishing where one partition takes nothing. No broker is needed for that."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    RecordListTooLargeError,
)
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator

from libs.runtime.tests.samples import outgoing, until
from seatledger.runtime.bus import BusUnavailableError, EventTooLargeError
from seatledger.runtime.config import BrokerConfig
from seatledger.runtime.kafka_client import Connection, KafkaSink
from seatledger.runtime.kafka_packing import Packing, partition_of

PARTITIONS = frozenset({0, 1})
ROOM = 256 * 1024


def key_of(partition: int) -> bytes:
    """A key whose events go to this partition."""
    return next(key for n in range(99) if partition_of(key := b"k%d" % n, PARTITIONS) == partition)


class Leaderless:
    """Where partition 0 has no leader; the client's own queue of batches, with little patience."""

    def __init__(self) -> None:
        self.queue = MessageAccumulator(self, ROOM, 0, 30, linger_ms=2)
        self.sent: list[int] = []

    def leader_for_partition(self, place: TopicPartition) -> int:
        return -1 if place.partition == 0 else 1

    async def partitions_for(self, _topic: str) -> set[int]:
        return set(PARTITIONS)

    def create_batch(self) -> BatchBuilder:
        return self.queue.create_builder()

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        return await self.queue.add_batch(batch, TopicPartition(topic, partition), 0.5)

    async def deliver(self) -> None:
        """The broker's part: it takes what can be sent."""
        while True:
            nodes, _ = self.queue.drain_by_nodes(ignore_nodes=set())
            for place, batch in [item for batches in nodes.values() for item in batches.items()]:
                self.sent.append(place.partition)
                batch.done(0)
            await asyncio.sleep(0.01)


class Told:
    """A producer whose batches are answered by the test."""

    def __init__(self) -> None:
        self.answers: list[asyncio.Future[int]] = []
        self.handed_in: list[tuple[int, int]] = []
        """Partition and number of records of each batch."""

    async def partitions_for(self, _topic: str) -> set[int]:
        return set(PARTITIONS)

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(ROOM, 0)

    async def send_batch(self, batch: BatchBuilder, _topic: str, *, partition: int) -> asyncio.Future[int]:
        self.handed_in.append((partition, batch.record_count()))
        self.answers.append(asyncio.get_running_loop().create_future())
        return asyncio.shield(self.answers[-1])


@pytest.fixture
async def unheard() -> AsyncIterator[list[dict[str, Any]]]:
    """What the event loop complains of: failures that nobody asked for."""
    loop, complaints = asyncio.get_running_loop(), list[dict[str, Any]]()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    yield complaints
    await asyncio.sleep(0.01)  # the failures of answers are passed on by the loop
    gc.collect()
    loop.set_exception_handler(before)
    assert complaints == []


async def said(packing: Any, *events: tuple[bytes, bytes]) -> list[BaseException]:
    for key, value in events:
        await packing.add("t", key, value)
    failures: list[BaseException] = await packing.confirmed()
    return failures


async def test_a_partition_without_a_leader_holds_up_no_other() -> None:
    """While others of this process wait for partition 0, what goes to partition 1 is sent; then it is told what was
    not."""
    producer: Any = Leaderless()
    broker = asyncio.create_task(producer.deliver())
    other = asyncio.create_task(said(Packing(producer), (key_of(0), b"v")))
    await until(lambda: bool(producer.queue._batches))
    failures = await said(Packing(producer), (key_of(0), b"v"), (key_of(1), b"v"))
    assert producer.sent == [1]
    assert [type(error) for error in failures] == [KafkaTimeoutError]
    for task in (other, broker):
        task.cancel()
    await asyncio.gather(other, broker, return_exceptions=True)


async def test_all_that_was_sent_is_awaited(unheard: list[dict[str, Any]]) -> None:
    """Where one batch cannot be handed in, the answers to the others are waited for and told with it."""
    producer: Any = Told()
    hand_in = producer.send_batch

    async def only_the_first(batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        if producer.handed_in:
            raise KafkaTimeoutError
        return await hand_in(batch, topic, partition=partition)

    producer.send_batch = only_the_first
    publishing = asyncio.create_task(said(Packing(producer), (key_of(0), b"v"), (key_of(1), b"v")))
    await until(lambda: bool(producer.answers))
    producer.answers[0].set_exception(NotEnoughReplicasError())
    assert {type(error) for error in await publishing} == {KafkaTimeoutError, NotEnoughReplicasError}


@pytest.mark.parametrize("fails", [False, True])
async def test_a_partition_gets_its_batches_one_after_the_other(fails: bool, unheard: list[dict[str, Any]]) -> None:
    """The next one follows once the one before has arrived, and never one that failed: a key's order has no hole."""
    producer: Any = Told()
    publishing = asyncio.create_task(said(Packing(producer), *[(key_of(0), b"x" * 100_000)] * 5, (key_of(1), b"v")))
    await until(lambda: bool(producer.answers))
    assert producer.handed_in == [(0, 2)]
    if fails:
        producer.answers[0].set_exception(NotEnoughReplicasError())
    while not publishing.done():
        for answer in producer.answers:
            if not answer.done():
                answer.set_result(0)
        await asyncio.sleep(0)
    assert [type(error) for error in await publishing] == [NotEnoughReplicasError] * fails
    assert sorted(producer.handed_in) == ([(0, 2), (1, 1)] if fails else [(0, 1), (0, 2), (0, 2), (1, 1)])


async def test_a_publishing_that_is_cancelled(unheard: list[dict[str, Any]]) -> None:
    """It ends at once; what becomes of its batches then is nobody's failure."""
    producer: Any = Told()
    sink = KafkaSink(Connection("", embedded=True, prefix="", settings=BrokerConfig()))
    sink._producer = producer
    publishing = asyncio.create_task(sink.publish(outgoing(n, reason="x" * 100_000) for n in range(30)))
    await until(lambda: bool(producer.answers))
    publishing.cancel()
    with suppress(asyncio.CancelledError):
        await publishing
    assert publishing.cancelled()
    for answer in producer.answers:
        answer.set_exception(NotEnoughReplicasError())
    del answer
    producer.answers.clear()


@pytest.mark.parametrize(
    ("answers", "error", "text"),
    [
        ((NotEnoughReplicasError,), BusUnavailableError, "the broker did not take all: NotEnoughReplicasError"),
        ((MessageSizeTooLargeError,), EventTooLargeError, r"takes nothing so large on commands\.v1; max\.message"),
        ((RecordListTooLargeError,), EventTooLargeError, "takes nothing so large"),
        ((MessageSizeTooLargeError, NotEnoughReplicasError), BusUnavailableError, "NotEnoughReplicasError"),
    ],
)
async def test_what_a_publisher_is_told(
    answers: tuple[type[Exception], ...], error: type[Exception], text: str, unheard: list[dict[str, Any]]
) -> None:
    """Whether waiting helps, in one line; that an event is too large only where the broker took all the others."""
    producer: Any = Told()
    sink = KafkaSink(Connection("", embedded=True, prefix="", settings=BrokerConfig()))
    sink._producer = producer
    elsewhere = [one for one in map(outgoing, range(5)) if partition_of(one.key.encode(), PARTITIONS) == 0][:1]
    elsewhere += [one for one in map(outgoing, range(5)) if partition_of(one.key.encode(), PARTITIONS) == 1]
    publishing = asyncio.create_task(sink.publish(elsewhere[: len(answers)]))
    await until(lambda: len(producer.answers) == len(answers))
    for answer, kind in zip(producer.answers, answers, strict=True):
        answer.set_exception(kind())
    with pytest.raises(error, match=text):
        await publishing
