"""Days that no adjustment reaches any more are told, once, with their money (kernel.md section 6, decision 0029)."""

import re
from datetime import date

from planner_world import LINE, World, day, linked_world

from seatledger.schemas.findings import FindingCode
from seatledger.schemas.intents import Outcome, Refusal, Span
from seatledger.schemas.steps import StepFunction

AUGUST = Span(start=day(1), end=day(31))


def used_world(on: int = 20, today: int = 25) -> World:
    """A linked line of ten units that has used a day."""
    world = linked_world()
    world.books[LINE] = world.books[LINE].model_copy(update={"dates_used": (day(on),)})
    world.today = day(today)
    return world


def steps(*then: tuple[int, int], initial: int = 10) -> StepFunction:
    return StepFunction.of({day(on): units for on, units in then}, initial=initial)


def told(world: World) -> list[tuple[FindingCode, list[date], str]]:
    """Code, days named and money of each finding."""
    assert world.last is not None
    return [(one.code, named(one.message), str(one.money_per_month)) for one in world.last.notices]


def named(message: str) -> list[date]:
    return [date.fromisoformat(text) for text in re.findall(r"\d{4}-\d\d-\d\d", message)]


def euro(amount: str) -> str:
    return f"amount=Decimal('{amount}') currency='EUR'"


def test_days_lost_wholly_are_told_for_a_day() -> None:
    """Two steps learnt at once, both before a used date: nothing is wished, the two seats of five days are gone."""
    world = used_world()
    world.say(steps((10, 12), (15, 10)), since=day(10))
    for _ in range(2):
        assert world.run() == 0
        assert told(world) == [(FindingCode.DATE_USED, [day(10), day(15)], euro("20.00"))]
    world.today = day(26)
    assert world.run() == 0
    assert world.notices == ()


def test_days_lost_wholly_in_a_posted_month_are_told() -> None:
    """The same where a settlement saw the month posted."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(AUGUST,))
    world.say(10, since=day(10))
    world.run()
    assert told(world) == []
    world.today = day(25)
    world.say(steps((12, 13), (14, 10)), since=day(12))
    assert world.run() == 0
    assert told(world) == [(FindingCode.PERIOD_POSTED, [day(12), day(14)], euro("30.00"))]


def test_lost_days_that_differ_by_another_number_than_the_wish_are_told_beside_it() -> None:
    """Fourteen from the 10th, twelve from the 15th: the wish speaks of its two seats from the 15th on alone."""
    world = used_world()
    world.say(steps((10, 14), (15, 12)), since=day(10))
    world.plan()
    two, four = told(world)
    assert (two[0], two[1][0], two[2]) == (FindingCode.DATE_USED, day(15), euro("20.00"))
    assert four == (FindingCode.DATE_USED, [day(10), day(15)], euro("40.00"))
    world.answer()
    world.run()
    assert told(world) == [four]


def test_lost_days_told_by_a_wish_are_not_told_again() -> None:
    """What later changes do to the wish makes no second finding of days that it named."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(AUGUST,))
    world.plan()
    assert [code for code, _, _ in told(world)] == [FindingCode.PERIOD_POSTED]
    world.today = day(15)
    world.say(10)
    assert world.run() == 0
    assert world.notices == ()


def test_more_seats_lost_on_days_told_already_are_told() -> None:
    """Two seats of five days were told; then the source says that it were five."""
    world = used_world()
    world.say(steps((10, 12), (15, 10)), since=day(10))
    world.run()
    world.today = day(26)
    world.say(steps((10, 15), (12, 11), (15, 10)), since=day(10))
    world.run()
    assert told(world) == [(FindingCode.DATE_USED, [day(10), day(12)], euro("50.00"))]


def test_a_change_on_its_own_day_is_not_told_as_late_for_days_that_others_lost() -> None:
    """Five seats more from today on go out today, whatever was lost before."""
    world = used_world(on=25)
    world.say(steps((10, 12), (15, 10)), since=day(10))
    world.run()
    world.today = day(26)
    world.say(15)
    world.plan()
    assert world.intent().on == day(26)
    assert told(world) == []


def test_a_gap_in_the_mirror_forgets_no_loss() -> None:
    """What was told stays told, though the line could not be seen for a while."""
    world = used_world()
    world.say(steps((10, 12), (15, 10)), since=day(10))
    world.run()
    contracts, world.contracts, world.today = world.contracts, {}, day(26)
    world.run()
    world.contracts = contracts
    world.run()
    assert world.notices == ()
