"""A quantity announced for a date: what a live source schedules for the next term."""

from seatledger.collector.domain.asks import announce
from seatledger.collector.domain.reading import Announced
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, RawRef
from services.collector.tests.collector_samples import at, on, reading, row
from services.collector.tests.collector_world import World


def _asked(world: World) -> Asked:
    asks = world.last().asks
    assert asks is not None
    return asks


async def _read(world: World, day: int, *, quantity: int = 27, announced: Announced | None = None) -> None:
    world.calendar.at = at(day)
    world.twin.deliver(reading(row(quantity, announced=announced), digest=f"day {day}"))
    await world.sweep()


async def test_what_is_announced_stands_beside_what_holds() -> None:
    """27 now and 24 from the 20th: both in one function, and the state's quantity is the present one."""
    world = World()
    await _read(world, 10, announced=Announced(on(20), 24))
    assert (_asked(world).units.at(on(19)), _asked(world).units.at(on(20)), world.last().quantity) == (27, 24, 27)


async def test_an_announcement_that_is_gone_is_taken_back() -> None:
    """A later read without it: 27 again for all days, said as news."""
    world = World()
    await _read(world, 10, announced=Announced(on(20), 24))
    await _read(world, 11)
    assert (len(world.said()), _asked(world).units) == (2, StepFunction.constant(27))


async def test_once_its_day_has_come_an_announcement_is_the_state() -> None:
    """In the renewal gap the source still says 27 and the old end date: 24 holds from its day on, nothing new is said,
    and so after the renewal."""
    world = World()
    await _read(world, 10, announced=Announced(on(20), 24))
    await _read(world, 21, announced=Announced(on(20), 24))
    assert len(world.said()) == 1
    await _read(world, 22, quantity=24)
    assert _asked(world).units.at(on(22)) == _asked(world).units.at(on(20)) == 24


async def test_an_announcement_first_seen_after_its_day_counts_from_it() -> None:
    """We did not read before the renewal: the change is dated by its own day."""
    world = World()
    await _read(world, 21, announced=Announced(on(20), 24))
    assert (_asked(world).since, _asked(world).units) == (on(20), StepFunction.constant(24))


def test_an_announcement_for_the_day_of_the_read_replaces_the_state() -> None:
    """There is no day on which the former quantity would still hold."""
    now = Asked(since=on(20), units=StepFunction.constant(27))
    assert announce(now, 24, on(20)) == Asked(since=on(20), units=StepFunction.constant(24))


async def test_a_row_with_a_payload_names_it() -> None:
    """An event leads to the raw payload that was stored for it."""
    world = World()
    world.twin.deliver(reading(row(10, payload="abc")))
    await world.sweep()
    assert world.last().raw == RawRef(payload="abc")
