"""Dating and chains, kernel.md section 6."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from seatledger.contract_planner.domain.dating import Chain, Kept, Openings, chain
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.intents import Span
from seatledger.schemas.steps import StepFunction, difference

FIRST = date(2026, 8, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


def openings(today: int = 10, **changes: object) -> Openings:
    values: dict[str, object] = {"start": day(-200), "end": day(200), "today": day(today), **changes}
    return Openings(**values)  # type: ignore[arg-type]  # a test's shorthand


def stands(initial: int, **steps: int) -> StepFunction:
    return StepFunction.of({day(int(name[1:])): units for name, units in steps.items()}, initial=initial)


def dates(found: Chain) -> list[tuple[date, int]]:
    return [(step.on, step.jump) for step in found.steps]


def test_a_change_takes_its_own_day() -> None:
    """A change goes out on its effective date where that is open, though it lies in the past."""
    assert dates(chain(stands(10, d5=12), stands(10), openings())) == [(day(5), 2)]


def test_a_target_with_two_steps_is_two_wishes() -> None:
    """Each step of the target is a wish of its own, and the second begins where the first ends."""
    found = chain(stands(10, d5=12, d20=7), stands(10), openings())
    assert dates(found) == [(day(5), 2), (day(20), -5)]
    assert found.steps[1].before == found.steps[0].after


def test_a_second_change_of_a_day_already_posted_takes_the_next_open_day() -> None:
    """A used date is never used again: the second change of today goes out tomorrow, with a reason."""
    found = chain(stands(10, d10=13), stands(10, d10=12), openings(used=frozenset({day(10)})))
    assert dates(found) == [(day(11), 1)]
    assert found.steps[0].moved is FindingCode.DATE_USED


def test_what_came_meanwhile_is_merged_on_the_next_open_day() -> None:
    """Whatever holds on the day found goes out in one wish."""
    found = chain(stands(10, d10=13, d11=20), stands(10, d10=12), openings(used=frozenset({day(10)})))
    assert dates(found) == [(day(11), 8)]


def test_a_change_in_a_posted_period_goes_to_the_first_open_day() -> None:
    """No date lies in a posted span, whether the mirror or a settlement saw it."""
    august = Span(start=day(1), end=day(31))
    for window in (openings(mirrored=(august,)), openings(told=(august,))):
        found = chain(stands(10, d5=12), stands(10), window)
        assert dates(found) == [(day(32), 2)]
        assert found.steps[0].moved is FindingCode.PERIOD_POSTED


def test_lost_days_make_no_second_wish() -> None:
    """Once the later date is agreed, the days lost before it ask for nothing more."""
    august = Span(start=day(1), end=day(31))
    after = openings(today=40, mirrored=(august,), used=frozenset({day(32)}))
    assert chain(stands(10, d5=12), stands(10, d32=12), after) == Chain()


def test_a_wish_keeps_its_date_when_the_mirror_changes() -> None:
    """A posted span in the mirror does not move a wish that has a date; one told by a settlement does."""
    august = Span(start=day(1), end=day(31))
    kept = {day(5): Kept(day(5))}
    assert dates(chain(stands(10, d5=12), stands(10), openings(kept=kept, mirrored=(august,)))) == [(day(5), 2)]
    assert dates(chain(stands(10, d5=12), stands(10), openings(kept=kept, told=(august,)))) == [(day(32), 2)]


def test_a_kept_date_stays_when_its_reason_is_gone() -> None:
    """A wish that waits for September waits on, though somebody opened August again."""
    kept = {day(5): Kept(day(32), FindingCode.PERIOD_POSTED)}
    assert dates(chain(stands(10, d5=12), stands(10), openings(kept=kept))) == [(day(32), 2)]


def test_cancelled_ahead_then_read_again() -> None:
    """An end posted ahead and taken back comes back on the day after the used one, with the lost day named."""
    found = chain(stands(10), stands(10, d32=0), openings(today=20, used=frozenset({day(32)})))
    assert dates(found) == [(day(33), 10)]
    assert found.steps[0].moved is FindingCode.DATE_USED


def test_nothing_goes_below_zero_on_a_date_used_ahead() -> None:
    """A decrease that a posted later decrease would push below zero goes to the first date after that one."""
    found = chain(stands(10, d10=3), stands(10, d32=4), openings(used=frozenset({day(32)})))
    assert dates(found) == [(day(33), -1)]
    assert found.steps[0].moved is FindingCode.DATE_USED


def test_below_zero_on_the_last_day_of_the_calendar_is_outside_the_contract() -> None:
    """No date is left after 9999-12-31, which many write for *no end*: the wish is one that no date can take."""
    agreed = StepFunction.of({date.max: 1}, initial=5)
    found = chain(stands(5, d5=2), agreed, openings(end=date.max))
    assert (dates(found), found.outside) == ([], day(5))


def test_the_contract_bounds_every_date() -> None:
    """What takes effect after the contract's last day is no wish but is named; before its first day it goes there."""
    ending = openings(end=day(31))
    found = chain(stands(10, d5=12, d40=3), stands(10), ending)
    assert dates(found) == [(day(5), 2)]
    assert (found.outside, found.outside_seats) == (day(40), 9)
    late = chain(stands(10, d5=12), stands(10), openings(start=day(8)))
    assert dates(late) == [(day(8), 2)]
    assert late.steps[0].moved is FindingCode.DATE_OUTSIDE_CONTRACT


