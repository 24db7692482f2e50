"""The third hand itself: what the oracle allows on each date."""

from tests.simulation.ground import Ground
from tests.simulation.made_up import A, B, C, day, move, oracle, say
from tests.simulation.oracle import Allowed

NOTHING_USED = Ground({})


def exactly(line: int | None, units: int) -> Allowed:
    return Allowed(frozenset({line}), frozenset({units}), gap=False)


def test_of_two_accounts_the_lowest_rank_counts_until_it_ends() -> None:
    """Two absences from a full list end a sighting, from the day of the first, and the other account takes over."""
    made = oracle()
    say(made, 0, 5)
    say(made, 0, 8, "suspended", "b")
    made.absent(day(2), "a", "a-v")
    assert made.allowed("v", NOTHING_USED)[day(7)] == exactly(A, 5)
    made.absent(day(3), "a", "a-v")
    allowed = made.allowed("v", NOTHING_USED)
    assert (allowed[day(1)], allowed[day(2)]) == (exactly(A, 5), exactly(A, 8))


def test_a_suspension_counts_by_the_accounts_policy() -> None:
    """Suspended is 0 where the account says so, and 0 is not none: the other account does not take over."""
    made = oracle()
    say(made, 0, 5)
    say(made, 0, 8, account="b")
    say(made, 1, 5, "suspended")
    assert made.allowed("v", NOTHING_USED)[day(1)] == exactly(None, 0)


def test_a_change_may_be_late_only_where_its_day_was_used() -> None:
    """A change of a used day may stand as before on that day, and never on the next."""
    made = oracle()
    say(made, 0, 5)
    say(made, 2, 6)
    assert made.allowed("v", NOTHING_USED)[day(2)] == exactly(A, 6)
    late = made.allowed("v", Ground({A: frozenset({day(2)})}))
    assert late[day(2)].seats == {5, 6}
    assert late[day(3)] == exactly(A, 6)


def test_a_change_in_a_posted_period_may_wait_for_its_end() -> None:
    """Until the last posted day both answers may stand; a posting of a later day excuses nothing earlier."""
    made = oracle()
    say(made, 0, 5)
    say(made, 2, 6)
    allowed = made.allowed("v", Ground({}, {A: (day(1), day(4))}))
    assert allowed[day(4)].seats == {5, 6}
    assert allowed[day(5)] == exactly(A, 6)
    assert made.allowed("v", Ground({}, {A: (day(3), day(4))}))[day(2)] == exactly(A, 6)
    waiting = made.allowed("v", Ground({A: frozenset({day(2)})}, {A: (day(3), day(4))}))
    assert waiting[day(4)].seats == {5, 6}


def test_a_move_counts_from_its_day_on_the_new_line() -> None:
    """Before the mapping the old line, from it on the new one; a day used on either may delay both."""
    made = oracle()
    say(made, 0, 5)
    move(made, 3, B)
    allowed = made.allowed("v", NOTHING_USED)
    assert (allowed[day(2)], allowed[day(3)]) == (exactly(A, 5), exactly(B, 5))
    late = made.allowed("v", Ground({B: frozenset({day(3)})}))
    assert late[day(3)].lines == {A, B}
    assert (late[day(3)].gap, late[day(4)]) == (True, exactly(B, 5))


def test_a_move_after_the_old_contracts_end_counts_from_the_day_after_it() -> None:
    """Also when the mapping came later: the old line held it to its last day."""
    made = oracle(day(2))
    say(made, 0, 5)
    assert made.allowed("v", NOTHING_USED)[day(3)] == exactly(None, 0)
    move(made, 5, B)
    allowed = made.allowed("v", NOTHING_USED)
    assert (allowed[day(2)], allowed[day(3)]) == (exactly(A, 5), exactly(B, 5))


def test_without_a_line_it_stays_and_without_a_mapping_it_is_frozen() -> None:
    """Nowhere to go: it may still change where it stands. Unmapped: it must not; mapped again, it counts what came."""
    made = oracle()
    say(made, 0, 5)
    move(made, 1, None)
    say(made, 2, 7)
    assert made.allowed("v", NOTHING_USED)[day(2)].seats == {5, 7}
    frozen = oracle()
    say(frozen, 0, 5)
    move(frozen, 1, None, unmapped=True)
    say(frozen, 2, 7)
    assert frozen.allowed("v", NOTHING_USED)[day(7)] == exactly(A, 5)
    move(frozen, 4, B)
    allowed = frozen.allowed("v", NOTHING_USED)
    assert allowed[day(3)].seats == {5, 7}
    assert (allowed[day(1)], allowed[day(4)]) == (exactly(A, 5), exactly(B, 7))


def test_an_announced_change_waits_for_its_day_and_yields_to_the_next_word() -> None:
    """The earlier quantity holds until then; a later state takes it back."""
    made = oracle()
    say(made, 0, 5)
    made.said(day(1), "a", "a-v", "active", 9, day(3))
    allowed = made.allowed("v", NOTHING_USED)
    assert (allowed[day(2)], allowed[day(3)]) == (exactly(A, 5), exactly(A, 9))
    say(made, 2, 6)
    assert made.allowed("v", NOTHING_USED)[day(3)] == exactly(A, 6)


