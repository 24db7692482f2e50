"""What Autotask may answer, and what becomes of it: one effect, or none and a person's word.

All cases go out together in one batch, as they would in a bad minute; each then has its own test.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.hands import Company, Stack, row

THREADS = {"errors": ["The Autotask API thread threshold of 3 threads has been exceeded."]}
DUPLICATE = {"errors": ["Attempt to insert duplicate data into contract_service_period"]}
REFUSED = {
    "errors": [
        "Reference value on field: contractServiceID of type: ContractServiceAdjustment does not exist or is invalid."
    ]
}


@dataclass(frozen=True)
class Case:
    """A fault that meets the first POST of a line; ``first`` is what stands when all is quiet, ``last`` what stands
    after a person said ``retry`` where something asked for it."""

    do: str
    first: str = "posted"
    last: str = "posted"
    more: dict[str, Any] = field(default_factory=dict)


CASES = {
    "effect, no answer": Case("drop_after"),
    "effect, half an answer": Case("reset_mid"),
    "effect, server error": Case("status", more={"status": 503, "apply": True}),
    "slow": Case("slow", more={"seconds": 3}),
    "late effect within W": Case("apply_late", more={"seconds": 3}),
    "no effect, no answer": Case("drop_before", first="not_seen"),
    "no effect, server error": Case("status", first="not_seen", more={"status": 503}),
    "no effect, text unknown": Case("status", first="not_seen", more={"status": 500, "body": {"errors": ["Oops"]}}),
    "thread limit": Case("status", more={"status": 429, "body": THREADS}),
    "refused": Case("status", first="refused", more={"status": 500, "body": REFUSED}),
}
SEATS = 7


@dataclass
class Round:
    """All cases after the batch, and after the person's word."""

    stack: Stack
    companies: dict[str, Company]
    first: dict[str, tuple[Any, list[str]]] = field(default_factory=dict)
    """Units and open findings of a case's line when all was quiet."""
    last: dict[str, tuple[Any, list[str]]] = field(default_factory=dict)

    def look(self) -> dict[str, tuple[Any, list[str]]]:
        found = self.stack.findings()
        return {
            name: (
                self.stack.units(company.line),
                [finding["code"] for finding in found if finding["line"] == company.line],
            )
            for name, company in self.companies.items()
        }


@pytest.fixture(scope="module")
def played(stack: Stack) -> Round:
    """Every case at once, then ``retry`` for each finding that can be tried again."""
    companies = {name: stack.company() for name in CASES}
    for name, case in CASES.items():
        stack.fault(companies[name].contract, case.do, **case.more)
    stack.deliver("north", [row(company, SEATS) for company in companies.values()])
    stack.settle()
    whole = Round(stack, companies)
    whole.first = whole.look()
    for finding in stack.findings():
        if finding["code"] in ("not_seen", "refused"):
            stack.cli.run("resolve", finding["id"], "retry")
    stack.drain()
    whole.last = whole.look()
    return whole


@pytest.mark.parametrize("name", CASES)
def test_what_stands_when_all_is_quiet(played: Round, name: str) -> None:
    """An effect is found by reading, without a person; no effect is *not seen* or *refused*, and never sent again."""
    units, findings = played.first[name]
    if CASES[name].first == "posted":
        assert (units, findings) == (SEATS, [])
    else:
        assert (units, findings) == (0, [CASES[name].first])


@pytest.mark.parametrize("name", CASES)
def test_what_stands_after_a_persons_word(played: Round, name: str) -> None:
    """Where something was missing, ``retry`` posts it and the finding closes."""
    assert played.last[name] == (SEATS, [])


@pytest.mark.parametrize("name", CASES)
def test_nothing_took_effect_twice(played: Round, name: str) -> None:
    """Each line has exactly one effect of ours, whatever was answered."""
    assert len(played.stack.effects(played.companies[name].line)) == 1


def test_a_retried_refusal_is_a_new_intent(played: Round) -> None:
    """An ended intent is never sent again: the refused line has two intents, one refused and one posted."""
    line = played.companies["refused"].line
    said = [each["event"]["data"] for each in played.stack.events("adjustments.settled.v1")]
    outcomes = {each["intent"]: each["outcome"] for each in said if "intent" in each and each["at"]["line"] == line}
    assert sorted(outcomes.values()) == ["posted", "refused"]


def test_the_duplicate_text_at_the_first_send_takes_the_next_day(stack: Stack) -> None:
    """Somebody else's row begins on the day: after W the date counts as taken, and the units go out on the next."""
    company = stack.company()
    stack.fault(company.contract, "status", status=500, body=DUPLICATE)
    stack.deliver("north", [row(company, 2)])
    stack.settle()
    assert stack.units(company.line) == 0
    stack.tomorrow()
    stack.drain()
    assert stack.units(company.line) == 2
    (effect,) = stack.effects(company.line)
    assert effect["effectiveDate"][:10] == stack.day.isoformat()


def test_an_effect_that_reads_show_late_is_not_sent_again(stack: Stack) -> None:
    """No answer, and rows that lag behind: the effect is found once the rows come, and nothing is sent again."""
    company = stack.company()
    stack.fault(company.contract, "drop_after")
    stack.sandbox.post("/_sandbox/faults", {"do": "unit_lag", "seconds": 2})
    try:
        stack.deliver("north", [row(company, 3)])
        stack.settle()
        assert stack.units(company.line) == 3
        assert len(stack.effects(company.line)) == 1
        assert stack.findings(line=company.line) == []
    finally:
        stack.forget_faults()
