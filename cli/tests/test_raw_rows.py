"""The row that ``explain`` shows as evidence is the one that the collector read."""

import hashlib
import json
from pathlib import Path

import pytest

from seatledger.cli.explaining.raw import row_in_file
from seatledger.collector.adapters.file_drop import csv_file, json_file
from seatledger.runtime.config import Source, config_from
from seatledger.schemas.subscriptions import RawRef

CELLS = {
    "source_system": "distri", "record_type": "snapshot", "customer_id": "C-1", "customer_name": "Alder",
    "subscription_id": "SUB-1", "offer_name": "E3", "status": "active", "quantity": "3", "billing_cycle": "monthly",
}  # fmt: skip
BREAKS_OF_TEXT = ["\u2028", "\u0085", "\x0b", "\x0c", "\x1e"]
"""What Python's ``str.splitlines`` takes for the end of a line, and no file format does."""


def source(folder: Path) -> Source:
    main = {
        "kind": "autotask", "url": "http://127.0.0.1:1", "username": "u", "secret": "s", "integration_code": "c",
        "timezone": "UTC", "currency": "EUR",
    }  # fmt: skip
    drop = {"kind": "file-drop", "psa": "main", "folder": str(folder)}
    config = config_from({"psa": {"main": main}, "sources": {"drop": drop}}, folder)
    return next(iter(config.sources.values()))


def shown(folder: Path, text: str, line: int, subscription: str) -> str:
    """The subscription in the row that is shown as that one's, or why none is."""
    content = text.encode()
    (folder / "a.file").write_bytes(content)
    raw = RawRef(file="a.file", row=line, payload=hashlib.sha256(content).hexdigest()[:16])
    row = row_in_file(source(folder), raw, subscription)
    return row if isinstance(row, str) else str(row["subscription_id"])


def table(names: list[str], end: str) -> str:
    """A subscription for each name of a customer."""
    rows = [{**CELLS, "customer_name": name, "subscription_id": f"SUB-{at}"} for at, name in enumerate(names)]
    return end.join(",".join(row) for row in (CELLS, *(each.values() for each in rows))) + end


@pytest.mark.parametrize("strange", BREAKS_OF_TEXT, ids=ascii)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=ascii)
def test_a_csv_row_is_found_where_the_collector_counted_it(tmp_path: Path, strange: str, end: str) -> None:
    """Characters inside a cell that Python calls line breaks move no row, whatever ends the file's lines."""
    text = table([f"Al{strange}der", f'"Birch{end}and{strange}sons"', "Cedar"], end)
    records = csv_file.parse(text).records
    assert [record.cells["subscription_id"] for record in records] == ["SUB-0", "SUB-1", "SUB-2"]
    for record in records:
        assert shown(tmp_path, text, record.line, record.cells["subscription_id"]) == record.cells["subscription_id"]


@pytest.mark.parametrize("strange", [*BREAKS_OF_TEXT, "\r"], ids=ascii)
def test_a_json_row_is_found_where_the_collector_counted_it(tmp_path: Path, strange: str) -> None:
    """Lines of JSON end with a line feed alone."""
    rows = [{**CELLS, "customer_name": f"Al{strange}der", "subscription_id": f"SUB-{at}"} for at in range(3)]
    text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
    text = text.replace("\\r", "\r")  # as some writers leave it
    for record in json_file.parse(text).records:
        assert shown(tmp_path, text, record.line, record.cells["subscription_id"]) == record.cells["subscription_id"]


def test_another_subscriptions_row_is_no_evidence(tmp_path: Path) -> None:
    """A row that does not name the subscription is not shown, wherever the number came from."""
    text = table(["Alder", "Birch"], "\n")
    assert shown(tmp_path, text, 2, "SUB-1") == "row 2 of a.file does not name SUB-1"
    assert shown(tmp_path, text, 9, "SUB-1") == "row 9 of a.file does not name SUB-1"


def test_a_file_that_is_not_here_is_told(tmp_path: Path) -> None:
    """Who asks on another machine than the collector's reads where to ask; a newer file of the name is no evidence."""
    drop, raw = source(tmp_path), RawRef(file="a.file", row=2, payload="00")
    told = f"the file a.file does not lie below {tmp_path} here; the collector's machine or container may have it"
    assert row_in_file(drop, raw, "SUB-1") == told
    (tmp_path / "processed").mkdir()
    (tmp_path / "processed" / "a.file").write_text("another")
    told = f"the file a.file below {tmp_path} cannot be read, or is another one by now"
    assert row_in_file(drop, raw, "SUB-1") == told
