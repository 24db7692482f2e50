"""What ``explain`` makes of an intent's history: its requests, answers and readings, and the outcome in a sentence."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from seatledger.cli.explaining.facts import Facts, Life
from seatledger.cli.explaining.steps import lived
from seatledger.cli.explaining.words import life_outcome, line_of
from seatledger.schemas.book import OpenIntent
from seatledger.schemas.envelope import Cause
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, Outcome, PsaAnswer
from seatledger.schemas.steps import StepFunction

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
DAY = date(2026, 3, 10)
AT = {"connection": "main", "company": 101, "contract": 1, "line": 71, "service": 9}
BEFORE = StepFunction.constant(10)
INTENT = IntentReleased.model_validate(
    {
        "id": "i1", "at": AT, "version": 5, "on": DAY, "before": BEFORE, "after": BEFORE.shifted_from(DAY, 2),
        "jump": 2, "causes": ["e1"], "released_at": NOW,
    }
)  # fmt: skip


def said(
    sequence: int, outcome: Outcome, sends: int = 0, answer: PsaAnswer | None = None, **more: Any
) -> AdjustmentSettled:
    """An outcome a minute after the one before it."""
    at = NOW + timedelta(minutes=sequence)
    return AdjustmentSettled.model_validate(
        {
            **INTENT.model_dump(exclude={"id", "released_at", "item", "unit_price"}), "intent": "i1",
            "sequence": sequence, "outcome": outcome, "version": 6, "agreed": BEFORE, "settled_at": at, "sends": sends,
            "sent_at": at if sends else None, "answer": answer, **more,
        }
    )  # fmt: skip


def life(*history: AdjustmentSettled, opened: OpenIntent | None = None) -> Life:
    return Life.of(INTENT, INTENT, history, opened)


def kinds(one: Life) -> list[str]:
    return [step.kind for step in lived(Facts(), one)]


OK, FAULT = PsaAnswer(status=200, text=""), PsaAnswer(status=500, text="a fault")
TAKEN = said(1, Outcome.TAKEN)


@pytest.mark.parametrize(
    ("history", "steps", "outcome"),
    [
        ([], [], "released: the PSA writer has not answered yet"),
        ([TAKEN], ["settlement"], "taken: line 71 is about to go from 10 to 12 from 2026-03-10"),
        (
            [TAKEN, said(2, Outcome.IN_PLACE)],
            ["settlement", "readback", "settlement"],
            "in_place: line 71 stood at 12 from 2026-03-10 already, nothing was sent",
        ),
        (
            [TAKEN, said(2, Outcome.UNKNOWN, 1, FAULT), said(3, Outcome.POSTED, 1, FAULT, posted_at=NOW)],
            ["settlement", "request", "answer", "settlement", "readback", "settlement"],
            "posted: line 71 stands at 12 instead of 10 from 2026-03-10",
        ),
        (
            [TAKEN, said(2, Outcome.UNKNOWN, 1), said(3, Outcome.NOT_SEEN, 1), said(4, Outcome.TAKEN, 1),
             said(5, Outcome.POSTED, 2, OK, posted_at=NOW)],
            ["settlement", "request", "settlement", "readback", "settlement", "settlement", "request", "answer",
             "readback", "settlement"],
            "posted: line 71 stands at 12 instead of 10 from 2026-03-10",
        ),
        (
            [TAKEN, said(2, Outcome.REFUSED, 1, FAULT, refusal="period_posted", message="the period is posted")],
            ["settlement", "request", "answer", "settlement"],
            "refused: 10 → 12 on line 71 from 2026-03-10 (the period is posted)",
        ),
        (
            [TAKEN, said(2, Outcome.DRIFTED, rows=StepFunction.constant(30))],
            ["settlement", "readback", "settlement"],
            "drifted: 10 → 12 on line 71 from 2026-03-10 was not sent, somebody else had changed the line",
        ),
        (
            [said(1, Outcome.WITHDRAWN, message="the wish changed")],
            ["settlement"],
            "withdrawn: 10 → 12 on line 71 from 2026-03-10 was taken back (the wish changed)",
        ),
    ],
    ids=["released", "taken", "in place", "by reading", "sent twice", "refused", "drifted", "withdrawn"],
)  # fmt: skip
def test_a_history_is_told_send_by_send(history: list[AdjustmentSettled], steps: list[str], outcome: str) -> None:
    """A request for each send and none without, each answer once, a reading where one decided, then the outcome."""
    one = life(*history)
    assert kinds(one) == ["intent", *steps]
    assert life_outcome(one) == outcome
    for step in lived(Facts(), one):
        assert line_of(step), "each step has its line for people"
        assert step.to_json()["at"] is not None


@pytest.mark.parametrize("state", ["sent", "unknown", "held", "not_seen", "taken"])
def test_what_is_open_is_told_as_it_stands(state: str) -> None:
    """The book is ahead of the history: a send that has no outcome yet is a request already."""
    claim = OpenIntent.model_validate({"intent": INTENT, "state": state, "sends": 1, "sent_at": NOW})
    one = life(TAKEN, opened=claim)
    assert kinds(one) == ["intent", "settlement", "request"]
    assert life_outcome(one).startswith(f"{state}: ")


def test_an_intent_names_the_chain_that_the_writer_has() -> None:
    """Also where the result that caused it was replaced; without either nothing is made up."""
    cause = Cause(id="e", correlation="first")
    claim = OpenIntent.model_validate({"intent": INTENT, "state": "sent", "cause": cause})
    ended = Life.of(INTENT, INTENT, (TAKEN,), None, cause)
    for one, chain in ((life(TAKEN, opened=claim), "first"), (ended, "first"), (life(TAKEN), None)):
        intent = next(step for step in lived(Facts(), one) if step.kind == "intent")
        assert intent.data["correlation"] == chain


def test_records_of_earlier_releases_have_their_request_too() -> None:
    """They tell no number of sends, only when the one with the effect was made."""
    old = said(2, Outcome.POSTED, 0, OK, posted_at=NOW)
    (request,) = [step for step in lived(Facts(), life(TAKEN, old)) if step.kind == "request"]
    assert (request.at, request.data["send"]) == (NOW, 1)
