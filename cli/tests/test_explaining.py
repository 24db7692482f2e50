"""``explain``: every posted unit of a small month has its path, from the source's row to Autotask's answer."""

import asyncio
import csv
import io
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.tests.small_month import HEADER, Month, first_day, gone, march, row
from seatledger.cli import session as session_module
from seatledger.cli.app import build_app, run
from seatledger.cli.commands import exporting
from seatledger.cli.context import Context
from seatledger.cli.explaining.steps import Step
from seatledger.cli.explaining.words import line_of
from seatledger.cli.session import Session
from seatledger.runtime.runfile import Endpoints

WALK = ["source", "event", "mapping", "plan", "intent", "request", "answer", "readback", "settlement"]
STEP = {"kind", "at", "id", "data"}


@dataclass
class Reader:
    """Somebody who asks why."""

    month: Month
    capture: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str, str]:
        self.capture.readouterr()
        code = run(build_app(), list(words))
        taken = self.capture.readouterr()
        return code, taken.out, taken.err

    def explain(self, word: str) -> dict[str, Any]:
        code, out, _ = self.run("explain", word, "--json")
        assert code == 0, out
        told: dict[str, Any] = json.loads(out)
        assert set(told) == {"outcome", "steps"}
        assert all(set(step) == STEP for step in told["steps"])
        return told


@pytest.fixture(scope="module")
def month() -> Iterator[Month]:
    """Lived once for all tests here, which only read."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        yield march(Path(folder), patch)


@pytest.fixture
def reader(month: Month, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Reader:
    """The command line over the month's store; there is no bus to ask."""
    return reading(month, monkeypatch, capsys)


