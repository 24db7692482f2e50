"""Commands on the bus: what is sent, how it is repeated, and what the answers end a command with."""

from types import SimpleNamespace
from typing import Any

import pytest

from seatledger.cli import asking
from seatledger.cli.errors import CliError, Exit
from seatledger.cli.wiring import open_sink
from seatledger.runtime.bus import EventTooLargeError
from seatledger.runtime.runfile import Endpoints
from seatledger.schemas.commands import Owner
from seatledger.schemas.topics import COMMANDS

SWEEP = {
    "source": "north", "complete": True, "customers": 2, "subscriptions": 5, "changed": 1, "held": 0, "bad_rows": 0,
    "error": None,
}  # fmt: skip
MIRROR = {"psa": "main", "contracts": 3, "lines": 4, "calls": 5, "error": None}


def test_a_command_goes_to_its_owner_with_a_key_of_owner_and_connection(desk: Any) -> None:
    """Commands of one owner and connection share a key, so that they keep their order on the bus."""
    desk.bus.owner = lambda _: (True, "", MIRROR)
    assert desk.run("mirror", "main", "--json").code == 0
    assert [(item.topic, item.key) for item in desk.bus.published] == [(COMMANDS.name, "psa-writer/main")]
    assert desk.bus.commands[0].actor


def test_an_unanswered_command_is_repeated_with_the_same_id(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody answers is said again under one id; the note of it is gone once it is answered."""
    monkeypatch.setattr(asking, "REPEAT_SECONDS", 0.05)
    desk.bus.owner = lambda _: (True, "", {"sweeps": [SWEEP]}) if len(desk.bus.published) == 3 else None
    assert desk.run("collect", "north", "--json").code == 0
    assert len(desk.bus.published) == 3
    assert len({command.id for command in desk.bus.commands}) == 1
    assert desk.rows("commands_sent") == []


def test_a_command_is_noted_before_it_is_sent(desk: Any) -> None:
    """drain counts a command from its first moment: the note with its owner stands when it goes out."""
    desk.bus.owner = lambda _: (True, "", {"sweeps": [SWEEP]})
    desk.run("collect", "--json")
    ((note,),) = desk.bus.noted
    assert (note["_id"], note["owner"]) == (desk.bus.commands[0].id, "collector")


def test_without_an_answer_the_exit_code_is_3(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When --timeout is over the command ends with 3, names the service and leaves no note behind."""
    desk.bus.owner = lambda _: None
    said = desk.run("collect", "--timeout", "0.1", "--json")
    assert said.code == 3
    assert said.json["error"]["code"] == "timeout"
    assert said.json["error"]["where"] == "collector"
    assert desk.rows("commands_sent") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [({}, 0), ({"complete": False}, 1), ({"held": 2}, 1), ({"bad_rows": 1}, 0), ({"error": "the folder is gone"}, 1)],
    ids=["complete", "incomplete", "held", "bad rows", "error"],
)
def test_collect_is_no_while_incomplete_or_braked(desk: Any, changes: dict[str, Any], code: int) -> None:
    """Bad rows alone leave a sweep complete; an incomplete one, or what the brake holds, makes the answer no."""
    sweep = {**SWEEP, **changes}
    desk.bus.owner = lambda _: (code == 0, "", {"sweeps": [{**sweep, "more": "than asked"}]})
    said = desk.run("collect", "north", "--accept", "--json")
    assert (said.code, said.json) == (code, [sweep])
    assert desk.bus.commands[0].body.accept


def test_an_unknown_source_is_named_with_the_nearest(desk: Any) -> None:
    """A misspelt source exits 2 before anything is sent."""
    said = desk.run("collect", "nroth", "--json")
    assert said.code == 2
    assert "'north'" in said.json["error"]["do"]
    assert desk.bus.published == []


def test_a_mirror_that_failed_is_out_of_reach(desk: Any) -> None:
    """mirror exits 4 where Autotask could not be read, and says why in its row."""
    desk.bus.owner = lambda _: (False, "no answer", {**MIRROR, "error": "no answer"})
    said = desk.run("mirror", "--json")
    assert (said.code, said.json) == (4, [{**MIRROR, "error": "no answer"}])
    assert said.err == "error: psa main: no answer. `seatledger check` says what is red, and what to do\n"


def test_resync_adds_up_what_every_stage_said(desk: Any) -> None:
    """Without a stage each of the four is asked, in the order of the flow; the answer is one sum."""
    desk.bus.owner = lambda _: (True, "", {"events": 3})
    said = desk.run("resync", "--json")
    assert (said.code, said.json) == (0, {"events": 12})
    assert [command.owner for command in desk.bus.commands] == list(Owner)
    assert desk.run("resync", "mapper", "--json").json == {"events": 3}


@pytest.mark.parametrize(("code", "owner"), [("not_seen", Owner.WRITER), ("refused", Owner.PLANNER)])
def test_a_retry_goes_to_who_takes_the_finding_up(desk: Any, code: str, owner: Owner) -> None:
    """not_seen is the writer's, refused the planner's; the command carries the finding's connection."""
    subject = {"connection": "main", "line": 7}
    desk.put(f"findings_{owner.value}", {"_id": f"{code}-1", "code": code, "subject": subject, "closed_at": None})
    assert desk.run("resolve", f"{code}-1", "retry", "--json").code == 0
    assert [(command.owner, command.connection) for command in desk.bus.commands] == [(owner, "main")]
    desk.bus.owner = lambda _: (False, "the wish has changed", {})
    said = desk.run("resolve", f"{code}-1", "retry", "--json")
    assert (said.code, said.json["message"]) == (1, "the wish has changed")


def test_a_finding_that_cannot_be_retried_is_a_wrong_command(desk: Any) -> None:
    """An unknown finding, or one of another rule, exits 2 and nothing is sent."""
    desk.put("findings_mapper", {"_id": "drift-1", "code": "drift", "subject": {}, "closed_at": None})
    assert desk.run("resolve", "drift-1", "retry").code == 2
    assert desk.run("resolve", "nothing", "retry").code == 2
    assert desk.bus.published == []


def test_approving_a_plan_that_moved_shows_the_new_one(desk: Any) -> None:
    """Where the hash moved, plan approve exits 1 with the plan as it stands; the command goes to its connection."""
    plan = {
        "_id": "p1", "rev": 1, "hash": "new", "connection": "main", "company": 101, "state": "proposed", "items": [],
        "created_at": "2026-03-02T08:00:00Z", "basis_at": "2026-03-02T08:00:00Z",
    }  # fmt: skip
    desk.put("plans", plan)
    desk.bus.owner = lambda _: (False, "the plan has moved", {})
    said = desk.run("plan", "approve", "p1", "--hash", "old", "--json")
    assert said.code == 1
    assert (said.json["ok"], said.json["message"], said.json["plan"]["hash"]) == (False, "the plan has moved", "new")
    assert desk.bus.commands[0].connection == "main"
    desk.bus.owner = lambda _: (True, "", {})
    assert desk.run("plan", "reject", "p1", "--reason", "disputed", "--json").code == 0
    assert desk.bus.commands[1].body.reason == "disputed"


async def test_a_command_that_the_broker_refuses_as_too_large(desk: Any) -> None:
    """Waiting would not help: it ends at once with one line and exit code 2."""
    opened: Any = SimpleNamespace(endpoints=Endpoints("127.0.0.1:1", "", True), config=desk.config)
    with pytest.raises(CliError, match=r"command: nothing so large\. Say it in fewer words") as refused:
        async with open_sink(opened):
            raise EventTooLargeError("nothing so large")
    assert refused.value.exit_code == Exit.USAGE
