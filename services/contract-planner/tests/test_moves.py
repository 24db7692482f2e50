"""Subscriptions that move between lines: kernel.md section 7, each of its points against the day it saves."""

from datetime import date

import pytest
from planner_town import SUB, A, B, C, Town, contract_of, line_of, moving_town
from planner_world import END, SERVICE, day, key

from seatledger.contract_planner.domain.policy import Mode
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyId, LineId
from seatledger.schemas.intents import Outcome, Refusal
from seatledger.schemas.mirror import UnitRow
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, Frozen, Ignored, Mapped, Unassigned, Unmapped

OTHER = 72
"""Another service."""


START_OF_ALL = date(2026, 1, 1)

# 7.1 Minus first


def test_a_move_to_another_company_goes_minus_first_and_no_day_is_billed_twice_or_never() -> None:
    """kernel.md section 7.1: the old line lets go first; the plus counts from the day from which it holds nothing."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    assert town.house(A).intent(line_of(A)).jump == -10
    assert town.house(B).out(line_of(B)) is None
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (9, 10, 40)] == [(10, 0), (0, 10), (0, 10)]
    assert (town.codes(A), town.codes(B)) == ((), ())


def test_a_move_to_another_service_or_contract_of_the_same_company_goes_the_same_way() -> None:
    """kernel.md section 7: any change of line is a move; ``map contract`` away from a line is one."""
    for service, where in ((OTHER, None), (SERVICE, 555)):
        town = moving_town()
        town.add_line(A, 9111, service, where)
        town.map(A, 10, service=service, on_contract=where)
        town.run(settle=False)
        assert town.house(A).intent(line_of(A)).jump == -10
        assert town.house(A).out(LineId(9111)) is None
        town.run()
        assert [(town.units(on, A), town.units(on, A, LineId(9111))) for on in (9, 10)] == [(10, 0), (0, 10)]
        assert town.codes(A) == ()


def test_a_decrease_that_settles_late_leaves_no_day_without_a_line() -> None:
    """kernel.md section 7.1: the plus counts from the day of the decrease, however long that took."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    town.today = day(14)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (9, 10, 14)] == [(10, 0), (0, 10), (0, 10)]


def test_a_leavers_share_is_what_the_line_holds_not_what_its_source_asks_for() -> None:
    """kernel.md section 7.1: an increase that was never posted goes with it. Were the leaver's share what it asks for,
    the old line would take 12 off where only 10 stand, or post the two first and bill them on both lines."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.say(A, 12, day(10))
    town.run()
    assert town.units(10, A) == 10
    town.map(B, 12, came_from=A)
    town.run()
    town.approve(A)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (9, 10)] == [(10, 0), (0, 12)]


def test_an_increase_under_way_when_it_leaves_is_taken_off_too() -> None:
    """kernel.md section 7.1: nothing may be released or open on the old line before the plus counts: an increase that
    was posted after all would stay there for ever."""
    town = moving_town()
    town.say(A, 12, day(10))
    town.run(settle=False)
    house = town.house(A)
    assert house.intent(line_of(A)).jump == 2
    town.map(B, 12, came_from=A)
    town.run(settle=False)
    assert house.out(line_of(A)) is not None
    assert town.house(B).document.members[SUB].joined_on is None
    town.settle(A, outcome=Outcome.POSTED)
    town.run()
    town.later(11)
    assert (town.units(10, A), town.units(11, A)) == (12, 0)
    assert (town.units(10, B), town.units(11, B)) == (0, 12)


def test_a_first_increase_under_way_when_it_leaves_is_waited_for() -> None:
    """kernel.md section 7.1: the old line holds nothing yet, but its increase may be posted any moment: were the plus
    to count before it is answered, both lines would bill the day."""
    town = moving_town(0)
    town.say(A, 10, day(10))
    town.run(settle=False)
    assert town.house(A).intent(line_of(A)).jump == 10
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    assert town.house(B).document.members[SUB].joined_on is None
    town.settle(A, outcome=Outcome.POSTED)
    town.run()
    town.later(11)
    assert [(town.units(number, A), town.units(number, B)) for number in (10, 11)] == [(10, 0), (0, 10)]


def test_a_line_that_never_held_it_leaves_no_trace() -> None:
    """kernel.md section 7.1: never posted there, it counts on the new line from the leave; the days it was owed before
    are a finding with the money."""
    town = moving_town(0)
    town.with_mode(A, Mode.PROPOSE)
    town.say(A, 10, day(10))
    town.run()
    town.today = day(14)
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    assert FindingCode.UNBILLED_DAYS in town.codes(B)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (10, 13, 14)] == [(0, 0), (0, 0), (0, 10)]


def test_units_of_a_line_that_was_never_linked_stay_and_are_a_finding() -> None:
    """kernel.md section 7.1: a ``new`` line's units were put there by people; nobody here takes them away, and the
    plus does not wait for that."""
    town = moving_town(0)
    town.new_line(A, 10)
    town.with_mode(A, Mode.PROPOSE)
    town.say(A, 12, day(10))
    town.run()
    town.map(B, 12, came_from=A)
    town.run()
    assert (town.units(10, A), town.units(10, B)) == (10, 12)
    assert town.codes(A) == (FindingCode.UNITS_NOT_OURS,)
    town.new_line(A, 0)
    town.sweep()
    assert town.codes(A) == ()


def test_units_posted_ahead_move_from_the_day_on_which_the_old_line_holds_none_of_them() -> None:
    """kernel.md section 7.1: a step used ahead is taken off on the day after; only from there on the plus counts, and
    the days between are a finding, never billed twice."""
    town = moving_town()
    for company in (A, B):
        town.house(company).with_policy(ahead=40)
    town.say(A, StepFunction.of([(day(20), 12)], initial=10), day(10))
    town.run()
    assert town.units(20, A) == 12
    town.map(B, StepFunction.of([(day(20), 12)], initial=10), came_from=A)
    town.run()
    assert all(town.billed(number) <= 12 for number in range(9, 60))
    assert (town.units(21, A), town.units(21, B)) == (0, 12)


# 7.2 Chains


def test_a_chain_counts_on_its_last_line_from_the_day_that_the_first_one_told() -> None:
    """kernel.md section 7.2: A → B → C while A's decrease waits: C waits for A too, though B has left already."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    town.today = day(12)
    town.map(C, 10, came_from=B)
    town.run()
    assert [holder.company for holder in town.rows[SUB].holders] == ["main/101", "main/303"]
    assert town.house(C).document.members[SUB].joined_on is None
    town.today = day(13)
    town.approve(A)
    town.run()
    assert [town.units(number, A) for number in (9, 10)] == [10, 0]
    assert [town.units(number, C) for number in (9, 10, 12)] == [0, 10, 10]
    assert all(town.units(number, B) == 0 for number in range(9, 40))


