"""What revisions before the newest asked for: told with it, counted by whoever never read them."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import EARLIER_DAYS, MOST_EARLIER, Asked, Earlier, caught_up, remembered

DAY = date(2026, 3, 1)


def asked(day: int, units: int | None) -> Asked:
    """These units from the day of this number on."""
    return Asked(since=DAY + timedelta(days=day), units=StepFunction.constant(units))


def told(history: list[Asked]) -> tuple[Earlier, ...]:
    """What is told with the last of these states; revisions count from 1."""
    earlier: tuple[Earlier, ...] = ()
    for revision, (state, newer) in enumerate(pairwise(history), 1):
        earlier = remembered(earlier, revision, state, newer)
    return earlier


histories = st.lists(st.builds(asked, st.integers(0, 60), st.none() | st.integers(0, 30)), min_size=1, max_size=40)


@given(histories, st.data())
def test_whoever_missed_revisions_ends_where_one_who_read_all_does(history: list[Asked], data: st.DataObject) -> None:
    """From any revision on: what was read until then, and the newest with what it tells of those between."""
    read = data.draw(st.integers(0, len(history)))
    all_read = StepFunction()
    for state in history:
        all_read = all_read.replaced_from(state.since, state.units)
    known = StepFunction()
    for state in history[:read]:
        known = known.replaced_from(state.since, state.units)
    newest = caught_up(history[-1], told(history), read)
    assert newest is not None
    assert known.replaced_from(newest.since, newest.units) == all_read


def test_who_read_all_is_told_nothing_new() -> None:
    """The newest state stands alone."""
    history = [asked(0, 10), asked(9, 12), asked(10, 10)]
    assert caught_up(history[-1], told(history), 2) == history[-1]


def test_two_days_of_which_only_lost_revisions_spoke() -> None:
    """12 on the 10th, 10 again on the 11th: the day with 12 is told with the 11th."""
    history = [asked(0, 10), asked(9, 12), asked(10, 10)]
    newest = caught_up(history[-1], told(history), 1)
    assert newest is not None
    assert (newest.since, newest.units.at(DAY + timedelta(days=9)), newest.units.last) == (
        DAY + timedelta(days=9),
        12,
        10,
    )


def test_what_is_told_is_bounded() -> None:
    """A subscription that changes each day for three years tells a bounded number of steps."""
    history = [asked(day, day % 7) for day in range(500)]
    earlier = told(history)
    assert len(earlier) == MOST_EARLIER
    assert sum(len(one.asks.units.steps) + 1 for one in earlier) <= EARLIER_DAYS + MOST_EARLIER


def test_a_state_dated_to_the_beginning_of_the_calendar_is_told_too() -> None:
    """Year 1 has nothing before it: what went before is told from its first day on."""
    first = Asked(since=date.min, units=StepFunction.constant(10))
    newest = Asked(since=date(1, 3, 1), units=StepFunction.constant(12))
    assert remembered((), 1, first, newest) == (Earlier(revision=1, asks=first),)
    assert remembered((), 1, newest, first) == (Earlier(revision=1, asks=newest),)


def test_an_equal_state_is_not_remembered() -> None:
    """A new name is a revision that asks for the same: it adds nothing to tell."""
    assert remembered((), 1, asked(0, 10), asked(0, 10)) == ()
