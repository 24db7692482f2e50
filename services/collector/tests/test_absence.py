"""Absence is not zero: two full lists, duplicates, protection, and the brake."""

from pathlib import Path

import pytest

from seatledger.schemas.subscriptions import Change, Status
from services.collector.tests.collector_samples import NOW, account, at, csv_text, key, on, reading, row
from services.collector.tests.collector_world import World

BOTH: tuple[dict[str, str], ...] = ({}, {"subscription_id": "S2", "quantity": "1"})
ONE: tuple[dict[str, str], ...] = ({},)


def brakeless() -> World:
    return World(account=account(mass_decrease_percent=100))


async def full(world: World, *subscriptions: str, day: int | None = None, **more: object) -> None:
    """A full list with these subscriptions, of 10 seats each, on a business day of March."""
    world.calendar.at = NOW if day is None else at(day)
    rows = [row(10, subscription=name, line=line) for line, name in enumerate(subscriptions, 2)]
    named = {"name": f"{world.calendar.at:%d}-{len(world.events())}.csv", "digest": "", "full": True, **more}
    world.twin.deliver(reading(*rows, **named))  # type: ignore[arg-type]  # fields of a reading by name
    await world.sweep()


async def test_one_full_list_without_it_proves_nothing() -> None:
    """Missing once is no event."""
    world = brakeless()
    await full(world, "S1", "S2")
    await full(world, "S1", day=11)
    assert [event.change for event in world.said("S2")] == [Change.SEEN]


async def test_two_successive_full_lists_without_it_end_it_on_the_day_of_the_first() -> None:
    """Gone from the business day of the first absence, as none, not as 0."""
    world = brakeless()
    await full(world, "S1", "S2")
    await full(world, "S1", day=11)
    await full(world, "S1", day=13, digest="again")
    event = world.last("S2")
    assert (event.change, event.effective_on) == (Change.GONE, on(11))
    assert event.asks is not None
    assert (event.asks.since, event.asks.units.last) == (on(11), None)


async def test_being_there_between_begins_the_count_anew() -> None:
    """Absent, present, absent is not two successive absences."""
    world = brakeless()
    for day, names in ((10, ["S1", "S2"]), (11, ["S1"]), (12, ["S1", "S2"]), (13, ["S1"])):
        await full(world, *names, day=day)
    assert world.last("S2").change is Change.SEEN


async def test_lists_that_are_not_full_prove_nothing() -> None:
    """Without `complete` absence means nothing, however often."""
    world = brakeless()
    await full(world, "S1", "S2")
    for day in (11, 12, 13):
        await full(world, "S1", day=day, full=None, digest=str(day))
    assert world.last("S2").change is Change.SEEN


async def test_the_configuration_can_say_that_every_file_is_full() -> None:
    """`complete: true` at the source, unless the file itself says otherwise."""
    world = World(account=account(complete=True, mass_decrease_percent=100))
    await full(world, "S1", "S2", full=None)
    await full(world, "S1", day=11, full=False, digest="a")
    await full(world, "S1", day=12, full=None, digest="b")
    assert world.last("S2").change is Change.SEEN
    await full(world, "S1", day=13, full=None, digest="c")
    assert world.last("S2").effective_on == on(12)


async def test_a_list_that_is_not_whole_proves_nothing() -> None:
    """A wrong row count or a row without an id makes the file prove no absence."""
    world = brakeless()
    await full(world, "S1", "S2")
    for day in (11, 12):
        await full(world, "S1", day=day, whole=False, digest=str(day))
    assert world.last("S2").change is Change.SEEN


async def test_an_older_full_list_proves_nothing() -> None:
    """A list stamped before the newest one knows nothing of what came after it."""
    world = brakeless()
    await full(world, "S1", "S2", stamp=at(10))
    for day in (11, 12):
        await full(world, "S1", day=day, stamp=at(9), digest=str(day))
    assert world.last("S2").change is Change.SEEN


async def test_a_bad_row_protects_its_subscription_alone(tmp_path: Path) -> None:
    """S2's row is bad in both lists and protects S2; S3 is not there and is gone."""
    world = World(folder=tmp_path, account=account(mass_decrease_percent=100, complete=True))
    three = [{"subscription_id": name, "observed_at": ""} for name in ("S1", "S2", "S3")]
    world.put("1.csv", csv_text(*three))
    await world.sweep()
    for name in ("2.csv", "3.csv"):
        world.put(name, csv_text(three[0], {**three[1], "quantity": "8.0", "customer_name": name}))
        await world.sweep()
    assert (world.last("S2").change, world.last("S3").change) == (Change.SEEN, Change.GONE)


