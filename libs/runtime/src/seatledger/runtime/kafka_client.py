"""How we connect to Kafka, and the one producer of a process. Only here and in :mod:`seatledger.runtime.kafka`."""

import asyncio
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from seatledger.runtime.bus import BusUnavailableError, EventTooLargeError
from seatledger.runtime.kafka_packing import LARGEST_REQUEST, Packing, told
from seatledger.runtime.lenient_records import read_leniently
from seatledger.schemas.documents import Outgoing

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from seatledger.runtime.config import BrokerConfig, Config
    from seatledger.runtime.dead_retry import Raw
    from seatledger.runtime.runfile import Endpoints

ENV_KAFKA: Final = "SEATLEDGER_KAFKA"
"""Set where Apache Kafka runs in the embedded broker's place (`make test-kafka`): it is treated as one by URL."""
REQUEST_SECONDS: Final = 10.0


def forbid_topic_creation() -> None:
    """Make aiokafka's clients of this process ask for metadata without "create what is missing".

    It has no setting for that and always asks for creation. A service that reconnects to a broker without memory would
    make its topics anew, with the broker's own number of partitions, before ``topics apply`` does.
    """
    import aiokafka.admin.client
    import aiokafka.client

    aiokafka.client.MetadataRequest = _metadata_request
    aiokafka.admin.client.MetadataRequest = _metadata_request


def _metadata_request(topics: list[str] | None = None) -> Any:
    from aiokafka.protocol.metadata import MetadataRequest

    return MetadataRequest(topics, allow_auto_topic_creation=False)


@dataclass(frozen=True)
class Connection:
    """A broker's address, credentials, and what it can do."""

    servers: str
    embedded: bool
    prefix: str
    settings: "BrokerConfig"

    @classmethod
    def of(cls, endpoints: "Endpoints", config: "Config") -> "Connection":
        embedded = config.broker.url is None and not os.environ.get(ENV_KAFKA)
        return cls(endpoints.broker, embedded, config.topics.prefix, config.broker)

    @property
    def session_ms(self) -> int:
        """After how many milliseconds of silence a group gives a member's partitions to others. The embedded broker
        makes joins wait for half of it (measured), Apache Kafka's own floor is 6 s."""
        return 1_500 if self.embedded else 10_000

    @property
    def heartbeat_ms(self) -> int:
        return 300 if self.embedded else 3_000

    def ssl_context(self) -> ssl.SSLContext | None:
        if not self.settings.tls:
            return None
        ca = self.settings.tls_ca
        return ssl.create_default_context(cafile=str(ca) if ca else None)

    def options(self) -> dict[str, Any]:
        """What aiokafka's clients take."""
        forbid_topic_creation()
        read_leniently()
        tls, sasl = self.settings.tls, self.settings.sasl_mechanism
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "request_timeout_ms": int(REQUEST_SECONDS * 1000),
            "security_protocol": ("SASL_" if sasl else "") + ("SSL" if tls else "PLAINTEXT"),
        }
        if tls:
            options["ssl_context"] = self.ssl_context()
        if sasl:
            password = self.settings.sasl_password
            options["sasl_mechanism"] = sasl
            options["sasl_plain_username"] = self.settings.sasl_username
            options["sasl_plain_password"] = password.get_secret_value() if password else None
        return options


async def unreachable(connection: Connection) -> BusUnavailableError:
    """That no broker answers, and why: a wrong password or an unknown authority, say. aiokafka tells that to its log
    alone, so each broker is tried once more."""
    from aiokafka.conn import collect_hosts, create_conn
    from aiokafka.errors import KafkaError

    options, reasons = connection.options(), list[str]()
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers"), randomize=False):
        try:
            (await create_conn(host, port, **options)).close()
        except (KafkaError, OSError, TimeoutError) as error:
            reasons.append(str(error) or type(error).__name__)
    why = "; ".join(dict.fromkeys(reasons)) or "it does now, so try again"
    return BusUnavailableError(f"no broker answers at {connection.servers}: {why}")


def _refusal(error: BaseException) -> Exception:
    """What a publisher is told."""
    if isinstance(error, EventTooLargeError):
        return EventTooLargeError(str(error))
    return BusUnavailableError(f"the broker did not take all: {type(error).__name__} {error}")


class KafkaSink:
    """The :class:`~seatledger.runtime.bus.EventSink` over one shared producer, confirmed by all in-sync replicas."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Raises :class:`BusUnavailableError` where no broker answers; may be called again then."""
        from aiokafka import AIOKafkaProducer
        from aiokafka.errors import KafkaError

        producer = AIOKafkaProducer(
            **self._connection.options(),
            acks="all",
            enable_idempotence=False,  # one batch that is refused would end all for its partition (decision 0031)
            linger_ms=2,
            max_batch_size=256 * 1024,
            max_request_size=LARGEST_REQUEST,
            metadata_max_age_ms=60_000,
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise await unreachable(self._connection) from error
        self._producer = producer

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        packing = Packing(self._started())
        for item in outgoing:
            await packing.add(self._connection.prefix + item.topic, item.key.encode(), item.event.to_bytes())
        failures = await packing.confirmed()
        if failures:
            # That the broker is away comes first: nobody has to look for single events then.
            worst = min(failures, key=lambda error: isinstance(error, EventTooLargeError))
            raise _refusal(worst) from worst

    async def republish(self, raw: "Raw") -> None:
        """A record as it lay there, on the topic (by its full name) and partition it came from."""
        from aiokafka.errors import KafkaError

        try:
            await self._started().send_and_wait(
                raw.topic, value=raw.value, key=raw.key, partition=raw.partition, headers=list(raw.headers)
            )
        except (KafkaError, OSError, TimeoutError) as error:
            raise _refusal(told(raw.topic, error)) from error

    async def check(self) -> str | None:
        """One line why the broker is out of reach, or None; asks it for its metadata, at most 3 s."""
        try:
            async with asyncio.timeout(3):
                answered = await self._started().client.force_metadata_update()
        except Exception as error:  # whatever it is, it means that we did not get an answer
            return f"the broker does not answer: {type(error).__name__}"
        return None if answered else "the broker does not answer"

    async def stop(self) -> None:
        """Send what is on its way, at most 5 s, and close."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(5):
                await producer.stop()
        except TimeoutError:
            await producer.client.close()

    def _started(self) -> "AIOKafkaProducer":
        if self._producer is None:
            raise BusUnavailableError("the producer is not started")
        return self._producer
