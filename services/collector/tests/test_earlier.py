"""What a revision tells of the ones before it, so that the newest alone, said again, carries every day."""

from seatledger.collector.domain.snapshots import Snapshot, event_of
from seatledger.schemas.subscriptions import SubscriptionChanged, caught_up
from services.collector.tests.collector_samples import account, at, on, reading, row
from services.collector.tests.collector_world import World


async def days(world: World, *quantities: int) -> None:
    """A full list a day from the 9th on, S1 with these seats; 0 is a list without it."""
    for day, quantity in enumerate(quantities, 9):
        world.calendar.at = at(day)
        rows = [row(quantity, stamp=at(day))] if quantity else [row(1, subscription="S2", stamp=at(day))]
        world.twin.deliver(reading(*rows, full=True, name=f"{day}.csv", digest=str(day)))
        await world.sweep()


async def test_the_newest_revision_alone_tells_both_days() -> None:
    """10 → 12 on the 10th → 10 on the 11th; who read only the first revision hears of the 12 from the third."""
    world = World()
    await days(world, 10, 12, 10)
    (snapshot,) = world.documents("snapshots")
    said = SubscriptionChanged.model_validate(event_of(Snapshot.model_validate(snapshot)).event.data)
    assert (said.revision, [one.revision for one in said.earlier]) == (3, [1, 2])
    asks = caught_up(said.asks, said.earlier, 1)
    assert asks is not None
    assert [asks.units.at(on(day)) for day in (10, 11)] == [12, 10]


async def test_an_end_tells_what_it_ends() -> None:
    """Gone on the 11th: the 12 seats of the 10th are told with it."""
    world = World(account=account(mass_decrease_percent=100))
    await days(world, 10, 12, 0, 0)
    said = world.last()
    assert said.change.value == "gone"
    asks = caught_up(said.asks, said.earlier, 1)
    assert asks is not None
    assert [asks.units.at(on(day)) for day in (10, 11)] == [12, None]


async def test_what_is_told_of_before_is_no_news_by_itself() -> None:
    """The same state again makes no revision, whatever it could tell of earlier ones."""
    world = World()
    await days(world, 10, 12, 12)
    assert len(world.said()) == 2
