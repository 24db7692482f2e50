"""How a service follows the bus epoch; what it joins is a twin here, the wiring is tested in test_process."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from libs.runtime.tests.samples import CALENDAR, LOG, Told, outgoing, until
from seatledger.runtime import session
from seatledger.runtime.bus import BusUnavailableError, EventTooLargeError, MemorySink, Subscription
from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.config import BrokerConfig
from seatledger.runtime.epoch import epoch_done, raise_epoch
from seatledger.runtime.kafka_client import Connection
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.session import BusSession
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.topics import COMMANDS


class Group:
    """A subscription's consumer, as the session sees it."""

    def __init__(self, world: "World", group: str) -> None:
        self.world = world
        self.name = group

    async def start(self) -> None:
        if self.world.refusals:
            raise self.world.refusals.pop(0)
        self.world.steps.append(f"join {self.name}")

    async def stop(self) -> None:
        self.world.steps.append(f"leave {self.name}")


class World(MemorySink):
    """A session whose joining and saying fail as told."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.refusals: list[Exception] = []
        self.failures: list[Exception] = []
        self.store = MemoryStore()
        self.session = BusSession(
            "mapper",
            connection=Connection("", embedded=True, prefix="", settings=BrokerConfig()),
            store=self.store,
            sink=self,
            findings=Told(),
            calendar=CALENDAR,
            machine=SystemMachine(),
            metrics=Metrics(),
            log=LOG,
        )
        self.session.use([Subscription(COMMANDS, self.ignore, ())], self.say)

    async def ignore(self, _batch: Any) -> None:
        return None

    async def say(self) -> AsyncIterator[Outgoing]:
        yield outgoing(1)

    async def publish(self, outgoing: Iterable[Outgoing]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        await super().publish(outgoing)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.session.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def done(self) -> bool:
        return await epoch_done(self.store, "mapper") == 1


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(session, "Consumer", lambda _connection, _delivery, group: Group(world, group))
    await raise_epoch(world.store)
    return world


@pytest.mark.parametrize("error", [BusUnavailableError("away"), EventTooLargeError("too large")])
async def test_saying_that_fails_leaves_no_group(world: World, error: Exception) -> None:
    """It is tried again where it failed: what is joined stays joined."""
    world.failures = [error] * 3
    async with world.running():
        await until(world.done)
    assert world.steps == ["join mapper.commands.v1.e1"]
    assert len(world.published) == 1


async def test_joining_that_fails_is_begun_anew(world: World) -> None:
    """Nothing is said before all is joined."""
    world.refusals = [OSError("no")] * 2
    async with world.running():
        await until(world.done)
    assert world.steps == ["leave mapper.commands.v1.e1"] * 2 + ["join mapper.commands.v1.e1"]
    assert len(world.published) == 1


async def test_an_epoch_that_rises_before_all_is_said(world: World) -> None:
    """The service goes over to it; what the old one still owed is said under the new one."""
    world.failures = [BusUnavailableError("away")] * 3
    async with world.running():
        await until(lambda: world.steps == ["join mapper.commands.v1.e1"])
        await raise_epoch(world.store)
        await until(lambda: bool(world.published))
        await until(lambda: world.session._trouble is None)
    assert world.steps == ["join mapper.commands.v1.e1", "leave mapper.commands.v1.e1", "join mapper.commands.v1.e2"]
    assert await epoch_done(world.store, "mapper") == 2
