"""Reads topics outside any group: what ``tail`` shows, and what ``dead`` looks for."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatledger.cli.context import Row
from seatledger.cli.errors import usage

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

    from seatledger.runtime.kafka_client import Connection

    Records = list[ConsumerRecord[bytes, bytes]]

POLL_MS = 200
IDLE_SECONDS = 1.0
"""How long nothing has to come, with every known end reached, before the end is believed: the embedded broker tells
the end of a log only together with records (docs/decisions/0005-embedded-stack.md)."""
SEEK_SECONDS = 5.0
METADATA_SECONDS = 30.0


@dataclass(frozen=True)
class Span:
    """What is read. ``topics`` by their full names; ``since``: records stamped earlier (by the machine that published
    them) are passed over; ``follow``: without end."""

    topics: Sequence[str]
    key: bytes | None = None
    since: datetime | None = None
    follow: bool = False


async def records(connection: "Connection", span: Span) -> "AsyncGenerator[Records, None]":
    """Batches, each sorted by time; without ``follow`` until the end is reached."""
    from aiokafka import AIOKafkaConsumer

    from seatledger.runtime.kafka_packing import LARGEST_REQUEST

    consumer = AIOKafkaConsumer(
        **connection.options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=LARGEST_REQUEST,  # a dead letter may be that long
    )
    try:
        await consumer.start()
        partitions = await _assign(consumer, span)
        if span.since is not None and not connection.embedded:  # the embedded broker knows no offsets of times
            await _seek(consumer, partitions, span.since)
        last = time.monotonic()
        while True:
            found = await consumer.getmany(*partitions, timeout_ms=POLL_MS)
            batch = [record for some in found.values() for record in some]
            if batch:
                last = time.monotonic()
                yield wanted(batch, span)
            elif not span.follow and time.monotonic() - last > IDLE_SECONDS and await _at_the_end(consumer, partitions):
                return
    finally:
        await consumer.stop()


def wanted(batch: "Records", span: Span) -> "Records":
    """The records of a batch that lie in the span, by time."""
    first = 0 if span.since is None else int(span.since.timestamp() * 1000)
    kept = [record for record in batch if record.timestamp >= first and span.key in (None, record.key)]
    return sorted(kept, key=lambda record: (record.timestamp, record.topic, record.partition, record.offset))


async def _assign(consumer: "AIOKafkaConsumer", span: Span) -> "list[TopicPartition]":
    from aiokafka import TopicPartition

    there = await consumer.topics()
    missing = [topic for topic in span.topics if topic not in there]
    if missing:
        raise usage(f"topic {missing[0]}", "the broker does not have it", "Run `seatledger topics apply`")
    consumer.assign([TopicPartition(topic, 0) for topic in span.topics])  # so that the client asks after these topics
    async with asyncio.timeout(METADATA_SECONDS):
        while any(consumer.partitions_for_topic(topic) is None for topic in span.topics):  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.02)
    partitions = [
        TopicPartition(topic, partition)
        for topic in span.topics
        for partition in sorted(consumer.partitions_for_topic(topic) or ())
    ]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    return partitions


async def _seek(consumer: "AIOKafkaConsumer", partitions: "list[TopicPartition]", since: datetime) -> None:
    """Begin near the instant, where the broker knows how: it spares reading what :func:`wanted` passes over anyway."""
    from aiokafka.errors import KafkaError

    try:
        async with asyncio.timeout(SEEK_SECONDS):
            found = await consumer.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
    except (KafkaError, TimeoutError, ValueError):
        return
    for partition, place in found.items():
        if place is not None:
            consumer.seek(partition, place.offset)


async def _at_the_end(consumer: "AIOKafkaConsumer", partitions: "list[TopicPartition]") -> bool:
    """Whether every position has reached the end that the broker told with its last fetch, where it told one."""
    for partition in partitions:
        end = consumer.highwater(partition)
        if end is not None and await consumer.position(partition) < end:
            return False
    return True


def row_of(record: "ConsumerRecord[bytes, bytes]", topic: str) -> Row:
    """A record as interface.md has it; what is no JSON stands byte for byte in ``bytes_base64``."""
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    row: Row = {
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": text(record.key),
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    try:
        return {**row, "event": json.loads(record.value or b"null")}
    except ValueError:
        return {**row, "event": None, "bytes_base64": base64.b64encode(record.value or b"").decode()}


def text(key: bytes | None) -> str | None:
    return None if key is None else key.decode(errors="replace")
