"""Events, records and clocks of the runtime's tests."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from seatledger.devstack import Devstack
from seatledger.runtime.bus import Received
from seatledger.runtime.clock import FixedCalendar
from seatledger.runtime.config import Config
from seatledger.runtime.kafka_client import Connection
from seatledger.runtime.kafka_packing import LARGEST_REQUEST
from seatledger.runtime.testing import FakeRecord
from seatledger.schemas.commands import Body, CommandIssued, Owner, ReadMirror
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.ids import CommandId
from seatledger.schemas.topics import COMMANDS, Topic

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LOG = structlog.get_logger()
CALENDAR = FixedCalendar(NOW)


def issued(number: int, *, owner: Owner = Owner.WRITER, body: Body | None = None, reason: str = "") -> CommandIssued:
    return CommandIssued(
        id=CommandId(f"c{number}"),
        owner=owner,
        actor="a",
        reason=reason or f"r{number}",
        issued_at=NOW,
        body=body or ReadMirror(),
    )


def event(number: int, **changes: Any) -> Event:
    """An event of ours: the command number so-and-so."""
    made = Event.about(issued(number, **changes), source="/cli", subject=f"c{number}", revision=1, time=NOW)
    assert made.id
    return made


def outgoing(number: int, topic: Topic = COMMANDS, **changes: Any) -> Outgoing:
    return Outgoing(topic=topic.name, key=f"k{number % 5}", event=event(number, **changes))


def value(number: int) -> bytes:
    return event(number).to_bytes()


def changed(number: int, **fields: Any) -> bytes:
    """The record's value with fields of its envelope or data set otherwise."""
    return json.dumps(json.loads(value(number)) | fields).encode()


UNREADABLE: dict[str, tuple[bytes | None, Sequence[tuple[str, bytes | None]], str]] = {
    "not UTF-8": (b'{"id": "\xff\xfe"}', (), "not UTF-8"),
    "header not UTF-8": (value(99), (("trace", b"\xff\x00"),), "header 'trace' is not UTF-8"),
    "broken JSON": (b'{"id": ', (), "no CloudEvent"),
    "no object": (b"[1, 2]", (), "no CloudEvent"),
    "wrong type": (changed(99, subject=7), (), "subject"),
    "unknown event type": (changed(99, type="Nonsense"), (), "'Nonsense' is not known"),
    "wrong data": (changed(99, data={"id": "c99"}), (), "data of CommandIssued is wrong"),
    "future major": (changed(99, dataschema="urn:seatledger:schema:CommandIssued:2"), (), "major version 2"),
    "oversize": (value(99)[:-1] + b" " * (1024 * 1024) + b"}", (), "bytes; an event has at most"),
    "no value": (None, (), "no value"),
}
"""Kind → value, headers, and what ``why`` says."""


def record(number: int, **changes: Any) -> FakeRecord:
    fields: dict[str, Any] = {"value": value(number), "offset": number} | changes
    return FakeRecord(**fields)


def numbers(batch: Sequence[Received]) -> list[str]:
    """The ids of the commands in a batch."""
    return [item.event.subject for item in batch]


class Note(Document):
    """A document with an outbox."""

    text: str = ""


@dataclass
class Told:
    """A Findings that remembers."""

    drafts: list[FindingDraft] = field(default_factory=list)

    async def raise_(self, *drafts: FindingDraft) -> None:
        self.drafts += drafts

    async def close(self, code: FindingCode, *subjects: Subject) -> None:
        raise NotImplementedError

    async def reconcile(self, scope: Any, codes: Sequence[FindingCode], drafts: Sequence[FindingDraft]) -> None:
        raise NotImplementedError


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
    """Wait for something that another task or process does; TimeoutError where it does not come."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)


def kill_broker_for_good(stack: Devstack, state_dir: Path) -> None:
    """SIGKILL, and what it had on disk is gone: the embedded broker has nothing there, Apache Kafka all it knows."""
    shutil.rmtree(state_dir / "broker" / "data", ignore_errors=True)
    os.kill(stack.pids()["broker"], signal.SIGKILL)


async def make_roomy_commands(connection: Connection, config: Config) -> None:
    """commands.v1 as an operator might have made it, for records that are larger than any event of ours: Apache Kafka
    takes 1 MiB at most unless a topic says otherwise."""
    admin = AIOKafkaAdminClient(**connection.options())
    await admin.start()
    roomy = COMMANDS.config | {"max.message.bytes": str(LARGEST_REQUEST)}
    await admin.create_topics(
        [NewTopic(COMMANDS.named(connection.prefix), config.topics.partitions, 1, topic_configs=roomy)]
    )
    await admin.close()