def test_a_line_that_was_found_and_lost_in_one_round_may_not_have_been_taken() -> None:
    """Section 7.3: no decrease is planned without a line to go to, so it may stay on the old one, or have left it."""
    for unmapped in (False, True):
        made = oracle()
        say(made, 0, 5)
        move(made, 3, B)
        move(made, 3, None, unmapped=unmapped, same_round=True)
        allowed = made.allowed("v", NOTHING_USED)
        assert allowed[day(2)] == exactly(A, 5)
        assert allowed[day(7)].lines == {A, B}
        move(made, 4, B)
        assert made.allowed("v", NOTHING_USED)[day(5)] == exactly(B, 5)


def test_a_line_that_was_lost_later_was_taken_unless_the_decrease_had_to_wait() -> None:
    """A round settles; only a used day keeps the old line until the next one."""
    made = oracle()
    say(made, 0, 5)
    move(made, 3, B)
    move(made, 4, None)
    assert made.allowed("v", NOTHING_USED)[day(5)].lines == {B}
    assert made.allowed("v", Ground({A: frozenset({day(3)})}))[day(5)].lines == {A, B}


def test_who_waits_behind_a_contract_that_is_over_may_be_billed_nowhere() -> None:
    """Section 5: the claim is free once the first account's subscription has ended, not when its contract has."""
    made = oracle(day(4))
    say(made, 0, 5)
    say(made, 0, 8, account="b")
    made.maps(day(2), "b", "b-v", B)
    allowed = made.allowed("v", NOTHING_USED)
    assert allowed[day(4)].lines == {A, B}
    assert allowed[day(5)].lines == {None, B}
    say(made, 6, 5, "cancelled")
    assert made.allowed("v", NOTHING_USED)[day(6)] == exactly(B, 8)


def test_an_absence_counts_once_the_source_denies_it() -> None:
    """An account whose lists are empty, twice and more, loses nothing; a later denial counts from the first absence."""
    made = oracle()
    say(made, 0, 5)
    for number in (2, 3):
        made.absent(day(number), "a", "a-v", denied=False)
    assert made.allowed("v", NOTHING_USED)[day(7)] == exactly(A, 5)
    made.absent(day(4), "a", "a-v")
    assert made.allowed("v", NOTHING_USED)[day(2)] == exactly(None, 0)


def test_days_lost_one_after_the_other_delay_a_change_of_the_day_before() -> None:
    """Known on day 2, which was used; sent on day 3 without an effect: it comes on day 4, and no later."""
    made = oracle()
    say(made, 0, 5)
    say(made, 2, 6)
    late = made.allowed("v", Ground({A: frozenset({day(2)})}, lost={A: frozenset({day(3)})}))
    assert late[day(3)].seats == {5, 6}
    assert late[day(4)] == exactly(A, 6)


def test_seats_that_come_in_the_round_of_a_move_may_have_come_to_the_old_line_first() -> None:
    """None until day 3; the sweep is heard before or after the mapping. The old line's day is used then, and the move
    is a day late."""
    made = oracle()
    say(made, 0, 0)
    move(made, 3, B)
    say(made, 3, 6, same_round=True)
    assert made.allowed("v", NOTHING_USED)[day(3)] == exactly(B, 6)
    allowed = made.allowed("v", Ground({A: frozenset({day(3)})}))
    assert A in allowed[day(3)].lines
    assert allowed[day(4)] == exactly(B, 6)


def test_of_two_accounts_that_speak_in_one_round_either_may_be_heard_first() -> None:
    """One begins, the other ends: heard the other way round it is billed nowhere on a day that is used then."""
    made = oracle()
    say(made, 0, 5, account="b")
    say(made, 3, 2)
    say(made, 3, 5, "cancelled", "b", same_round=True)
    assert made.allowed("v", NOTHING_USED)[day(3)] == exactly(A, 2)
    allowed = made.allowed("v", Ground({A: frozenset({day(3)})}))
    assert None in allowed[day(3)].lines
    assert allowed[day(4)] == exactly(A, 2)


def test_a_move_to_a_posted_line_that_is_lost_meanwhile_stays_where_it_was() -> None:
    """The minus waits for a date that both lines can take (section 7.3); once no line is known it does not go at all.
    Also where its seats went to none meanwhile: unposted steps wait with it."""
    for units in (5, 0):
        made = oracle()
        say(made, 0, 5)
        move(made, 2, B)
        say(made, 2, units, same_round=True)
        move(made, 3, None)
        allowed = made.allowed("v", Ground({}, {B: (day(2), day(4))}))[day(7)]
        assert A in allowed.lines
        assert 5 in allowed.seats
        assert A not in made.allowed("v", NOTHING_USED)[day(7)].lines


def test_a_line_found_late_may_count_from_the_latest_leave() -> None:
    """Section 7.1: left on day 1, never held by B, which was lost on day 3 only: it counts on C from day 1."""
    made = oracle()
    say(made, 0, 5)
    move(made, 1, B)
    move(made, 3, None)
    move(made, 4, C)
    allowed = made.allowed("v", NOTHING_USED)
    assert [C in allowed[day(number)].lines for number in range(5)] == [False, True, True, True, True]
    assert allowed[day(4)] == exactly(C, 5)
