"""Results of the mapper that never came: the bus lost them, and only the newest is said again (decision 0013)."""

from datetime import timedelta

from planner_world import World, day, key, linked_world, mapped

from seatledger.contract_planner.domain.catching_up import catch_up
from seatledger.contract_planner.domain.members import hear
from seatledger.schemas.envelope import Cause
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, Earlier, Frozen, SubscriptionMapped, Unmapped


def earlier(revision: int, units: int, on: int) -> Earlier:
    return Earlier(revision=revision, asks=Asked(since=day(on), units=StepFunction.constant(units)))


def listen(world: World, said: SubscriptionMapped) -> None:
    """As the handler of ``subscriptions.mapped.v1`` does."""
    cause = Cause(id=f"event-{said.revision}", correlation="first")
    world.document = hear(catch_up(world.document, said), said, cause, world.today)


def newest(world: World, units: int, on: int, *missed: Earlier) -> SubscriptionMapped:
    """The only result that comes, three above the one heard last."""
    heard = world.document.seen[str(key())]
    told = tuple(one.model_copy(update={"revision": heard + one.revision}) for one in missed)
    return mapped(key(), units, day(on), heard + 3).model_copy(update={"earlier": told})


def test_the_days_of_results_that_never_came_are_posted() -> None:
    """10 units; 12 for the 11th alone, told only by the result of the 12th: both days stand on the line."""
    world = linked_world(10)
    world.today = day(12)
    listen(world, newest(world, 10, 12, earlier(1, 12, 11)))
    world.run()
    assert [world.units(day(number)) for number in (10, 11, 12, 13)] == [10, 12, 10, 10]


def test_whoever_heard_all_plans_nothing_more() -> None:
    """What the newest tells of results that came changes nothing, nor does the newest said again."""
    world = linked_world(10)
    world.today = day(12)
    said = newest(world, 10, 12, earlier(1, 12, 11))
    listen(world, said)
    world.run()
    again = said.model_copy(
        update={"revision": said.revision + 1, "earlier": (*said.earlier, earlier(said.revision, 10, 12))}
    )
    listen(world, said)
    listen(world, again)
    assert world.run() == 0


def test_a_freeze_tells_of_what_counted_before_it() -> None:
    """12 on the 11th, 14 from the 12th, both lost, then unmapped: it freezes at 14, and the 11th stands."""
    world = linked_world(10)
    world.today = day(12)
    counted = Frozen(asks=Asked(since=day(12), units=StepFunction.constant(14)), on=day(12))
    said = newest(world, 15, 12, earlier(1, 12, 11), earlier(2, 14, 12))
    listen(world, said.model_copy(update={"outcome": Unmapped(missing="company"), "frozen": counted}))
    world.run()
    assert [world.units(day(number)) for number in (10, 11, 12, 13)] == [10, 12, 14, 14]


def test_who_was_no_member_yet_is_billed_for_no_former_day() -> None:
    """A first sighting joins from its planning, whatever is told of days before."""
    world = World(today=day(12))
    said = mapped(key(), 10, day(12), 3).model_copy(update={"earlier": (earlier(1, 12, 11),)})
    listen(world, said)
    member = world.document.members[str(key())]
    assert member.asked.at(day(12) - timedelta(days=1)) is None
