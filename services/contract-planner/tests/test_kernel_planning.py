"""Sentences of kernel.md sections 5, 6 and 8 that no other test holds, one each, over plannings of one company."""

from dataclasses import replace
from decimal import Decimal

import pytest
from planner_world import LINE, POLICY, World, book, contract, day, key, line, linked_world, row

from seatledger.contract_planner.domain.policy import Mode, SourcePolicy
from seatledger.contract_planner.domain.settling import settle
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyId, ContractId, LineId, ServiceId
from seatledger.schemas.intents import Outcome, Refusal, Span
from seatledger.schemas.planning import PlanState
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, Excluded, Frozen, Ignored, Mapped, MappingOutcome, Unmapped

ENDED = StepFunction.constant(None)
AUGUST = Span(start=day(1), end=day(31))
SECOND = LineId(9002)


def steps(initial: int | None, *then: tuple[int, int | None]) -> StepFunction:
    return StepFunction.of([(day(number), units) for number, units in then], initial=initial)


def frozen_at(units: StepFunction, on: int) -> Frozen:
    return Frozen(asks=Asked(since=day(9), units=units), on=day(on))


@pytest.mark.parametrize(
    "outcome", [Unmapped(missing="offer"), Ignored(reason="ours"), Excluded(reason="customer c1 is excluded")]
)
def test_what_stops_counting_after_it_was_a_member_freezes_with_a_finding(outcome: MappingOutcome) -> None:
    """kernel.md section 5: unmapped, ignored, excluded or its source gone: units stay, the finding has the money."""
    world = linked_world()
    world.say(3, outcome=outcome, frozen=frozen_at(StepFunction.constant(10), 10))
    assert world.run() == 0
    assert world.last is not None
    [notice] = world.last.notices
    assert notice.code is FindingCode.MEMBER_FROZEN
    assert str(notice.money_per_month) == "amount=Decimal('100.00') currency='EUR'"


def test_what_froze_before_anything_was_posted_is_not_told_as_posted() -> None:
    """The finding speaks of units that stand on the line only where they do."""
    world = World()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(10)
    world.plan()
    world.say(10, outcome=Unmapped(missing="offer"), frozen=frozen_at(StepFunction.constant(10), 10))
    world.plan()
    assert world.last is not None
    [notice] = [one for one in world.last.notices if one.code is FindingCode.MEMBER_FROZEN]
    assert f"stands still at 10 units on line {LINE}, of which none was posted: its offer" in notice.message
    linked = linked_world()
    linked.say(3, outcome=Unmapped(missing="offer"), frozen=frozen_at(StepFunction.constant(10), 10))
    linked.plan()
    assert linked.last is not None
    assert f"stands still at 10 units on line {LINE}: its offer" in linked.last.notices[0].message


def test_who_has_to_choose_a_contract_is_told_each_command() -> None:
    """The finding's remedy can be copied: source, subscription and every contract that fits."""
    world = World()
    world.contracts[ContractId(502)] = contract(502)
    world.lines[SECOND] = line(9002, contract=ContractId(502))
    world.say(10)
    world.plan()
    assert world.last is not None
    [notice] = world.last.notices
    assert notice.code is FindingCode.CONTRACT_AMBIGUOUS
    choose = "seatledger map contract drop s1"
    assert notice.do == f"Choose one: {choose} 501 or {choose} 502"


def test_a_member_frozen_at_none_is_no_member() -> None:
    """kernel.md section 5: ended, then unmapped: nothing stands still, so there is no finding, and another account's
    sighting counts."""
    world = World(books={LINE: book(10)})
    world.today = day(9)
    world.say(10, sub=key("a", "drop"), vendor="v1")
    world.say(10, sub=key("b", "other"), vendor="v1")
    world.run()
    world.today = day(12)
    world.say(ENDED, sub=key("a", "drop"), vendor="v1")
    world.run()
    stopped = Unmapped(missing="company")
    world.say(ENDED, sub=key("a", "drop"), vendor="v1", outcome=stopped, frozen=frozen_at(ENDED, 12))
    world.say(7, sub=key("b", "other"), vendor="v1")
    assert world.run() == 1
    assert (world.units(day(12)), world.notices) == (7, ())


