"""The collector's metrics: sweeps as they end, and gauges from their rows."""

from seatledger.collector.handlers.figures import Figures
from seatledger.schemas.ids import SourceName
from services.collector.tests.collector_samples import account, at, reading, row
from services.collector.tests.collector_world import Fuse, World


def read(world: World, name: str, **labels: str) -> float | None:
    return world.metrics.registry.get_sample_value(f"seatledger_{name}", {"source": "drop", **labels})


def figures(world: World) -> Figures:
    return Figures([SourceName("drop"), SourceName("never")], world.books(Fuse()).sweeps, world.metrics)


async def test_a_sweep_is_counted_with_its_result_and_its_changes() -> None:
    """One complete sweep with two new subscriptions, one that found nobody there, and the time of both."""
    world = World()
    world.twin.deliver(reading(row(10, stamp=at(9)), row(5, stamp=at(9), subscription="S2")))
    await world.sweep()
    world.twin.broken = True
    await world.sweep()
    assert read(world, "sweeps_total", result="complete") == 1
    assert read(world, "sweeps_total", result="incomplete") == 1
    assert read(world, "changes_total") == 2
    assert read(world, "sweep_seconds_count") == 2


async def test_the_age_of_a_sweep_is_that_of_the_last_complete_one() -> None:
    """An incomplete sweep leaves it; an account that was never swept shows 0."""
    world = World()
    world.twin.deliver(reading(row(10, stamp=at(9))))
    await world.sweep()
    ended = world.calendar.now().timestamp()
    world.calendar.at = at(11)
    world.twin.broken = True
    await world.sweep()
    await figures(world)()
    assert read(world, "last_complete_sweep_timestamp_seconds") == ended
    assert read(world, "last_complete_sweep_timestamp_seconds", source="never") == 0
    assert read(world, "brake_held", source="never") == 0


async def test_what_the_brake_holds_is_shown() -> None:
    """Two of three subscriptions vanish from two full lists: they wait for a yes, and are counted."""
    world = World(account=account(complete=True, mass_decrease_percent=10))
    rows = [row(10, subscription=name, stamp=at(9)) for name in ("S1", "S2", "S3")]
    for kept, day in ((rows, 9), (rows[:1], 10), (rows[:1], 11)):
        world.calendar.at = at(day)
        world.twin.deliver(reading(*kept, digest=str(day)))
        await world.sweep()
    await figures(world)()
    assert read(world, "brake_held") == 2
