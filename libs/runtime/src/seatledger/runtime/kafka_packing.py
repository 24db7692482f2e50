"""Events packed into one batch a partition, by the client's ``create_batch`` and ``send_batch``.

Its ``send`` asks for the topic's partitions, chooses one and makes a future for each event anew; a stage on the bus
spends less with batches (``make bench ONLY=bus``).
"""

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer
    from aiokafka.producer.message_accumulator import BatchBuilder

LARGEST_REQUEST: Final = 16 * 1024 * 1024
"""Bytes: a dead letter holds a record of up to 10 MiB in base64."""
_KEYS: Final = 16_384


class Packing:
    """What one ``publish`` says, on its way. Events of one key stay in their order."""

    def __init__(self, producer: "AIOKafkaProducer") -> None:
        self._producer = producer
        self._partitions: dict[str, frozenset[int]] = {}
        self._open: dict[tuple[str, int], BatchBuilder] = {}
        self._sent: list[asyncio.Future[Any]] = []

    async def add(self, topic: str, key: bytes, value: bytes) -> None:
        """Put an event with its partition's others; a batch that is full goes off. Raises KafkaError."""
        if len(value) > LARGEST_REQUEST:
            from aiokafka.errors import MessageSizeTooLargeError

            raise MessageSizeTooLargeError(f"an event of {len(value)} bytes for {topic}")
        partitions = self._partitions.get(topic)
        if partitions is None:
            partitions = self._partitions[topic] = frozenset(await self._producer.partitions_for(topic))
        place = topic, partition_of(key, partitions)
        batch = self._open.get(place)
        if batch is not None and batch.append(timestamp=None, key=key, value=value) is not None:
            return
        if batch is not None:
            await self._send(place, batch)
        batch = self._open[place] = self._producer.create_batch()
        batch.append(timestamp=None, key=key, value=value)  # the first is taken, however large

    async def confirmed(self) -> list[Any]:
        """Send what is open and wait: for each batch what the broker answered, or its error."""
        for place, batch in self._open.items():
            await self._send(place, batch)
        self._open = {}
        return await asyncio.gather(*self._sent, return_exceptions=True)

    async def _send(self, place: tuple[str, int], batch: "BatchBuilder") -> None:
        topic, partition = place
        batch.close()  # so that it does not linger
        self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))


@lru_cache(_KEYS)
def partition_of(key: bytes, partitions: frozenset[int]) -> int:
    """The partition that the client's own ``send`` chooses, and every other client of Kafka."""
    from aiokafka.partitioner import DefaultPartitioner

    ordered = sorted(partitions)
    return int(DefaultPartitioner()(key, ordered, ordered))