def test_a_frozen_member_keeps_its_rank() -> None:
    """kernel.md section 5: only a retired source yields; any other frozen sighting goes on to count."""
    world = World(books={LINE: book(10)})
    world.today = day(9)
    world.say(10, sub=key("a", "drop"), vendor="v1")
    world.say(8, sub=key("b", "other"), vendor="v1")
    world.run()
    stopped = Unmapped(missing="company")
    frozen = frozen_at(StepFunction.constant(10), 10)
    world.today = day(10)
    world.say(2, sub=key("a", "drop"), vendor="v1", outcome=stopped, frozen=frozen)
    assert world.run() == 0
    assert world.units(day(10)) == 10


def test_a_subscription_that_was_never_complete_does_not_join() -> None:
    """kernel.md section 5: pending, trial or incomplete from the start: no join, no line, no finding."""
    world = World(books={LINE: book(4)})
    world.say(None)
    assert world.plan() == []
    assert (world.document.members[str(key())].line, world.notices) == (None, ())


def test_a_silent_state_leaves_the_last_complete_one_in_force() -> None:
    """kernel.md section 5: pending, trial, incomplete, unknown status, silent: the last complete state counts."""
    world = linked_world()
    world.say(None)
    assert world.run() == 0
    assert (world.units(day(10)), world.notices) == (10, ())


def test_a_line_without_any_member_has_no_target() -> None:
    """kernel.md section 1: what people put on a line that none of our subscriptions names stays as it is."""
    world = World(lines={LINE: line(), SECOND: line(9002, service=72)}, books={LINE: book(10), SECOND: book(5, 9002)})
    world.say(10)
    world.run()
    assert str(SECOND) not in world.document.lines
    assert world.books[SECOND] == book(5, 9002)


def test_a_join_waits_for_the_day_that_the_source_names() -> None:
    """kernel.md sections 5 and 6: before the first date on which a member counts the target asks for nothing, not 0."""
    world = World(books={LINE: book(4)})
    world.say(steps(None, (20, 6)))
    assert world.run() == 0
    [wish] = world.document.lines[str(LINE)].wishes
    assert (wish.on, wish.jump, world.document.waiting_day) == (day(20), 2, 1)
    world.today = day(20)
    assert world.run() == 1
    assert (world.units(day(19)), world.units(day(20))) == (4, 6)


def test_a_join_is_not_moved_by_a_later_approval() -> None:
    """kernel.md section 6: it counts from the first planning in which nothing hindered it, whenever a yes comes."""
    world = World(books={LINE: book(4)})
    world.with_policy(first_link_asks=True)
    world.say(6)
    world.plan()
    world.today = day(17)
    world.approve()
    assert world.run() == 1
    assert (world.units(day(9)), world.units(day(10))) == (4, 6)


def test_a_member_is_not_ended_by_a_date_that_passes() -> None:
    """kernel.md section 5: only a source state ends a subscription; months without any news change nothing."""
    world = linked_world()
    world.today = day(120)
    assert world.run() == 0
    assert world.units(day(120)) == 10


def test_an_assignment_sticks_when_its_contract_ends() -> None:
    """kernel.md section 5: contract_ended, though another contract with a line of the service would fit by now."""
    world = linked_world()
    renewed = contract(502, start=day(1))
    world.contracts = {one.contract: one for one in (contract(end=day(9)), renewed)}
    other = line(9100, contract=ContractId(502))
    world.lines = {**world.lines, LineId(9100): other}
    world.books[LineId(9100)] = book(0, 9100)
    world.say(12)
    assert world.run() == 0
    assert world.document.members[str(key())].line == LINE
    assert world.notices == (FindingCode.CONTRACT_ENDED,)


def test_an_account_that_is_not_required_lets_the_others_go_on() -> None:
    """kernel.md section 5, ready: required: false, and a retired source, are not waited for."""
    sources = {
        "drop": SourcePolicy(rank=1),
        "late": SourcePolicy(rank=2, required=False),
        "gone": SourcePolicy(rank=3, retired=True),
    }
    assert replace(POLICY, sources=sources).awaited == ("drop",)


