"""``map``: the file, the single rows, and what the mapper's word on them ends a command with."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

HEAD = "kind,source,key,term,billing_cycle,target,state,reason,expires_on"
GOOD = f"""{HEAD}
company,north,C-1,,,101,mapped,,
company,north,C-2,,,101,,also,
offer,north,O-1,P1Y,monthly,9001,,,
offer,north,O-2,,,,ignored,internal use,2026-12-31

contract,north,S-1,,,,unmapped,,
"""


def all_stand(command: Any) -> Any:
    rows = [{"row": n, "ok": True, "message": ""} for n, _ in enumerate(command.body.rows, start=1)]
    return True, "", {"rows": rows}


def test_a_file_becomes_one_command_with_its_rows(desk: Any, tmp_path: Path) -> None:
    """Every row arrives at the mapper as it stands; `also` in the column reason becomes the flag."""
    (tmp_path / "m.csv").write_text(GOOD)
    desk.bus.owner = all_stand
    said = desk.run("map", "import", str(tmp_path / "m.csv"), "--json")
    assert said.code == 0
    assert (said.json["accepted"], said.json["refused"]) == (5, 0)
    assert [row["line"] for row in said.json["rows"]] == [2, 3, 4, 5, 7]
    (command,) = desk.bus.commands
    assert [row.state for row in command.body.rows] == ["mapped", "mapped", "mapped", "ignored", "unmapped"]
    assert [row.also for row in command.body.rows] == [False, True, False, False, False]
    assert (command.body.rows[2].term, command.body.rows[2].billing_cycle) == ("P1Y", "monthly")
    assert str(command.body.rows[3].expires_on) == "2026-12-31"


def test_only_the_needed_columns_and_a_spreadsheets_semicolons_will_do(desk: Any, tmp_path: Path) -> None:
    """A file with kind, source, key and target, saved with a BOM and semicolons, is read like any other."""
    (tmp_path / "m.csv").write_bytes("\ufeffkind;source;key;target\r\ncompany;north;C-1;101\r\n".encode())
    desk.bus.owner = all_stand
    assert desk.run("map", "import", str(tmp_path / "m.csv")).code == 0
    assert desk.bus.commands[0].body.rows[0].target == 101


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("customer,north,C-1,,,101,,,", "kind: 'customer'"),
        ("company,north,,,,101,,,", "key: empty"),
        ("company,north,C-1,,,abc,,,", "target: 'abc'"),
        ("company,north,C-1,,,,mapped,,", "target: empty"),
        ("company,north,C-1,,,101,unmapped,,", "state: unmapped, but there is a target 101"),
        ("offer,north,O-1,,,,ignored,,", "reason: empty"),
        ("offer,north,O-1,,,,gone,,", "state: 'gone'"),
        ("offer,north,O-1,,,,ignored,r,tomorrow", "expires_on: 'tomorrow'"),
        ("company,north,C-1,,,101,,,,,x", "more cells"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_by_its_line_and_nothing_is_sent(
    desk: Any, tmp_path: Path, row: str, words: str
) -> None:
    """A fault in the file exits 2 with line and column before anything went out, good rows included."""
    (tmp_path / "m.csv").write_text(f"{HEAD}\ncompany,north,C-9,,,109,,,\n{row}\n")
    said = desk.run("map", "import", str(tmp_path / "m.csv"))
    assert said.code == 2
    assert "line 3" in said.err
    assert words in said.err
    assert desk.bus.published == []


@pytest.mark.parametrize("head", ["kind,source,target", "kind,source,key,tarhet", "kind,source,key,key"])
def test_wrong_columns_are_named(desk: Any, tmp_path: Path, head: str) -> None:
    """Missing, unknown and doubled columns exit 2 and say which columns there are."""
    (tmp_path / "m.csv").write_text(f"{head}\n")
    said = desk.run("map", "import", str(tmp_path / "m.csv"))
    assert said.code == 2
    assert "line 1" in said.err


def test_a_file_that_is_not_there_is_a_wrong_command(desk: Any, tmp_path: Path) -> None:
    """A missing file exits 2 with its name."""
    said = desk.run("map", "import", str(tmp_path / "none.csv"))
    assert said.code == 2
    assert "none.csv" in said.err


def test_a_refused_row_is_exit_1_with_its_line(desk: Any, tmp_path: Path) -> None:
    """The mapper's no to one row is told with the row's line; the others stand."""
    (tmp_path / "m.csv").write_text("kind,source,key,target\ncompany,north,C-1,101\ncompany,north,C-2,999\n")
    rows = [{"row": 1, "ok": True, "message": ""}, {"row": 2, "ok": False, "message": "company 999 does not exist"}]
    desk.bus.owner = lambda _: (False, "1 of 2 rows set", {"rows": rows})
    said = desk.run("map", "import", str(tmp_path / "m.csv"), "--json")
    assert said.code == 1
    assert said.json["rows"][1] == {"line": 3, "ok": False, "message": "company 999 does not exist"}


def test_a_long_file_goes_in_parts(desk: Any, tmp_path: Path) -> None:
    """600 rows are several commands, none larger than a record may be, and every row has its line."""
    lines = "".join(f"company,north,C-{n},{n + 1}\n" for n in range(600))
    (tmp_path / "m.csv").write_text("kind,source,key,target\n" + lines)
    desk.bus.owner = all_stand
    said = desk.run("map", "import", str(tmp_path / "m.csv"), "--json")
    assert [len(command.body.rows) for command in desk.bus.commands] == [250, 250, 100]
    assert [row["line"] for row in said.json["rows"]] == list(range(2, 602))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("company", "north", "C-1", "101", "--also"), {"kind": "company", "target": 101, "also": True}),
        (
            ("offer", "north", "O-1", "9001", "--term", "P1Y", "--cycle", "monthly"),
            {"kind": "offer", "target": 9001, "term": "P1Y", "billing_cycle": "monthly"},
        ),
        (("contract", "north", "S-1", "4711"), {"kind": "contract", "key": "S-1", "target": 4711}),
        (
            ("ignore", "offer", "north", "O-1", "--reason", "ours", "--until", "2026-12-31"),
            {"kind": "offer", "state": "ignored", "reason": "ours", "expires_on": "2026-12-31"},
        ),
        (("unset", "company", "north", "C-1"), {"kind": "company", "state": "unmapped", "target": None}),
    ],
    ids=["company", "offer", "contract", "ignore", "unset"],
)
def test_a_single_row_command_is_one_row(desk: Any, words: tuple[str, ...], expected: dict[str, Any]) -> None:
    """Each of the short commands says exactly one row, and its exit code is the mapper's word on it."""
    desk.bus.owner = all_stand
    assert desk.run("map", *words, "--json").json == {"ok": True, "message": ""}
    (row,) = desk.bus.commands[0].body.model_dump(mode="json")["rows"]
    assert {name: row[name] for name in expected} == expected
    desk.bus.owner = lambda _: (False, "", {"rows": [{"row": 1, "ok": False, "message": "no such thing"}]})
    refused = desk.run("map", *words)
    assert refused.code == 1
    assert "no such thing" in refused.out


