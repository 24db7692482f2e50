"""Plans over their life: groups of items that belong together, and plans that nobody answers (kernel.md section 8)."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_town import A, B, Town, line_of, moving_town
from planner_world import LINE, World, book, day, key, linked_world

from seatledger.contract_planner.domain.plans import LIFE
from seatledger.contract_planner.domain.policy import Mode
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import LineId, ServiceId
from seatledger.schemas.intents import Outcome
from seatledger.schemas.planning import ItemState, PlanDocument, PlanState
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Mapped

OTHER = 72
SECOND = LineId(9111)
TOGETHER = f"{line_of(A)}+{SECOND}"


def plans(document: CompanyDocument, state: PlanState = PlanState.PROPOSED) -> list[PlanDocument]:
    return [plan for plan in document.plans.values() if plan.state is state]


def stepping(*steps: tuple[int, int], initial: int = 10) -> StepFunction:
    return StepFunction.of([(day(number), units) for number, units in steps], initial=initial)


def asking_world() -> World:
    """A linked line in ``propose`` whose one member announces two changes: 12 from the 15th, 9 from the 20th."""
    world = linked_world()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(stepping((15, 12), (20, 9)))
    world.plan()
    return world


def leaving_town(linked: int = 9, since: int = 10) -> Town:
    """A second line of company A changes by itself from the day ``since`` on, and the ten units of its first one are to
    go there today, on the tenth."""
    town = moving_town()
    town.today = day(linked)
    town.add_line(A, SECOND, OTHER)
    town.map(A, 3, sub=key("own"), service=OTHER)
    town.run()
    town.today = day(10)
    town.say(A, 5, day(since), sub=key("own"), outcome=Mapped(company=A, service=ServiceId(OTHER)))
    town.map(A, 10, service=OTHER)
    return town


# Groups


def test_the_steps_of_a_line_are_one_group() -> None:
    """They stand in one plan, the earlier day first, and are approved by one yes."""
    [plan] = plans(asking_world().document)
    assert {item.group for item in plan.items} == {str(LINE)}
    assert [(item.effective_on, item.before, item.after) for item in plan.items] == [
        (day(15), 10, 12),
        (day(20), 12, 9),
    ]


@pytest.mark.parametrize(
    ("wanted", "warnings"),
    [
        (stepping((10, 9)), ["first change of this line, and it takes away 1 unit"]),
        (stepping((10, 8), (20, 7)), ["first change of this line, and it takes away 2 units", ""]),
        (stepping((10, 12), (20, 9)), ["", ""]),
    ],
)
@pytest.mark.parametrize("mode", [Mode.PROPOSE, Mode.OBSERVE])
def test_a_first_change_that_takes_units_away_says_so_in_every_mode(
    mode: Mode, wanted: StepFunction, warnings: list[str]
) -> None:
    """Nobody of ours put those units there. What follows it, and what adds units, needs no such word."""
    world = World(books={LINE: book(10)})
    world.with_policy(mode=mode)
    world.say(wanted, day(9))
    world.plan()
    [plan] = plans(world.document)
    assert ["".join(item.warnings) for item in plan.items] == warnings


def test_a_line_that_is_linked_gives_no_warning_of_its_first_change() -> None:
    """In ``propose`` a decrease is an item like any other once something of ours was settled on its line."""
    world = linked_world()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(stepping((12, 8)))
    world.plan()
    [plan] = plans(world.document)
    assert [(item.after, item.warnings) for item in plan.items] == [(8, ())]


def test_where_a_step_changes_the_yes_to_its_whole_group_is_void() -> None:
    """Nobody said yes to the first half of something else: what is unsent of the group asks again, in one plan."""
    world = asking_world()
    world.approve()
    world.say(stepping((15, 12), (20, 8)))
    world.plan()
    [plan] = plans(world.document)
    assert [(item.before, item.after) for item in plan.items] == [(10, 12), (12, 8)]
    assert (world.document.waiting_approval, world.document.waiting_day) == (2, 0)
    assert plans(world.document, PlanState.APPROVED) == []


def test_a_step_that_is_out_goes_on_when_a_later_one_changes() -> None:
    """Its own wish is what it was: only what is unsent of its group asks again."""
    world = asking_world()
    world.approve()
    world.today = day(15)
    world.plan()
    assert world.intent().jump == 2
    world.say(stepping((15, 12), (20, 8)))
    assert world.plan() == []
    [plan] = plans(world.document)
    assert [(item.before, item.after) for item in plan.items] == [(12, 8)]


def test_a_plan_that_waits_gives_way_to_one_with_all_of_its_group() -> None:
    """A third change is announced before anybody answered: nobody says yes to two of three steps."""
    world = asking_world()
    [before] = plans(world.document)
    world.say(stepping((15, 12), (20, 9), (25, 11)))
    world.plan()
    [plan] = plans(world.document)
    assert (plan.id != before.id, len(plan.items)) == (True, 3)


def test_other_lines_are_other_groups() -> None:
    """What has nothing to do with the change keeps its yes."""
    town = Town()
    town.add_line(A, SECOND, OTHER)
    town.with_mode(A, Mode.PROPOSE)
    town.map(A, 10)
    town.map(A, 3, sub=key("own"), service=OTHER)
    town.run()
    [plan] = plans(town.house(A).document)
    assert [item.group for item in plan.items] == [str(line_of(A)), str(SECOND)]


def test_a_decrease_and_the_line_to_which_its_units_go_are_one_group() -> None:
    """kernel.md section 8: the minus of a move, its plus, and what else the new line does: one plan, minus first."""
    town = leaving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.run()
    [plan] = plans(town.house(A).document)
    assert [(item.line, item.group, bool(item.moves)) for item in plan.items] == [
        (line_of(A), TOGETHER, True),
        (SECOND, TOGETHER, False),
    ]


def test_the_plus_belongs_to_the_group_of_its_decrease() -> None:
    """kernel.md section 7.6: covered by the same yes it is of the same group, in another company too."""
    town = moving_town()
    for company in (A, B):
        town.with_mode(company, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    [minus] = plans(town.house(A).document)
    town.approve(A)
    town.run()
    last = town.house(B).shown
    [plus] = [item for plan in last.values() for item in plan.items]
    assert plus.group == minus.items[0].group == f"{line_of(A)}+{line_of(B)}"


def test_what_belongs_to_something_that_asks_asks_with_it() -> None:
    """In ``auto`` a decrease that ties itself to a first link is not posted alone: one yes for both."""
    town = leaving_town()
    house = town.house(A)
    house.with_policy(first_link_asks=True)
    town.new_line(A, 3, SECOND)
    town.run()
    [plan] = plans(house.document)
    assert (plan.asks, [item.line for item in plan.items]) == ("first_link", [line_of(A), SECOND])
    assert town.units(10, A) == 10


def test_what_the_new_line_does_by_itself_waits_for_the_units_that_come() -> None:
    """kernel.md section 8, ordered together: the minus, then one increase with both. Had the line's own change gone
    first, its day would be used, and the units billed nowhere on it."""
    town = leaving_town()
    town.run()
    assert (town.units(10, A), town.units(10, A, SECOND)) == (0, 15)
    assert town.billed(10) == 15
    assert town.codes(A) == ()


def test_a_change_before_the_leave_does_not_wait_for_it() -> None:
    """Its day is its own."""
    town = leaving_town(linked=8, since=9)
    town.run(settle=False)
    assert town.house(A).intent(line_of(A)).on == day(10)
    assert (town.house(A).intent(SECOND).on, town.house(A).intent(SECOND).jump) == (day(9), 2)


def test_two_lines_that_change_members_do_not_wait_for_each_other() -> None:
    """Both give first."""
    town = leaving_town()
    town.map(A, 5, sub=key("own"))
    town.run(settle=False)
    assert {town.house(A).intent(number).jump for number in (line_of(A), SECOND)} == {-10, -3}
    town.run()
    town.later(11)
    assert (town.units(11, A), town.units(11, A, SECOND)) == (5, 10)


def test_a_decrease_that_nobody_knows_the_end_of_holds_nothing_up() -> None:
    """kernel.md section 9.7: the line that waits for a person waits alone."""
    town = leaving_town()
    town.run(settle=False)
    assert town.house(A).out(SECOND) is None
    town.settle(A, line_of(A), Outcome.HELD)
    town.run(settle=False)
    assert town.house(A).intent(SECOND).jump == 2


def test_an_increase_that_nobody_knows_the_end_of_holds_nothing_up_either() -> None:
    """kernel.md section 9.7, decision 0029: the first increase of a subscription is *held* when it is mapped to another
    line of its company. Its old line holds nothing of it and lets go only after a person; the new one goes on. The days
    that this costs the subscription are told once its line lets go."""
    town = moving_town(0)
    town.add_line(A, SECOND, OTHER)
    town.map(A, 3, sub=key("own"), service=OTHER)
    town.run()
    town.map(A, 10)
    town.run(settle=False)
    town.settle(A, line_of(A), Outcome.HELD)
    town.today = day(11)
    town.map(A, 10, service=OTHER)
    town.run(settle=False)
    town.today = day(12)
    town.say(A, 5, sub=key("own"), outcome=Mapped(company=A, service=ServiceId(OTHER)))
    town.run(settle=False)
    intent = town.house(A).intent(SECOND)
    assert (intent.on, intent.jump) == (day(12), 2)
    town.settle(A, line_of(A), Outcome.POSTED)
    town.run(settle=False)
    town.settle(A, line_of(A))
    town.settle(A, SECOND)
    town.run(settle=False)
    assert set(town.codes(A)) == {FindingCode.DATE_USED, FindingCode.UNBILLED_DAYS}
    town.run()
    town.later(13)
    assert [town.billed(number) for number in (9, 10, 11, 12, 13)] == [10, 13, 3, 5, 15]


# Expiry


def test_a_plan_that_nobody_answers_expires_and_asks_again_with_its_day() -> None:
    """kernel.md section 8: after 14 days of the business calendar, as a new plan that names the old one, D kept."""
    world = asking_world()
    world.say(12, day(10))
    world.plan()
    [before] = plans(world.document)
    assert (before.expires_at, before.items[0].effective_on) == (before.created_at + LIFE, day(10))
    world.today = day(10) + LIFE - timedelta(days=1)
    world.plan()
    assert [plan.id for plan in plans(world.document)] == [before.id]
    world.today += timedelta(days=1)
    world.plan()
    [after] = plans(world.document)
    assert after.id != before.id
    assert (after.again_for, after.expires_at) == (before.id, after.created_at + LIFE)
    assert [item.hash for item in after.items] == [item.hash for item in before.items]
    world.approve()
    world.plan()
    assert world.intent().on == day(10)


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_what_was_answered_never_expires(answer: str) -> None:
    """A yes to what waits for its day, and a no, stand for as long as the difference does."""
    world = linked_world()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(stepping((60, 12)))
    world.plan()
    [plan] = plans(world.document)
    world.approve() if answer == "yes" else world.reject()
    world.today = day(40)
    world.plan()
    [same] = world.document.plans.values()
    assert (same.id, same.state) == (plan.id, PlanState.APPROVED if answer == "yes" else PlanState.REJECTED)
    assert (FindingCode.PLAN_REJECTED in world.notices) == (answer == "no")


def test_an_expired_plans_items_are_over() -> None:
    """Nothing of it can go out by a yes to another plan; the people's list keeps it as expired."""
    world = asking_world()
    world.today = day(10) + LIFE
    world.plan()
    assert world.last is not None
    [expired] = plans(world.last.document, PlanState.EXPIRED)
    assert {item.state for item in expired.items} == {ItemState.SUPERSEDED}
    assert expired.id not in world.document.plans


