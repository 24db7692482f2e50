"""Killed anywhere and begun again: the same events, the same counts, nothing half taken."""

import json
from pathlib import Path

import pytest

from seatledger.collector.handlers.say_again import SayAgain
from seatledger.schemas.subscriptions import SubscriptionChanged
from services.collector.tests.collector_samples import account, at, csv_text
from services.collector.tests.collector_world import Crash, Fuse, World

CHANGE = {"record_type": "change", "previous_quantity": "7"}
DAYS = (
    [{"subscription_id": name} for name in ("S1", "S2", "S3")],
    [{"subscription_id": "S1", "quantity": "12", **CHANGE}, {"subscription_id": "S2", "quantity": "8.0"}],
    [{"subscription_id": "S1", "quantity": "10"}, {"subscription_id": "S2", "quantity": "9"}],
)
"""S1 goes up (from another quantity than was stored) and comes back; S2's row is bad, then good;
S3 is missing in two full lists."""


def world(folder: Path) -> World:
    return World(folder=folder, account=account(mass_decrease_percent=100, complete=True))


def put_all(world: World) -> None:
    for day, rows in enumerate(DAYS, 8):
        changed = [{**row, "observed_at": f"2026-03-{day:02}T06:00:00Z"} for row in rows]
        world.put(f"{day:02}.csv", csv_text(*changed, trailer=f"# complete rows={len(rows)}"))


def story(world: World) -> str:
    """What the world ends in, as text: events with all they say, files, open findings, absences."""
    assert world.folder is not None
    files = sorted(str(path.relative_to(world.folder)) for path in world.folder.rglob("*.csv"))
    cursor = world.documents("cursors")[0]
    known = {name: cursor[name] for name in ("taken", "absent", "confirmed", "held")}
    known |= {name: cursor["last"][name] for name in ("digest", "day", "rules")}
    events = [event.model_dump(mode="json") for event in world.events()]
    return json.dumps([events, files, world.findings.rows(), known], indent=1)


async def steps_of_a_quiet_sweep(folder: Path) -> tuple[int, str]:
    quiet = world(folder)
    put_all(quiet)
    fuse = Fuse()
    await quiet.sweeper(fuse).sweep()
    return fuse.burnt, story(quiet)


async def test_killed_at_every_step_a_sweep_ends_in_the_same_events(tmp_path: Path) -> None:
    """Before and after every single write and every call on the distributor: the next process ends it alike."""
    quiet = tmp_path / "quiet"
    quiet.mkdir()
    steps, wanted = await steps_of_a_quiet_sweep(quiet)
    assert steps > 40
    for step in range(1, steps + 1):
        folder = tmp_path / str(step)
        folder.mkdir()
        dying = world(folder)
        put_all(dying)
        with pytest.raises(Crash):
            await dying.sweeper(Fuse(left=step)).sweep()
        await dying.sweep()
        assert story(dying) == wanted, f"killed at step {step}"


async def test_killed_at_every_step_of_two_days_absences_count_once(tmp_path: Path) -> None:
    """A crash during the first list without S3, however often, never makes it two absences."""
    steps, _ = await steps_of_a_quiet_sweep(tmp_path)
    for step in range(1, steps, 3):
        folder = tmp_path / str(step)
        folder.mkdir()
        dying = world(folder)
        for name, rows in (("1.csv", DAYS[0]), ("2.csv", DAYS[1])):
            dying.put(name, csv_text(*rows))
        for _ in range(2):
            try:
                await dying.sweeper(Fuse(left=step)).sweep()
            except Crash:
                dying.calendar.at = at(11)
        await dying.sweep()
        assert [event.change.value for event in dying.said("S3")] == ["seen"], f"killed at step {step}"


