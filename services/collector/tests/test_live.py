"""A live account swept: what its failures prove, and what direct reads make of absences."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from seatledger.collector.adapters.memory import MemoryAccount
from seatledger.collector.domain.reading import Parcel, Reading, Row
from seatledger.collector.domain.sweeps import Absence, SweepResult
from seatledger.collector.ports import Progress, Walked, untold
from seatledger.schemas.heads import SweepHead
from seatledger.schemas.subscriptions import Change, Status
from services.collector.tests.collector_samples import account, at, key, on, row
from services.collector.tests.collector_world import Crash, Frozen, Fuse, World

ALL = ("S1", "S2", "S3", "S4")


def seats(*subscriptions: str, quantity: int = 10, customer: str | None = None) -> list[Row]:
    """One row each; S1 and S2 are of customer c1, the others of c2."""
    return [
        row(quantity, subscription=name, customer=customer or ("c1" if name in {"S1", "S2"} else "c2"), line=line)
        for line, name in enumerate(subscriptions, 1)
    ]


def world(percent: int = 100) -> World:
    live = MemoryAccount()
    live.hold(*seats(*ALL))
    return World(live=live, account=account(mass_decrease_percent=percent))


async def swept(world: World, *subscriptions: str, day: int = 10) -> SweepResult:
    """A sweep on a business day of an account that holds these subscriptions."""
    assert world.live is not None
    world.live.hold(*seats(*subscriptions))
    world.calendar.at = at(day)
    return await world.sweep()


def twin(world: World) -> MemoryAccount:
    assert world.live is not None
    return world.live


def gone(world: World) -> list[str]:
    return sorted(event.key.subscription for event in world.events() if event.change is Change.GONE)


async def test_two_sweeps_and_a_direct_read_make_a_subscription_gone() -> None:
    """Missing in two successive sweeps of one day, and denied when asked for: gone from the day of the first."""
    world_ = world()
    await swept(world_, *ALL)
    await swept(world_, "S1", "S2", "S3", day=11)
    assert (gone(world_), [call for call in twin(world_).calls if "reread" in call]) == ([], [])
    result = await swept(world_, "S1", "S2", "S3", day=11)
    assert (gone(world_), result.complete) == (["S4"], True)
    assert [call for call in twin(world_).calls if "reread" in call] == ["reread c2 S4"]
    asks = world_.last("S4").asks
    assert asks is not None
    assert (asks.since, asks.units.last) == (on(11), None)


async def test_an_equal_look_is_a_second_look() -> None:
    """Two sweeps that read the same are two proofs, on one day too: a live account makes no duplicates."""
    world_ = world()
    await swept(world_, *ALL)
    for _ in range(2):
        await swept(world_, "S1", "S2", "S3")
    assert gone(world_) == ["S4"]


async def test_empty_lists_take_nothing_away_while_direct_reads_show_all() -> None:
    """Once, twice and for good: the lists are doubted, the sweep is incomplete, no unit goes; asked for once a customer
    and round, not once a subscription."""
    world_ = world()
    await swept(world_, *ALL)
    twin(world_).unlisted = set(ALL)
    results = [await swept(world_, *ALL, day=day) for day in (10, 10, 11, 12)]
    assert gone(world_) == []
    assert [result.complete for result in results] == [True, False, False, False]
    assert "leave out" in str(results[1].error)
    assert len([call for call in twin(world_).calls if "reread" in call]) <= 2 * 3
    assert "source_incomplete" in world_.findings.codes()


async def test_an_account_that_empties_for_good_waits_for_a_yes() -> None:
    """Lists and direct reads agree that all is gone: the brake holds all of it, and the yes ends it."""
    world_ = world(percent=10)
    await swept(world_, *ALL)
    results = [await swept(world_) for _ in range(4)]
    assert ([result.held for result in results], gone(world_)) == ([0, 4, 4, 4], [])
    assert world_.findings.codes() == ["source_mass_decrease"]
    twin(world_).hold()
    result = await world_.accept()
    assert (result.held, gone(world_), world_.findings.codes()) == (0, list(ALL), [])


async def test_what_is_there_again_when_the_yes_is_said_stays() -> None:
    """The yes ends only what the source denies at that moment too; where its lists leave out what is there, the same
    customer's others wait until they do not."""
    world_ = world(percent=10)
    await swept(world_, *ALL)
    for _ in range(2):
        await swept(world_)
    twin(world_).hold(*seats("S1"))
    twin(world_).unlisted = {"S1"}
    assert ((await world_.accept()).held, gone(world_)) == (1, ["S3", "S4"])
    twin(world_).unlisted = set()
    assert ((await world_.sweep()).held, gone(world_)) == (0, ["S2", "S3", "S4"])


async def test_the_brake_weighs_what_disappeared_alone() -> None:
    """Nine tenths of the seats fall by the source's own word: no brake. One of four vanishes: it waits."""
    world_ = world(percent=10)
    await swept(world_, *ALL)
    twin(world_).hold(*seats(*ALL, quantity=1))
    assert ((await world_.sweep()).held, world_.last("S4").quantity) == (0, 1)
    twin(world_).hold(*seats("S1", "S2", "S3", quantity=1))
    await world_.sweep()
    assert (await world_.sweep()).held == 1


