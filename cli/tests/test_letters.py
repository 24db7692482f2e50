"""``dead``: one line a record whoever met it, its bytes as they were, and a retry by whom it belongs to."""

import base64
from datetime import datetime
from typing import Any

import pytest

from seatledger.cli import wiring
from seatledger.cli.letters import Met, chosen, gathered
from seatledger.cli.session import Session
from seatledger.schemas.commands import CommandIssued, IgnoreDead, RetryDead
from seatledger.schemas.dead import DeadHeader, DeadLetter, RecordPlace
from seatledger.schemas.envelope import Event
from seatledger.schemas.findings import FindingCode, Subject, finding_identity

NOW = "2026-03-02T11:00:00Z"
BYTES = b"\xff\x00 seats"


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def met(offset: int, reader: str = "mapper.commands.v1", *, epoch: int = 1, at: int = 0, raw: bytes = BYTES) -> Met:
    """A letter about the record at an offset of commands.v1, and its own place on dead.v1."""
    letter = DeadLetter(
        reader=reader,
        place=RecordPlace(topic="commands.v1", partition=2, offset=offset),
        why="not UTF-8",
        bytes_base64=encoded(raw),
        key_base64=encoded(b"key"),
        headers=(DeadHeader(key="origin", value_base64=encoded(b"\xfe")),),
    )
    event = Event.about(
        letter,
        source="/mapper",
        subject=f"commands.v1/2/{offset}",
        revision=epoch,
        time=datetime.fromisoformat(NOW),
    )
    return Met(RecordPlace(topic="dead.v1", partition=0, offset=at), event, letter)


def finding(offset: int, closed: bool) -> dict[str, Any]:
    identity = finding_identity(FindingCode.DEAD_LETTER, Subject(detail=f"commands.v1/2/{offset}"))
    return {"_id": identity, "code": "dead_letter", "closed_at": NOW if closed else None}


@pytest.fixture
def letters(desk: Any, monkeypatch: pytest.MonkeyPatch) -> list[Met]:
    """What lies on dead.v1: a record that two services met, and one that was said again before."""
    lying = [met(1, at=0), met(1, "psa-writer.commands.v1", at=1), met(4, at=2, raw=b"plain text")]
    desk.put("findings_mapper", finding(1, False), finding(4, True))
    desk.put("findings_psa-writer", finding(1, False))

    async def dead_letters(_opened: Session) -> list[Met]:
        return lying

    monkeypatch.setattr(wiring, "dead_letters", dead_letters)
    return lying


def test_a_record_is_one_line_with_its_bytes_and_readers(desk: Any, letters: list[Met]) -> None:
    """The JSON has the fields of interface.md, and who met it and whether it was said again."""
    first, second = desk.run("dead", "list", "--json").json
    assert first["id"] == letters[0].event.id
    assert base64.b64decode(first["bytes_base64"]) == BYTES
    assert first["from"] == {"topic": "commands.v1", "partition": 2, "offset": 1}
    assert first["headers"] == [{"key": "origin", "value_base64": encoded(b"\xfe")}]
    assert (first["why"], first["retried"]) == ("not UTF-8", False)
    assert first["readers"] == ["mapper.commands.v1", "psa-writer.commands.v1"]
    assert second["retried"] is True


def test_one_is_shown_by_the_beginning_of_its_id(desk: Any, letters: list[Met]) -> None:
    """As JSON whole; for people with its bytes as text where they are text, else in hexadecimal."""
    word = letters[0].event.id[:12]
    assert desk.run("dead", "show", word, "--json").json["id"] == letters[0].event.id
    assert desk.run("dead", "show", word).out.splitlines()[-1] == BYTES.hex(" ")
    assert desk.run("dead", "show", letters[2].event.id).out.splitlines()[-1] == "plain text"


def test_an_unknown_or_ambiguous_id_is_a_plain_no(desk: Any, letters: list[Met]) -> None:
    """Exit 2, with where the ids stand."""
    said = desk.run("dead", "show", "nothing")
    assert said.code == 2
    assert "`seatledger dead list`" in said.err
    assert desk.run("dead", "retry", "").code in (0, 2)


