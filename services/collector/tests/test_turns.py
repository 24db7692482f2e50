"""When an account is swept, and what the command ``collect`` answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from seatledger.collector.domain.reading import Reading
from seatledger.collector.handlers.books import Count
from seatledger.collector.handlers.collect import CollectHandler
from seatledger.collector.handlers.turns import LOOK_SECONDS, Turns
from seatledger.runtime.service import Answer
from seatledger.schemas.commands import Collect, CommandIssued, Owner, Resync
from seatledger.schemas.heads import SweepState
from seatledger.schemas.ids import CommandId, SourceName
from services.collector.tests.collector_samples import DROP, NOW, account, at, reading, row
from services.collector.tests.collector_world import GivenLease, World


def command(body: Collect | Resync) -> CommandIssued:
    return CommandIssued(id=CommandId("c-1"), owner=Owner.COLLECTOR, actor="me", issued_at=NOW, body=body)


@asynccontextmanager
async def running(turns: Turns) -> AsyncIterator[None]:
    """The runtime's loop around the turns."""

    async def loop() -> None:
        while True:
            await turns.turn()
            await turns.machine.sleep(0.5)

    task = asyncio.create_task(loop())
    try:
        yield
    finally:
        task.cancel()


async def collect(world: World, body: Collect, *deliveries: Reading) -> Answer:
    """The command on a process that runs already, after the deliveries have come."""
    turns = world.turns(GivenLease())
    await turns.turn()
    for delivery in deliveries:
        world.twin.deliver(delivery)
    async with running(turns):
        return await asyncio.wait_for(CollectHandler({DROP: turns})(command(body)), 10)


async def test_an_account_is_swept_at_once_and_then_every_poll_seconds() -> None:
    """The first turn of a process sweeps; the next ones wait for machine time to pass."""
    world = World()
    turns = world.turns(GivenLease())
    sweeps = []
    for _ in range(3):
        await turns.turn()
        sweeps.append(world.sweep_row().rev)
    world.machine.at += 60
    await turns.turn()
    assert sweeps[0] == sweeps[2] < world.sweep_row().rev


async def test_without_the_lease_nothing_is_swept() -> None:
    """Another replica holds it: this one does not even look."""
    world = World()
    await world.turns(GivenLease(holds=False)).turn()
    assert world.documents("sweeps") == []


async def test_another_replica_finds_that_a_sweep_is_wanted() -> None:
    """Wanted by one process, swept by the holder of the lease within two seconds."""
    world = World()
    holder, asked = world.turns(GivenLease()), world.turns(GivenLease(holds=False))
    await holder.turn()
    number = await asked.want()
    await asked.turn()
    world.machine.at += LOOK_SECONDS
    await holder.turn()
    assert world.sweep_row().done == number


async def test_a_sweep_that_was_cut_off_is_begun_again_by_the_next_process() -> None:
    """`running` in the store, and nobody running: the next look begins it again."""
    world = World()
    turns = world.turns(GivenLease())
    await turns.turn()
    await turns.sweeps.change(DROP, lambda sweep: sweep and sweep.model_copy(update={"state": SweepState.RUNNING}))
    world.machine.at += LOOK_SECONDS
    await turns.turn()
    assert world.sweep_row().state is SweepState.ENDED


async def test_collect_answers_with_the_sweeps() -> None:
    """One entry an account with the fields of interface.md."""
    world = World()
    answer = await collect(world, Collect(source=DROP), reading(row(10)))
    assert answer.ok
    assert answer.result == {
        "sweeps": [
            {
                "source": "drop",
                "complete": True,
                "customers": 1,
                "subscriptions": 1,
                "changed": 1,
                "held": 0,
                "bad_rows": 0,
                "error": None,
            }
        ]
    }


async def test_collect_says_no_while_the_source_cannot_be_read() -> None:
    """Incomplete: the answer is no and says why."""
    world = World()
    world.twin.broken = True
    answer = await collect(world, Collect())
    assert (answer.ok, answer.message) == (False, "drop: the source does not answer")


async def test_collect_says_no_while_the_brake_holds_and_accept_is_the_yes() -> None:
    """The answer names the command that lets them go."""
    world = World(account=account(complete=True))
    lists = ((row(10), row(10, subscription="S2", line=3)), (row(10),), (row(10),))
    deliveries = [reading(*rows, name=str(number), digest=str(number)) for number, rows in enumerate(lists)]
    refused = await collect(world, Collect(source=DROP), *deliveries)
    assert not refused.ok
    assert "seatledger collect drop --accept" in refused.message
    accepted = await collect(world, Collect(source=DROP, accept=True))
    assert (accepted.ok, accepted.result["sweeps"][0]["held"]) == (True, 0)


async def test_collect_of_an_unknown_source_names_those_there_are() -> None:
    """No source of that name, or a retired one."""
    answer = await CollectHandler({DROP: World().turns(GivenLease())})(command(Collect(source=SourceName("dorp"))))
    assert (answer.ok, answer.result) == (False, {"sweeps": []})
    assert "known: drop" in answer.message


async def test_another_services_command_is_refused() -> None:
    """A wiring error shows itself instead of sweeping."""
    with pytest.raises(TypeError):
        await CollectHandler({})(command(Resync()))


async def test_the_next_poll_is_shown_to_people() -> None:
    """status reads when the account was last complete and when it is next."""
    world = World()
    await world.turns(GivenLease()).turn()
    sweep = world.sweep_row()
    assert (sweep.last_complete_at, sweep.next_at) == (at(10), NOW.replace(minute=1))


async def test_what_a_sweep_under_way_took_is_in_the_answer() -> None:
    """Asked for while a sweep runs that takes the file: the next sweep finds nothing, the answer counts it."""
    world = World()
    turns = world.turns(GivenLease())
    world.twin.deliver(reading(row(10)))
    sweeper = world.sweeper()
    begun, turn = await sweeper._begun()
    number = await turns.want()
    count = Count()
    await sweeper._take_all(await sweeper.distributor.waiting(), count, turn)
    await sweeper._end(begun, turn, count)
    await world.sweep()
    result = await turns.result(number)
    assert (result.subscriptions, result.changed) == (1, 1)
    await world.sweep()
    assert (await turns.result(number)).changed == 0


async def test_a_yes_that_is_run_again_is_no_second_yes() -> None:
    """Killed before it answered, the command is repeated with its id: what its own sweep found goes on waiting."""
    world = World(account=account(complete=True))
    turns = world.turns(GivenLease())
    for number, names in enumerate((("S1",), ("S1", "S2"), ("S1",), ("S1",))):
        rows = [row(10, subscription=name, line=line) for line, name in enumerate(names, 2)]
        world.twin.deliver(reading(*rows, name=str(number), digest=str(number)))
        await turns.want(accept="yes")
        await world.sweep()
    await turns.want(accept="yes")
    await world.sweep()
    assert world.sweep_row().held == 1
    await turns.want(accept="another yes")
    await world.sweep()
    assert world.sweep_row().held == 0
