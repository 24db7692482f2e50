"""What nobody can read lands in dead.v1, byte for byte, and its neighbours are handled."""

import asyncio
import base64
import json
import os
import time
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from seatledger.schemas.topics import CHANGED, COMMANDS, DEAD, MAPPED, PLANNED, SETTLED, TOPICS
from tests.integration.hands import Stack, row

READERS = {
    CHANGED.name: ("mapper",),
    MAPPED.name: ("contract-planner",),
    PLANNED.name: ("psa-writer",),
    SETTLED.name: ("contract-planner",),
    COMMANDS.name: ("collector", "contract-planner", "mapper", "psa-writer"),
}
"""Who reads what."""


@dataclass(frozen=True)
class Bad:
    """A record that is no event."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


GOOD_FRAME = {
    "specversion": "1.0", "id": "a" * 32, "source": "/tests", "subject": "x", "time": "2026-03-09T08:00:00Z",
    "datacontenttype": "application/json", "correlationid": "c",
}  # fmt: skip
KINDS = {
    "not UTF-8": Bad(b"\xff\xfe\x00seat"),
    "header not UTF-8": Bad(b"{}", (("origin", b"\xff\xfe"),)),
    "broken JSON": Bad(b'{"specversion": "1.0", '),
    "wrong type": Bad(json.dumps({**GOOD_FRAME, "type": "SubscriptionChanged", "data": {"quantity": "many"}}).encode()),
    "no object": Bad(b'"seats"'),
    "future major": Bad(json.dumps({**GOOD_FRAME, "specversion": "2.0", "type": "SeatsOfTomorrow"}).encode()),
    "oversize": Bad(b'{"seats": "' + b"9" * (1024 * 1024 + 1) + b'"}'),
}


async def make_room(servers: str) -> None:
    """Apache Kafka refuses a record above 1 MiB unless its topic allows it. The embedded broker refuses none, and knows
    no way to alter a topic."""
    if "SEATLEDGER_KAFKA" not in os.environ:
        return
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        for topic in TOPICS:
            settings = {**topic.config, "max.message.bytes": str(16 * 1024 * 1024)}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=settings)])
    finally:
        await admin.close()


async def publish(servers: str) -> None:
    """Every kind on every topic, in one partition each."""
    await make_room(servers)
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_request_size=4 * 1024 * 1024)
    await producer.start()
    try:
        for topic in READERS:
            for bad in KINDS.values():
                await producer.send_and_wait(topic, bad.value, key=b"k", headers=list(bad.headers), partition=0)
    finally:
        await producer.stop()


@pytest.fixture(scope="module")
def letters(stack: Stack) -> list[dict[str, object]]:
    """Everything in dead.v1 after all of it was read, and after a change went by."""
    asyncio.run(publish(stack.run_file()["broker"]))
    company = stack.company()
    stack.deliver("north", [row(company, 5)])
    stack.settle()
    assert stack.units(company.line) == 5, "a neighbour of what nobody can read was not handled"
    return [line["event"]["data"] for line in stack.events(DEAD.name)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("topic", READERS)
def test_every_subscriber_buries_what_it_cannot_read(letters: list[dict[str, object]], topic: str, kind: str) -> None:
    """Each reader of the topic has put the record into dead.v1 with its bytes, its headers, its place and a reason."""
    wanted = base64.b64encode(KINDS[kind].value).decode()
    mine = [
        letter
        for letter in letters
        if letter["place"]["topic"] == topic and letter["bytes_base64"] == wanted  # type: ignore[index]  # JSON
    ]
    readers = sorted(str(letter["reader"]).partition(f".{topic}")[0] for letter in mine)
    assert tuple(readers) == READERS[topic]
    for letter in mine:
        assert letter["why"]
        assert len(letter["headers"]) == len(KINDS[kind].headers)  # type: ignore[arg-type]  # JSON


def test_each_is_a_finding(stack: Stack, letters: list[dict[str, object]]) -> None:
    """A person sees every one of them: a finding a reader and record, which says what to do."""
    found = stack.findings(code="dead_letter")
    assert len(found) == len(letters) == sum(len(readers) for readers in READERS.values()) * len(KINDS)
    assert all("seatledger dead retry" in finding["do"] for finding in found)


def test_the_stack_is_well_afterwards(stack: Stack, letters: list[dict[str, object]]) -> None:
    """Nobody stands still over a record that cannot be read: all are ready, and nothing is pending."""
    assert letters
    assert not any(stack.drain()["pending"].values())
    for service in ("collector", "mapper", "contract-planner", "psa-writer"):
        assert stack.get(service, "/readyz")[0] == 200


@pytest.mark.parametrize("topic", READERS)
def test_tail_shows_a_person_even_what_is_no_event(stack: Stack, letters: list[dict[str, object]], topic: str) -> None:
    """Whatever stands on a topic, ``tail`` goes on: a line for each record, unreadable ones named as such."""
    assert letters
    ended = stack.cli.ended("tail", topic, json_output=False)
    assert ended.code == 0, ended.err
    assert ended.out.count("unreadable") >= len(KINDS) - 2


def dead(stack: Stack, topic: str, kind: str) -> list[dict[str, Any]]:
    """The letters about records of a topic with a kind's bytes, as a person sees them."""
    wanted = base64.b64encode(KINDS[kind].value).decode()
    rows: list[dict[str, Any]] = stack.cli.run("dead", "list")
    return [row for row in rows if row["from"]["topic"] == topic and row["bytes_base64"] == wanted]


def test_a_letter_is_said_again_where_it_came_from(stack: Stack, letters: list[dict[str, object]]) -> None:
    """Byte for byte, for all who met it; still unreadable it comes back as another letter with findings of its own."""
    (before,) = dead(stack, COMMANDS.name, "broken JSON")
    assert [reader.partition(".")[0] for reader in sorted(before["readers"])] == list(READERS[COMMANDS.name])
    answer = stack.cli.run("dead", "retry", before["id"])
    assert answer["retried"]
    assert "still cannot be read" in answer["message"]
    end = time.monotonic() + 60
    while len(stack.findings(code="dead_letter")) != len(letters):
        assert time.monotonic() < end, "it did not come back to each of its readers"
    old, new = dead(stack, COMMANDS.name, "broken JSON")
    assert (old["id"], old["retried"], new["retried"]) == (before["id"], True, False)
    assert (new["headers"], new["key_base64"]) == (before["headers"], before["key_base64"])
    assert new["from"]["partition"] == before["from"]["partition"]