def test_what_it_asked_for_on_the_way_counts_on_the_last_line_of_a_chain() -> None:
    """kernel.md section 7.1: unposted steps go with it: A's decrease is of the 10th and waits, B hears of 12 seats
    on the 12th, C of 14 on the 14th; C owes the days before the 14th too, of which nobody told it."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    town.today = day(12)
    town.say(B, 12, day(12))
    town.run()
    town.today = day(14)
    town.map(C, 14, came_from=B, since=day(14))
    town.run()
    town.approve(A)
    town.run()
    assert [town.units(number, C) for number in (9, 10, 12, 14)] == [0, 10, 12, 14]
    assert [town.units(number, A) for number in (9, 10)] == [10, 0]


def test_days_on_which_a_line_of_the_chain_only_waited_are_not_lost() -> None:
    """kernel.md section 7.1: B counted and never held (its first link waits for a yes); C counts from the day that A
    told, not from the leave of B."""
    town = moving_town()
    town.new_line(B)
    town.with_mode(B, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    assert town.house(B).document.members[SUB].joined_on == day(10)
    town.today = day(15)
    town.map(C, 10, came_from=B)
    town.run()
    assert [town.billed(number) for number in (9, 10, 14, 15)] == [10, 10, 10, 10]
    assert [town.units(number, C) for number in (10, 15)] == [10, 10]


def test_of_two_lines_that_never_held_it_the_first_leave_counts() -> None:
    """kernel.md section 7.1 and 7.2, whichever of the two is planned first."""
    for late in (A, B):
        town = moving_town(0)
        for company in (A, B):
            town.with_mode(company, Mode.PROPOSE)
        town.say(A, 10, day(10))
        town.run()
        town.map(B, 10, came_from=A)
        town.plan(B)
        town.plan(A)
        town.today = day(12)
        town.map(C, 10, came_from=B)
        town.plan(C)
        town.plan(B if late == A else A)
        town.run()
        assert town.house(C).document.members[SUB].joined_on == day(10)


def test_a_company_that_heard_of_it_too_late_finds_the_note() -> None:
    """kernel.md section 7.2: B claimed and its process died; C claimed after it. B notes the leave though it counts
    nothing, so that the planning which read B's older document loses its save, and leaves."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    slow = town.house(B).document
    town.plan(B)
    town.house(B).document = slow
    town.map(C, 10, came_from=B, hint=False)
    town.plan(C)
    assert [holder.company for holder in town.rows[SUB].holders] == ["main/101", "main/202", "main/303"]
    assert SUB not in town.house(B).document.noted
    town.plan(B)
    assert town.house(B).document.noted[SUB] == town.rows[SUB].mapping_revision
    town.run()
    assert [town.units(number, C) for number in (9, 10)] == [0, 10]
    assert "main/202" not in {holder.company for holder in town.rows[SUB].holders}