def reading(month: Month, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Reader:
    """Somebody over that month's store."""
    reader = Reader(month, capsys)

    @asynccontextmanager
    async def opened(context: Context) -> AsyncIterator[Session]:
        where = Endpoints("127.0.0.1:1", "mongodb://127.0.0.1:2", True)
        yield Session(context, month.config, where, month.store, month.calendar)

    monkeypatch.setattr(session_module, "session", opened)
    monkeypatch.setenv("COLUMNS", "200")
    return reader


def intents(month: Month) -> list[str]:
    return sorted(document["_id"] for document in month.store.collection("intents").documents.values())


def kinds(told: dict[str, Any]) -> list[str]:
    return [step["kind"] for step in told["steps"]]


def test_every_posted_line_is_walked_from_the_sources_row_to_autotasks_answer(reader: Reader) -> None:
    """Each adjustment that took effect has all nine steps in order, its raw row and Autotask's 200 among them."""
    effects = {(one.line, one.on.isoformat(), one.unit_change) for one in reader.month.psa.effects}
    walked = set()
    for intent in intents(reader.month):
        told = reader.explain(intent)
        assert told["outcome"].startswith("posted: line ")
        found = {step["kind"]: step["data"] for step in told["steps"]}
        assert [kind for kind in kinds(told) if kind != "finding"] == [
            *WALK[:5], "settlement", *WALK[5:],
        ], "taken is a settlement of its own, before the request"  # fmt: skip
        assert found["source"]["content"]["quantity"] == str(found["event"]["quantity"])
        assert found["answer"]["status"] == 200
        assert found["readback"]["units"] == found["intent"]["after"]
        walked.add((found["request"]["line"], found["request"]["effective_on"], found["request"]["unit_change"]))
    assert walked == effects


def test_the_walk_follows_the_events_ids(reader: Reader) -> None:
    """The steps are the very events that were on the bus: snapshot, result and settlement have their ids."""
    for intent in intents(reader.month):
        for step in reader.explain(intent)["steps"]:
            wanted = {
                "event": "SubscriptionChanged",
                "mapping": "SubscriptionMapped",
                "settlement": "AdjustmentSettled",
            }
            if step["kind"] in wanted:
                assert reader.month.event(step["id"]).type == wanted[step["kind"]]


def test_one_id_leads_from_the_row_to_autotasks_answer(reader: Reader) -> None:
    """An intent, the snapshot and the result behind it name the ``correlationid`` that the chain's events bear, its
    outcomes among them: what the logs are searched by. People see it below the walk."""
    for intent in intents(reader.month):
        found = {step["kind"]: step for step in steps_of(reader, intent)}
        chain = found["intent"]["data"]["correlation"]
        said = [item.event for item in reader.month.said if item.event.subject == intent]
        about = [event for event in said if event.causationid]  # an old outcome said again has no cause any more
        assert {event.type for event in about} == {"IntentReleased", "AdjustmentSettled"}
        assert {event.correlationid for event in about} == {chain}
        assert found["mapping"]["data"]["correlation"] == reader.month.event(found["mapping"]["id"]).correlationid
        assert found["event"]["data"]["correlation"] == found["mapping"]["data"]["correlation"] == chain
        revision = found["event"]["data"]["revision"]
        last = reader.run("explain", intent)[1].splitlines()[-1]
        assert last == f"{'-':<21} logs       correlation {chain}: revision {revision}, intent {intent}"


def test_a_subscription_that_led_to_nothing_has_its_chain_too(reader: Reader) -> None:
    """Read and not mapped: the logs say who met it."""
    told = {step["kind"]: step for step in steps_of(reader, "SUB-9")}
    chain = reader.month.event(told["event"]["id"]).correlationid
    assert told["event"]["data"]["correlation"] == told["mapping"]["data"]["correlation"] == chain
    assert f"correlation {chain}: revision 1\n" in reader.run("explain", "SUB-9")[1]


def test_a_subscription_tells_its_whole_life(reader: Reader) -> None:
    """10 → 12 → 11 is three intents in order, under any name of the subscription, and the outcome is the last one."""
    told = reader.explain("SUB-1")
    changes = [step["data"]["jump"] for step in told["steps"] if step["kind"] == "intent"]
    assert changes == [10, 2, -1]
    assert told["outcome"] == "posted: line 1001 stands at 11 instead of 12 from 2026-03-17"
    assert [step["data"]["quantity"] for step in told["steps"] if step["kind"] == "event"] == [10, 12, 11]
    for name in ("drop/SUB-1", "drop/SUB-1//all"):
        assert reader.explain(name) == told


def intents_of(reader: Reader, subscription: str) -> list[str]:
    return [step["id"] for step in reader.explain(subscription)["steps"] if step["kind"] == "intent"]


def test_a_long_row_is_cut_between_words(reader: Reader) -> None:
    """A line for people stays readable, and shows that there is more."""
    step = next(one for one in steps_of(reader, "SUB-1") if one["kind"] == "source")
    content = {**step["data"]["content"], "offer_name": "Premium " * 40}
    told = line_of(Step("source", None, step["id"], {**step["data"], "content": content}))
    assert told.endswith(" Premium …")
    assert len(told) < 200


def steps_of(reader: Reader, word: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = reader.explain(word)["steps"]
    return told


def test_a_row_that_cannot_be_shown_says_why(reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Asked where the collector's files do not lie (another container): the walk is whole, and names the place."""
    source = reader.month.config.sources["drop"].model_copy(update={"folder": tmp_path})  # type: ignore[index]  # a name
    monkeypatch.setattr(reader.month, "config", reader.month.config.model_copy(update={"sources": {"drop": source}}))
    step = next(one for one in steps_of(reader, "SUB-2") if one["kind"] == "source")
    why = f"the file a.csv does not lie below {tmp_path} here; the collector's machine or container may have it"
    assert (step["data"]["content"], step["data"]["unread"]) == (None, why)
    assert f"drop: a.csv, row 3: not shown: {why}\n" in reader.run("explain", "SUB-2")[1]


def test_rows_on_one_line_are_each_their_own_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A JSON file without line breaks: two subscriptions of one vendor's id are told with the row of each."""

    async def live() -> Month:
        month = await Month(tmp_path).begin(monkeypatch)
        names = HEADER.strip().split(",")
        read = [row("2026-03-10T06:00:00Z", "C-9", f"SUB-{n}", n).strip().split(",") for n in (1, 2)]
        found = [{**dict(zip(names, cells, strict=True)), "vendor_subscription_id": "V-1"} for cells in read]
        (tmp_path / "drop" / "a.json").write_text(json.dumps(found))
        await month.settle(6)
        return month

    reader = reading(asyncio.run(live()), monkeypatch, capsys)
    shown = [step["data"]["content"]["subscription_id"] for step in steps_of(reader, "V-1") if step["kind"] == "source"]
    assert shown == ["SUB-1", "SUB-2"]


def test_nothing_of_people_is_told(reader: Reader) -> None:
    """An address in a delivered row, and what the configuration keeps secret, stand in no answer."""
    for word in ("SUB-1", "SUB-2", *intents(reader.month)):
        for words in (("explain", word), ("explain", word, "--json")):
            told = reader.run(*words)[1]
            assert "@" not in told
            assert "customer_email" not in told.replace("'customer_email'", "")


def test_people_read_the_path_at_a_glance(reader: Reader) -> None:
    """The outcome first, then a line a step with instant, kind and the numbers that matter."""
    code, out, _ = reader.run("explain", intents_of(reader, "SUB-2")[0])
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "posted: line 1002 stands at 5 instead of 0 from 2026-03-10"
    told = {line[22:32].strip(): line[33:] for line in lines[1:]}
    assert told["source"].startswith("drop: a.csv, row 3: subscription_id SUB-2, offer_id E3, ")
    assert "quantity 5" in told["source"]
    assert told["mapping"] == "drop/SUB-2//all: company 102 (Company 102), service 9 (Service 9), mapped by ann"
    assert told["request"] == "POST to Autotask: +5 units on line 1002 from 2026-03-10"
    assert told["readback"] == "line 1002 reads 5: as it should be"


def test_several_are_told_in_the_order_in_which_they_were_asked_for(reader: Reader) -> None:
    """One process walks any number of them: a list for programs, a paragraph each for people."""
    told = json.loads(reader.run("explain", "SUB-2", "SUB-1", "--json")[1])
    assert told == [reader.explain("SUB-2"), reader.explain("SUB-1")]
    assert reader.run("explain", "SUB-2", "SUB-1")[1].count("\n\nposted: ") == 1


def test_an_unknown_id_is_a_clear_no(reader: Reader) -> None:
    """What nobody knows exits 2, says so, and says what may stand there."""
    code, out, err = reader.run("explain", "SUB-404", "--json")
    assert code == 2
    assert json.loads(out)["error"]["message"] == "no subscription and no intent has this id"
    assert err.startswith("error: explain 'SUB-404': no subscription and no intent has this id. Write ")


def test_the_ledger_has_every_intent_of_the_month(reader: Reader) -> None:
    """One JSON line each with the fields of interface.md, units from the effective date on, in the order of ids."""
    code, out, _ = reader.run("ledger", "export", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["intent"] for row in rows] == intents(reader.month)
    fields = "intent connection company contract line effective_on before after state plan causes"
    assert {tuple(row) for row in rows} == {tuple(fields.split())}
    posted = sorted((row["line"], row["effective_on"], row["after"] - row["before"]) for row in rows)
    assert posted == sorted((one.line, one.on.isoformat(), one.unit_change) for one in reader.month.psa.effects)
    assert {row["state"] for row in rows} == {"posted"}
    for line in rows:
        assert [reader.month.event(cause).type for cause in line["causes"]] == ["SubscriptionMapped"]


def test_the_ledger_opens_in_a_spreadsheet(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --json it is CSV with the same columns; it is read in pages, however long it is."""
    monkeypatch.setattr(exporting, "PAGE", 2)
    code, out, _ = reader.run("ledger", "export")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [row["intent"] for row in rows] == intents(reader.month)
    assert {row["connection"] for row in rows} == {"main"}


def test_what_is_not_mapped_says_what_is_missing(reader: Reader) -> None:
    """No intent, and no riddle: the row, the event, the mapper's word, and the finding with what to do."""
    told = reader.explain("SUB-9")
    assert told["outcome"] == "unmapped: no company for it"
    assert kinds(told) == ["source", "event", "mapping", "finding"]
    assert told["steps"][-1]["data"]["do"].startswith("Run: seatledger map company drop C-9 COMPANY")


def test_what_waits_for_a_person_names_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In propose nothing is sent: the outcome is the plan to approve, and its item stands among the steps."""
    reader = reading(first_day(tmp_path, monkeypatch, "propose"), monkeypatch, capsys)
    told = reader.explain("SUB-1")
    assert told["outcome"].startswith("waiting_approval: 0 → 10 on line 1001 from 2026-03-10, in plan-")
    assert kinds(told) == ["source", "event", "mapping", "plan"]
    (item,) = told["steps"][-1]["data"]["items"]
    assert (item["line"], item["before"], item["after"]) == (1001, 0, 10)


def test_in_observe_the_plan_shows_what_would_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is taken onto no line while the company is only observed; what would be posted is told all the same."""
    told = reading(first_day(tmp_path, monkeypatch, "observe"), monkeypatch, capsys).explain("SUB-1")
    assert re.fullmatch(
        r"observed: 0 → 10 on line 1001 from 2026-03-10, in plan-\w+; in `observe` nothing is sent", told["outcome"]
    )
    assert kinds(told) == ["source", "event", "mapping", "plan"]
    (item,) = told["steps"][-1]["data"]["items"]
    assert (item["line"], item["before"], item["after"]) == (1001, 0, 10)


def test_a_stored_payload_is_shown_and_cleaned(reader: Reader) -> None:
    """A source without files: the collector's payload stands in the source step, without what reaches a person."""
    whole = dict(reader.month.store.collection("snapshots").documents["drop/SUB-9//all"])
    state = {**whole["state"], "raw": {"payload": "p1"}, "key": {**whole["state"]["key"], "subscription": "LIVE-1"}}
    reader.month.store.collection("snapshots").documents["drop/LIVE-1//all"] = {
        **whole, "_id": "drop/LIVE-1//all", "state": state,
    }  # fmt: skip
    content = {"id": "LIVE-1", "quantity": 3, "friendlyName": "Ann's", "attributes": {"by": "ann@live.example"}}
    reader.month.store.collection("payloads").documents["p1"] = {"_id": "p1", "content": content}
    told = reader.explain("LIVE-1")
    assert told["outcome"] == "read: the mapper has not decided it yet"
    source = told["steps"][0]
    assert (source["kind"], source["id"]) == ("source", "p1")
    assert source["data"]["content"] == {"id": "LIVE-1", "quantity": 3, "attributes": {"by": "[address]"}}


def test_what_is_gone_is_traced_to_its_absence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A decrease without a row has a source too: the complete lists that did not have it, from the first on."""
    reader = reading(gone(tmp_path, monkeypatch), monkeypatch, capsys)
    told = reader.explain("SUB-1")
    assert told["outcome"] == "posted: line 1001 stands at 0 instead of 5 from 2026-03-12"
    absent = [step for step in told["steps"] if step["kind"] == "source"][-1]
    assert absent["data"] == {"source": "drop", "absent_since": "2026-03-12", "content": None}
    assert "absent from its complete lists, confirmed, since 2026-03-12" in reader.run("explain", "SUB-1")[1]
