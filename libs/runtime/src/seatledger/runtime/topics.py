"""Makes the declared topics, and finds out whether they stand as declared. Nothing else ever creates one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from seatledger.runtime.bus import BusUnavailableError
from seatledger.runtime.kafka_client import Connection, unreachable
from seatledger.runtime.kafka_packing import LARGEST_REQUEST
from seatledger.schemas.topics import DEAD, TOPICS, Topic

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

    from seatledger.runtime.config import Config
    from seatledger.runtime.runfile import Endpoints

REPLICAS: Final = 3
_EXISTS: Final = 36


class TopicError(Exception):
    """Topics are not as declared. ``where``, ``what``, ``do`` as in a configuration error; exit code 2."""

    def __init__(self, where: str, what: str, do: str) -> None:
        super().__init__(f"{where}: {what}. {do}")
        self.where = where
        self.what = what
        self.do = do


class TopicsMissingError(TopicError):
    """Topics are not there (yet)."""


@dataclass(frozen=True)
class _Admin:
    """An open admin client and what the configuration wants."""

    client: "AIOKafkaAdminClient"
    prefix: str
    partitions: int

    def names(self) -> dict[str, Topic]:
        return {topic.named(self.prefix): topic for topic in TOPICS}

    async def brokers(self) -> int:
        cluster: dict[str, Any] = await self.client.describe_cluster()
        return max(1, len(cluster["brokers"]))

    async def counts(self) -> dict[str, int]:
        """Partitions of the topics that stand, by full name."""
        described: list[dict[str, Any]] = await self.client.describe_topics(list(self.names()))
        return {topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}

    async def settings(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found: dict[str, dict[str, str]] = {}
        for response in await self.client.describe_configs(wanted):
            for resource in response.to_object()["resources"]:
                entries = {item["config_names"]: item["config_value"] for item in resource["config_entries"]}
                found[resource["resource_name"]] = entries
        return found


async def apply_topics(endpoints: "Endpoints", config: "Config") -> list[str]:
    """Create what is missing and verify the rest; one line a topic.

    Raises :class:`TopicError` where one stands otherwise, :class:`BusUnavailableError` where no broker answers.
    """
    async with _open(endpoints, config) as admin:
        standing = await admin.counts()
        missing = {name: topic for name, topic in admin.names().items() if name not in standing}
        await _create(admin, missing)
        await _settled(admin)
        await _verify(admin)
    return [f"{name}: {'created' if name in missing else 'stands'}" for name in admin.names()]


async def verify_topics(endpoints: "Endpoints", config: "Config") -> None:
    """Raises as :func:`apply_topics`, and :class:`TopicsMissingError` where topics are missing."""
    async with _open(endpoints, config) as admin:
        await _verify(admin)


async def _create(admin: _Admin, missing: dict[str, Topic]) -> None:
    from aiokafka.admin import NewTopic
    from aiokafka.errors import for_code

    if not missing:
        return
    replicas = min(REPLICAS, await admin.brokers())
    wanted = [
        NewTopic(name, num_partitions=admin.partitions, replication_factor=replicas, topic_configs=_settings(topic))
        for name, topic in missing.items()
    ]
    response = await admin.client.create_topics(wanted)
    for result in response.to_object()["topic_errors"]:
        if result["error_code"] not in {0, _EXISTS}:
            reason = result.get("error_message") or for_code(result["error_code"]).__name__
            raise TopicError(f"topic {result['topic']}", f"the broker does not create it: {reason}", "Ask its operator")


def _settings(topic: Topic) -> dict[str, str]:
    return topic.config | ({"max.message.bytes": str(LARGEST_REQUEST)} if topic == DEAD else {})


async def _settled(admin: _Admin) -> None:
    """A new topic shows in the metadata a moment after its creation was confirmed."""
    for _ in range(50):
        if len(await admin.counts()) == len(TOPICS):
            return
        await asyncio.sleep(0.05)


async def _verify(admin: _Admin) -> None:
    names, counts = admin.names(), await admin.counts()
    missing = [name for name in names if name not in counts]
    if missing:
        raise TopicsMissingError("topics", f"missing: {', '.join(missing)}", "Run `seatledger topics apply`")
    for name, count in counts.items():
        if count != admin.partitions:
            what = f"it has {count} partitions and topics.partitions says {admin.partitions}"
            raise TopicError(f"topic {name}", what, f"Set topics.partitions: {count}, or make the topic anew")
    settings = await admin.settings(list(names))
    for name, topic in names.items():
        _verify_settings(name, topic, settings.get(name, {}))


def _verify_settings(name: str, topic: Topic, found: dict[str, str]) -> None:
    for key, wanted in topic.config.items():
        if found.get(key, wanted) != wanted:
            what = f"{key} is {found[key]} and has to be {wanted}"
            raise TopicError(f"topic {name}", what, f"Alter the topic: {key}={wanted}")


class _open:  # noqa: N801  # reads as the verb it is
    def __init__(self, endpoints: "Endpoints", config: "Config") -> None:
        self._connection = Connection.of(endpoints, config)
        self._partitions = config.topics.partitions

    async def __aenter__(self) -> _Admin:
        from aiokafka.admin import AIOKafkaAdminClient
        from aiokafka.errors import KafkaError

        self._client = AIOKafkaAdminClient(**self._connection.options())
        try:
            await self._client.start()
        except (KafkaError, OSError) as error:
            await self._client.close()
            raise await unreachable(self._connection) from error
        return _Admin(self._client, self._connection.prefix, self._partitions)

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from aiokafka.errors import KafkaError

        await self._client.close()
        if isinstance(error, KafkaError | OSError):
            raise BusUnavailableError(f"the broker at {self._connection.servers} failed: {error}") from error
