"""One letter of dead.v1, by its place."""

import asyncio
from typing import Final

from seatledger.runtime.bus import BusUnavailableError
from seatledger.runtime.kafka_client import Connection
from seatledger.runtime.kafka_packing import LARGEST_REQUEST
from seatledger.schemas.dead import DeadLetter, RecordPlace
from seatledger.schemas.envelope import Event, UnreadableEventError
from seatledger.schemas.registry import decode
from seatledger.schemas.topics import DEAD

READ_SECONDS: Final = 10.0


class KafkaLetters:
    """The :class:`~seatledger.runtime.dead_retry.Letters` on Kafka."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def at(self, place: RecordPlace) -> tuple[Event, DeadLetter] | None:
        from aiokafka.errors import KafkaError

        try:
            value = await self._value(place)
        except (KafkaError, OSError) as error:
            raise BusUnavailableError(f"dead.v1 cannot be read: {type(error).__name__} {error}") from error
        try:
            event, data = decode(value)
        except UnreadableEventError:
            return None
        return (event, data) if isinstance(data, DeadLetter) else None

    async def _value(self, place: RecordPlace) -> bytes | None:
        """The record's value; None where another one, or none, stands there."""
        from aiokafka import AIOKafkaConsumer, TopicPartition

        consumer = AIOKafkaConsumer(
            **self._connection.options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=LARGEST_REQUEST,
        )
        partition = TopicPartition(DEAD.named(self._connection.prefix), place.partition)
        await consumer.start()
        try:
            consumer.assign([partition])
            consumer.seek(partition, place.offset)
            async with asyncio.timeout(READ_SECONDS):
                record = await consumer.getone(partition)
        except TimeoutError:
            end = consumer.highwater(partition)
            if end is not None and end <= place.offset:
                return None
            raise BusUnavailableError(f"dead.v1 cannot be read: no answer within {READ_SECONDS:.0f} s") from None
        finally:
            await consumer.stop()
        found: bytes | None = record.value if record.offset == place.offset else None
        return found
