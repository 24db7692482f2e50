"""A sweep that comes back late: its host stood still, its lease ran out, and another process swept meanwhile."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from seatledger.collector.domain.reading import Parcel
from seatledger.collector.handlers.books import Count
from seatledger.collector.handlers.sweep import Sweeper
from seatledger.runtime.store import ConflictError
from seatledger.schemas.base import Json
from services.collector.tests.collector_samples import account, at, csv_text
from services.collector.tests.collector_world import Frozen, World

BOTH = csv_text({"subscription_id": "S1", "observed_at": ""}, {"subscription_id": "S2", "observed_at": ""})
MORE = csv_text({"subscription_id": "S1", "observed_at": ""}, {"subscription_id": "S2", "quantity": "9"})
ONE = csv_text({"subscription_id": "S1", "observed_at": ""})


def world(folder: Path, percent: int = 100) -> World:
    folder.mkdir(exist_ok=True)
    return World(folder=folder, account=account(mass_decrease_percent=percent, complete=True))


async def day(world: World, day: int, *texts: str) -> None:
    """Files of a business day, taken by whichever process sweeps now."""
    world.calendar.at = at(day)
    for number, text in enumerate(texts, 1):
        world.put(f"{day}-{number}.csv", text)
    await world.sweep()


async def frozen(world: World, call: str) -> tuple[Frozen, asyncio.Task[object]]:
    """A process whose sweep stands still in a call on the port."""
    sweeper = world.sweeper()
    ice = Frozen(sweeper.distributor, call)
    task = asyncio.create_task(replace(sweeper, distributor=ice).sweep())
    await ice.there.wait()
    return ice, task


def all_of(world: World) -> tuple[object, ...]:
    """Events, documents, findings and files."""
    assert world.folder is not None
    files = sorted(str(path.relative_to(world.folder)) for path in world.folder.rglob("*.csv"))
    return files, world.findings.codes(), world.events(), [_steady(world, name) for name in ("cursors", "sweeps")]


def _steady(world: World, name: str) -> list[Json]:
    """Without what only counts writes, tells files apart by their inode, or is machine time."""
    varies = {"rev", "turn", "begun", "last", "next_at"}
    return [{key: value for key, value in one.items() if key not in varies} for one in world.documents(name)]


@pytest.mark.parametrize("call", ["waiting", "read", "put_away"])
async def test_a_sweep_that_comes_back_late_changes_nothing(tmp_path: Path, call: str) -> None:
    """It gives way wherever it stood still: no row, no absence, no finding, no file is other than without it."""
    stories = []
    for late in (False, True):
        w = world(tmp_path / str(late))
        await day(w, 10, BOTH)
        w.calendar.at = at(11)
        w.put("11-1.csv", ONE)
        w.put("11-2.csv", MORE)
        ice, task = await frozen(w, call) if late else (None, None)
        await w.sweep()
        await day(w, 12, BOTH)
        if ice is not None and task is not None:
            ice.thawed.set()
            with pytest.raises(ConflictError):
                await task
        stories.append(all_of(w))
    assert stories[1] == stories[0]


async def test_one_list_read_by_two_processes_is_one_absence(tmp_path: Path) -> None:
    """Missing in a list that a late process read too, there again, missing once more: it stays, for the two lists did
    not follow each other."""
    w = world(tmp_path)
    await day(w, 10, BOTH)
    w.calendar.at = at(11)
    w.put("11-1.csv", ONE)
    ice, task = await frozen(w, "read")
    await w.sweep()
    await day(w, 12, BOTH)
    ice.thawed.set()
    with pytest.raises(ConflictError):
        await task
    await day(w, 13, ONE)
    assert [event.change.value for event in w.said("S2")] == ["seen"]


async def begun(world: World) -> tuple[Sweeper, Parcel, int]:
    """A process that has taken in the one file that waits, and has not put it away yet."""
    late = world.sweeper()
    _, turn = await late._begun()
    (parcel,) = await late.distributor.waiting()
    taking = await late.intake.note(parcel, turn)
    await late.intake.take(await late.distributor.read(parcel), taking)
    return late, parcel, turn


async def test_a_file_moved_back_is_not_put_away_by_a_late_process(tmp_path: Path) -> None:
    """Another process put it away and a person moved it back: it waits to be read, and is read."""
    w = world(tmp_path)
    w.put("1.csv", BOTH)
    late, parcel, turn = await begun(w)
    await w.sweep()
    (tmp_path / "processed" / "1.csv").rename(tmp_path / "1.csv")
    with pytest.raises(ConflictError):
        await late._put_away(parcel, turn, failed=False)
    assert (await w.sweep()).subscriptions == 2


async def test_a_late_end_closes_nothing_and_answers_nobody(tmp_path: Path) -> None:
    """What the brake holds since is not told as settled by a sweep that held nothing."""
    w = world(tmp_path, percent=10)
    await day(w, 10, BOTH)
    late = w.sweeper()
    row, turn = await late._begun()
    await day(w, 11, ONE)
    await day(w, 12, ONE)
    before = w.documents("sweeps")
    with pytest.raises(ConflictError):
        await late._end(row, turn, Count())
    assert (w.findings.codes(), w.documents("sweeps")) == (["source_mass_decrease"], before)


async def test_a_clock_finer_than_the_store_overtakes_nobody(tmp_path: Path) -> None:
    """The delivery that was noted is known again by its id: its instant is kept to the millisecond."""
    sweeping = world(tmp_path / "fine")
    sweeping.put("1.csv", BOTH)
    sweeping.calendar.at = at(10).replace(microsecond=123_456)
    assert (await sweeping.sweep()).complete
    assert len(sweeping.events()) == 2
