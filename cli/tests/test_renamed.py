"""A renamed source: people say and see its name of today, everything stored bears its first one."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from seatledger.schemas.commands import CommandIssued
from seatledger.schemas.ids import SourceName

SOUTH = SourceName("south")


@pytest.fixture
def desk(desk: Any) -> Any:
    """The desk, whose source south was first collected under the name old."""
    desk.config.sources[SOUTH] = desk.config.sources[SOUTH].model_copy(update={"renamed_from": "old"})
    return desk


def swept(command: CommandIssued) -> tuple[bool, str, dict[str, Any]]:
    """The collector's answer about the account that was asked for."""
    source = command.body.source  # type: ignore[union-attr]  # a collect
    sweep = {"source": source, "complete": False, "held": 3, "error": f"the folder of {source} cannot be read"}
    return (
        False,
        f"{source}: the brake holds 3 subscriptions; `seatledger collect {source} --accept`",
        {"sweeps": [sweep]},
    )


@pytest.mark.parametrize("typed", ["south", "old"])
def test_collect_asks_for_the_account_and_shows_the_name(desk: Any, typed: str) -> None:
    """The command names the account; rows, sentences and remarks bear today's name. The first name is understood."""
    desk.bus.owner = swept
    said = desk.run("collect", typed, "--json")
    assert desk.bus.commands[0].body.source == "old"
    assert (said.json[0]["source"], said.json[0]["error"]) == ("south", "the folder of south cannot be read")
    assert said.err == "south: the brake holds 3 subscriptions; `seatledger collect south --accept`\n"


def test_status_counts_what_the_account_holds(desk: Any) -> None:
    """Sweeps and subscriptions of the account stand beside today's name, in the order of the configuration."""
    sweep = {"_id": "old", "rev": 1, "source": "old", "connection": "main", "state": "ended", "held": 2}
    desk.put("sweeps", sweep)
    sources = desk.run("status", "--json").json["sources"]
    assert [(source["name"], source["held"]) for source in sources] == [("north", 0), ("south", 2)]


def test_findings_speak_of_today(desk: Any) -> None:
    """Source, sentence and remedy of a finding bear the new name; longer names and paths are left alone."""
    row = {
        "_id": "m-1", "rev": 1, "code": "company_unmapped", "subject": {"source": "old"}, "money_per_month": None,
        "message": "customer old-1 of old (file in/old.csv) has no company", "count": 1, "closed_at": None,
        "do": "Run: seatledger map company old old-1 COMPANY", "opened_at": "2026-03-02T08:00:00Z",
    }  # fmt: skip
    desk.put("findings_mapper", row)
    (shown,) = desk.run("findings", "--json").json
    assert shown["source"] == "south"
    assert shown["message"] == "customer old-1 of south (file in/old.csv) has no company"
    assert shown["do"] == "Run: seatledger map company south old-1 COMPANY"


def refused(command: CommandIssued) -> tuple[bool, str, dict[str, Any]]:
    """The mapper's no to every row."""
    row = {"ok": False, "message": "old is at company 5"}
    return True, "", {"rows": [row for _ in getattr(command.body, "rows", ())]}


def test_mappings_go_in_and_come_out_under_the_new_name(desk: Any, tmp_path: Path) -> None:
    """One row, a file with either name and a reset reach the account; lists and exports show today's name."""
    desk.bus.owner = refused
    assert "south is at company 5" in desk.run("map", "company", "south", "C-1", "101").out
    desk.run("map", "reset", "south", "C-1")
    (tmp_path / "m.csv").write_text("kind,source,key,target\ncompany,south,C-1,101\ncompany,old,C-2,102\n")
    told = desk.run("map", "import", str(tmp_path / "m.csv"), "--json").json["rows"]
    assert [row["message"] for row in told] == ["south is at company 5"] * 2
    one, reset, file = (command.body for command in desk.bus.commands)
    assert ([row.source for row in one.rows], reset.source) == (["old"], "old")
    assert [row.source for row in file.rows] == ["old", "old"]
    word = {"state": "mapped", "target": 101}
    desk.put(
        "company_mappings",
        {"_id": "old/C-1", "rev": 1, "kind": "company", "source": "old", "key": "C-1", "revision": 1, "word": word},
    )
    assert [row["source"] for row in desk.run("map", "list", "--json").json] == ["south"]
    assert [row["source"] for row in csv.DictReader(io.StringIO(desk.run("map", "export").out))] == ["south"]


def test_a_name_that_is_none_is_refused(desk: Any) -> None:
    """Exit 2 with the names of today."""
    said = desk.run("collect", "sout")
    assert said.code == 2
    assert "Did you mean 'south'" in said.err