async def test_a_customer_that_refuses_loses_nothing_and_hinders_nobody() -> None:
    """403 for a customer: a finding, its units stay, the sweep is complete; back again it closes."""
    world_ = world()
    await swept(world_, *ALL)
    twin(world_).lost = {"c2"}
    results = [await swept(world_, "S1", day=day) for day in (11, 12, 13)]
    assert (gone(world_), all(result.complete for result in results)) == (["S2"], True)
    assert (world_.findings.codes(), world_.sweep_row().ended) == (["permission"], 4)
    twin(world_).lost = set()
    await swept(world_, "S1", "S3", "S4", day=14)
    assert (world_.findings.codes(), gone(world_)) == ([], ["S2"])


async def test_a_customer_that_is_left_out_hinders_nothing() -> None:
    """What the finding advises helps: with `exclude` it closes, a customer that fails for good keeps no sweep
    incomplete, and what was collected of it stays as it was, listed or not."""
    world_ = world()
    await swept(world_, *ALL)
    twin(world_).lost = {"c1"}
    await swept(world_, *ALL)
    assert world_.findings.codes() == ["permission"]
    world_.account = account(exclude=("c1",))
    assert ((await swept(world_, *ALL)).complete, world_.findings.codes()) == (True, [])
    twin(world_).lost, twin(world_).failing = set(), {"c1"}
    assert ((await swept(world_, *ALL)).complete, world_.findings.codes()) == (True, [])
    twin(world_).rows, twin(world_).failing = {"c2": seats("S3", "S4")}, set()
    for _ in range(3):
        assert (await world_.sweep()).complete
    assert gone(world_) == []


async def test_a_customer_that_is_no_longer_listed_is_silent_not_gone() -> None:
    """It left the list and refuses direct reads: the relation is lost, its subscriptions are not ended by that. It is
    asked again only once it is listed again."""
    world_ = world()
    await swept(world_, *ALL)
    twin(world_).unlisted, twin(world_).lost = {"c2"}, {"c2"}
    for day in (11, 12, 13, 14):
        assert (await swept(world_, "S1", "S2", day=day)).complete
    assert (gone(world_), world_.findings.codes()) == ([], ["permission"])
    assert len([call for call in twin(world_).calls if "reread" in call]) == 1


async def test_a_customer_that_fails_leaves_the_sweep_incomplete_and_its_absences_unproven() -> None:
    """What of c2 could not be read proves nothing and begins no count anew; the others' absences count."""
    world_ = world()
    await swept(world_, *ALL)
    await swept(world_, "S1", "S3", day=11)
    twin(world_).failing = {"c2"}
    result = await swept(world_, "S1", "S3", day=12)
    assert (result.complete, gone(world_), world_.findings.codes()) == (False, ["S2"], ["source_incomplete"])
    assert world_.sweep_row().ended == 2
    twin(world_).failing = set()
    assert (await swept(world_, "S1", "S3", day=13)).complete
    assert (gone(world_), world_.findings.codes()) == (["S2", "S4"], [])


@pytest.mark.parametrize("version", [None, 3])
async def test_a_read_under_way_does_not_bring_back_what_is_gone(version: int | None) -> None:
    """A direct read begun before the absence was confirmed lands after it, with what stood there: too late."""
    world_ = world()
    account_ = twin(world_)
    late = [replace(one, version=version) for one in seats(*ALL)]
    account_.hold(*late)
    await world_.sweep()
    rereads = world_.rereads(lease=None)
    taking, stale = await rereads.intake.begin("early"), await account_.reread("c2", "S4")
    assert stale is not None
    account_.hold(*late[:3])
    for _ in range(2):
        await world_.sweep()
    assert gone(world_) == ["S4"]
    await rereads.intake.take(stale, taking)
    assert world_.last("S4").change is Change.GONE
    account_.hold(*late)
    await world_.sweep()
    assert world_.last("S4").change is Change.REAPPEARED


async def test_a_walk_that_breaks_off_proves_no_absence() -> None:
    """Page two of the customers fails, twice: what was read counts, the rest stays, `complete` is false."""
    world_ = world()
    await swept(world_, *ALL)
    twin(world_).cut_after = 1
    results = [await swept(world_, "S1", day=day) for day in (11, 12, 13)]
    assert [result.complete for result in results] == [False, False, False]
    assert gone(world_) == []


async def test_a_long_sweep_says_how_far_it_is() -> None:
    """While customers are read the account's row tells of how many; once the sweep is over it tells nothing."""
    world_, far = world(), list[tuple[int | None, int | None]]()

    @dataclass
    class Slow(MemoryAccount):
        async def read(self, parcel: Parcel, progress: Progress = untold) -> Reading:
            async def telling(walked: Walked) -> None:
                world_.machine.at += 60
                await progress(walked)
                head = SweepHead.model_validate(world_.documents("sweeps")[0])
                far.append((head.walked, head.to_walk))

            return await super().read(parcel, telling)

    world_.live = Slow(rows=twin(world_).rows)
    await world_.sweep()
    assert far == [(1, 2), (2, 2)]
    assert SweepHead.model_validate(world_.documents("sweeps")[0]).walked is None


