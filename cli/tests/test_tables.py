"""Tables fit the terminal, whatever its width: nothing is cut off, and what people copy stays in one piece."""

from pathlib import Path

import pytest

from seatledger.cli.context import Context

ID, HASH = "plan-8521d66daf8ab819", "1c00ac15a8df5ae8"
LONG = "customer 'Alder Dental' (C-1042) has no company: its 3 subscriptions wait"
ROWS = [
    {"id": ID, "company": 101, "state": "proposed", "items": 3, "message": LONG, "hash": HASH, "nothing": None},
    {"id": "plan-2", "company": 29684183, "state": "done", "items": 12, "message": "", "hash": "h2", "nothing": ""},
]
COLUMNS = ("id", "company", "state", "items", "message", "hash", "nothing")


def printed(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    Context(Path("none")).table("plans", ROWS, COLUMNS, empty="none")
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 240])
def test_a_table_fits_and_keeps_what_people_copy(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line of a table is wider than the terminal; ids and hashes stand whole in one line, no cell is lost."""
    lines = printed(width, monkeypatch, capsys)
    assert any(ID in line for line in lines)
    assert any(HASH in line for line in lines)
    assert not any("…" in line for line in lines)
    assert "nothing" not in "".join(lines)
    words = " ".join(lines).split()
    assert all(word in words for word in LONG.split())
    if lines[1].lstrip().startswith("id "):  # a table, else paragraphs, whose sentences a terminal folds
        assert all(len(line.rstrip()) <= width for line in lines)


def test_a_narrow_terminal_gets_paragraphs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the columns do not fit, each row is told below its id, without what it does not have."""
    assert printed(50, monkeypatch, capsys) == [
        "plans:", ID, "  company: 101", "  state: proposed", "  items: 3", f"  message: {LONG}", f"  hash: {HASH}", "",
        "plan-2", "  company: 29684183", "  state: done", "  items: 12", "  hash: h2",
    ]  # fmt: skip


def test_a_wide_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a row, numbers to the right below their heads."""
    lines = printed(200, monkeypatch, capsys)
    assert len(lines) == 4
    assert lines[1].split() == ["id", "company", "state", "items", "message", "hash"]
    assert lines[2].index("101") + 3 == lines[3].index("29684183") + 8
