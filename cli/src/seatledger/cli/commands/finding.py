"""``findings`` and ``resolve``: what needs a person."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from seatledger.cli.context import Context, Ctx, Row, cell
from seatledger.cli.errors import Exit, usage

if TYPE_CHECKING:
    from seatledger.runtime.store import Store

FIELDS = (
    "id",
    "code",
    "source",
    "subscription",
    "company",
    "contract",
    "line",
    "file",
    "row",
    "column",
    "message",
    "do",
    "money_per_month",
    "count",
    "opened_at",
    "closed_at",
)
_FROM_SUBJECT = ("source", "subscription", "company", "contract", "line", "file", "row", "column")
_RETRIED_BY = {"not_seen": "psa-writer", "refused": "contract-planner"}
"""Who takes a finding up again (docs/interface.md, ``resolve``)."""


def findings(*, all_: Annotated[bool, Parameter(name="--all")] = False, context: Ctx) -> int:
    """What needs a person.

    Exit 1 if anything is open.

    Example: seatledger findings --json

    Parameters
    ----------
    all_
        Closed ones too.
    """
    return asyncio.run(_findings(context, all_))


def resolve(finding: str, what: Literal["retry"], /, *, timeout: float = 60.0, context: Ctx) -> int:
    """Take up again what was refused or not seen.

    Exit 1 where the answer is no.

    Example: seatledger resolve not_seen-4f0c11d2a9b3 retry

    Parameters
    ----------
    finding
        The finding's id, as `seatledger findings` shows it.
    what
        retry: a refused wish goes out again as a new intent, one not seen under a new claim.
    timeout
        Seconds to wait; exit 3 when they are over.
    """
    return asyncio.run(_resolve(context, finding, what, timeout))


async def _findings(context: Context, everything: bool) -> int:
    from seatledger.cli.naming import shown
    from seatledger.cli.session import session

    async with session(context) as opened:
        found = await read_findings(opened.store, {} if everything else {"closed_at": None})
        rows = [shown(opened.config, row) for row in found]
    if context.json:
        context.document(rows)
    else:
        context.say("\n\n".join(_for_people(row) for row in rows) or "No finding is open.")
    return Exit.NO if any(row["closed_at"] is None for row in rows) else Exit.DONE


async def read_findings(store: "Store", where: dict[str, Any]) -> list[Row]:
    """Findings of every service as interface.md has them, oldest first."""
    found = [row for _, row in await _stored(store, where)]
    return sorted((flat(row) for row in found), key=lambda row: (row["opened_at"], row["id"]))


def flat(stored: Row) -> Row:
    """A stored finding with its subject's parts beside its own; what is not known is null."""
    subject = stored.get("subject") or {}
    whole = {**stored, "id": stored["_id"], **{name: subject.get(name) for name in _FROM_SUBJECT}}
    return {name: whole.get(name) for name in FIELDS}


async def _stored(store: "Store", where: dict[str, Any]) -> list[tuple[str, Row]]:
    from seatledger.schemas.heads import SERVICES

    return [(service, row) for service in SERVICES for row in await store.collection(f"findings_{service}").find(where)]


def _for_people(row: Row) -> str:
    """A finding as a short paragraph: a table would break its sentences, and the id that people copy, into pieces."""
    about = ", ".join(f"{name} {row[name]}" for name in _FROM_SUBJECT if row[name] is not None)
    since = f"open since {cell(row['opened_at'])}"
    times = f"{row['count']} times" if (row["count"] or 1) > 1 else ""
    money = f"{cell(row['money_per_month'])} a month" if row["money_per_month"] else ""
    closed = f"closed {cell(row['closed_at'])}" if row["closed_at"] else ""
    facts = " · ".join(part for part in (row["id"], about, money, times, closed or since) if part)
    return f"{facts}\n  {row['message']}\n  → {row['do']}"


async def _resolve(context: Context, finding: str, what: str, seconds: float) -> int:
    from seatledger.cli.asking import ask
    from seatledger.cli.session import session
    from seatledger.schemas.commands import Owner, RetryFinding
    from seatledger.schemas.ids import FindingId

    async with session(context) as opened:
        owner, row = await _find(opened.store, finding)
        connection = (row.get("subject") or {}).get("connection")
        with context.progress(f"asking {owner} to {what} …"):
            answer = await ask(
                opened, Owner(owner), RetryFinding(finding=FindingId(finding)), connection=connection, seconds=seconds
            )
    if context.json:
        context.document({"finding": finding, "ok": answer.ok, "message": answer.message, **answer.result})
    context.say(answer.message or ("It goes out again." if answer.ok else "It does not go out again."))
    return Exit.DONE if answer.ok else Exit.NO


async def _find(store: "Store", finding: str) -> tuple[str, Row]:
    """The finding and who takes it up; exit 2 where there is none, or where nothing can be tried again."""
    for _, row in await _stored(store, {"_id": finding}):
        if row["code"] in _RETRIED_BY:
            return _RETRIED_BY[row["code"]], row
        retried = " and ".join(sorted(_RETRIED_BY))
        do = f"Only {retried} have; do what the finding says"
        raise usage(f"finding {finding}", f"a finding {row['code']} has nothing to try again", do)
    raise usage(f"finding {finding!r}", "there is none with this id", "`seatledger findings --all` lists them")
