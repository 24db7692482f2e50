"""What a person reads where a history disagrees."""

from datetime import date
from pathlib import Path

from tests.simulation.books import Vendor, seats
from tests.simulation.estate import Estate, Family
from tests.simulation.histories import replay, told
from tests.simulation.made_up import VENDOR, A, B, books, day, finding, moved
from tests.simulation.report import disagreements
from tests.simulation.run import History, Size
from tests.simulation.verdict import Problem, judge

FAMILY = Family(1, "wide", {500: 110, 501: 111}, {A: (500, 9001), B: (501, 9001), 30: (501, 9002)}, {})
ESTATE = Estate([FAMILY], [], {A: 0, B: 0, 30: 0})


def test_a_disagreement_says_who_where_when_what_and_why() -> None:
    """Company, line, subscription and dates; expected and found; then what happened to that subscription alone."""
    found = books((1, A, 0, 5), (2, A, 3, -5), (3, B, 3, 6))
    found.findings = [finding("date_used", 3, "later", line=B), finding("date_used", 3, "of another", line=30)]
    found.open = found.findings[:1]
    log = [("v", f"{day(3)} after: map"), ("w", "of another subscription"), (None, "the biller posts")]
    text = "\n".join(disagreements(judge(moved(), [VENDOR], found), ESTATE, log, found))
    assert f"2. company 111, line {B}, subscription v, {day(4)} to {day(7)}: expected 5 seats on line {B}" in text
    assert f"Autotask shows line {B} with 6" in text
    assert "why: what sources and mappings said" in text
    assert f"adjustment 2, from {day(3)}: line {A} 5 → 0 seats" in text
    assert f"finding date_used, {day(3)}, still open: later" in text
    assert "the biller posts" in text
    assert "another" not in text


def test_what_is_wrong_with_a_line_shows_its_units() -> None:
    """Where no subscription is meant, the whole line's adjustments are told."""
    found = books((1, A, 0, 2))
    problem = Problem("one adjustment", "Autotask has 2", "once", day(0), day(0), (A,))
    assert f"line {A} 0 → {seats(2, VENDOR.slot)} units" in "\n".join(disagreements([problem], ESTATE, [], found))
    other = Vendor("w", 2, (A, B))
    assert "adjustment" not in "\n".join(
        disagreements([Problem("", "", "", date(2026, 3, 9), day(1), (), other)], ESTATE, [], found)
    )


def test_a_seed_is_played_again_with_the_options_it_was_played_with() -> None:
    """The command that is printed plays the same history."""
    assert replay(7, Size()) == "python -m tests.simulation.histories --seeds 1 --base 7 --keep"
    size = Size(rounds=4, accounts=("north", "south"), moves=False, calm=True)
    assert replay(7, size).endswith("--base 7 --rounds 4 --accounts north,south --no-moves --calm --keep")


def test_a_history_that_came_to_no_end_says_where_it_stood(tmp_path: Path) -> None:
    """A command that never succeeded is a disagreement as well, with what went wrong before it."""
    history = History(1, Size(rounds=1, families=2), tmp_path)
    assert told(history) == []
    history.note("kill mapper after 1.00 s")
    history.problems = [Problem("an end", "`seatledger drain` ended with 3", "a command ends", day(2), day(2), ())]
    text = "\n".join(told(history))
    for words in (f"1. {day(2)}: expected an end; `seatledger drain` ended with 3", "kill mapper", "once more: python"):
        assert words in text
