"""``mirror``: read Autotask now."""

import asyncio

from seatledger.cli.context import Context, Ctx, Row
from seatledger.cli.errors import Exit

_COLUMNS = ("psa", "contracts", "lines", "calls", "error")


def mirror(psa: str | None = None, /, *, timeout: float = 300.0, context: Ctx) -> int:
    """Read companies, contracts, lines and units of Autotask now.

    Exit 4 if it could not be read.

    Example: seatledger mirror main

    Parameters
    ----------
    psa
        One PSA connection; all where it is not given.
    timeout
        Seconds to wait for each; exit 3 when they are over.
    """
    return asyncio.run(_mirror(context, psa, timeout))


async def _mirror(context: Context, psa: str | None, seconds: float) -> int:
    from seatledger.cli.asking import ask
    from seatledger.cli.session import known, session
    from seatledger.schemas.commands import Owner, ReadMirror

    async with session(context) as opened:
        names: list[str] = [known("psa", psa, list(opened.config.psa))] if psa else list(opened.config.psa)
        with context.progress("reading Autotask …"):
            answers = await asyncio.gather(
                *(ask(opened, Owner.WRITER, ReadMirror(), connection=name, seconds=seconds) for name in names)
            )
    rows = [
        _row(name, answer.result, None if answer.ok else answer.message)
        for name, answer in zip(names, answers, strict=True)
    ]
    if context.json:
        context.document(rows)
    else:
        context.table("mirrors", rows, _COLUMNS, empty="No PSA is configured.")
    unread = [row for row in rows if row["error"] is not None]
    for row in unread:
        context.note(f"error: psa {row['psa']}: {row['error']}. `seatledger check` says what is red, and what to do")
    return Exit.UNREACHABLE if unread else Exit.DONE


def _row(name: str, result: Row, refused: str | None) -> Row:
    return {
        "psa": name,
        "contracts": result.get("contracts", 0),
        "lines": result.get("lines", 0),
        "calls": result.get("calls", 0),
        "error": result.get("error") or refused,
    }