def test_a_mapping_said_late_claims_nothing() -> None:
    """kernel.md section 7.2: C's event overtook B's. With nothing but arrival to go by, B would take it back and A's
    decrease would feed two lines."""
    town = moving_town()
    town.map(C, 10, came_from=A)
    newest = town.rows[SUB].mapping_revision if town.plan(C) else 2
    town.say(B, 10, day(9), mapping=newest - 1)
    town.run()
    assert (town.units(10, A), town.units(10, B), town.units(10, C)) == (0, 0, 10)
    assert FindingCode.MEMBER_FROZEN in town.codes(B)


def test_a_leave_noted_before_a_crash_is_told_after_it() -> None:
    """kernel.md section 7.2: noted first, taken out after: its process dies between the two, and the next planning of
    the old company, which is still dirty, takes it out."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    town.settle(A)
    town.crash_before_leaving = True
    town.plan(A)
    assert town.house(A).document.lines[str(line_of(A))].leavers[SUB].left is not None
    assert town.house(A).document.dirty
    assert [holder.company for holder in town.rows[SUB].others] == ["main/101"]
    town.crash_before_leaving = False
    town.run()
    assert [town.units(number, B) for number in (9, 10)] == [0, 10]


def test_who_is_taken_out_late_stays_where_it_was_claimed_again_meanwhile() -> None:
    """kernel.md section 7.2: out of the holders only under the very revision that was noted. A → B → A → C: the leave
    of the first move, told late, must not hide that A holds it again."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    town.settle(A)
    town.crash_before_leaving = True
    town.plan(A)
    late = town.house(A).last
    assert late is not None
    town.crash_before_leaving = False
    town.map(A, 10, came_from=B)
    town.run()
    town.later(11)
    assert town.units(11, A) == 10
    town.today = day(12)
    town.map(C, 10, came_from=A)
    town.plan(C)
    town.house(A).last, kept = late, town.house(A).last
    town._leave(town.house(A))
    town.house(A).last = kept
    assert "main/101" in {holder.company for holder in town.rows[SUB].others}
    town.run()
    assert [town.billed(number) for number in (9, 12, 13)] == [10, 10, 10]


# 7.3 Both ends first


def test_no_decrease_before_the_new_line_is_known() -> None:
    """kernel.md section 7.3: B has no line: the units stay where they are, a finding on both says so."""
    town = moving_town()
    town.house(B).lines.clear()
    town.map(B, 10, came_from=A)
    town.run()
    assert town.units(40, A) == 10
    assert town.codes(A) == (FindingCode.MOVE_WAITS,)
    assert FindingCode.LINE_MISSING in town.codes(B)
    town.today = day(14)
    town.build(B)
    town.map(B, 10)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (13, 14)] == [(10, 0), (0, 10)]


def test_an_unmapped_subscription_claims_too() -> None:
    """kernel.md section 7: its customer is B's now, its offer is not mapped: A hears by the assignment alone that it is
    no longer its own (``unassigned`` never came), and keeps it until B has a line."""
    town = moving_town()
    town._mapping += 1
    town.say(B, 10, outcome=Unmapped(missing="offer", company=B))
    town.run()
    assert town.rows[SUB].company == "main/202"
    assert SUB in town.house(A).document.lines[str(line_of(A))].leavers
    assert town.units(40, A) == 10
    assert (town.codes(A), town.codes(B)) == ((FindingCode.MOVE_WAITS,), (FindingCode.MOVE_WAITS,))
    town.map(B, 10)
    town.run()
    assert (town.units(10, A), town.units(10, B)) == (0, 10)


def test_no_decrease_while_the_new_company_is_observed() -> None:
    """kernel.md section 7.3: the plus could not follow."""
    town = moving_town()
    town.with_mode(B, Mode.OBSERVE)
    town.map(B, 10, came_from=A)
    town.run()
    assert town.units(40, A) == 10
    assert (town.codes(A), town.codes(B)) == ((FindingCode.MOVE_WAITS,), (FindingCode.MOVE_WAITS,))
    town.today = day(13)
    town.with_mode(B, Mode.AUTO)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (12, 13)] == [(10, 0), (0, 10)]


def test_no_decrease_goes_out_once_the_new_company_is_observed() -> None:
    """kernel.md section 7.3: it had its line already when somebody put it in ``observe``; a decrease that is approved
    now would leave the units on no line until that ends."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    town.with_mode(B, Mode.OBSERVE)
    town.sweep()
    town.approve(A)
    town.sweep()
    assert town.units(40, A) == 10
    assert FindingCode.MOVE_WAITS in town.codes(A)


def test_no_decrease_while_the_new_contract_is_not_in_effect() -> None:
    """kernel.md section 7.3: it was found while its contract was in effect, which ended before the decrease was
    planned."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    town.plan(B)
    house = town.house(B)
    stands = house.contracts[contract_of(B)]
    house.contracts[contract_of(B)] = stands.model_copy(update={"status": 0})
    town.run()
    assert town.units(40, A) == 10
    assert FindingCode.MOVE_WAITS in town.codes(A)
    house.contracts[contract_of(B)] = stands
    town.sweep()
    assert (town.units(10, A), town.units(10, B)) == (0, 10)


