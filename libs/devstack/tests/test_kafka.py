"""Apache Kafka in the embedded broker's place."""

from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from seatledger.devstack import Devstack, DevstackError
from seatledger.devstack.kafka import HOME_ENV, kafka_home


async def topics(address: str, *made: str) -> set[str]:
    """What the broker has once these were made."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1) for name in made])
        return set(await admin.list_topics())
    finally:
        await admin.close()


@pytest.mark.broker
@pytest.mark.skipif(not kafka_home(), reason="needs Apache Kafka: run by `make test-kafka`")
async def test_it_begins_again_on_other_ports_with_what_it_had(tmp_path: Path) -> None:
    """A second stack on the folder, whose ports are others, finds the topics of the first."""
    async with Devstack(tmp_path, quick_stop=True) as first:
        await topics(first.addresses.broker, "kept")
        before = first.addresses.broker
    async with Devstack(tmp_path, quick_stop=True) as second:
        assert second.addresses.broker != before
        assert await topics(second.addresses.broker) == {"kept"}


def test_a_folder_without_kafka_is_said(tmp_path: Path) -> None:
    """The variable is never ignored: where it leads nowhere the embedded broker does not start instead."""
    with pytest.raises(DevstackError, match=r"where no Apache Kafka lies; run `make \.kafka`"):
        kafka_home({HOME_ENV: str(tmp_path)})
    assert kafka_home({}) is None
