"""The verdict can disagree: each judgement against a wrong outcome, and against the right one beside it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.books import FOREIGN, Books, Finding, Said, digits, seats
from tests.simulation.made_up import VENDOR, A, B, books, day, finding, move, moved, oracle, say
from tests.simulation.oracle import Oracle
from tests.simulation.verdict import JUDGEMENTS, Judgement, judge, resync_posted

RIGHT = ((1, A, 0, 5), (2, A, 3, -5), (3, B, 3, 5))
A_DAY_LATE = ((1, A, 0, 5), (2, A, 3, -5), (3, B, 3, 0), (4, B, 4, 5))


def lost() -> Oracle:
    """Five seats on A; from day 3 on no line to go to is known."""
    made = oracle()
    say(made, 0, 5)
    move(made, 3, None)
    return made


def apart(last: int = 7) -> Oracle:
    """Both accounts show it; the second one's is mapped to B from day 2 on. A's contract ends on day ``last``."""
    made = oracle(day(last))
    say(made, 0, 5)
    say(made, 0, 8, account="b")
    made.next_round()
    made.maps(day(2), "b", "b-v", B)
    return made


def suspended() -> Oracle:
    """Five seats, none from day 3 on; the other account would have eight."""
    made = oracle()
    say(made, 0, 5)
    say(made, 0, 8, account="b")
    say(made, 3, 5, "suspended")
    return made


def unbilled(first: int, over: int, number: int = 9) -> Finding:
    message = f"subscription a-v of a is billed on no line from {day(first)} on, before line 20 takes it on {day(over)}"
    return finding("unbilled_days", first, message, line=B, subscription="a-v", number=number)


def with_said(found: Books, *said: Finding) -> Books:
    return replace(found, findings=[*found.findings, *said], open=[*found.open, *(f for f in said if not f.closed)])


WAITS = finding("duplicate_sighting", 3, subscription="b-v", line=B)
MOVE_WAITS = finding("move_waits", 3, subscription="a-v", line=A)
FROZEN = finding("member_frozen", 3, subscription="a-v", line=A)
FOREIGN_LEFT = books(*RIGHT, before=seats(1, FOREIGN))
TOUCHED = books(*RIGHT)
TOUCHED.units = {on: {**units, 30: 7} for on, units in TOUCHED.units.items()}

WRONG: dict[str, tuple[str, str, Oracle, Books]] = {
    "a date used twice": (
        "used_twice", "Autotask has 2", moved(), books((1, A, 0, 2), (2, A, 0, 3), (3, A, 3, -5), (4, B, 3, 5))
    ),
    "plus first": ("minus_first", "two lines", moved(), books((1, A, 0, 5), (2, B, 3, 5), (3, A, 3, -5))),
    "a day on two lines": ("units", "billed twice", moved(), books((1, A, 0, 5), (2, A, 4, -5), (3, B, 3, 5))),
    "a day on no line": ("units", "it nowhere", moved(), books((1, A, 0, 5), (2, A, 3, -5), (3, B, 5, 5))),
    "a day on no line that nobody told": ("units", "without unbilled_days", moved(), books(*A_DAY_LATE)),
    "another day told than the one on no line": (
        "units", "without unbilled_days", moved(), with_said(books(*A_DAY_LATE), unbilled(4, 5))
    ),
    "a day on no line without a reason": (
        "units", "it nowhere", moved(), with_said(books((1, A, 0, 5), (2, A, 3, -5), (3, B, 4, 5)), unbilled(3, 4))
    ),
    "a seat too many": ("units", "with 6", moved(), books((1, A, 0, 5), (2, A, 3, -5), (3, B, 3, 6))),
    "below zero": ("units", "with -1", moved(), books((1, A, 0, 5), (2, A, 3, -6), (3, B, 3, 5))),
    "units of others beside ours": ("foreign", "1 beside ours", moved(), FOREIGN_LEFT),
    "units out of nothing": ("foreign", "7, without any of ours", moved(), TOUCHED),
    "days told as billed on no line that were billed": (
        "billed_after_all", "billed on line 20", moved(), with_said(books(*RIGHT), unbilled(3, 4))
    ),
    "a claim that nobody holds": ("left_open", "duplicate_sighting is open", moved(), with_said(books(*RIGHT), WAITS)),
    "a move that does not wait": ("left_open", "move_waits is open", moved(), with_said(books(*RIGHT), MOVE_WAITS)),
    "nowhere to go, and nobody told": ("unsaid", "line 10 with 5 bills it", lost(), books((1, A, 0, 5))),
    "hidden behind a contract that is over": (
        "unsaid", "no line bills it", apart(last=4), books((1, A, 0, 5), last=day(4))
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_outcome_is_told(case: str) -> None:
    """Each is told by the judgement that is there for it."""
    judgement, words, said, found = WRONG[case]
    told = [f"expected {p.expected}; {p.seen}" for p in _named(judgement)(said, [VENDOR], found)]
    assert told
    assert words in " ".join(told)
    assert len(judge(said, [VENDOR], found)) >= len(told)


def _named(name: str) -> Judgement:
    return next(judgement for judgement in JUDGEMENTS if judgement.__name__ == name)


def test_every_judgement_is_shown_to_disagree() -> None:
    """Nothing is judged that was never seen to fail."""
    assert {judgement.__name__ for judgement in JUDGEMENTS} == {judgement for judgement, *_ in WRONG.values()}


RIGHTS: dict[str, tuple[Callable[[], Oracle], Books]] = {
    "a move, minus first": (moved, books(*RIGHT)),
    "a day on no line, with its finding": (moved, with_said(books(*A_DAY_LATE), unbilled(3, 4))),
    "no line to go to, with its finding": (lost, with_said(books((1, A, 0, 5)), FROZEN)),
    "a move that waits for a line": (lost, with_said(books((1, A, 0, 5)), MOVE_WAITS)),
    "one of two accounts waits for the other": (apart, with_said(books((1, A, 0, 5)), WAITS)),
    "waiting behind a contract that is over, with its finding": (
        lambda: apart(last=4), with_said(books((1, A, 0, 5), last=day(4)), WAITS)
    ),
    "suspended at the account that counts, which bills no suspension": (suspended, books((1, A, 0, 5), (2, A, 3, -5))),
    "or counted on the other line": (
        lambda: apart(last=4), with_said(books((1, A, 0, 5), (2, B, 5, 8), last=day(4)))
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHTS)
def test_a_right_outcome_is_agreed_to(case: str) -> None:
    """What the kernel allows makes no disagreement, so that one tells something."""
    said, found = RIGHTS[case]
    assert judge(said(), [VENDOR], found) == []


def test_days_told_as_billed_on_no_line_may_be_billed_once_the_mapping_changed_again() -> None:
    """The finding told what was so then. A mapping of a later round takes its cause away; so does one of the same round
    that leads to another line than the one it names."""
    made = moved()
    later = unbilled(3, 4, number=made.round - 1)
    elsewhere = replace(unbilled(3, 4, number=made.round), line=A)
    for told in (later, elsewhere):
        assert judge(made, [VENDOR], with_said(books(*RIGHT), told)) == []
    assert judge(made, [VENDOR], with_said(books(*RIGHT), unbilled(3, 4, number=made.round))) != []


def test_a_day_that_an_unknown_outcome_used_is_agreed_to_where_calls_failed_and_the_product_said_so() -> None:
    """Section 3: withdrawn after an unknown send, D stays used; on a calm day there is no such excuse. On a contract's
    last day no other date is left, and `date_outside_contract` says so."""
    used = f"should change by +1 on {day(2)}, a day that was used already: it goes out on {day(3)}"
    outside = f"units of line 10 differ from {day(2)} on, contract ends on {day(2)}"
    for code, message in (("date_used", used), ("date_outside_contract", outside)):
        changed = oracle()
        say(changed, 0, 5)
        say(changed, 2, 6)
        found = with_said(books((1, A, 0, 5), (2, A, 3, 1)), finding(code, 2, message, line=A))
        assert "expected 6 seats" in " ".join(f"expected {p.expected}" for p in judge(changed, [VENDOR], found))
        found.rough_days = frozenset({day(1), day(2)})
        assert judge(changed, [VENDOR], found) == []
        assert judge(changed, [VENDOR], books((1, A, 0, 5), (2, A, 4, 1))) != []


def test_equal_disagreements_of_days_in_a_row_are_one() -> None:
    """A month of one mistake is one entry with its first and last day; another mistake is another."""
    problems = judge(moved(), [VENDOR], books((1, A, 0, 5), (2, A, 3, -5), (3, B, 6, 5), (4, B, 7, 1)))
    assert [(p.first, p.last) for p in problems] == [(day(3), day(3)), (day(4), day(5)), (day(7), day(7))]


def test_saying_everything_again_posts_nothing() -> None:
    """One adjustment more is a disagreement."""
    assert list(resync_posted(3, 3, day(0))) == []
    assert [problem.seen for problem in resync_posted(3, 4, day(0))] == ["1 more"]


def test_units_say_whose_seats_they_are() -> None:
    """Each slot is a digit of its own; below zero no digit is believed."""
    assert digits(seats(5, 0) + seats(15, 3) + seats(2, FOREIGN)) == (5, 0, 0, 15, 0, 0, 2)
    assert set(digits(-1)) == {-1}


def _row(message: str, opened: int, closed: int | None = None) -> dict[str, Any]:
    at = {"opened_at": f"{day(opened)}T11:00:00Z", "closed_at": None if closed is None else f"{day(closed)}T11:00:00Z"}
    return {"id": "x", "code": "unbilled_days", "subscription": "a-v", "line": B, "message": message, **at}


def test_what_a_finding_said_before_it_opened_again_is_kept() -> None:
    """The list shows the last opening alone; what is open is what it shows open."""
    said = Said()
    assert [finding.opened for finding in said.hear([_row(f"from {day(1)}", 1)], 1)] == [day(1)]
    assert said.hear([_row(f"from {day(4)}", 4, 5)], 4) == []
    assert [(f.covers(day(1)), f.closed, f.number) for f in said.findings.values()] == [
        (True, None, 1),
        (False, day(5), 4),
    ]