def post_august(town: Town, company: CompanyId) -> None:
    house, where = town.house(company), line_of(company)
    rows = (UnitRow(id=1, start=day(1), end=day(31), units=0, posted=True),)
    house.lines[where] = house.lines[where].model_copy(update={"rows": rows})


def test_the_leave_is_not_before_the_first_date_that_the_new_line_can_take() -> None:
    """kernel.md section 7.3: B's August is posted: leaving at once would bill twenty-two days on no line."""
    town = moving_town()
    post_august(town, B)
    town.map(B, 10, came_from=A)
    town.run()
    town.later(32)
    assert all(town.billed(number) == 10 for number in range(9, 60))
    assert (town.units(31, A), town.units(32, B)) == (10, 10)


def test_a_member_that_ended_while_it_could_not_move_leaves_at_its_end() -> None:
    """kernel.md section 7.3: B has no line and the subscription ended: A, which hears of it no more, must not bill it
    for ever."""
    town = moving_town()
    town.house(B).lines.clear()
    town.map(B, 10, came_from=A)
    town.run()
    town.today = day(15)
    town.say(B, StepFunction.of([(day(13), None)], initial=10), day(10))
    town.run()
    assert [town.units(number, A) for number in (12, 13)] == [10, 0]
    assert (town.codes(A), FindingCode.MOVE_WAITS in town.codes(B)) == ((), False)


