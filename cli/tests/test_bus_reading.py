"""Reading topics outside any group, from a real broker."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from seatledger.cli.bus_reading import Span, records
from seatledger.cli.errors import CliError
from seatledger.runtime.config_file import load_config
from seatledger.runtime.kafka_client import Connection
from seatledger.runtime.runfile import endpoints
from seatledger.runtime.topics import apply_topics
from seatledger.schemas.topics import CHANGED, COMMANDS

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def connection(config_factory: Callable[..., Path]) -> Connection:
    """A broker with our topics; on commands.v1 nine records, a second apart, over three partitions."""
    config = load_config(config_factory())
    where = endpoints(config)
    await apply_topics(where, config)
    connection = Connection.of(where, config)
    producer = AIOKafkaProducer(**connection.options())
    await producer.start()
    for number in range(9):
        stamp = int(BEGAN.timestamp() * 1000) + number * 1000
        topic, partition = COMMANDS.named(connection.prefix), number % 3
        await producer.send_and_wait(topic, str(number).encode(), key=b"k", partition=partition, timestamp_ms=stamp)
    await producer.stop()
    return connection


async def read(connection: Connection, *topics: str, since: datetime | None = None) -> list[str]:
    span = Span([connection.prefix + topic for topic in topics], since=since)
    return sorted([record.value.decode() async for batch in records(connection, span) for record in batch])


async def test_every_partition_is_read_to_its_end(connection: Connection) -> None:
    """All records of all partitions, none twice; a topic without records ends too."""
    assert await read(connection, COMMANDS.name, CHANGED.name) == [str(number) for number in range(9)]


async def test_records_before_an_instant_are_left_out(connection: Connection) -> None:
    """What is stamped earlier is not told, whether or not the broker can find an instant."""
    assert await read(connection, COMMANDS.name, since=BEGAN.replace(second=4)) == ["4", "5", "6", "7", "8"]


async def test_a_topic_that_is_not_there_is_said(connection: Connection) -> None:
    """And none is made by asking."""
    for _ in range(2):
        with pytest.raises(CliError, match="does not have it"):
            await read(connection, "nothing.v1")
