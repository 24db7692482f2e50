"""A subscription on Kafka, in the one shape that loses nothing (docs/decisions/0003-faststream-shape.md).

FastStream polls, commits and stops; records come raw (``decoder``, ``parser``), because one unreadable record would
otherwise take its whole batch with it; a batch is committed when the handler and all it published are safe
(``NACK_ON_ERROR`` brings it back otherwise).
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from seatledger.runtime.delivery import MOST_SECONDS, Delivery
from seatledger.runtime.kafka_client import Connection, KafkaSink, forbid_topic_creation
from seatledger.runtime.lenient_records import read_leniently

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, ConsumerRecord
    from faststream.kafka import KafkaBroker
    from faststream.kafka.subscriber.usecase import BatchSubscriber
    from faststream.security import BaseSecurity

BATCH: Final = 500
POLL_MS: Final = 40
"""An empty poll waits this long, and then FastStream sleeps as long again."""
GRACE_SECONDS: Final = 2.0
"""How long a stop waits for the batch under way; past it the batch is given up uncommitted."""
STOP_SECONDS: Final = 2.9
START_SECONDS: Final = 30.0
METADATA_MS: Final = 5_000
"""A member whose topic was away is given partitions again at the next look at the broker's metadata, and not before:
the client's default is five minutes."""
STALL_SECONDS: Final = 8.0
"""Records waiting and none handled for so long is red."""


def group_name(prefix: str, service: str, topic: str, name: str, epoch: int) -> str:
    """``{prefix}{service}.{topic}[.{name}].e{epoch}``: with the epoch no offset outlives its log."""
    return ".".join(part for part in (f"{prefix}{service}", topic, name, f"e{epoch}") if part)


class Consumer:
    """One subscription under one consumer group. Start once, stop once."""

    def __init__(self, connection: Connection, delivery: Delivery, group: str) -> None:
        self.delivery = delivery
        self.group = group
        self._connection = connection
        self._broker: KafkaBroker | None = None
        self._subscriber: BatchSubscriber | None = None
        self._waiting_since: float | None = None

    @property
    def topic(self) -> str:
        return self.delivery.subscription.topic.name

    async def start(self) -> None:
        """Join the group; returns with partitions assigned. Raises KafkaError, OSError or TimeoutError."""
        self._broker, self._subscriber = self._wire()
        async with asyncio.timeout(START_SECONDS):
            await self._broker.start()

    async def stop(self) -> None:
        """Finish the batch under way, commit it, and leave the group; bounded by 3 s."""
        broker, self._broker = self._broker, None
        if broker is None:
            return
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await broker.stop()
        except Exception as error:  # a group that cannot be left any more forgets us by itself
            self.delivery.log.debug("stop of a subscription", topic=self.topic, error=repr(error))

    def _wire(self) -> "tuple[KafkaBroker, BatchSubscriber]":
        from faststream import AckPolicy
        from faststream.kafka import KafkaBroker

        forbid_topic_creation()
        read_leniently()
        broker = KafkaBroker(
            self._connection.servers,
            security=_security(self._connection),
            consumer_only=True,  # what we publish goes through the one shared producer
            allow_auto_create_topics=False,
            request_timeout_ms=15_000,
            metadata_max_age_ms=METADATA_MS,
            graceful_timeout=GRACE_SECONDS,
            apply_types=False,
            logger=None,
        )
        subscriber = broker.subscriber(
            self._connection.prefix + self.topic,
            group_id=self.group,
            batch=True,
            max_records=BATCH,
            batch_timeout_ms=POLL_MS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            max_poll_interval_ms=int(MOST_SECONDS * 1000),
            session_timeout_ms=self._connection.session_ms,
            heartbeat_interval_ms=self._connection.heartbeat_ms,
            decoder=_undecoded,
            parser=_with_safe_headers,
        )
        subscriber(self._take)
        return broker, subscriber

    async def _take(self, records: "tuple[ConsumerRecord[Any, Any], ...]") -> None:
        await self.delivery.take(records)

    async def check(self) -> str | None:
        """One line why this subscription is not ready, or None. Idle is well."""
        subscriber = self._subscriber
        consumer = subscriber.consumer if subscriber else None
        if subscriber is None or consumer is None or not subscriber.tasks or all(t.done() for t in subscriber.tasks):
            return f"{self.topic}: nobody reads it"
        if self.delivery.trouble:
            return f"{self.topic}: {self.delivery.trouble}"
        if not consumer.partitions_for_topic(self._connection.prefix + self.topic):
            return f"{self.topic}: the broker knows no such topic; seatledger topics apply makes it"
        lag, beyond = await _positions(consumer)
        self.delivery.metrics.lag.labels(self.topic).set(lag)
        if beyond:
            return f"{self.topic}: {beyond}"
        return self._stalled(lag)

    def _stalled(self, lag: int) -> str | None:
        now = self.delivery.machine.seconds()
        if not lag and self.delivery.busy_since is None:
            self._waiting_since = None
            return None
        if self._waiting_since is None or self.delivery.handled_at > self._waiting_since:
            self._waiting_since = now
        if now - self._waiting_since > STALL_SECONDS:
            return f"{self.topic}: {lag} records wait and none was handled for {now - self._waiting_since:.0f} s"
        return None


async def _undecoded(message: Any) -> Any:
    """What the handler gets: the records as they came. FastStream's own decoding would fail for the batch as a whole.
    Never the message itself, which FastStream would then keep in itself: a batch that only the collector of garbage
    gives back."""
    return message.raw_message


async def _with_safe_headers(message: "Sequence[ConsumerRecord[Any, Any]]", original: Any) -> Any:
    """FastStream decodes every header of the batch before we see it; it gets two records without them, since it asks
    for places of the first and the last alone. The records themselves stay as they are."""
    parsed = await original((_Headless(message[0]), _Headless(message[-1])))
    parsed.raw_message = tuple(message)
    return parsed


class _Headless:
    """A record as FastStream's parser wants it, without headers."""

    headers: tuple[()] = ()

    def __init__(self, record: "ConsumerRecord[Any, Any]") -> None:
        self.value = b""
        self.topic = record.topic
        self.offset = record.offset
        self.timestamp = record.timestamp


async def _positions(consumer: "AIOKafkaConsumer") -> tuple[int, str | None]:
    """Records not yet taken, and what is wrong with a position beyond its log. Costs no request: each fetch tells the
    log's end. (``end_offsets`` is wrong on the embedded broker.)"""
    lag = 0
    for partition in consumer.assignment():
        end = consumer.highwater(partition)
        if end is None:
            continue
        try:
            async with asyncio.timeout(0.2):
                position = await consumer.position(partition)
        except Exception:  # noqa: S112  # not known yet, or just revoked
            continue
        if position > end:
            return lag, f"position {position} of partition {partition.partition} lies beyond the log's end {end}"
        lag += end - position
    return lag, None


def _security(connection: Connection) -> "BaseSecurity | None":
    from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

    settings = connection.settings
    if settings.sasl_mechanism is None:
        return BaseSecurity(ssl_context=connection.ssl_context(), use_ssl=True) if settings.tls else None
    kinds = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
    return kinds[settings.sasl_mechanism](
        username=settings.sasl_username or "",
        password=settings.sasl_password.get_secret_value() if settings.sasl_password else "",
        ssl_context=connection.ssl_context(),
        use_ssl=settings.tls,
    )


__all__ = ["Connection", "Consumer", "KafkaSink", "group_name"]