def test_a_move_of_a_member_that_ended_already_takes_its_units_off_from_its_end() -> None:
    """kernel.md section 7.3: mapped away after its end: the old line stops at the end, the new one bills nothing."""
    town = moving_town()
    town.today = day(15)
    town.map(B, StepFunction.of([(day(13), None)], initial=10), came_from=A)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (12, 13, 15)] == [(10, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_member_that_ends_before_its_dated_leave_leaves_at_its_end(goes_on: bool) -> None:
    """Decision 0015: B's August is posted, so A is to hold it to the 31st; it ended on the 20th. A would bill eleven
    days that nobody owes, for B hears of the end. Should it go on before the yes, its leave is dated anew."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    post_august(town, B)
    town.map(B, 10, came_from=A)
    town.run()
    town.later(20)
    town.say(B, StepFunction.of([(day(20), None)], initial=10), day(20))
    town.run()
    if goes_on:
        town.say(B, 10, day(20))
        town.run()
    town.approve(A)
    town.run()
    town.later(33)
    assert [town.billed(number) for number in (19, 20, 31, 32)] == ([10] * 4 if goes_on else [10, 0, 0, 0])


def test_the_leave_is_dated_once() -> None:
    """kernel.md section 7.3: however long its decrease waits for a yes, it is billed on the new line from the day on
    which both ends were first ready."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    town.later(14)
    town.approve(A)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (9, 10)] == [(10, 0), (0, 10)]


# 7.4 The old contract is over


def end_contract(town: Town, company: CompanyId, end: date) -> None:
    house = town.house(company)
    where = contract_of(company)
    house.contracts[where] = house.contracts[where].model_copy(update={"end": end})


def test_a_renewed_contract_takes_over_on_the_day_after_the_old_one_also_when_it_is_mapped_later() -> None:
    """kernel.md section 7.4: nothing can be posted on a contract that is over; the plus counts from the day after its
    end, and no day between is lost though the mapping came on the 20th."""
    town = moving_town()
    end_contract(town, A, day(15))
    town.later(20)
    assert FindingCode.CONTRACT_ENDED in town.codes(A)
    town.add_line(A, 9111, SERVICE, 555)
    town.map(A, 10, on_contract=555)
    town.run()
    assert town.units(15, A) == 10
    assert [town.units(number, A, LineId(9111)) for number in (15, 16, 20)] == [0, 10, 10]
    assert [town.billed(number) for number in (15, 16, 20)] == [10, 10, 10]
    assert town.codes(A) == ()


def test_a_contract_without_an_open_date_holds_it_to_its_last_day() -> None:
    """kernel.md section 7.4: all that is left of it is posted: the plus counts from the day after its end."""
    town = moving_town()
    end_contract(town, A, day(31))
    post_august(town, A)
    town.map(B, 10, came_from=A)
    town.run()
    assert town.house(A).out(line_of(A)) is None
    town.later(33)
    assert [(town.billed(number), town.units(number, B)) for number in (31, 32)] == [(10, 0), (10, 10)]


def test_a_contract_that_is_extended_after_its_members_left_loses_their_units() -> None:
    """kernel.md section 7.4 and 9.1: what moved on the day after its end is not billed again when it is extended."""
    town = moving_town()
    end_contract(town, A, day(15))
    town.later(20)
    town.map(B, 10, came_from=A)
    town.run()
    end_contract(town, A, day(60))
    town.sweep()
    assert (town.units(15, A), town.units(16, A), town.units(16, B)) == (10, 0, 10)


def test_coming_back_to_an_extended_contract_is_not_billed_for_the_days_elsewhere() -> None:
    """Decision 0015: A's contract ended on the 20th and held it to its last day, B bills it from then on; the contract
    is extended and it is mapped back, while A's decrease still waits for a yes. The days of B are not A's."""
    town = moving_town()
    end_contract(town, A, day(20))
    town.later(25)
    town.map(B, 10, came_from=A)
    town.run()
    town.today = day(26)
    end_contract(town, A, END)
    town.with_mode(A, Mode.PROPOSE)
    town.map(A, 10, came_from=B)
    town.run()
    town.approve(A)
    town.run()
    assert [town.billed(number) for number in range(9, 40)] == [10] * 31


def test_a_line_that_two_mirrors_miss_holds_nothing_any_more() -> None:
    """kernel.md section 7.1: nobody can post on a line that is gone; one mirror without it may be a gap, and what was
    read beside generation 1 may be the second mirror already."""
    town = moving_town()
    house = town.house(A)
    house.lines.clear()
    town.map(B, 10, came_from=A)
    town.run()
    assert town.units(10, B) == 0
    assert FindingCode.MOVE_WAITS in town.codes(A)
    for generation, units in ((2, 0), (3, 10)):
        town.generation = generation
        town.sweep()
        assert town.units(10, B) == units


# 7.5 Coming back


def test_coming_back_while_the_line_still_holds_it_cancels_the_leave() -> None:
    """kernel.md section 7.5: no unit moves, and what its source says meanwhile counts from its own day."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    town.today = day(12)
    town.map(A, 10, came_from=B)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (10, 12, 40)] == [(10, 0)] * 3
    assert town.house(A).document.waiting_approval == 0
    assert town.rows[SUB].leaving == ()
    town.with_mode(A, Mode.AUTO)
    town.say(A, 12, day(11))
    town.run()
    assert [town.units(number, A) for number in (10, 11)] == [10, 12]


def test_one_whose_decrease_is_out_joins_again_from_the_day_its_line_held_it_last() -> None:
    """kernel.md section 7.5: the decrease was posted: back on the same line it counts from that very day."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    town.settle(A)
    town.map(A, 10, came_from=B)
    town.run()
    town.later(11)
    assert town.units(9, A) == 10
    assert town.units(11, A) == 10
    assert FindingCode.MOVE_WAITS not in town.codes(A)
    assert all(town.units(number, B) == 0 for number in range(9, 40))
    assert town.house(A).document.members[SUB].joined_on in {day(9), day(10)}


def test_there_and_back_again_is_billed_every_day_once() -> None:
    """kernel.md section 7.5: moved, billed there, and mapped back days later."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    town.run()
    town.today = day(15)
    town.map(A, 10, came_from=B)
    town.run()
    assert all(town.billed(number) == 10 for number in range(9, 60))
    assert [(town.units(number, A), town.units(number, B)) for number in (14, 15)] == [(0, 10), (10, 0)]


# 7.6 Plans and findings


def test_the_decreases_plan_shows_the_plus_and_its_yes_covers_it() -> None:
    """kernel.md section 7.6: a person who saw both halves is not asked twice."""
    town = moving_town()
    for company in (A, B):
        town.with_mode(company, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    [plan] = [one for one in town.house(A).document.plans.values() if one.state.value == "proposed"]
    [shown] = plan.items[0].moves
    assert (shown.company, shown.line, shown.units) == (B, line_of(B), 10)
    town.approve(A)
    town.run()
    assert (town.units(10, A), town.units(10, B)) == (0, 10)
    assert town.house(B).document.waiting_approval == 0


def test_where_the_units_changed_meanwhile_the_plus_asks() -> None:
    """kernel.md section 7.6: the yes was to ten units."""
    town = moving_town()
    for company in (A, B):
        town.with_mode(company, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    town.approve(A)
    town.say(B, 12, day(10))
    town.run()
    assert (town.units(10, A), town.units(10, B)) == (0, 0)
    assert town.house(B).document.waiting_approval == 1


def test_where_the_plus_cannot_have_the_decreases_day_it_asks() -> None:
    """kernel.md section 7.6: the yes was to that day; another one costs money that nobody saw."""
    town = moving_town()
    for company in (A, B):
        town.with_mode(company, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    house = town.house(B)
    house.books[line_of(B)] = house.books[line_of(B)].model_copy(update={"dates_used": (day(10),)})
    town.approve(A)
    town.run()
    assert town.units(10, A) == 0
    assert house.document.waiting_approval == 1
    assert FindingCode.UNBILLED_DAYS in town.codes(B)


def test_the_policys_word_on_the_old_company_is_no_yes_of_a_person_on_the_new_one() -> None:
    """kernel.md section 7.6: A goes by itself, B is to be asked: nobody was."""
    town = moving_town()
    town.with_mode(B, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    assert (town.units(10, A), town.units(10, B)) == (0, 0)
    town.approve(B)
    town.run()
    assert town.units(10, B) == 10


def test_a_yes_to_a_move_elsewhere_does_not_cover_where_it_went_then() -> None:
    """kernel.md section 7.6: approved towards B, mapped on to C before B had it: C asks."""
    town = moving_town()
    for company in (A, B, C):
        town.with_mode(company, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    town.approve(A)
    town.map(C, 10, came_from=B)
    town.run()
    assert town.units(10, A) == 0
    assert town.house(C).document.waiting_approval == 1


def test_a_proposed_plan_whose_plus_goes_elsewhere_is_another_plan() -> None:
    """kernel.md section 7.6: nobody says yes to what was not shown."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    [before] = town.house(A).document.plans
    town.map(C, 10, came_from=B)
    town.run()
    after = [one for one in town.house(A).document.plans.values() if one.state.value == "proposed"]
    assert [(one.id != before, one.items[0].moves[0].company) for one in after] == [(True, C)]


def test_a_decrease_that_waits_is_one_finding_on_the_new_company_that_names_the_old_line() -> None:
    """kernel.md section 7.6: for a yes, for a drift, for a company in observe."""
    for why in ("approval", "drift", "observe", "reject"):
        town = moving_town()
        house = town.house(A)
        if why == "drift":
            drift = {"since": house.facts.now, "from_day": day(10), "rows": StepFunction.constant(11)}
            stands = house.books[line_of(A)]
            house.books[line_of(A)] = stands.model_validate({**stands.model_dump(by_alias=True), "drift": drift})
        else:
            town.with_mode(A, Mode.OBSERVE if why == "observe" else Mode.PROPOSE)
        town.map(B, 10, came_from=A)
        town.run()
        if why == "reject":
            town.reject(A)
            town.run()
        assert town.codes(B) == (FindingCode.MOVE_WAITS,)
        last = town.house(B).last
        assert last is not None
        assert f"line {line_of(A)} of company {A}" in last.notices[0].message
        assert FindingCode.MOVE_WAITS not in town.codes(A)


def test_a_refused_decrease_keeps_the_plus_waiting() -> None:
    """kernel.md section 7.1: refused is not posted; the units stay where they are until it went through."""
    town = moving_town()
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    town.house(A).answer(Outcome.REFUSED, Refusal.BY_PSA, number=line_of(A))
    town.run()
    assert (town.units(40, A), town.units(40, B)) == (10, 0)
    assert town.codes(B) == (FindingCode.MOVE_WAITS,)


# 5 and 7: freezing, claims


def test_a_freeze_stops_the_source_and_not_the_move() -> None:
    """kernel.md section 5: ignored while its decrease waits: both halves go on with the units it had."""
    town = moving_town()
    town.with_mode(A, Mode.PROPOSE)
    town.map(B, 10, came_from=A)
    town.run()
    frozen = Frozen(asks=Asked(since=day(9), units=StepFunction.constant(10)), on=day(11))
    town.today = day(11)
    town._mapping += 1
    town.say(B, 99, outcome=Ignored(reason="ours"), frozen=frozen)
    town.run()
    town.approve(A)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (9, 10, 40)] == [(10, 0), (0, 10), (0, 10)]
    assert town.codes(B) == (FindingCode.MEMBER_FROZEN,)