async def test_a_change_row_is_presence_too(tmp_path: Path) -> None:
    """Presence is a row of either type."""
    world = World(folder=tmp_path, account=account(mass_decrease_percent=100, complete=True))
    change = {"subscription_id": "S2", "record_type": "change"}
    world.put("1.csv", csv_text({}, {"subscription_id": "S2"}))
    world.put("2.csv", csv_text({}, change))
    world.put("3.csv", csv_text({"customer_name": "x"}, change))
    await world.sweep()
    assert world.last("S2").change is Change.SEEN


async def test_what_has_ended_by_its_own_word_is_not_gone_as_well() -> None:
    """A cancellation ahead keeps its date though the lists drop the subscription before."""
    world = brakeless()
    world.twin.deliver(reading(row(10, subscription="S2", status=Status.CANCELLED, effective_on=on(20)), name="0"))
    for day in (11, 12, 13):
        await full(world, "S1", day=day, digest=str(day))
    assert [event.change for event in world.said("S2")] == [Change.SEEN]


async def test_who_comes_back_reappears_with_its_units() -> None:
    """Gone, then in a list again: reappeared, from the day of that list."""
    world = brakeless()
    await full(world, "S1", "S2")
    await full(world, "S1", day=11)
    await full(world, "S1", day=12, digest="again")
    await full(world, "S1", "S2", day=15, digest="back")
    event = world.last("S2")
    assert (event.change, event.revision) == (Change.REAPPEARED, 3)
    assert event.asks is not None
    assert (event.asks.since, event.asks.units.last) == (on(15), 10)


async def test_a_duplicate_on_the_same_day_counts_for_nothing(tmp_path: Path) -> None:
    """The file equal to the latest taken changes no row and is no second list that day."""
    world = World(folder=tmp_path, account=account(mass_decrease_percent=100, complete=True))
    for name, rows in (("1.csv", BOTH), ("2.csv", ONE), ("3.csv", ONE)):
        world.put(name, csv_text(*rows))
    await world.sweep()
    assert world.last("S2").change is Change.SEEN
    assert sorted(path.name for path in (tmp_path / "processed").iterdir()) == ["1.csv", "2.csv", "3.csv"]


async def test_a_duplicate_on_a_later_day_counts_as_a_full_list(tmp_path: Path) -> None:
    """The same bytes next morning are a second list without S2, once a day."""
    world = World(folder=tmp_path, account=account(mass_decrease_percent=100, complete=True))
    world.put("1.csv", csv_text(*BOTH))
    world.put("2.csv", csv_text(*ONE))
    await world.sweep()
    world.calendar.at = at(11)
    world.put("3.csv", csv_text(*ONE))
    await world.sweep()
    assert (world.last("S2").change, world.last("S2").effective_on) == (Change.GONE, on(10))


async def test_a_file_equal_to_an_older_one_is_news(tmp_path: Path) -> None:
    """10, 12, and the first file again: without stamps the later file wins, so 10 is back."""
    world = World(folder=tmp_path)
    for name, quantity in (("1.csv", "10"), ("2.csv", "12"), ("3.csv", "10")):
        world.put(name, csv_text({"quantity": quantity, "observed_at": ""}))
    await world.sweep()
    assert [event.quantity for event in world.said()] == [10, 12, 10]


async def test_an_unreadable_file_between_does_not_make_the_next_one_news(tmp_path: Path) -> None:
    """The latest taken is the latest that could be read."""
    world = World(folder=tmp_path, account=account(mass_decrease_percent=100, complete=True))
    for name, text in (
        ("1.csv", csv_text(*BOTH)),
        ("2.csv", csv_text(*ONE)),
        ("3.csv", "?"),
        ("4.csv", csv_text(*ONE)),
    ):
        world.put(name, text)
    await world.sweep()
    assert world.last("S2").change is Change.SEEN