# Both, whatever happens


def well_arranged(document: CompanyDocument) -> None:
    """Each wish stands in one plan that is not over, and a plan that waits has all that waits of its groups."""
    live = [
        (item.hash, item.group, plan)
        for plan in document.plans.values()
        for item in plan.items
        if item.state is not ItemState.SUPERSEDED
    ]
    wished = [wish.hash for state in document.lines.values() for wish in state.wishes]
    assert all(sum(hash_ == one for one, _, _ in live) == 1 for hash_ in wished)
    waiting = [(group, plan.id) for _, group, plan in live if plan.state is PlanState.PROPOSED]
    assert len(dict(waiting)) == len(set(waiting)), "no group is asked for in two plans"


acts = st.sampled_from(["yes", "no", "day", "fortnight", "answer"])
announced = st.tuples(st.integers(11, 40), st.integers(0, 15), st.integers(41, 60), st.integers(0, 15))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(acts, announced), max_size=12))
def test_whatever_is_said_and_answered_no_group_is_torn_and_days_are_kept(
    moves: list[str | tuple[int, int, int, int]],
) -> None:
    """Changes, yes, no, days and settlements in any order: after each planning the plans are whole, planning again
    changes nothing, and a wish that did not change keeps its day whatever plan asks for it."""
    world = linked_world()
    world.with_policy(mode=Mode.PROPOSE)
    for move in moves:
        before = {wish.effective: wish for state in world.document.lines.values() for wish in state.wishes}
        told = act(world, move)
        world.plan()
        well_arranged(world.document)
        after = {wish.effective: wish for state in world.document.lines.values() for wish in state.wishes}
        if not told:
            assert all(after[one].on == wish.on for one, wish in before.items() if one in after)
        stands = world.document.model_dump(exclude={"rev"})
        assert world.plan() == []
        assert world.document.model_dump(exclude={"rev"}) == stands


def act(world: World, move: str | tuple[int, int, int, int]) -> bool:
    """Whether a source or the writer said something: only they move a day."""
    match move:
        case "yes":
            world.approve()
        case "no":
            world.reject()
        case "day":
            world.today += timedelta(days=1)
        case "fortnight":
            world.today += LIFE
        case "answer":
            if world.out() is not None:
                world.answer()
            return True
        case (first, units, second, others):
            world.say(stepping((first, units), (second, others)), day(10))
            return True
    return False