def test_a_frozen_member_that_is_mapped_to_another_company_moves() -> None:
    """kernel.md section 5: mapped again, to another line, it moves; frozen units go, not what its source said
    meanwhile."""
    town = moving_town()
    frozen = Frozen(asks=Asked(since=day(9), units=StepFunction.constant(10)), on=day(10))
    town._mapping += 1
    town.say(A, 10, outcome=Unmapped(missing="offer", company=A), frozen=frozen)
    town.run()
    town.today = day(12)
    town.map(B, 10, came_from=A)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (11, 12)] == [(10, 0), (0, 10)]


def test_the_claim_on_a_vendor_id_goes_along() -> None:
    """kernel.md section 5: the other sighting of the same subscription, on the old line still, must not count in its
    stead: it would be billed on both. It waits, and is one with the first again once it is mapped there too."""
    town = moving_town(0)
    other = key("p1", "other")
    town.map(A, 10, vendor="v1")
    town.say(A, 10, START_OF_ALL, other, vendor="v1")
    town.run()
    assert town.units(10, A) == 10
    town.today = day(12)
    town.map(B, 10, came_from=A, vendor="v1")
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (11, 12)] == [(10, 0), (0, 10)]
    assert town.codes(A) == (FindingCode.DUPLICATE_SIGHTING,)
    assert (town.rows["claim/main/v1/"].company, town.rows["claim/main/v1/"].free) == ("main/202", False)
    town.today = day(14)
    town.map(B, 10, came_from=A, vendor="v1", sub=other)
    town.run()
    assert (town.codes(A), town.codes(B)) == ((), ())
    assert [town.billed(number) for number in (11, 12, 14, 40)] == [10] * 4