def test_a_retry_goes_to_whom_it_belongs_and_is_published_once(desk: Any, letters: list[Met]) -> None:
    """The first reader says the record again, the others close their findings; each is told its letter's place."""
    said = desk.run("dead", "retry", letters[0].event.id, "--json")
    assert (said.code, said.json["retried"], said.json["message"]) == (0, True, "it was said again")
    bodies = [(one.owner.value, one.body) for one in desk.bus.commands]
    assert bodies == [
        ("mapper", RetryDead(letter=letters[0].event.id, place=letters[0].place)),
        ("psa-writer", RetryDead(letter=letters[0].event.id, place=letters[1].place, publish=False)),
    ]


def test_without_an_id_all_that_were_not_said_again_are(desk: Any, letters: list[Met]) -> None:
    """What was said again before is left alone; where nothing waits, that is said."""
    said = desk.run("dead", "retry", "--json")
    assert [row["id"] for row in said.json] == [letters[0].event.id]
    desk.put("findings_mapper", finding(1, True))
    desk.put("findings_psa-writer", finding(1, True))
    assert desk.run("dead", "retry").out == "No dead letter waits for a retry.\n"


def test_a_refused_retry_is_1_and_the_others_are_not_asked(desk: Any, letters: list[Met]) -> None:
    """The record was not said again, so nobody closes a finding about it."""

    def refuse(_command: CommandIssued) -> tuple[bool, str, dict[str, Any]]:
        return False, "the letter is no longer on dead.v1", {}

    desk.bus.owner = refuse
    said = desk.run("dead", "retry", letters[0].event.id, "--json")
    assert (said.code, said.json["retried"]) == (1, False)
    assert len(desk.bus.commands) == 1


def test_a_letter_is_ignored_by_all_that_met_it(desk: Any, letters: list[Met]) -> None:
    """By its id, or by that of its finding, which is all that is left once the bus has lost the letter."""
    closed = finding(1, False)["_id"]
    said = desk.run("dead", "ignore", letters[0].event.id[:8], "--reason", "a test", "--json")
    assert (said.code, said.json["finding"], said.json["ok"]) == (0, closed, True)
    letters.clear()
    assert desk.run("dead", "ignore", closed, "--reason", "a test").code == 0
    body = IgnoreDead(finding=closed, reason="a test")
    assert [(one.owner, one.body) for one in desk.bus.commands] == 2 * [("mapper", body), ("psa-writer", body)]


def test_what_nobody_met_cannot_be_ignored(desk: Any, letters: list[Met]) -> None:
    """Neither a letter nor a finding: a wrong command, and nobody is asked."""
    letters.clear()
    assert desk.run("dead", "ignore", "dead_letter-0000", "--reason", "a test").code == 2
    assert desk.bus.commands == []


def test_a_strangers_letter_is_refused_and_never_asked_for(desk: Any, letters: list[Met]) -> None:
    """A reader that is no service of ours has nobody to ask."""
    letters[:] = [met(9, "stranger.commands.v1")]
    said = desk.run("dead", "retry", "--json")
    assert (said.code, desk.bus.commands) == (1, [])
    assert "no service of this release" in said.json[0]["message"]


def test_of_two_epochs_the_newest_letter_counts() -> None:
    """A log that was read again from its beginning buries the same record under another id: it is one record still."""
    (dead,) = gathered([met(1, epoch=1, at=0), met(1, epoch=2, at=5)])
    assert (dead.met[0].place.offset, len(dead.met)) == (5, 1)
    assert chosen([dead], dead.id[:6]) is dead


def test_nothing_dead_is_said_so(desk: Any, letters: list[Met]) -> None:
    """An empty bus is an empty list, for people a sentence."""
    letters.clear()
    assert desk.run("dead", "list", "--json").json == []
    assert desk.run("dead", "list").out == "There is no dead letter.\n"