async def test_a_delivery_begun_again_keeps_its_instant(tmp_path: Path) -> None:
    """The day may turn between the crash and the restart: what was begun on the 10th is of the 10th."""
    dying = world(tmp_path)
    dying.put("1.csv", csv_text({"observed_at": ""}))
    with pytest.raises(Crash):
        await dying.sweeper(Fuse(left=8)).sweep()
    begun = dying.documents("cursors")
    assert begun
    dying.calendar.at = at(11)
    await dying.sweep()
    assert dying.last().observed_at == at(10)


async def test_a_crash_in_the_middle_of_an_accept_is_a_yes_to_the_same(tmp_path: Path) -> None:
    """The yes covers what was held when it was found, however often its sweep is begun."""
    for step in range(1, 60):
        folder = tmp_path / str(step)
        folder.mkdir()
        held = World(folder=folder, account=account(mass_decrease_percent=10, complete=True))
        for number, rows in enumerate((DAYS[0], DAYS[2], [*DAYS[2], {"subscription_id": "S4"}])):
            held.put(f"{number}.csv", csv_text(*[{**row, "observed_at": ""} for row in rows]))
        await held.sweep()
        assert held.sweep_row().held == 1
        await held.turns(lease=None).want(accept="yes")
        held.put("3.csv", csv_text({"subscription_id": "S1", "observed_at": ""}))
        held.put("4.csv", csv_text({"subscription_id": "S1", "observed_at": "", "customer_name": "x"}))
        try:
            await held.sweeper(Fuse(left=step)).sweep()
        except Crash:
            await held.sweep()
        else:
            return
        changes = {name: held.last(name).change.value for name in ("S1", "S2", "S3", "S4")}
        wanted = {"S1": "changed", "S2": "changed", "S3": "gone", "S4": "seen"}
        assert changes == wanted, f"killed at step {step}"
    pytest.fail("the sweep has more steps than this test kills at")


async def test_what_is_said_again_is_the_last_event_with_the_same_id(tmp_path: Path) -> None:
    """One event a snapshot, byte for byte the last one said."""
    told = world(tmp_path)
    put_all(told)
    await told.sweep()
    books = told.books(Fuse())
    again = [outgoing async for outgoing in SayAgain(books.snapshots, books.usages)()]
    last = {document["_id"]: document["outbox"][-1] for document in told.documents("snapshots")}
    assert {outgoing.event.subject: outgoing.model_dump(mode="json") for outgoing in again} == last
    assert all(SubscriptionChanged.model_validate(outgoing.event.data).revision for outgoing in again)


async def test_what_an_applied_row_was_told_survives_a_crash_before_it_was_told(tmp_path: Path) -> None:
    """Killed after the snapshot was written and before its finding: the finding stands all the same."""
    steps, _ = await steps_of_a_quiet_sweep(tmp_path)
    for step in range(1, steps):
        folder = tmp_path / str(step)
        folder.mkdir()
        dying = world(folder)
        dying.put("1.csv", csv_text({}))
        dying.put("2.csv", csv_text({"quantity": "12", "observed_at": "2026-03-10T07:00:00Z", **CHANGE}))
        try:
            await dying.sweeper(Fuse(left=step)).sweep()
        except Crash:
            dying.findings.open.clear()
            await dying.sweep()
            told = dying.findings.rows()
            assert told == [("S1", 2, "previous_quantity")] or dying.documents("cursors")[0]["taken"] == 2
            assert len(dying.documents("cursors")[0]["open_rows"]) == 1, f"killed at step {step}"


async def test_the_delivery_that_was_cut_off_is_ended_first(tmp_path: Path) -> None:
    """A file with an earlier name that came meanwhile waits its turn: it was delivered later."""
    dying = world(tmp_path)
    dying.put("2.csv", csv_text({"quantity": "12", "observed_at": ""}))
    with pytest.raises(Crash):
        await dying.sweeper(Fuse(left=13)).sweep()
    assert [event.quantity for event in dying.said()] == [12]
    dying.put("1.csv", csv_text({"quantity": "10", "observed_at": ""}))
    await dying.sweep()
    assert [event.quantity for event in dying.said()] == [12, 10]