def test_reset_says_source_and_customer(desk: Any) -> None:
    """map reset is a command of its own."""
    assert desk.run("map", "reset", "north", "C-1").code == 0
    body = desk.bus.commands[0].body
    assert (body.do, body.source, body.customer) == ("reset_customer", "north", "C-1")


def stored(key: str, **word: Any) -> dict[str, Any]:
    """A row of the mapper's."""
    return {
        "_id": f"north/{key}", "rev": 1, "kind": "company", "source": "north", "key": key, "revision": 1,
        "word": {"state": "mapped", "target": 101, **word},
    }  # fmt: skip


def test_what_is_exported_can_be_imported(desk: Any, tmp_path: Path) -> None:
    """map export writes the file that map import reads, `also` included; what was reset is in neither."""
    desk.put("company_mappings", stored("C-1"), stored("C-2", also=True), stored("C-3", forgotten=True))
    desk.put("offer_mappings", {**stored("O-1", target=9001), "kind": "offer", "term": "P1Y"})
    listed = desk.run("map", "list", "--json").json
    assert [row["key"] for row in listed] == ["C-1", "C-2", "O-1"]
    assert list(listed[0]) == HEAD.split(",")
    exported = desk.run("map", "export").out
    assert [row["reason"] for row in csv.DictReader(io.StringIO(exported))] == ["", "also", ""]
    (tmp_path / "m.csv").write_text(exported)
    desk.bus.owner = all_stand
    assert desk.run("map", "import", str(tmp_path / "m.csv")).code == 0
    assert [row.also for row in desk.bus.commands[0].body.rows] == [False, True, False]


