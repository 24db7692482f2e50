"""``ledger``: every intent with what became of it."""

import asyncio
import csv
import sys
from collections.abc import AsyncIterator
from datetime import date
from typing import TYPE_CHECKING, Any

from cyclopts import App

from seatledger.cli.context import Context, Ctx, Row

if TYPE_CHECKING:
    from seatledger.runtime.store import Store

COLUMNS = (
    "intent",
    "connection",
    "company",
    "contract",
    "line",
    "effective_on",
    "before",
    "after",
    "state",
    "plan",
    "causes",
)
PAGE = 1000
_READ = ("outcome", *(f"settled.{name}" for name in ("intent", "at", "on", "before", "after", "plan", "causes")))

app = App(name="ledger", help="Every intent and what became of it.\n\nExample: seatledger ledger export")


@app.command
def export(*, context: Ctx) -> int:
    """Every intent that reached the PSA writer, a line each, as CSV (with --json: JSON Lines).

    Units are those from the effective date on. The order is that of the intents' ids: two exports can be compared.

    Example: seatledger ledger export > ledger.csv
    """
    return asyncio.run(_export(context))


async def _export(context: Context) -> int:
    from seatledger.cli.session import session
    from seatledger.schemas.book import INTENTS

    writer: Any = None if context.json else csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    async with session(context) as opened:
        await opened.store.collection(INTENTS).find({}, fields=["outcome"], limit=1)  # is the store there?
        if writer is not None:
            writer.writeheader()  # not before: alone it would look like an empty ledger
        async for stored in records(opened.store):
            row = ledger_row(stored)
            if writer is None:
                context.document(row)
            else:
                writer.writerow({**row, "causes": " ".join(row["causes"])})
    return 0


async def records(store: "Store") -> AsyncIterator[Row]:
    """The history in pages: it grows for ever."""
    from seatledger.schemas.book import INTENTS

    collection, last = store.collection(INTENTS), ""
    while True:
        page = await collection.find({"_id": {"$gt": last}}, fields=_READ, sort=[("_id", 1)], limit=PAGE)
        for stored in page:
            yield stored
        if len(page) < PAGE:
            return
        last = page[-1]["_id"]


def ledger_row(stored: Row) -> Row:
    """An intent as interface.md has it; ``effective_on`` null for a link, which has no date."""
    settled = stored["settled"]
    at, day = settled["at"], settled.get("on")
    return {
        "intent": stored["_id"],
        **{name: at[name] for name in ("connection", "company", "contract", "line")},
        "effective_on": day,
        "before": _units(settled["before"], day),
        "after": _units(settled["after"], day),
        "state": stored["outcome"],
        "plan": settled.get("plan"),
        "causes": list(settled.get("causes") or ()),
    }


def _units(function: Row, day: str | None) -> int:
    from seatledger.schemas.steps import StepFunction

    units = StepFunction.model_validate(function)
    return (units.last or 0) if day is None else units.units_at(date.fromisoformat(day))