def test_the_claim_goes_on_with_a_subscription_that_never_took_it_on_the_way() -> None:
    """Decision 0015: offer and company mapped anew in one go: line 1 hands the claim over for line 2, which the
    subscription leaves before it takes it. Were the claim line 2's by then, line 3 would wait for it."""
    town = moving_town(0)
    town.add_line(A, 9502, 72)
    town.map(A, 10, vendor="v1")
    town.run()
    town.today = day(12)
    town.map(A, 10, service=72, vendor="v1")
    town.run(settle=False)
    town.settle(A)
    town.plan(A)
    assert town.rows[SUB].others == ()
    town.map(B, 10, came_from=A, vendor="v1")
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (11, 12)] == [(10, 0), (0, 10)]
    assert town.units(12, A, LineId(9502)) == 0
    assert (town.codes(A), town.codes(B)) == ((), ())


def test_of_sightings_that_leave_one_after_the_other_the_last_takes_the_claim_along() -> None:
    """Decision 0015: none of the two has units yet (the first link waits for a yes). Were each to leave the claim to
    the other, it would stay behind with nobody."""
    town = Town(today=day(10))
    town.new_line(A)
    town.with_mode(A, Mode.PROPOSE)
    shadow = key("p1", "other")
    town.map(A, 10, vendor="v1")
    town.say(A, 7, START_OF_ALL, shadow, vendor="v1")
    town.run()
    town.map(B, 7, came_from=A, vendor="v1", sub=shadow)
    town.map(B, 10, came_from=A, vendor="v1")
    town.plan(B)
    town.plan(A)
    assert town.rows["claim/main/v1/"].free
    town.run()
    assert [town.billed(number) for number in (9, 10, 11)] == [0, 10, 10]


def test_a_hand_over_on_a_used_date_loses_no_day() -> None:
    """kernel.md section 9.10: both sightings moved, then the first ends on a day that is used: its seats stand there
    until the second's take over on the next. No day is on no line."""
    town = moving_town(0)
    shadow = key("p1", "other")
    town.map(A, 10, vendor="v1")
    town.say(A, 7, START_OF_ALL, shadow, vendor="v1")
    town.run()
    town.today = day(12)
    for units, sub in ((10, key()), (7, shadow)):
        town.map(B, units, came_from=A, vendor="v1", sub=sub)
    town.run()
    town.say(B, StepFunction.of([(day(12), None)], initial=10), day(12), vendor="v1")
    town.run()
    assert town.codes(B) == (FindingCode.DATE_USED,)
    town.later(13)
    assert [town.billed(number) for number in (11, 12, 13)] == [10, 10, 7]


def test_who_ended_while_another_sighting_took_its_place_waits_for_nothing() -> None:
    """kernel.md section 5: the first account's line is over and it has none to go to, so the second account's takes the
    claim; by the time it is mapped it has ended. It is told for that day that the other counts, not for ever."""
    town = moving_town(0)
    shadow = key("p1", "other")
    town.map(A, 10, vendor="v1")
    town.say(A, 7, START_OF_ALL, shadow, vendor="v1")
    town.run()
    end_contract(town, A, day(11))
    town.later(13)
    town.map(A, 10, service=72, on_contract=contract_of(A), vendor="v1")
    town.run()
    town.today = day(14)
    town.add_line(A, 9601, SERVICE, 555)
    town.add_line(A, 9602, 72, 555)
    ended = StepFunction.of([(day(14), None)], initial=10)
    town.map(A, 7, on_contract=555, vendor="v1", sub=shadow)
    town.map(A, ended, service=72, on_contract=555, vendor="v1")
    town.run()
    assert town.codes(A) == (FindingCode.DUPLICATE_SIGHTING,)
    town.later(15)
    assert town.codes(A) == ()
    assert [town.billed(number) for number in (11, 14, 15)] == [10, 7, 7]


def test_days_on_which_it_was_billed_are_not_told_as_lost() -> None:
    """kernel.md section 9.10: B could not have the 11th and took it on the 12th; away and back again on the 13th, which
    is used by then. The finding speaks of the 13th: the 11th was told then, the 12th was billed."""
    town = moving_town()
    town.today = day(11)
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    town.settle(A)
    town.run(settle=False)
    town.house(B).answer(Outcome.REFUSED, Refusal.DATE_TAKEN, number=line_of(B))
    town.run()
    assert lost_days(town, B) == f"from {day(11)} on, before line {line_of(B)} takes it on {day(12)}"
    town.later(12)
    town.today = day(13)
    town.map(C, 10, came_from=B)
    town.run(settle=False)
    town.settle(B)
    town.map(B, 10, came_from=C)
    town.run()
    assert lost_days(town, B) == f"from {day(13)} on, before line {line_of(B)} takes it on {day(14)}"
    town.later(14)
    assert [town.billed(number) for number in (10, 11, 12, 13, 14)] == [10, 0, 10, 0, 10]


