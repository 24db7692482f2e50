"""The demo's walk back from each adjustment is one that can fail."""

import json
from typing import Any

import pytest

from scenarios.paths import WALK, untraced

EFFECT = {"contractServiceID": 7, "effectiveDate": "2026-03-10", "unitChange": 2, "unitsAfter": 12, "by": "api"}
STEPS: dict[str, dict[str, Any]] = {
    **{kind: {} for kind in WALK},
    "source": {"content": {"quantity": "12"}},
    "request": {"unit_change": 2},
    "answer": {"status": 200},
    "readback": {"units": 12},
}


class Told:
    """The command, with one intent in the ledger."""

    def __init__(self, steps: dict[str, dict[str, Any]], state: str = "posted") -> None:
        self.steps = [{"kind": kind, "data": data} for kind, data in steps.items()]
        self.ledger = {"line": 7, "effective_on": "2026-03-10", "intent": "i1", "state": state}

    def run(self, *words: str) -> Any:
        assert words == ("explain", "i1")
        return {"outcome": "posted", "steps": self.steps}

    def lines(self, *words: str) -> list[str]:
        assert words == ("ledger", "export")
        return [json.dumps(self.ledger)]


def test_a_whole_path_lacks_nothing() -> None:
    """Every step is there, and says what took effect; what is gone has its absence for a row."""
    assert untraced([EFFECT, {**EFFECT, "by": "ui", "contractServiceID": 8}], Told(STEPS)) == []
    gone = {**STEPS, "source": {"content": None, "absent_since": "2026-03-10"}}
    assert untraced([EFFECT], Told(gone)) == []


@pytest.mark.parametrize("kind", WALK)
def test_a_path_without_a_step_is_told(kind: str) -> None:
    """Whichever step is missing, its name, line and day stand in the sentence."""
    lacks = untraced([EFFECT], Told({name: data for name, data in STEPS.items() if name != kind}))
    assert f"line 7 on 2026-03-10: no {kind}" in lacks


@pytest.mark.parametrize(
    ("kind", "data", "lack"),
    [
        ("source", {"content": None}, "a source without its row"),
        ("request", {"unit_change": 3}, "the request is another one"),
        ("answer", {"status": 500}, "no answer that says it was done"),
        ("readback", {"units": 10}, "what was read back is another number"),
    ],
)
def test_a_step_that_says_otherwise_than_autotask_is_told(kind: str, data: dict[str, Any], lack: str) -> None:
    """A path is no proof where it speaks of something else."""
    assert untraced([EFFECT], Told({**STEPS, kind: data})) == [f"line 7 on 2026-03-10: {lack}"]


def test_an_adjustment_that_the_ledger_does_not_know_is_told() -> None:
    """What took effect by our user and stands posted in no intent."""
    assert untraced([EFFECT], Told(STEPS, "held")) == ["line 7 on 2026-03-10: the ledger has no intent for it"]
