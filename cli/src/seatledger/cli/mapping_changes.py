"""What ``map`` does behind its commands: rows sent to the mapper, its word on each told, the table read back."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatledger.cli.context import Context, Row
from seatledger.cli.errors import Exit
from seatledger.cli.mapping_file import WAITING, identity, read_mapping_file, table_rows, waiting_rows

if TYPE_CHECKING:
    from seatledger.cli.session import Session
    from seatledger.runtime.store import Store
    from seatledger.schemas.commands import Body, CommandAnswered, MappingRow
    from seatledger.schemas.shapes import MappedShape

ROWS_A_COMMAND = 250
"""Far below the broker's largest record, and answered within seconds."""
TIMEOUT_SECONDS = 120.0
SHOWN = 5
"""Rows that one warning names."""


async def set_one(context: Context, row: "MappingRow") -> int:
    from seatledger.cli.naming import account
    from seatledger.cli.session import session

    async with session(context) as opened:
        named = row.model_copy(update={"source": account(opened.config, row.source)})
        answer = await _set(opened, [named], TIMEOUT_SECONDS)
        told = _results(opened, answer, 1)[0]
    if remark := told.get("remark"):
        context.note(f"warning: {remark}; it counts once it is.")
    return _end(context, bool(answer.ok and told["ok"]), told["message"] or answer.message)


async def reset_customer(context: Context, source: str, customer: str) -> int:
    from seatledger.cli.naming import account
    from seatledger.cli.session import session
    from seatledger.schemas.commands import ResetCustomer

    async with session(context) as opened:
        body = ResetCustomer(source=account(opened.config, source), customer=customer)
        answer = await _tell_mapper(opened, body, TIMEOUT_SECONDS)
    return _end(context, answer.ok, answer.message)


def _end(context: Context, ok: bool, message: str) -> int:
    if context.json:
        context.document({"ok": ok, "message": message})
    context.say(message or ("Done." if ok else "Refused."))
    return Exit.DONE if ok else Exit.NO


async def import_file(context: Context, file: Path, seconds: float) -> int:
    from seatledger.cli.naming import account_or_same
    from seatledger.cli.session import session

    read = read_mapping_file(file)
    rows = read.rows
    async with session(context) as opened:
        results: list[Row] = []
        with context.progress(f"{len(rows)} rows …") as shown:
            for start in range(0, len(rows), ROWS_A_COMMAND):
                chunk = rows[start : start + ROWS_A_COMMAND]
                named = [
                    entry.row.model_copy(update={"source": account_or_same(opened.config, entry.row.source)})
                    for entry in chunk
                ]
                told = _results(opened, await _set(opened, named, seconds), len(chunk))
                results += [
                    {"line": entry.line, **{name: result[name] for name in _OF_A_ROW if name in result}}
                    for entry, result in zip(chunk, told, strict=True)
                ]
                shown.say(f"{len(results)} of {len(rows)} rows …")
    _warn_of_unseen(context, results)
    refused = [result for result in results if not result["ok"]]
    if context.json:
        counts = {"accepted": len(results) - len(refused), "refused": len(refused), "left_unmapped": read.open}
        context.document({"rows": results, **counts})
    else:
        context.table("refused rows", refused, ("line", "message"), empty="No row was refused.")
        left = f" {read.open} without target and state were left unmapped." if read.open else ""
        context.say(f"{len(results) - len(refused)} of {len(results)} rows stand.{left}")
    return Exit.NO if refused else Exit.DONE


_OF_A_ROW = ("ok", "message", "remark")


def _warn_of_unseen(context: Context, results: list[Row]) -> None:
    remarks = [f"line {result['line']}: {result['remark']}" for result in results if result.get("remark")]
    if remarks:
        more = f"; and {len(remarks) - SHOWN} more" if len(remarks) > SHOWN else ""
        context.note(f"warning: {'; '.join(remarks[:SHOWN])}{more}. They count once they are.")


async def _set(opened: "Session", rows: "Sequence[MappingRow]", seconds: float) -> "CommandAnswered":
    from seatledger.schemas.commands import SetMappings

    return await _tell_mapper(opened, SetMappings(rows=tuple(rows)), seconds)


async def _tell_mapper(opened: "Session", body: "Body", seconds: float) -> "CommandAnswered":
    from seatledger.cli.asking import ask
    from seatledger.schemas.commands import Owner

    return await ask(opened, Owner.MAPPER, body, seconds=seconds)


def _results(opened: "Session", answer: "CommandAnswered", number: int) -> list[Row]:
    """The mapper's word on each row, in the order they were sent; its word on the whole where it has none."""
    from seatledger.cli.naming import in_text, renamed

    names = renamed(opened.config)
    told: list[Row] = answer.result.get("rows", [])
    whole: Row = {"ok": answer.ok, "message": answer.message}
    rows = [told[index] if index < len(told) else whole for index in range(number)]
    return [{**row, "message": in_text(names, row["message"])} for row in rows]


async def mapping_rows(context: Context, *, unmapped: bool = False) -> list[Row]:
    """Rows of the mapping file; with ``unmapped`` first those that a person has to fill in."""
    from seatledger.cli.naming import renamed
    from seatledger.cli.session import session

    async with session(context) as opened:
        names = renamed(opened.config)
        stored = table_rows(await read_mappings(opened.store), names)
        waiting = waiting_rows(*await _waiting(opened.store), names) if unmapped else []
    again = {identity(row) for row in waiting}
    return waiting + [row for row in stored if row["state"] != "unmapped" or identity(row) not in again]


async def _waiting(store: "Store") -> "tuple[list[Row], list[MappedShape]]":
    """The open findings of what has no mapping, and what waits for one: that knows the names."""
    from seatledger.runtime.store import Documents
    from seatledger.schemas.heads import MAPPED
    from seatledger.schemas.shapes import MappedShape

    findings = await store.collection("findings_mapper").find({"code": {"$in": list(WAITING)}, "closed_at": None})
    if not findings:
        return [], []
    return findings, await Documents(store.collection(MAPPED), MappedShape).find({"outcome.kind": "unmapped"})


async def read_mappings(store: "Store") -> list[Any]:
    """Every mapping row that the mapper holds."""
    from seatledger.runtime.store import Documents
    from seatledger.schemas.mappings import MAPPING_COLLECTIONS, MappingDocument

    found = []
    for name in MAPPING_COLLECTIONS.values():
        found += await Documents(store.collection(name), MappingDocument).find({})
    return found