def waits(customer: str, name: str) -> dict[str, Any]:
    """The mapper's word on a subscription of a customer and of an offer that nobody mapped."""
    key = {"source": "north", "subscription": f"S-{customer}", "resource": "", "part": "all"}
    snapshot = {
        "key": key, "connection": "main", "revision": 1, "change": "seen", "billing_cycle": "monthly", "complete": True,
        "customer": {"id": customer, "name": name}, "offer": {"offer": "O-1"}, "offer_name": "Office", "asks": None,
        "status": "active", "raw_status": "active", "quantity": 3, "observed_at": "2026-03-01T08:00:00Z",
    }  # fmt: skip
    return {
        "_id": f"north/S-{customer}//all", "rev": 1, "source": "north", "connection": "main", "revision": 1,
        "sighting": {"snapshot": snapshot}, "outcome": {"kind": "unmapped", "missing": "company"},
        "mapping_revision": 1,
    }  # fmt: skip


def lacking(code: str, detail: str, **more: Any) -> dict[str, Any]:
    """A finding of the mapper's."""
    subject = {"source": "north", "detail": detail}
    return {"_id": f"{code}-{detail}", "rev": 1, "code": code, "subject": subject, "closed_at": None, **more}


def test_what_waits_for_a_mapping_is_exported_to_be_filled_in(desk: Any, tmp_path: Path) -> None:
    """map export --unmapped has a row with its name for each open finding, in place of the word that took a mapping
    back; a target is all that has to be filled in, now or later, and a customer who is called Also asks for no second
    company."""
    desk.put("mapped", waits("C-1", "Also"), waits("C-2", "Birch"))
    desk.put("findings_mapper", lacking("company_unmapped", "customer C-1"), lacking("offer_unmapped", "offer O-1"))
    desk.put("findings_mapper", lacking("company_unmapped", "customer C-2", closed_at="2026-03-02T08:00:00Z"))
    desk.put("company_mappings", stored("C-1", state="unmapped", target=None), stored("C-2"))
    exported = desk.run("map", "export", "--unmapped").out
    assert exported.splitlines() == [
        HEAD,
        "company,north,C-1,,,,,customer Also,",
        "offer,north,O-1,,,,,offer Office,",
        "company,north,C-2,,,101,mapped,,",
    ]
    half = exported.replace("C-1,,,,", "C-1,,,102,")
    (tmp_path / "half.csv").write_text(half)
    desk.bus.owner = all_stand
    said = desk.run("map", "import", str(tmp_path / "half.csv"), "--json")
    assert (said.code, said.json["accepted"], said.json["left_unmapped"]) == (0, 2, 1)
    said = desk.run("map", "import", str(tmp_path / "half.csv"))
    assert "2 of 2 rows stand. 1 without target and state were left unmapped." in said.out
    (tmp_path / "m.csv").write_text(half.replace("O-1,,,,", "O-1,,,9001,"))
    assert desk.run("map", "import", str(tmp_path / "m.csv")).code == 0
    rows = desk.bus.commands[-1].body.rows
    assert [(row.state, row.target, row.also) for row in rows] == [
        ("mapped", 102, False), ("mapped", 9001, False), ("mapped", 101, False),
    ]  # fmt: skip


def test_a_mapping_of_what_nobody_has_seen_stands_and_is_remarked_on(desk: Any, tmp_path: Path) -> None:
    """A typing error in a customer's id shows at once: exit 0, and a warning beside the answer, never in it."""
    row = {"row": 1, "ok": True, "message": "set", "remark": "no customer 'C-1' of north was seen yet"}
    desk.bus.owner = lambda _: (True, "", {"rows": [row]})
    said = desk.run("map", "company", "north", "C-1", "101")
    assert (said.code, "no customer 'C-1' of north was seen yet" in said.err) == (0, True)
    assert "seen" not in said.out
    (tmp_path / "m.csv").write_text("kind,source,key,target\ncompany,north,C-1,101\n")
    said = desk.run("map", "import", str(tmp_path / "m.csv"), "--json")
    assert (said.code, "line 2: no customer 'C-1' of north" in said.err) == (0, True)
    assert said.json["rows"] == [{"line": 2, "ok": True, "message": "set", "remark": row["remark"]}]
