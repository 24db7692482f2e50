"""``collect``: read the distributors now."""

import asyncio
from typing import Any

from seatledger.cli.context import Context, Ctx, Row

_COLUMNS = ("source", "complete", "customers", "subscriptions", "changed", "held", "bad_rows")


def collect(
    source: str | None = None,
    /,
    *,
    subscription: str | None = None,
    accept: bool = False,
    timeout: float = 300.0,
    context: Ctx,
) -> int:
    """Sweep the sources now and wait for the end.

    Exit 1 if one was incomplete, or the brake holds something.

    Example: seatledger collect drop --timeout 60

    Parameters
    ----------
    source
        One source account; all where it is not given.
    subscription
        Read this subscription alone.
    accept
        The yes to what the brake on mass decreases holds.
    timeout
        Seconds to wait; exit 3 when they are over.
    """
    return asyncio.run(_collect(context, source, subscription, accept, timeout))


async def _collect(context: Context, source: str | None, subscription: str | None, accept: bool, seconds: float) -> int:
    from seatledger.cli.asking import ask
    from seatledger.cli.naming import account, in_text, renamed, shown
    from seatledger.cli.session import session
    from seatledger.cli.sweeping import told
    from seatledger.schemas.commands import Collect, Owner

    async with session(context) as opened:
        config = opened.config
        body = Collect(source=account(config, source) if source else None, subscription=subscription, accept=accept)
        with context.progress(f"reading {source or 'every source'} …") as progress:
            async with told(opened, progress):
                answer = await ask(opened, Owner.COLLECTOR, body, seconds=seconds)
    rows = [shown(config, _row(sweep)) for sweep in answer.result.get("sweeps", [])]
    if context.json:
        context.document(rows)
    else:
        context.table("sweeps", rows, _COLUMNS, empty="No source was read.")
        if any(row["bad_rows"] or row["error"] for row in rows):
            context.say("What is wrong with rows and files: seatledger findings")
    if answer.message and not answer.ok:
        context.note(in_text(renamed(config), answer.message))
    well = all(row["complete"] and not row["held"] and row["error"] is None for row in rows)
    return 0 if answer.ok and well else 1


def _row(sweep: Row) -> Row:
    """A sweep as interface.md has it, whatever else the collector says of it."""
    defaults: dict[str, Any] = {
        "source": None,
        "complete": False,
        "customers": 0,
        "subscriptions": 0,
        "changed": 0,
        "held": 0,
        "bad_rows": 0,
        "error": None,
    }
    return {name: sweep.get(name, default) for name, default in defaults.items()}
