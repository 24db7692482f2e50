"""The life of an intent is one table, in the code and in the README alike (kernel.md section 3)."""

import re
from itertools import product
from pathlib import Path

import pytest

from seatledger.psa_writer.domain.table import TABLE, ImpossibleStepError, State, check
from seatledger.schemas.book import OpenState
from seatledger.schemas.intents import ENDS, Outcome

README = Path(__file__).parent.parent / "README.md"


def _rows() -> dict[str, frozenset[str]]:
    section = README.read_text().split("## The life of an intent")[1].split("\n## ")[0]
    found = re.findall(r"^\| (\w+) \| ([\w· ]+) \|$", section, re.MULTILINE)
    return {source: frozenset(targets.split(" · ")) for source, targets in found if source != "from"}


def test_the_readme_has_the_table_of_the_code() -> None:
    """Each row, no more and no less."""
    told = {source.value: frozenset(target.value for target in targets) for source, targets in TABLE.items() if targets}
    assert _rows() == told


def test_each_step_that_the_table_lacks_is_impossible() -> None:
    """Ends are ends; nothing is sent but from *taken*."""
    for current, following in product(State, State):
        if following in TABLE[current]:
            check(current, following)
        else:
            with pytest.raises(ImpossibleStepError):
                check(current, following)
    assert [state for state in State if State.SENT in TABLE[state]] == [State.TAKEN]


def test_the_states_are_those_of_the_published_language() -> None:
    """What blocks a line is what a book can hold open; every end is an outcome that the planner knows as one."""
    ends = {state.value for state in State if not TABLE[state]}
    blocking = {state.value for state in State} - ends - {State.RELEASED.value}
    assert blocking == {state.value for state in OpenState}
    assert ends == {outcome.value for outcome in ENDS} - {Outcome.ADOPTED.value, Outcome.RESTORED.value}