functions = st.builds(
    lambda initial, steps: StepFunction.of({day(number): units for number, units in steps.items()}, initial=initial),
    st.integers(0, 9),
    st.dictionaries(st.integers(1, 60), st.integers(0, 9), max_size=6),
)
windows = st.builds(
    lambda today, used, spans: openings(
        today, used=frozenset(map(day, used)), mirrored=tuple(Span(start=day(at), end=day(at + 9)) for at in spans)
    ),
    st.integers(1, 60),
    st.sets(st.integers(1, 60), max_size=4),
    st.sets(st.integers(1, 60), max_size=2),
)


@given(functions, functions, windows)
def test_every_date_is_open_and_never_below_zero(target: StepFunction, agreed: StepFunction, window: Openings) -> None:
    """Kernel section 9.5: dates ascend, lie in the contract, in no posted span, are unused; no step goes below zero."""
    found = chain(target, agreed, window)
    days = [step.on for step in found.steps]
    assert days == sorted(set(days))
    for step in found.steps:
        assert window.start <= step.on <= window.end
        assert step.on not in window.used
        assert step.on >= max(step.effective, window.after_used)
        assert not any(step.on in span for span in window.mirrored)
        assert all(step.after.units_at(on) >= 0 for on in step.after.days_from(step.on))
        assert step.jump != 0


def applied(found: Chain, agreed: StepFunction, window: Openings) -> tuple[StepFunction, Openings]:
    """What stands, and what is open, once every wish was posted."""
    used = window.used | {step.on for step in found.steps}
    stands_at = found.steps[-1].after if found.steps else agreed
    return stands_at, Openings(window.start, window.end, window.today, used, window.mirrored)


@given(functions, functions, windows)
def test_applying_a_chain_leaves_nothing_to_wish(target: StepFunction, agreed: StepFunction, window: Openings) -> None:
    """Kernel 9.6: plan(apply(plan)) = nothing, whoever put the steps of the line there."""
    stands_at, after = applied(chain(target, agreed, window), agreed, window)
    assert chain(target, stands_at, after).steps == ()


@given(functions, functions, windows)
def test_a_chain_conserves(target: StepFunction, agreed: StepFunction, window: Openings) -> None:
    """Kernel 9.1: where every step of the line is ours, it stands at the target from the last wish on, on every date
    that is not lost to a posted period or a used date."""
    ours = Openings(window.start, window.end, window.today, window.used | set(agreed.days), window.mirrored)
    found = chain(target, agreed, ours)
    stands_at, _ = applied(found, agreed, ours)
    for step in found.steps[-1:]:
        # A difference that would go below zero goes past the date used ahead, and takes later ones along: the first
        # date that differs is the one to explain.
        on = target.first_difference(step.on, stands_at)
        if on is None:
            continue
        lost = ours.search(on)
        there = stands_at.shifted_from(on, target.units_at(on) - stands_at.units_at(on))
        below = any(there.units_at(one) < 0 for one in there.days_from(on))
        assert below or lost is None or lost.on > on


@given(functions, functions, windows)
def test_what_a_chain_leaves_undone_is_lost_and_nothing_else_is(
    target: StepFunction, agreed: StepFunction, window: Openings
) -> None:
    """Kernel 9.3: every day on which the line will not stand at its target is named with the seats that differ, as long
    as its contract takes them; and no day on which it will."""
    found = chain(target, agreed, window)
    undone = difference(target, found.steps[-1].after if found.steps else agreed)
    named = {
        loss.first + timedelta(days=number): loss.seats
        for loss in found.losses
        for number in range((loss.until - loss.first).days)
    }
    begins, end = min([*target.days, *agreed.days], default=day(80)), found.outside or day(80)
    for on in (day(number) for number in range(1, 80)):
        if begins <= on < end:
            assert named.get(on, 0) == undone.units_at(on)