def test_a_day_whose_plus_is_out_is_not_told_as_lost() -> None:
    """kernel.md section 9.10: the book shows the plus of the 12th before its settlement is told, and the next change is
    the 13th's. The 12th is not lost."""
    town = moving_town()
    town.today = day(12)
    town.map(B, 10, came_from=A)
    town.run(settle=False)
    town.settle(A)
    town.run(settle=False)
    town.house(B).answer(number=line_of(B), deliver=False)
    town.today = day(13)
    town.say(B, StepFunction.of([(day(13), 14)], initial=10), day(13))
    town.run(settle=False)
    assert FindingCode.UNBILLED_DAYS not in town.codes(B)


def lost_days(town: Town, company: CompanyId) -> str:
    """What the one finding of unbilled days says of them."""
    planned = town.house(company).last
    assert planned is not None
    [found] = [one.message for one in planned.notices if one.code is FindingCode.UNBILLED_DAYS]
    return found.partition("billed on no line ")[2]


def test_a_sighting_in_whose_stead_another_was_billed_lost_no_days() -> None:
    """kernel.md section 9.10: two accounts show one subscription, 10 and 7 seats; both move, and later the first ends.
    The second is billed from then on: the days before it were billed by the first, here and on the old line."""
    town = moving_town(0)
    shadow = key("p1", "other")
    town.map(A, 10, vendor="v1")
    town.say(A, 7, START_OF_ALL, shadow, vendor="v1")
    town.run()
    town.today = day(12)
    for units, sub in ((10, key()), (7, shadow)):
        town.map(B, units, came_from=A, vendor="v1", sub=sub)
    town.run()
    town.today = day(20)
    town.say(B, StepFunction.of([(day(20), None)], initial=10), day(20), vendor="v1")
    for _ in range(3):
        town.plan(B)
        assert town.codes(B) == ()
    town.run()
    assert [town.billed(number) for number in (11, 12, 19, 20)] == [10, 10, 10, 7]


def test_a_sighting_that_was_about_to_leave_and_comes_back_finds_the_claim_gone() -> None:
    """Decision 0015: both sightings are on their way when the decrease settles, the claim goes along with the first;
    the second is mapped back to the line, the first comes back later. Were the second to go on as before, the days on
    which the first was billed elsewhere would be its own too."""
    town = moving_town(0)
    town.add_line(A, 9502, 72)
    shadow = key("p1", "other")
    town.map(A, 10, vendor="v1")
    town.say(A, 7, START_OF_ALL, shadow, vendor="v1")
    town.run()
    town.today = day(12)
    town.map(B, 10, came_from=A, vendor="v1")
    town.map(A, 7, service=72, vendor="v1", sub=shadow)
    town.run(settle=False)
    town.settle(A)
    town.map(A, 7, vendor="v1", sub=shadow)
    town.plan(A)
    town.map(C, 7, came_from=A, vendor="v1", sub=shadow)
    town.plan(A)
    town.map(A, 7, came_from=C, vendor="v1", sub=shadow)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (11, 12)] == [(10, 0), (0, 10)]
    assert town.codes(A) == (FindingCode.DUPLICATE_SIGHTING,)
    town.today = day(15)
    town.map(A, 10, came_from=B, vendor="v1")
    town.run()
    assert [town.billed(number) for number in range(9, 20)] == [10] * 11


def test_a_sighting_that_does_not_count_moves_without_the_claim() -> None:
    """Decision 0015: mapped account by account, the account of the higher rank stays until it is mapped itself; were
    the claim to go with the first that moves, the other account's numbers would be billed for that long."""
    town = moving_town(0)
    shadow = key("p1", "other")
    town.map(A, 10, vendor="v1")
    town.say(A, 7, START_OF_ALL, shadow, vendor="v1")
    town.run()
    town.today = day(12)
    town.map(B, 7, came_from=A, vendor="v1", sub=shadow)
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (11, 12)] == [(10, 0), (10, 0)]
    assert town.codes(B) == (FindingCode.DUPLICATE_SIGHTING,)
    town.today = day(14)
    town.map(B, 10, came_from=A, vendor="v1")
    town.run()
    assert [(town.units(number, A), town.units(number, B)) for number in (13, 14)] == [(10, 0), (0, 10)]
    assert (town.codes(A), town.codes(B)) == ((), ())


def test_a_member_claimed_elsewhere_leaves_though_it_heard_nothing() -> None:
    """kernel.md section 7: ``unassigned`` is only a hint and was lost; the assignment's higher revision is the word."""
    town = moving_town()
    town.map(B, 10, came_from=A, hint=False)
    town.run()
    assert isinstance(town.house(A).document.members[SUB].outcome, Mapped)
    assert (town.units(10, A), town.units(10, B)) == (0, 10)


def test_the_hint_alone_moves_nothing() -> None:
    """kernel.md section 7: B's event is still on its way: the units stay, and no unit of the source counts here."""
    town = moving_town()
    town._mapping += 1
    town.say(A, 10, outcome=Unassigned(company=B), frozen=Frozen(asks=None, on=day(10)))
    town.run()
    assert town.units(40, A) == 10
    assert town.codes(A) == (FindingCode.MEMBER_FROZEN,)