def test_nothing_is_released_before_its_day_less_the_days_ahead() -> None:
    """kernel.md section 6: D less release_days_ahead is the first day on which it goes."""
    world = linked_world()
    world.with_policy(ahead=2)
    world.say(12, since=day(13))
    assert world.plan() == []
    assert (world.document.waiting_day, world.document.due) == (1, 0)
    world.today = day(11)
    world.plan()
    assert world.intent().on == day(13)


def test_today_and_tomorrow_used_the_next_change_takes_the_day_after() -> None:
    """kernel.md section 6: not used, and later than each used date up to today; with days ahead two go out today."""
    world = linked_world()
    world.with_policy(ahead=1)
    for units in (12, 13, 14):
        world.say(units)
        world.run()
    assert world.books[LINE].dates_used == (day(10), day(11))
    assert [world.units(day(on)) for on in (10, 11)] == [12, 13]
    world.today = day(11)
    assert world.run() == 1
    assert world.units(day(12)) == 14


def test_the_calendar_may_move_several_days_at_once() -> None:
    """kernel.md section 6: a wish keeps D while it waits; two announced steps go out on their own days, in order."""
    world = linked_world()
    world.say(steps(10, (12, 8), (20, 15)))
    world.plan()
    world.today = day(40)
    assert world.run() == 2
    assert [world.units(day(on)) for on in (11, 12, 19, 20)] == [10, 8, 8, 15]


def test_two_announced_steps_of_which_the_first_is_taken_back() -> None:
    """kernel.md section 6: the newest state replaces all that was announced before it, released or not."""
    world = linked_world()
    world.say(steps(10, (12, 8), (20, 15)))
    world.today = day(12)
    world.plan()
    world.say(steps(10, (20, 15)))
    assert [event.type for event in world.plan()] == ["IntentWithdrawn"]
    world.answer(Outcome.WITHDRAWN)
    assert world.run() == 0
    world.today = day(20)
    assert world.run() == 1
    assert [world.units(day(on)) for on in (12, 19, 20)] == [10, 10, 15]


def test_a_wish_moved_to_next_month_takes_in_what_changes_until_it_goes() -> None:
    """kernel.md section 6: changes with the same D merge until D's intent is sent; where they cancel each other out the
    wish is not needed, and its days stay lost."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(AUGUST,))
    for number, units, wished in ((15, 14, [(32, 4)]), (18, 10, []), (20, 11, [(32, 1)])):
        world.today = day(number)
        world.say(units)
        assert world.run() == 0
        assert [(one.on, one.jump) for one in world.document.lines[str(LINE)].wishes] == [
            (day(on), jump) for on, jump in wished
        ]
    world.today = day(32)
    assert world.run() == 1
    assert (world.units(day(31)), world.units(day(32))) == (10, 11)


def test_spans_learnt_from_a_settlement_that_posted_are_dated_by_too() -> None:
    """kernel.md section 6: spans and mirror together; the mirror shows nothing posted, the settlement did."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.POSTED, spans=(Span(start=day(11), end=day(31)),))
    world.say(15)
    assert world.run() == 0
    [wish] = world.document.lines[str(LINE)].wishes
    assert (wish.on, wish.moved) == (day(32), FindingCode.PERIOD_POSTED)


def test_a_contract_that_ends_inside_the_month_takes_no_later_date() -> None:
    """kernel.md section 6: outside the contract there is no date: date_outside_contract with the money, no wish."""
    world = linked_world()
    world.contracts = {one: found.model_copy(update={"end": day(20)}) for one, found in world.contracts.items()}
    world.say(steps(10, (15, 12), (25, 7)))
    world.today = day(15)
    assert world.run() == 1
    assert world.last is not None
    [notice] = world.last.notices
    assert notice.code is FindingCode.DATE_OUTSIDE_CONTRACT
    assert str(notice.money_per_month) == "amount=Decimal('50.00') currency='EUR'"
    assert (world.units(day(15)), world.units(day(25))) == (12, 12)


