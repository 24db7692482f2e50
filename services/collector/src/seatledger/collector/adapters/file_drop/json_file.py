"""JSON: an object with ``rows`` and what is said of them, or a bare list of rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from seatledger.collector.adapters.file_drop import columns
from seatledger.collector.adapters.file_drop.rows import Record
from seatledger.collector.domain import words
from seatledger.collector.domain.reading import Problem
from seatledger.schemas.findings import FindingCode

SCHEMA: Final = "subscription-drop/1"
_SPACE: Final = " \t\r\n"


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it stands, so that a key that stands twice is seen."""


@dataclass
class Listing:
    """The records of a file, and what it says of itself. ``failure``: no row of it can be read."""

    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    full: bool | None = None
    whole: bool = True
    generated_at: str = ""
    failure: Problem | None = None


class _NoJsonError(ValueError):
    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what = what
        self.at = at


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_float=str, parse_int=str, parse_constant=_refuse, strict=False
)
"""Numbers stay the text that was written: ``8.0`` is not 8."""


def parse(text: str) -> Listing:
    """The rows in ``text``; each with the line on which it begins, from 1."""
    try:
        head, rows = _split(text)
    except _NoJsonError as error:
        return Listing(failure=_unreadable(error.what, text.count("\n", 0, error.at) + 1))
    schema = _text(head.get("schema"))
    if schema not in {None, "", SCHEMA}:
        return Listing(failure=_unreadable(f"its schema is {schema[:40]!r}, we read {SCHEMA!r}", 1))
    return _listing(head, rows, text)


def _listing(head: dict[str, Any], rows: list[tuple[int, Any]], text: str) -> Listing:
    listing = Listing(generated_at=_text(head.get("generated_at")) or "")
    _say_whether_full(head, listing)
    line, counted = 1, 0
    for at, value in rows:
        line, counted = line + text.count("\n", counted, at), at
        if isinstance(value, _Pairs):
            listing.records.append(_record(value, line))
        else:
            listing.whole = False
            listing.problems.append(_bad(f"row {line}: this is no object with columns", line, None))
    if listing.records:
        names = {name for record in listing.records for name in record.cells}
        absent = columns.missing(names, listing.records[0].line)
        if absent is not None:
            return Listing(failure=absent)
        listing.problems += columns.oddities(sorted(names), listing.records[0].line)
    return listing


def _say_whether_full(head: dict[str, Any], listing: Listing) -> None:
    said = head.get("complete")
    if said is None:
        return
    listing.full = words.boolean(_text(said) or "")
    if listing.full is None:
        listing.full, listing.whole = False, False
        listing.problems.append(_bad(f"complete: {str(said)[:40]!r} is neither true nor false", 1, "complete"))


def _bad(message: str, line: int, column: str | None) -> Problem:
    do = "Correct it at the source; the rows that can be read were taken."
    return Problem(FindingCode.SOURCE_ROW_BAD, message, do, line=line, column=column, stops=column is None)


def _unreadable(what: str, line: int) -> Problem:
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"the file cannot be read: {what}; it was not taken",
        'Deliver JSON such as {"schema": "subscription-drop/1", "complete": true, "rows": [{…}]}.',
        line=line,
        stops=False,
    )


def _record(pairs: _Pairs, line: int) -> Record:
    cells: dict[str, str] = {}
    torn = None
    for key, value in pairs:
        name, text = columns.column(key), _text(value)
        stands = cells.setdefault(name, (text or "").strip())
        if name in columns.KNOWN and (text is None or stands != text.strip()):
            torn = name
    return Record(line, cells, torn)


def _text(value: Any) -> str | None:
    """A plain value as a CSV cell would have it; None for a list or an object."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _split(text: str) -> tuple[dict[str, Any], list[tuple[int, Any]]]:
    """What stands beside the rows, and each row with its place in ``text``."""
    at = _skip(text, 0)
    if text[at : at + 1] == "[":
        rows, at = _array(text, at)
        head: dict[str, Any] = {}
    else:
        head, rows, at = _object(text, at)
    if _skip(text, at) != len(text):
        raise _NoJsonError("something follows its end", at)
    return head, rows


def _object(text: str, at: int) -> tuple[dict[str, Any], list[tuple[int, Any]], int]:
    head: dict[str, Any] = {}
    rows: list[tuple[int, Any]] | None = None
    for start in _members(text, at, "{}"):
        key, colon = _value(text, start[0])
        colon = _expect(text, colon, ":")
        if key in head or (key == "rows" and rows is not None):
            raise _NoJsonError(f"{str(key)[:40]!r} stands twice", start[0])
        if key == "rows":
            rows, start[0] = _array(text, colon)
        else:
            head[str(key)], start[0] = _value(text, colon)
        at = start[0]
    if rows is None:
        raise _NoJsonError("it has no rows", 0)
    return head, rows, _expect(text, at, "}")


def _array(text: str, at: int) -> tuple[list[tuple[int, Any]], int]:
    rows: list[tuple[int, Any]] = []
    end = _skip(text, at) + 1
    for start in _members(text, at, "[]"):
        place = start[0]
        value, start[0] = _value(text, place)
        rows.append((place, value))
        end = start[0]
    return rows, _expect(text, end, "]")


def _members(text: str, at: int, brackets: str) -> Iterator[list[int]]:
    """The place of each member; who iterates writes back where the member ended."""
    at = _expect(text, at, brackets[0])
    if text[at : at + 1] == brackets[1]:
        return
    while True:
        place = [at]
        yield place
        at = _skip(text, place[0])
        if text[at : at + 1] != ",":
            return
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise _NoJsonError(f"{mark!r} expected", at)
    return _skip(text, at + 1)


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise _NoJsonError(error.msg, error.pos) from error
    except (ValueError, RecursionError) as error:
        raise _NoJsonError(str(error) or "nested too deeply", at) from error
