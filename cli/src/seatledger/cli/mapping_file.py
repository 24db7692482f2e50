"""The mapping file: columns ``kind,source,key,term,billing_cycle,target,state,reason,expires_on``.

The whole file is read before anything is sent; what cannot be read is said with its line.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from seatledger.cli.context import Row
from seatledger.cli.errors import CliError, usage

if TYPE_CHECKING:
    from seatledger.schemas.commands import MappingRow
    from seatledger.schemas.mappings import MappingDocument
    from seatledger.schemas.shapes import MappedShape

COLUMNS = ("kind", "source", "key", "term", "billing_cycle", "target", "state", "reason", "expires_on")
REQUIRED = ("kind", "source", "key")
ALSO = "also"
"""In the column ``reason``: a second customer of one source account on one company is meant."""

WAITING = MappingProxyType({"company_unmapped": ("company", "customer"), "offer_unmapped": ("offer", "offer")})
"""The findings of what has no mapping: the kind of its row, and what the thing is called."""

Kind = Literal["company", "offer", "contract"]
State = Literal["mapped", "ignored", "unmapped"]
_SHOWN_FAULTS = 20


@dataclass(frozen=True)
class FileRow:
    """A row and the line on which it ends in the file."""

    line: int
    row: "MappingRow"


class _FaultError(ValueError):
    """One cell that cannot be read: ``column: what``."""


@dataclass(frozen=True)
class MappingFile:
    """What a file says. ``open``: rows without target and state, as ``map export --unmapped`` writes them; nobody has
    filled them in yet."""

    rows: list[FileRow]
    open: int


def read_mapping_file(path: Path) -> MappingFile:
    """All rows; exit 2 naming file, line and column of each that cannot be read."""
    reader = csv.DictReader(io.StringIO(_text(path)), delimiter=_delimiter(path), restkey="")
    _check_columns(path, reader.fieldnames or [])
    rows: list[FileRow] = []
    faults: list[str] = []
    still_open = 0
    for cells in reader:
        if not any(value for value in cells.values()):
            continue
        try:
            row = parse_row(cells)
            still_open += row is None
            rows += [] if row is None else [FileRow(reader.line_num, row)]
        except _FaultError as fault:
            faults.append(f"line {reader.line_num}, {fault}")
    if faults:
        more = f"; and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
        shown = "; ".join(faults[:_SHOWN_FAULTS]) + more
        raise CliError("mapping_file", str(path), shown, "Nothing was sent: mend these rows and import again")
    return MappingFile(rows, still_open)


def parse_row(cells: dict[str, str | None]) -> "MappingRow | None":
    """One row from texts, None where it waits to be filled in; ValueError with column and reason where one does not
    fit."""
    from seatledger.schemas.commands import MappingRow
    from seatledger.schemas.ids import SourceName

    if "" in cells:
        raise _FaultError("the row has more cells than the head has columns")
    text = {column: (cells.get(column) or "").strip() for column in COLUMNS}
    for column in REQUIRED:
        if not text[column]:
            raise _FaultError(f"{column}: empty")
    kind, target = _kind(text["kind"]), _target(text["target"])
    if target is None and not text["state"]:
        return None
    state = _state(text["state"], target, text["reason"])
    also = text["reason"].lower() == ALSO
    return MappingRow(
        kind=kind,
        source=SourceName(text["source"]),
        key=text["key"],
        term=text["term"],
        billing_cycle=text["billing_cycle"],
        target=target,
        state=state,
        reason="" if also else text["reason"],
        expires_on=_day(text["expires_on"]),
        also=also,
    )


def table_rows(documents: "Iterable[MappingDocument]", names: Mapping[str, str] = MappingProxyType({})) -> list[Row]:
    """Stored mappings as rows of the file, in the file's order; what was reset is no row. ``names``: how an account is
    called now, where that is not its first name."""
    rows = []
    for document in documents:
        word = document.word
        if word.forgotten:
            continue
        rows.append(
            {
                "kind": document.kind,
                "source": names.get(document.source, document.source),
                "key": document.key,
                "term": document.term,
                "billing_cycle": document.billing_cycle,
                "target": word.target,
                "state": word.state,
                "reason": ALSO if word.also else word.reason,
                "expires_on": word.expires_on.isoformat() if word.expires_on else None,
            }
        )
    return sorted(rows, key=lambda row: tuple(str(row[column]) for column in COLUMNS))


def waiting_rows(
    findings: Iterable[Row], mapped: "Iterable[MappedShape]", names: Mapping[str, str] = MappingProxyType({})
) -> list[Row]:
    """A row without target and state for each open finding of :data:`WAITING`, in the file's order. Its name stands in
    the column ``reason``, behind what it is: a customer may be called like the word :data:`ALSO`."""
    called = _called(mapped)
    rows = []
    for finding in findings:
        kind, what = WAITING[finding["code"]]
        source, key = finding["subject"]["source"], finding["subject"]["detail"].removeprefix(f"{what} ")
        row = {"kind": kind, "source": names.get(source, source), "key": key}
        rows.append(
            {**dict.fromkeys(COLUMNS, ""), **row, "reason": f"{what} {called.get((kind, source, key), '')}".strip()}
        )
    return sorted(rows, key=identity)


def _called(mapped: "Iterable[MappedShape]") -> dict[tuple[str, str, str], str]:
    """Names of customers and offers by kind, account and id."""
    called = {}
    for one in mapped:
        snapshot = one.sighting.snapshot
        called["company", str(one.source), snapshot.customer.id] = snapshot.customer.name
        called["offer", str(one.source), snapshot.offer.offer] = snapshot.offer_name
    return called


def identity(row: Row) -> tuple[str, ...]:
    """What a row is about."""
    return tuple(str(row[column]) for column in COLUMNS[:5])


def as_csv(rows: list[Row]) -> str:
    """The rows as the file that ``map import`` reads."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)
    return out.getvalue()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise usage(str(path), f"it cannot be read: {error.strerror}", "Name a CSV file") from error
    except UnicodeDecodeError as error:
        raise usage(str(path), f"it is not UTF-8 text: {error.reason}", "Save it as CSV UTF-8") from error


