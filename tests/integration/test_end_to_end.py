"""A seat change from a distributor's file to Autotask, once, and what the commands say of it."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from scenarios import files, paths
from tests.integration.hands import OTHERS_UNITS, SERVICES, Company, Stack, other_row, row


def about(stack: Stack, topic: str, text: str) -> list[dict[str, Any]]:
    """The CloudEvents of a topic that mention a text."""
    return [line["event"] for line in stack.events(topic) if text in json.dumps(line["event"])]


def test_a_change_goes_through_all_four_processes(stack: Stack) -> None:
    """One row in a file becomes one effect in Autotask and a settled event, each step caused by the one before."""
    company = stack.company()
    stack.deliver("north", [row(company, 5)])
    answer = stack.settle()
    assert not any(answer["pending"].values())
    assert [effect["unitChange"] for effect in stack.effects(company.line)] == [5]
    assert stack.units(company.line) == 5
    changed = about(stack, "subscriptions.changed.v1", company.subscription)[-1]
    mapped = about(stack, "subscriptions.mapped.v1", company.subscription)[-1]
    planned = about(stack, "adjustments.planned.v1", f'"line": {company.line}')[-1]
    settled = about(stack, "adjustments.settled.v1", planned["data"]["id"])[-1]
    assert (settled["type"], settled["data"]["outcome"]) == ("AdjustmentSettled", "posted")
    assert mapped["causationid"] == changed["id"]
    assert mapped["correlationid"] == changed["correlationid"]
    assert mapped["id"] in json.dumps(planned)
    assert settled["causationid"] == planned["id"]
    for service in SERVICES:
        log = (stack.folder / "st" / "logs" / f"{service}.log").read_text()
        assert changed["correlationid"] in log, f"{service} logged nothing under the chain's id"


def test_a_posted_unit_is_walked_back_to_the_row_that_made_it(stack: Stack) -> None:
    """``ledger export`` lists its intent, ``explain`` has the row, the mapping, the request and Autotask's answer, and
    ``check`` finds all well."""
    company = stack.company()
    stack.deliver("north", [row(company, 4)])
    stack.settle()
    ledger = [json.loads(line) for line in stack.cli.ended("ledger", "export").out.splitlines()]
    (posted,) = [one for one in ledger if one["line"] == company.line and one["state"] == "posted"]
    assert (posted["before"], posted["after"]) == (0, 4)
    told = stack.cli.run("explain", posted["intent"])
    found = {step["kind"]: step["data"] for step in told["steps"]}
    assert paths.untraced(stack.effects(company.line), stack.cli) == []
    assert found["source"]["content"]["quantity"] == "4"
    assert found["answer"]["status"] == 200
    assert told["outcome"].startswith("posted: ")
    checks = stack.cli.ended("check")
    assert checks.code == 0, checks.out
    assert any(check["name"] == "psa main: right to add ContractServiceAdjustments" for check in checks.json)


def test_running_it_all_again_writes_nothing(stack: Stack) -> None:
    """The same file, the same commands and everything said again cost Autotask no write."""
    company = stack.company()
    stack.deliver("north", [row(company, 3, observed_at=f"{stack.day}T09:00:00Z")])
    stack.settle()
    assert stack.units(company.line) == 3
    writes = stack.writes()
    stack.deliver("north", [row(company, 3, observed_at=f"{stack.day}T09:00:00Z")])
    stack.cli.run("mirror")
    stack.settle()
    assert stack.cli.run("resync")["events"] > 0
    stack.drain()
    assert stack.writes() == writes
    assert len(stack.effects(company.line)) == 1


def test_up_down_and_up_again_over_days(stack: Stack) -> None:
    """10, 12, 10: values return, each on its own day, and each change has exactly its own effect."""
    company = stack.company()
    for seats in (10, 12, 10):
        stack.deliver("south", [row(company, seats)])
        stack.settle()
        assert stack.units(company.line) == seats
        stack.tomorrow()
    assert [effect["unitChange"] for effect in stack.effects(company.line)] == [10, 2, -2]


def test_a_second_change_of_a_posted_day_goes_out_on_the_next(stack: Stack) -> None:
    """A (line, date) is used once: the second change of the day waits for tomorrow, and then posts by itself."""
    company = stack.company()
    for seats in (4, 6):
        stack.deliver("north", [row(company, seats)])
        answer = stack.settle()
    assert answer["waiting_day"] >= 1
    assert stack.units(company.line) == 4
    stack.tomorrow()
    stack.drain()
    assert stack.units(company.line) == 6
    dates = [effect["effectiveDate"][:10] for effect in stack.effects(company.line)]
    assert len(dates) == len(set(dates)) == 2


@pytest.fixture
def renamed(stack: Stack) -> Iterator[None]:
    """`up` begins again with `north` under the name `depot`. The file is put back at the end: to what runs by then both
    are one account."""
    file = stack.folder / "seatledger.yaml"
    before = file.read_text()
    whole = json.loads(before)
    depot = {**whole["sources"].pop("north"), "renamed_from": "north"}
    whole["sources"] = {"depot": depot, **whole["sources"]}
    stack.up.send_signal(signal.SIGTERM)
    assert stack.up.wait(timeout=30) == 0
    file.write_text(json.dumps(whole))
    try:
        stack.up = stack.cli.started("up")
        stack.watchdog.watch(stack.up)
        stack.cli.wait_ready(stack.up)
        yield
    finally:
        file.write_text(before)


def test_a_renamed_source_goes_on_as_it_was(stack: Stack, request: pytest.FixtureRequest) -> None:
    """A new name posts nothing and freezes nothing; a later change comes once, under the mappings that were there."""
    company = stack.company()
    stack.deliver("north", [row(company, 5)])
    stack.settle()
    writes, findings = stack.writes(), {finding["id"] for finding in stack.findings()}
    request.getfixturevalue("renamed")
    assert [sweep["source"] for sweep in stack.collect()] == ["depot", "south"]
    stack.drain()
    assert (stack.writes(), {finding["id"] for finding in stack.findings()}) == (writes, findings)
    stack.tomorrow()
    stack.deliver("north", [row(company, 7)])
    stack.settle()
    assert [effect["unitChange"] for effect in stack.effects(company.line)] == [5, 2]


def approve_all(stack: Stack) -> None:
    """A first decrease of a line asks; the person says yes."""
    for plan in stack.cli.run("plan", "list"):
        if plan["state"] == "proposed":
            stack.cli.run("plan", "approve", plan["id"], "--hash", plan["hash"])
    stack.drain()


# -- the shape of answers -----------------------------------------------------------------------------------------

OUTCOMES = [
    "posted", "in_place", "not_needed", "refused", "held", "findings", "waiting_approval", "waiting_day", "pending",
]  # fmt: skip
SWEEP = ["source", "complete", "customers", "subscriptions", "changed", "held", "bad_rows", "error"]
PLAN = ["id", "hash", "connection", "company", "state", "items", "created_at"]
ITEM = [
    "hash", "group", "state", "contract", "line", "service", "effective_on", "before", "after", "unit_price",
    "this_period", "each_period", "causes", "warnings",
]  # fmt: skip
FINDING = [
    "id", "code", "source", "subscription", "company", "contract", "line", "file", "row", "column", "message", "do",
    "money_per_month", "count", "opened_at", "closed_at",
]  # fmt: skip


def test_json_of_collect_mirror_and_drain(stack: Stack) -> None:
    """Keys as docs/interface.md has them, one entry a source and a PSA, every service under pending."""
    sweeps = stack.cli.run("collect")
    assert [sweep["source"] for sweep in sweeps] == ["north", "south"]
    assert all(list(sweep) == SWEEP for sweep in sweeps)
    assert [list(mirror) for mirror in stack.cli.run("mirror")] == [["psa", "contracts", "lines", "calls", "error"]]
    answer = stack.drain()
    assert list(answer) == OUTCOMES
    assert set(answer["pending"]) == set(SERVICES)


def test_json_of_status(stack: Stack) -> None:
    """Services that are up, sources with their sweeps, outcomes as drain has them, calls of the hour."""
    status = stack.cli.run("status")
    assert list(status) == ["services", "sources", "outcomes", "findings", "psa"]
    assert [service["name"] for service in status["services"]] == list(SERVICES)
    assert all(list(service) == ["name", "up", "lag", "last_progress_at"] for service in status["services"])
    assert all(service["up"] and service["last_progress_at"] for service in status["services"])
    columns = ["name", "last_complete_sweep_at", "next_sweep_at", "subscriptions", "held"]
    assert [list(source) for source in status["sources"]] == [columns, columns]
    assert list(status["outcomes"]) == OUTCOMES
    assert [list(psa) for psa in status["psa"]] == [["name", "calls_last_hour", "budget", "in_flight", "mirrored_at"]]


def test_json_of_plans_and_findings_and_the_no_of_an_old_hash(stack: Stack) -> None:
    """A first decrease asks: drain says no, the plan shows it, another hash is refused, the right one posts."""
    company = stack.company()
    stack.deliver("north", [other_row(company, 7)])
    stack.collect()
    assert stack.cli.ended("drain", "--timeout", "60").code == 1
    (found,) = stack.findings(code="first_decrease", line=company.other_line)
    assert list(found) == FINDING
    assert stack.cli.ended("findings").code == 1
    (plan,) = [plan for plan in stack.cli.run("plan", "list", "--company", str(company.id)) if is_open(plan)]
    assert list(plan) == PLAN
    shown = stack.cli.run("plan", "show", plan["id"])
    assert {*PLAN, "basis_at", "expires_at"} <= set(shown)
    (item,) = shown["items"]
    assert set(ITEM) <= set(item)
    assert (item["line"], item["before"], item["after"]) == (company.other_line, 10, 7)
    assert stack.cli.ended("plan", "approve", plan["id"], "--hash", "0" * 12).code == 1
    assert stack.units(company.other_line) == OTHERS_UNITS
    stack.cli.run("plan", "approve", plan["id"], "--hash", plan["hash"])
    stack.drain()
    assert stack.units(company.other_line) == 7
    assert stack.findings(code="first_decrease", line=company.other_line) == []


def is_open(plan: dict[str, Any]) -> bool:
    return bool(plan["state"] == "proposed")


def test_a_rejected_plan_waits_until_it_changes(stack: Stack) -> None:
    """No means no: the item stands as a finding, and another value asks anew."""
    company = stack.company()
    stack.deliver("north", [other_row(company, 6)])
    stack.settle()
    (plan,) = [plan for plan in stack.cli.run("plan", "list", "--company", str(company.id)) if is_open(plan)]
    stack.cli.run("plan", "reject", plan["id"], "--reason", "the customer called")
    stack.drain()
    assert stack.findings(code="plan_rejected", line=company.other_line)
    assert stack.units(company.other_line) == OTHERS_UNITS
    stack.deliver("north", [other_row(company, 5)])
    stack.settle()
    approve_all(stack)
    assert stack.units(company.other_line) == 5
    assert stack.findings(code="plan_rejected", line=company.other_line) == []


def test_json_of_mappings_and_tail(stack: Stack) -> None:
    """``map list`` has the columns that ``map import`` reads; ``tail`` has a line a record, with the CloudEvent."""
    columns = ["kind", "source", "key", "term", "billing_cycle", "target", "state", "reason", "expires_on"]
    assert list(stack.cli.run("map", "list")[0]) == columns
    exported = stack.cli.ended("map", "export", json_output=False)
    assert exported.out.splitlines()[0] == ",".join(columns)
    line = stack.events("subscriptions.changed.v1")[0]
    assert list(line) == ["topic", "partition", "offset", "key", "at", "event"]
    assert line["event"]["specversion"] == "1.0"


def test_a_mapping_exported_is_imported_without_a_change(stack: Stack) -> None:
    """Export, import: every row stands, nothing is posted."""
    writes = stack.writes()
    (stack.folder / "again.csv").write_text(stack.cli.ended("map", "export", json_output=False).out)
    assert stack.cli.ended("map", "import", str(stack.folder / "again.csv")).code == 0
    stack.drain()
    assert stack.writes() == writes


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("drain", "--timeout", "soon"), 2),
        (("collect", "nrth"), 2),
        (("tail", "adjustments.setled.v1"), 2),
        (("plan", "show", "no-such-plan"), 2),
        (("resolve", "not_seen-000000000000", "retry"), 2),
        (("map", "company", "north", "C-101", "999999"), 1),
    ],
    ids=str,
)
def test_a_wrong_word_is_answered_with_the_right_exit_code(stack: Stack, words: tuple[str, ...], code: int) -> None:
    """2 for what cannot be meant, 1 for what is refused; the reason is one line for people, and JSON with --json."""
    ended = stack.cli.ended(*words)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    if code == 2:
        assert ended.err.startswith("error: ")
        assert list(json.loads(ended.out)["error"]) == ["code", "where", "message", "do"]


def test_what_nobody_maps_waits_as_a_finding_and_goes_on_once_mapped(stack: Stack) -> None:
    """A tenant that nobody knows: a finding with the customer; with its mapping the units go out and it closes."""
    company = stack.company()
    stranger = Company(company.id)
    stack.cli.run("map", "unset", "company", "north", company.customer)
    stack.deliver("north", [row(stranger, 2)])
    stack.settle()
    assert stack.findings(code="company_unmapped", source="north")
    assert stack.units(company.line) == 0
    stack.cli.run("map", "company", "north", company.customer, str(company.id))
    stack.drain()
    assert stack.units(company.line) == 2
    assert stack.findings(code="company_unmapped", source="north") == []


def test_an_edit_by_hand_is_found_and_not_overwritten(stack: Stack) -> None:
    """Somebody changes the line in Autotask: our next change stops as drift, and goes out once it is mended."""
    company = stack.company()
    stack.deliver("north", [row(company, 4)])
    stack.settle()
    stack.tomorrow()
    stack.sandbox.edit(company.line, stack.day, 2)
    stack.tomorrow()
    stack.deliver("north", [row(company, 9)])
    stack.settle()
    assert stack.findings(code="drift", line=company.line)
    assert stack.units(company.line) == 6
    assert len(stack.effects(company.line)) == 1


def test_without_up_a_command_says_what_is_out_of_reach(stack: Stack, tmp_path: Any) -> None:
    """No broker, no store: exit 4, and one line that says what to start."""
    other = json.loads((stack.folder / "seatledger.yaml").read_text())
    other["state_dir"] = str(tmp_path / "elsewhere")
    other["clock"]["file"] = str(stack.folder / "clock")
    (tmp_path / "seatledger.yaml").write_text(json.dumps(other))
    ended = type(stack.cli)(tmp_path).ended("findings")
    assert ended.code == 4
    assert "seatledger up" in ended.err
    assert files.SECRET not in ended.err + ended.out