@pytest.mark.parametrize(("percent", "held"), [(49, 1), (50, 0)])
async def test_more_than_the_percentage_of_seats_waits(percent: int, held: int) -> None:
    """10 of 20 seats are gone: at 50 % they go, at 49 % they wait with a finding."""
    world = World(account=account(mass_decrease_percent=percent))
    await full(world, "S1", "S2")
    await full(world, "S1", day=11, digest="a")
    await full(world, "S1", day=12, digest="b")
    assert world.sweep_row().held == held
    assert world.last("S2").change is (Change.SEEN if held else Change.GONE)
    assert world.findings.codes() == (["source_mass_decrease"] if held else [])


async def test_the_brake_holds_the_gone_alone() -> None:
    """A quantity that the same list states goes on, were it a decrease to 0."""
    world = World(account=account(mass_decrease_percent=10))
    await full(world, "S1", "S2")
    await full(world, "S1", day=11, digest="a")
    world.calendar.at = at(12)
    world.twin.deliver(reading(row(0), name="z", full=True))
    result = await world.sweep()
    assert (result.held, result.ok, world.last("S1").quantity) == (1, False, 0)


async def test_gone_in_two_files_of_one_sweep_are_judged_together() -> None:
    """S9 is confirmed by the second, S8 by the third file of one sweep: 20 % wait."""
    world = World(account=account(mass_decrease_percent=15))
    names = [f"S{number}" for number in range(10)]
    await full(world, *names)
    for number, count in enumerate((9, 8, 8)):
        rows = [row(10, subscription=name, line=line) for line, name in enumerate(names[:count], 2)]
        world.twin.deliver(reading(*rows, name=str(number), digest=str(number), full=True))
    result = await world.sweep()
    assert result.held == 2


async def test_accept_is_the_yes_to_what_was_held_when_it_was_said() -> None:
    """They end on the day of their first absence; the finding closes."""
    world = World(account=account(mass_decrease_percent=10))
    await full(world, "S1", "S2")
    await full(world, "S1", day=11, digest="a")
    await full(world, "S1", day=12, digest="b")
    result = await world.accept()
    assert (result.held, result.ok, world.last("S2").effective_on) == (0, True, on(11))
    assert world.findings.codes() == []


async def test_accept_does_not_cover_what_its_own_sweep_finds() -> None:
    """S2 was held and goes; S1, which this sweep confirms, waits for a yes of its own."""
    world = World(account=account(mass_decrease_percent=10))
    await full(world, "S1", "S2", "S3")
    await full(world, "S1", "S3", day=11, digest="a")
    await full(world, "S3", day=12, digest="b")
    world.calendar.at = at(13)
    world.twin.deliver(reading(row(10, subscription="S3"), name="c", digest="c", full=True))
    result = await world.accept()
    assert (result.held, world.last("S2").change, world.last("S1").change) == (1, Change.GONE, Change.SEEN)


async def test_what_is_held_waits_on_while_others_go() -> None:
    """S2 waits for its yes though a later sweep finds somebody else gone, whose few seats pass the brake."""
    world = World(account=account(mass_decrease_percent=10))
    world.twin.deliver(reading(row(1, subscription="S3", line=9), name="0"))
    await full(world, "S1", "S2")
    await full(world, "S1", day=11, digest="a")
    world.twin.deliver(reading(row(1, subscription="S3", line=9), name="1"))
    await full(world, "S1", day=12, digest="b")
    await full(world, "S1", day=13, digest="c")
    assert (world.last("S2").change, world.last("S3").change) == (Change.SEEN, Change.GONE)
    assert world.sweep_row().held == 1


async def test_what_is_held_and_comes_back_is_held_no_longer() -> None:
    """A full list that has it again lifts the brake without a yes."""
    world = World(account=account(mass_decrease_percent=10))
    await full(world, "S1", "S2")
    await full(world, "S1", day=11, digest="a")
    await full(world, "S1", day=12, digest="b")
    await full(world, "S1", "S2", day=13, digest="c")
    assert (world.sweep_row().held, world.findings.codes(), len(world.said("S2"))) == (0, [], 1)


async def test_ids_with_strange_characters_are_told_apart() -> None:
    """Dots, slashes and dollars in ids neither collide nor break the store."""
    world = brakeless()
    await full(world, "a/b.c", "$a")
    await full(world, "$a", day=11, digest="a")
    await full(world, "$a", day=12, digest="b")
    assert world.last("a/b.c").change is Change.GONE
    assert key("a/b.c") in {document["_id"] for document in world.documents("snapshots")}