def test_a_withdrawn_intent_whose_send_was_unknown_leaves_its_day_used() -> None:
    """kernel.md sections 2 and 6: not seen and withdrawn, D stays used: what is wished now goes out on the next one."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.document = settle(world.document, world.answer(Outcome.NOT_SEEN, deliver=False))
    world.say(13)
    world.plan()
    world.books[LINE] = world.books[LINE].model_copy(update={"dates_used": (*world.books[LINE].dates_used, day(10))})
    world.answer(Outcome.WITHDRAWN)
    assert world.run() == 0
    [wish] = world.document.lines[str(LINE)].wishes
    assert (wish.on, wish.jump, wish.moved) == (day(11), 3, FindingCode.DATE_USED)


def test_what_changed_before_observe_was_left_is_dated_on_the_day_it_was_left() -> None:
    """kernel.md section 6: in observe nothing is dated; a wish that waited before it loses its date too."""
    world = linked_world()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(12)
    world.plan()
    world.with_policy(mode=Mode.OBSERVE)
    world.today = day(11)
    world.plan()
    assert world.document.lines[str(LINE)].wishes == ()
    world.today = day(14)
    world.with_policy(mode=Mode.AUTO)
    assert world.run() == 1
    assert [world.units(day(on)) for on in (10, 13, 14)] == [10, 10, 12]


def test_a_new_customer_in_observe_joins_on_the_day_it_is_left() -> None:
    """kernel.md sections 5 and 6: observe to auto is a join: the days before ask for nothing."""
    world = World(books={LINE: book(4)})
    world.with_policy(mode=Mode.OBSERVE)
    world.say(6)
    world.plan()
    world.today = day(14)
    world.with_policy(mode=Mode.AUTO)
    assert world.run() == 1
    assert (world.units(day(13)), world.units(day(14))) == (4, 6)


def test_the_other_items_of_a_plan_go_on() -> None:
    """kernel.md section 8: one line's wish changes after the yes; it asks anew, the other line's item goes."""
    other = Mapped(company=CompanyId(101), service=ServiceId(72))
    world = World(lines={LINE: line(), SECOND: line(9002, service=72)}, books={LINE: book(1), SECOND: book(1, 9002)})
    world.today = day(9)
    world.say(1, sub=key("a"))
    world.say(1, sub=key("b"), outcome=other)
    world.run()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(2, sub=key("a"))
    world.say(2, sub=key("b"), outcome=other)
    world.plan()
    world.approve()
    world.say(3, sub=key("a"))
    world.plan()
    assert (world.out(LINE), world.intent(SECOND).jump) == (None, 1)
    assert world.document.waiting_approval == 1
    assert [one.state for one in world.document.plans.values()].count(PlanState.PROPOSED) == 1


def test_lines_that_must_ask_go_into_a_second_plan() -> None:
    """kernel.md section 8, auto: what the policy approves goes, what must ask waits in a plan of its own."""
    other = Mapped(company=CompanyId(101), service=ServiceId(72))
    world = World(lines={LINE: line(), SECOND: line(9002, service=72)}, books={LINE: book(1), SECOND: book(9, 9002)})
    world.say(2, sub=key("a"))
    world.say(3, sub=key("b"), outcome=other)
    world.plan()
    assert (world.intent(LINE).jump, world.out(SECOND)) == (1, None)
    asks = sorted((one.approved_by or "", one.asks, len(one.items)) for one in world.document.plans.values())
    assert asks == [("", "first_decrease", 1), ("policy", "", 1)]


def test_a_price_that_moves_makes_another_item() -> None:
    """kernel.md section 8: the hash covers the price: a yes to another price is none."""
    world = linked_world()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(12)
    world.plan()
    world.approve()
    world.lines[LINE] = line(unit_price=Decimal("11.00"))
    assert world.plan() == []
    assert world.document.waiting_approval == 1


def test_a_wish_in_a_period_posted_in_the_mirror_is_chased_at_once_when_the_next_is_posted_too() -> None:
    """kernel.md section 6: moved by the mirror first and by a settlement then: the second move goes ahead of its day,
    and is released once."""
    world = linked_world()
    world.lines[LINE] = line(rows=(row(1, day(1), day(31), posted=True), row(2, day(32), day(61))))
    world.say(12)
    world.plan()
    world.today = day(32)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(Span(start=day(32), end=day(61)),))
    world.plan()
    assert world.intent().on == day(62)
    assert world.plan() == []
