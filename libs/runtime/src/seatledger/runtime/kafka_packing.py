"""Events packed into one batch a partition, by the client's ``create_batch`` and ``send_batch``.

Its ``send`` asks for the topic's partitions, chooses one and makes a future for each event anew; a stage on the bus
spends less with batches (``make bench ONLY=bus``).
"""

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from seatledger.runtime.bus import EventTooLargeError

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer
    from aiokafka.producer.message_accumulator import BatchBuilder

LARGEST_REQUEST: Final = 16 * 1024 * 1024
"""Bytes: a dead letter holds a record of up to 10 MiB in base64."""
_KEYS: Final = 16_384

Place = tuple[str, int]
"""A topic and one of its partitions."""


class Packing:
    """What one ``publish`` says, on its way. Events of one key stay in their order, and none follows one that failed:
    where a batch fails, nothing more goes to its partition. Other partitions are not held up by that."""

    def __init__(self, producer: "AIOKafkaProducer") -> None:
        self._producer = producer
        self._partitions: dict[str, frozenset[int]] = {}
        self._open: dict[Place, BatchBuilder] = {}
        self._sent: dict[Place, asyncio.Future[Any]] = {}
        """The newest batch of each partition that the client has; its answer is still to come."""
        self._barred: set[Place] = set()
        self._failures: list[BaseException] = []

    async def add(self, topic: str, key: bytes, value: bytes) -> None:
        """Put an event with its partition's others; a batch that is full goes off. What fails is told at the end."""
        partitions = self._partitions.get(topic)
        if partitions is None:
            partitions = self._partitions[topic] = await self._partitions_of(topic)
        if not partitions:
            return
        place = topic, partition_of(key, partitions)
        if place in self._barred:
            return
        batch = self._open.get(place)
        if batch is None or batch.append(timestamp=None, key=key, value=value) is None:
            await self._begin(place, key, value)

    async def confirmed(self) -> list[BaseException]:
        """Send what is open and wait until all of it is answered: what failed, in whatever partition."""
        # At once: the client makes a batch wait, up to 10 s, for what others of this process have in its partition.
        await asyncio.gather(*(self._send(place, batch) for place, batch in self._open.items()))
        for place in list(self._sent):
            await self._arrived(place)
        return self._failures

    async def _begin(self, place: Place, key: bytes, value: bytes) -> None:
        """A new batch with this event, however large; the one before it is full and goes off."""
        full = self._open.pop(place, None)
        if full is not None:
            await self._send(place, full)
        if len(value) > LARGEST_REQUEST:
            self._fail(place, EventTooLargeError(f"an event of {len(value)} bytes for {place[0]}"))
        if place not in self._barred:
            batch = self._open[place] = self._producer.create_batch()
            batch.append(timestamp=None, key=key, value=value)

    async def _send(self, place: Place, batch: "BatchBuilder") -> None:
        """Hand a batch to the client once the one before it has arrived."""
        topic, partition = place
        batch.close()  # so that it does not linger
        try:
            if await self._arrived(place):
                self._sent[place] = answer = await self._producer.send_batch(batch, topic, partition=partition)
                answer.add_done_callback(_heard)
        except Exception as error:
            self._fail(place, error)

    async def _arrived(self, place: Place) -> bool:
        """Wait for the batch that the client has for a partition: whether nothing of the partition's has failed."""
        answer = self._sent.get(place)
        if answer is not None:
            if not answer.done():
                await asyncio.wait([answer])  # leaves it alone where we are cancelled
            del self._sent[place]
            if error := _heard(answer):
                self._fail(place, error)
        return place not in self._barred

    async def _partitions_of(self, topic: str) -> frozenset[int]:
        """None where the broker does not tell them: then nothing is said on that topic."""
        try:
            return frozenset(await self._producer.partitions_for(topic))
        except Exception as error:
            self._failures.append(error)
            return frozenset()

    def _fail(self, place: Place, error: BaseException) -> None:
        self._barred.add(place)
        self._failures.append(told(place[0], error))


def _heard(answer: "asyncio.Future[Any]") -> BaseException | None:
    """What a batch failed with. Asked of each, so that none is left unheard where its publishing was cancelled."""
    return TimeoutError("given up") if answer.cancelled() else answer.exception()


def told(topic: str, error: BaseException) -> BaseException:
    """The client's error as ours where it is about the size of what was sent."""
    from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

    if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
        return EventTooLargeError(f"the broker takes nothing so large on {topic}; max.message.bytes is its measure")
    return error


@lru_cache(_KEYS)
def partition_of(key: bytes, partitions: frozenset[int]) -> int:
    """The partition that the client's own ``send`` chooses, and every other client of Kafka."""
    from aiokafka.partitioner import DefaultPartitioner

    ordered = sorted(partitions)
    return int(DefaultPartitioner()(key, ordered, ordered))