async def test_an_account_whose_first_sweep_is_cut_short_is_not_ready() -> None:
    """Ready needs a sweep that reached its end: nobody plans on half an account."""
    world_ = world()
    twin(world_).cut_after = 1
    await world_.sweep()
    assert (world_.sweep_row().ended, len(world_.events())) == (0, 2)
    twin(world_).cut_after = None
    await world_.sweep()
    assert world_.sweep_row().ended == 1


async def test_a_failing_direct_read_lets_nothing_end() -> None:
    """Missing twice, but the question whether it is there gets no answer: the next sweep asks again."""
    world_ = world()
    await swept(world_, *ALL)
    await swept(world_, "S1", "S2", "S3", day=11)

    async def refuse(customer: str, subscription: str | None = None) -> None:
        twin(world_).broken = True
        twin(world_)._answer("reread")

    twin(world_).reread, whole = refuse, twin(world_).reread  # type: ignore[method-assign]  # one call that fails
    result = await swept(world_, "S1", "S2", "S3", day=12)
    assert (result.complete, gone(world_)) == (False, [])
    twin(world_).reread, twin(world_).broken = whole, False  # type: ignore[method-assign]  # as it was
    await swept(world_, "S1", "S2", "S3", day=13)
    assert gone(world_) == ["S4"]


async def test_what_nobody_asked_for_by_id_is_not_gone() -> None:
    """S1 comes to be missing twice while S4 is asked for: it waits until it is asked for too, and then is there."""
    world_ = world()
    await swept(world_, *ALL)
    await swept(world_, "S1", "S2", "S3", day=11)
    sweeper = world_.sweeper()
    ice = Frozen(sweeper.distributor, "reread")
    task = asyncio.create_task(replace(sweeper, distributor=ice).sweep())
    await ice.there.wait()
    twice = Absence(key=key("S1"), since=on(11))
    await world_.sweeper().intake.change(
        lambda cursor: cursor.model_copy(update={"confirmed": (*cursor.confirmed, twice)})
    )
    ice.thawed.set()
    await task
    assert (gone(world_), [one["key"] for one in world_.documents("cursors")[0]["confirmed"]]) == (["S4"], [key("S1")])
    twin(world_).unlisted = {"S1"}
    await world_.sweep()
    assert (gone(world_), world_.documents("cursors")[0]["confirmed"]) == (["S4"], [])


async def test_a_row_that_stays_in_the_list_as_deleted_ends_by_its_own_word() -> None:
    """Deleted rows stay in the list: an end, no absence, and its vanishing later is no event."""
    world_ = world()
    await swept(world_, "S1", "S2")
    ended = row(10, subscription="S2", customer="c1", status=Status.CANCELLED)
    twin(world_).hold(*seats("S1"), ended)
    await world_.sweep()
    for _ in range(3):
        await swept(world_, "S1")
    assert [event.status for event in world_.said("S2")] == [Status.ACTIVE, Status.CANCELLED]


async def test_an_older_version_never_replaces_a_newer_state() -> None:
    """The source's number orders reads: version 3 after 5 does not count and says so until it is newer again."""
    world_ = world()
    for quantity, version in ((10, 4), (12, 5), (10, 3)):
        twin(world_).hold(row(quantity, version=version))
        await world_.sweep()
    assert ([event.quantity for event in world_.said()], world_.findings.codes()) == ([10, 12], ["source_row_bad"])
    twin(world_).hold(row(12, version=6))
    await world_.sweep()
    assert ([event.quantity for event in world_.said()], world_.findings.codes()) == ([10, 12], [])


async def test_findings_about_rows_of_a_live_account_name_no_file() -> None:
    """There is none in which a person could look."""
    world_ = world()
    twin(world_).hold(row(10, version=4))
    await world_.sweep()
    twin(world_).hold(row(10, version=3))
    await world_.sweep()
    ((_, subject),) = world_.findings.open
    assert (subject.file, subject.subscription, subject.column) == (None, "S1", "version")


async def test_killed_at_every_step_absences_of_a_live_account_end_in_the_same_events() -> None:
    """Before and after every write and every call, the direct reads and the end of what is gone included."""

    async def before() -> World:
        world_ = world()
        await swept(world_, *ALL)
        await swept(world_, "S1", "S2", "S3")
        twin(world_).hold(*seats("S1", "S2", "S3", quantity=11))
        return world_

    def story(world_: World) -> list[tuple[str, int, Change]]:
        return [(event.key.subscription, event.revision, Change(event.change)) for event in world_.events()]

    quiet, fuse = await before(), Fuse()
    await quiet.sweeper(fuse).sweep()
    assert ("S4", 2, Change.GONE) in story(quiet)
    for step in range(1, fuse.burnt + 1):
        dying = await before()
        with pytest.raises(Crash):
            await dying.sweeper(Fuse(left=step)).sweep()
        await dying.sweep()
        assert story(dying) == story(quiet), f"killed at step {step}"
