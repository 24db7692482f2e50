"""CSV with a header: comma, semicolon or tab, quoted line breaks, a trailer that may say that the list is full."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from seatledger.collector.adapters.file_drop import columns
from seatledger.collector.adapters.file_drop.rows import Record
from seatledger.collector.domain.reading import Problem
from seatledger.schemas.findings import FindingCode

DELIMITERS: Final = (",", ";", "\t")
_TRAILER = re.compile(r"#\s*complete\s+rows\s*=\s*(\d{1,9})", re.ASCII | re.IGNORECASE)


@dataclass
class Table:
    """The records of a file, and what its text says of itself. ``failure``: no row of it can be read."""

    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    full: bool | None = None
    whole: bool = True
    failure: Problem | None = None
    found: int = 0
    """Records met, bad ones included: what the trailer counts."""


def parse(text: str) -> Table:
    """The table in ``text`` (no byte-order mark). Lines count as in an editor, from 1."""
    lines = list(io.StringIO(text, newline=""))
    start = next((number for number, line in enumerate(lines) if line.strip()), None)
    if start is None:
        return Table(failure=_unreadable("the file is empty", 1))
    delimiter = _delimiter(lines[start])
    if delimiter is None:
        return Table(failure=_unreadable(_without_columns(lines[start]), start + 1))
    return _table(lines, start, delimiter)


def _without_columns(first: str) -> str:
    """What a file is whose first line is no header of ours."""
    if first.startswith("PK\x03\x04"):
        return "it is an Excel workbook or another archive, whatever its name says"
    if "\0" in first:
        return "it is UTF-16 or no text at all"
    return "its first line names no column that we know"


def _unreadable(what: str, line: int) -> Problem:
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"the file cannot be read: {what}; it was not taken",
        "Deliver UTF-8 text, CSV with a header of the declared columns, or JSON.",
        line=line,
        stops=False,
    )


def _delimiter(header: str) -> str | None:
    """The one that splits the header into the most columns that we know."""
    found = {delimiter: _known(header, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: found[delimiter])
    return best if found[best] else None


def _known(header: str, delimiter: str) -> int:
    try:
        names = next(csv.reader([header], delimiter=delimiter))
    except csv.Error:
        return 0
    return sum(columns.column(name) in columns.KNOWN for name in names)


def _table(lines: Sequence[str], start: int, delimiter: str) -> Table:
    names = next(csv.reader([lines[start]], delimiter=delimiter))
    absent = columns.missing(names, start + 1)
    if absent is not None:
        return Table(failure=absent)
    table = Table(problems=columns.oddities(names, start + 1))
    last = max(number for number, line in enumerate(lines) if line.strip())
    trailer = _trailer(lines[last], delimiter) if last > start else None
    end = len(lines) if trailer is None else last
    header = [columns.column(name) for name in names]
    for line, cells in _records(lines, start + 1, end, delimiter, len(header), table):
        table.records.append(_record(line, header, cells))
    if trailer is not None:
        _close(table, trailer, last + 1)
    return table


def _trailer(line: str, delimiter: str) -> str | None:
    """The last line where it begins with ``#`` and is one cell, were it quoted or filled up by a spreadsheet."""
    text = line.strip().strip(delimiter + '" ')
    return text if text.startswith("#") and delimiter not in text else None


def _close(table: Table, trailer: str, line: int) -> None:
    found = _TRAILER.fullmatch(trailer)
    table.full = True
    if found is None:
        _distrust(table, line, "the last line begins with # and is not `# complete rows=N`")
    elif int(found[1]) != table.found:
        _distrust(table, line, f"the file says {int(found[1])} rows and has {table.found}")


def _distrust(table: Table, line: int, what: str) -> None:
    table.whole = False
    table.problems.append(
        Problem(
            FindingCode.SOURCE_ROW_BAD,
            f"row {line}: {what}; the file proves no absence",
            "Have the source write the file anew; the rows that can be read were taken.",
            line=line,
            stops=False,
        )
    )


def _record(line: int, header: Sequence[str], cells: Sequence[str]) -> Record:
    merged: dict[str, str] = {}
    torn = None
    for name, cell in zip(header, cells, strict=False):
        text = cell.strip()
        if name in columns.KNOWN and merged.setdefault(name, text) != text:
            torn = name
    return Record(line, merged, torn)


def _records(
    lines: Sequence[str], start: int, end: int, delimiter: str, width: int, table: Table
) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins.

    A record that a stray quote made swallow its neighbours is given up alone: reading goes on with the next line.
    """
    at = start
    while at < end:
        cells, length, wrong = _next(lines, at, end, delimiter, width)
        if wrong is not None:
            _lost(table, at + 1, wrong)
        elif any(cells):
            table.found += 1
            yield at + 1, cells
        at += length


def _next(lines: Sequence[str], at: int, end: int, delimiter: str, width: int) -> tuple[list[str], int, str | None]:
    """The record that begins at line index ``at``, how many lines it takes (a bad one: its first), what is wrong."""
    reader = csv.reader((lines[number] for number in range(at, end)), delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        return [], 1, f"the line cannot be read ({error})"
    if any(cells) and (len(cells) < width or any(cells[width:])):
        return [], 1, f"the line has {len(cells)} cells where the header has {width}"
    return cells, reader.line_num, None


def _lost(table: Table, line: int, what: str) -> None:
    """A record whose subscription cannot be told: so the file proves no absence."""
    table.found += 1
    table.whole = False
    table.problems.append(
        Problem(
            FindingCode.SOURCE_ROW_BAD,
            f"row {line}: {what}",
            "Correct that line at the source; the others were taken.",
            line=line,
        )
    )
