"""``explain``: why a unit is there, from what a source said to what Autotask answered."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from seatledger.cli.context import Context, Ctx, Row, cell
from seatledger.cli.errors import usage
from seatledger.cli.naming import in_text, renamed

if TYPE_CHECKING:
    from seatledger.cli.explaining.facts import Facts
    from seatledger.cli.session import Session


def explain(subscription: str, /, *others: str, context: Ctx) -> int:
    """Why units are there: from the source's payload over mapping, plan and intent to Autotask's answer.

    Exit 2 where neither a subscription nor an intent has this id.

    Example: seatledger explain SUB-77

    Parameters
    ----------
    subscription
        A subscription's id, as its source or its vendor has it, SOURCE/SUBSCRIPTION, or an intent's id.
    others
        More of them; with --json the answer is then a list, in this order.
    """
    return asyncio.run(_explain(context, [subscription, *others]))


async def _explain(context: Context, words: list[str]) -> int:
    from seatledger.cli.explaining.words import outcome
    from seatledger.cli.session import session

    async with session(context) as opened:
        found = [await _facts(opened, word) for word in words]
    names = renamed(opened.config)
    if context.json:
        told = [{"outcome": in_text(names, outcome(one)), "steps": _rows(one, names)} for one in found]
        context.document(told[0] if len(told) == 1 else told)
        return 0
    for place, one in enumerate(found):
        if place:
            context.say("")
        context.say(in_text(names, outcome(one)))
        _say_steps(context, one, names)
    return 0


async def _facts(opened: "Session", word: str) -> "Facts":
    from seatledger.cli.explaining.gathering import Gathering

    walk = Gathering(opened.store, opened.config)
    if not (await walk.intent(word) or await walk.subscription(_by_account(opened, word))):
        do = "Write a subscription's id, SOURCE/SUBSCRIPTION, or an intent's id"
        raise usage(f"explain {word!r}", "no subscription and no intent has this id", do)
    return walk.facts


def _by_account(opened: "Session", word: str) -> str:
    """``SOURCE/…`` by the name that the source has in the stores."""
    from seatledger.schemas.ids import SourceName

    source, slash, rest = word.partition("/")
    found = opened.config.sources.get(SourceName(source))
    return f"{found.renamed_from}/{rest}" if slash and found is not None and found.renamed_from else word


def _rows(facts: "Facts", names: Mapping[str, str]) -> list[Row]:
    from seatledger.cli.explaining.steps import steps

    rows = [step.to_json() for step in steps(facts)]
    for row in rows:
        if row["data"].get("source") in names:
            row["data"]["source"] = names[row["data"]["source"]]
    return rows


def _say_steps(context: Context, facts: "Facts", names: Mapping[str, str]) -> None:
    from seatledger.cli.explaining.steps import steps
    from seatledger.cli.explaining.words import chains, line_of

    told = steps(facts)
    for step in told:
        at = cell(step.to_json()["at"]) or "-"
        context.say(f"{at:<21} {step.kind:<10} {in_text(names, line_of(step))}")
    for line in chains(told):
        context.say(f"{'-':<21} {'logs':<10} {line}")
