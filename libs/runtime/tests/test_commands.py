"""Commands: recorded, run in the background, answered once; run again after a crash."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from libs.runtime.tests.samples import CALENDAR, LOG, event, issued, outgoing, until
from seatledger.runtime.bus import EventTooLargeError, MemorySink, Received
from seatledger.runtime.commands import CommandDocument, Commands
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.redaction import Redactor
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Documents, StoreUnavailableError
from seatledger.runtime.testing import JumpingMachine
from seatledger.schemas.commands import CommandIssued, CommandRecord, Owner, ReadMirror, Resync
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.topics import COMMANDS


class World:
    """The writer's commands; ``read_mirror`` does what the test says."""

    def __init__(self) -> None:
        self.documents = Documents(MemoryStore().collection("commands_psa-writer"), CommandDocument)
        self.sink = MemorySink()
        self.ran: list[str] = []
        self.outcomes: list[Answer | Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.metrics = Metrics()
        self.commands = self.process()

    def process(self) -> Commands:
        """A process that was just started."""
        commands = Commands(
            "psa-writer",
            self.documents,
            sink=self.sink,
            calendar=CALENDAR,
            machine=JumpingMachine(),
            metrics=self.metrics,
            log=LOG,
        )
        commands.use({ReadMirror: self.read_mirror}, self.say)
        return commands

    async def read_mirror(self, command: CommandIssued) -> Answer:
        self.ran.append(command.id)
        await self.gate.wait()
        outcome = self.outcomes.pop(0) if self.outcomes else Answer(result={"calls": 1})
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def say(self) -> AsyncIterator[Outgoing]:
        for number in range(700):
            yield outgoing(number)

    async def see(self, *commands: CommandIssued) -> None:
        await self.commands.subscription.handle([Received(event(0), command) for command in commands])

    async def answered(self, number: int) -> CommandDocument:
        async def ready() -> bool:
            found = await self.documents.get(f"c{number}")
            return found is not None and found.answer is not None

        await until(ready, 2)
        found = await self.documents.get(f"c{number}")
        assert found is not None
        return found


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.commands.stop()


async def test_answer_is_stored_and_told(world: World) -> None:
    """The answer stands in the record that the CLI reads, and goes out keyed by the owner."""
    await world.see(issued(1))
    found = await world.answered(1)
    (told,) = found.outbox
    assert (told.topic, told.key, told.event.type) == (COMMANDS.name, "psa-writer/", "CommandAnswered")
    record = CommandRecord.model_validate(await world.documents.collection.get("c1"))
    assert record.answer is not None
    assert (record.answer.ok, record.answer.result) == (True, {"calls": 1})


async def test_long_command_does_not_hold_the_batch(world: World) -> None:
    """The batch is over while the command still runs; seen again meanwhile, it is not run twice."""
    world.gate.clear()
    await world.see(issued(1))
    await until(lambda: world.ran == ["c1"])
    await world.see(issued(1))
    await asyncio.sleep(0.01)
    assert world.ran == ["c1"]
    world.gate.set()
    await world.answered(1)


async def test_answered_is_not_run_again(world: World) -> None:
    """A command that is read again, as after a new epoch, keeps its answer."""
    await world.see(issued(1))
    await world.answered(1)
    await world.see(issued(1))
    await asyncio.sleep(0.01)
    assert world.ran == ["c1"]


async def test_others_commands(world: World) -> None:
    """Commands of other owners are not ours."""
    await world.see(issued(1, owner=Owner.MAPPER))
    assert await world.documents.find({}) == []


async def test_left_unanswered(world: World) -> None:
    """A command that a dead process left unanswered is run at the next start."""
    world.gate.clear()
    await world.see(issued(1))
    await until(lambda: world.ran == ["c1"])
    await world.commands.stop()
    world.gate.set()
    world.commands = world.process()
    await world.commands.resume()
    await world.answered(1)
    assert world.ran == ["c1", "c1"]


@pytest.mark.parametrize(
    ("outcomes", "ok", "runs"),
    [
        ([StoreUnavailableError("gone")] * 9, True, 10),
        ([ValueError("no")], True, 2),
        ([ValueError("no")] * 3, False, 3),
        ([Answer(ok=False, message="refused")], False, 1),
    ],
    ids=["store away", "fails once", "fails always", "answer is no"],
)
async def test_failures(world: World, outcomes: list[Any], ok: bool, runs: int) -> None:
    """Store and broker are waited for; another failure that lasts ends in an answer that says so."""
    world.outcomes = list(outcomes)
    await world.see(issued(1))
    answer = (await world.answered(1)).answer
    assert answer is not None
    assert (answer.ok, len(world.ran)) == (ok, runs)
    assert ok or "refused" in answer.message or "ValueError: no" in answer.message


async def test_a_failure_is_answered_without_secrets(world: World, redactor: Redactor) -> None:
    """The answer is stored, goes over the bus and stands on somebody's screen."""
    redactor.know("it", "a-secret")
    world.outcomes = [ValueError("no header a-secret")] * 3
    await world.see(issued(1))
    answer = (await world.answered(1)).answer
    assert answer is not None
    assert answer.message == "the command failed: ValueError: no header [hidden]"


async def test_not_ours_to_do(world: World) -> None:
    """A command that this service has no handler for is answered with no."""
    world.commands.use({}, None)
    await world.see(issued(1))
    answer = (await world.answered(1)).answer
    assert answer is not None
    assert (answer.ok, answer.message) == (False, "psa-writer does not handle 'read_mirror'")


async def test_resync(world: World) -> None:
    """Resync says all again and counts it, whatever the service itself handles."""
    await world.see(issued(1, body=Resync()))
    answer = (await world.answered(1)).answer
    assert answer is not None
    assert answer.result == {"events": 700}
    assert len(world.sink.published) == 700


async def test_resync_with_an_event_that_the_broker_refuses(world: World) -> None:
    """All the others are said, once more at most, and the answer says at once what is not."""
    calls, publish = 0, world.sink.publish

    async def refuse(outgoing: Iterable[Outgoing]) -> None:
        nonlocal calls
        calls += 1
        events = list(outgoing)
        await publish(item for item in events if item.event.subject != "c350")
        if any(item.event.subject == "c350" for item in events):
            raise EventTooLargeError("nothing so large")

    world.sink.publish = refuse  # type: ignore[method-assign]  # one event is too large
    await world.see(issued(1, body=Resync()))
    answer = (await world.answered(1)).answer
    assert answer is not None
    assert (answer.ok, answer.message) == (False, "1 of 700 events are not said: nothing so large")
    assert {item.event.subject for item in world.sink.published} == {f"c{n}" for n in range(700) if n != 350}
    assert calls == 3 + 300