def _delimiter(path: Path) -> str:
    """Comma, or the semicolon or tab with which a spreadsheet may have saved it: what parts the head most often."""
    head = _text(path).partition("\n")[0]
    return max(",;\t", key=head.count)


def _check_columns(path: Path, names: Iterable[str]) -> None:
    found = list(names)
    missing = [name for name in REQUIRED if name not in found]
    unknown = [name for name in found if name not in COLUMNS]
    doubled = sorted({name for name in found if found.count(name) > 1})
    for words, columns in (("missing", missing), ("unknown", unknown), ("twice", doubled)):
        if columns:
            do = f"The columns are {','.join(COLUMNS)}"
            raise usage(f"{path}, line 1", f"columns {words}: {', '.join(columns)}", do)


def _kind(text: str) -> Kind:
    for kind in get_args(Kind):
        if text == kind:
            return kind  # type: ignore[no-any-return]  # get_args is untyped
    raise _FaultError(f"kind: {text!r} is none of company, offer, contract")


def _state(text: str, target: int | None, reason: str) -> State:
    """The state that is written; a target alone maps."""
    match text or "mapped":
        case "mapped":
            if target is None:
                raise _FaultError("target: empty, but the state is mapped")
            return "mapped"
        case "ignored":
            if not reason:
                raise _FaultError("reason: empty, but what is ignored needs one")
            return "ignored"
        case "unmapped":
            if target is not None:
                raise _FaultError(f"state: unmapped, but there is a target {target}; write mapped, or no target")
            return "unmapped"
        case _:
            raise _FaultError(f"state: {text!r} is none of mapped, ignored, unmapped")


def _target(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise _FaultError(f"target: {text!r} is no Autotask id")
    return int(text)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise _FaultError(f"expires_on: {text!r} is no date such as 2026-03-01") from None
