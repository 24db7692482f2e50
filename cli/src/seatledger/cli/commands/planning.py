"""``plan``: what would be posted, and a person's word on it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cyclopts import App

from seatledger.cli.context import Context, Ctx, Row
from seatledger.cli.errors import Exit, usage

if TYPE_CHECKING:
    from seatledger.cli.plan_people import Meaning
    from seatledger.cli.session import Session
    from seatledger.schemas.commands import Body
    from seatledger.schemas.planning import PlanDocument

TIMEOUT_SECONDS = 60.0
_LIST = ("id", "hash", "connection", "company", "state", "items", "created_at")
_FOR_PEOPLE = ("id", "company", "state", "units", "each_period", "created_at", "expires_at", "hash")
_ITEMS = ("line", "service", "effective_on", "units", "unit_price", "this_period", "each_period", "state", "together")
_WHY = {
    "observe": "only shown: the company is in mode observe",
    "propose": "waits for your word: the company is in mode propose",
    "first_link": "waits for your word: the first change on a line that was never linked",
    "first_decrease": "waits for your word: the first change on a line that was never linked, and a decrease",
}
"""Why a plan does not go by itself, for people."""

app = App(name="plan", help="What would be posted, and your word on it.\n\nExample: seatledger plan list")


@app.command(name="list")
def list_(*, company: int | None = None, context: Ctx) -> int:
    """All plans, the newest last.

    One that nobody answers expires after 14 days; what still differs then stands in a plan of its own.

    Example: seatledger plan list --company 101

    Parameters
    ----------
    company
        Of this company alone.
    """
    return asyncio.run(_list(context, company))


@app.command
def show(plan: str, /, *, context: Ctx) -> int:
    """One plan with its items.

    Example: seatledger plan show plan-8521d66daf8ab819

    Parameters
    ----------
    plan
        The plan's id, as `seatledger plan list` shows it.
    """
    return asyncio.run(_show(context, plan))


@app.command
def approve(plan: str, /, *, hash_: str, context: Ctx) -> int:
    """Release a plan's items, if its hash is still this one. It takes back a `plan reject`, too.

    Exit 1, with the plan as it now is, where it moved.

    Example: seatledger plan approve plan-8521d66daf8ab819 --hash 1c00ac15a8df5ae8

    Parameters
    ----------
    plan
        The plan's id.
    hash_
        The hash that `seatledger plan list` showed.
    """
    return asyncio.run(_approve(context, plan, hash_))


@app.command
def reject(plan: str, /, *, reason: str, context: Ctx) -> int:
    """Do not post a plan; its items wait until they change, or until somebody approves it after all.

    Example: seatledger plan reject plan-8521d66daf8ab819 --reason "the customer disputes it"

    Parameters
    ----------
    plan
        The plan's id.
    reason
        Why; stands with the plan.
    """
    return asyncio.run(_reject(context, plan, reason))


def head(plan: "PlanDocument") -> Row:
    """A plan as ``plan list`` shows it; ``items`` is their number."""
    whole = plan.model_dump(mode="json")
    return {**{name: whole[name] for name in _LIST}, "items": len(plan.items)}


def whole(plan: "PlanDocument") -> Row:
    """A plan as ``plan show`` shows it."""
    dumped = plan.model_dump(mode="json")
    return {
        **head(plan),
        "basis_at": dumped["basis_at"],
        "expires_at": dumped["expires_at"],
        "again_for": plan.again_for,
        "asks": plan.asks,
        "items": dumped["items"],
    }


async def _list(context: Context, company: int | None) -> int:
    from seatledger.cli.plan_people import at_a_glance, company_names
    from seatledger.cli.session import session
    from seatledger.cli.sweeping import awaited
    from seatledger.runtime.store import Documents
    from seatledger.schemas.planning import PLANS, PlanDocument

    async with session(context) as opened:
        plans = Documents(opened.store.collection(PLANS), PlanDocument)
        found = await plans.find({} if company is None else {"company": company})
        found.sort(key=lambda plan: (plan.created_at, plan.id))
        if context.json:
            context.document([head(plan) for plan in found])
            return 0
        names = await company_names(opened.store, found)
        waits = [] if found else await awaited(opened)
    rows = [{**head(plan), **at_a_glance(plan, names)} for plan in found]
    columns = _FOR_PEOPLE if len(opened.config.psa) == 1 else ("connection", *_FOR_PEOPLE)
    context.table("plans", rows, columns, empty="There is no plan.")
    for sentence in waits:
        context.say(sentence)
    return 0


async def _show(context: Context, plan: str) -> int:
    from seatledger.cli.session import session

    async with session(context) as opened:
        found = await _find(opened, plan)
        means = await _means(opened, found)
    _print(context, whole(found), found, means)
    return 0


async def _approve(context: Context, plan: str, hash_: str) -> int:
    from seatledger.schemas.commands import ApprovePlan
    from seatledger.schemas.ids import PlanId

    return await _decide(context, plan, ApprovePlan(plan=PlanId(plan), hash=hash_), "approved")


async def _reject(context: Context, plan: str, reason: str) -> int:
    from seatledger.schemas.commands import RejectPlan
    from seatledger.schemas.ids import PlanId

    return await _decide(context, plan, RejectPlan(plan=PlanId(plan), reason=reason), "rejected")


async def _decide(context: Context, plan: str, body: "Body", done: str) -> int:
    """Send a person's word; what comes back is the plan as it stands then."""
    from seatledger.cli.asking import ask
    from seatledger.cli.session import session
    from seatledger.schemas.commands import Owner

    async with session(context) as opened:
        found = await _find(opened, plan)
        with context.progress("asking the planner …"):
            answer = await ask(opened, Owner.PLANNER, body, connection=found.connection, seconds=TIMEOUT_SECONDS)
        now = await _find(opened, plan)
        means = await _means(opened, now)
    message = answer.message or (f"The plan is {done}." if answer.ok else "The plan was not changed.")
    if context.json:
        context.document({**answer.result, "ok": answer.ok, "message": message, "plan": whole(now)})
    else:
        context.say(message)
        if not answer.ok:
            _print(context, whole(now), now, means)
    return Exit.DONE if answer.ok else Exit.NO


async def _means(opened: "Session", plan: "PlanDocument") -> "Meaning":
    from seatledger.cli.naming import renamed
    from seatledger.cli.plan_people import Meaning, meaning

    if opened.context.json:
        return Meaning()
    return await meaning(opened.store, plan, renamed(opened.config))


async def _find(opened: "Session", plan: str) -> "PlanDocument":
    from seatledger.runtime.store import Documents
    from seatledger.schemas.planning import PLANS, PlanDocument

    found = await Documents(opened.store.collection(PLANS), PlanDocument).get(plan)
    if found is None:
        raise usage(f"plan {plan!r}", "there is none with this id", "`seatledger plan list` lists them")
    return found


def _print(context: Context, document: Row, plan: "PlanDocument", means: "Meaning") -> None:
    if context.json:
        context.document(document)
        return
    company = f"company {plan.company}" + (f" ({means.company})" if means.company else "")
    context.say(f"plan {plan.id}  hash {plan.hash}  {company}  {plan.state.value}")
    for sentence in _standing(plan):
        context.say(sentence)
    together = Counter(item.group for item in plan.items)
    rows = [
        {
            **item,
            "units": f"{item['before']} → {item['after']}",
            "together": item["group"] if together[item["group"]] > 1 else "",
        }
        for item in document["items"]
    ]
    context.table("items", rows, _ITEMS, empty="It has no items.")
    for item in document["items"]:
        if behind := means.behind(item["causes"]):
            context.say(f"line {item['line']}: because of {behind}")
        for warning in item["warnings"]:
            if warning.partition(":")[0] not in plan.asks.split(", "):  # said above
                context.say(f"line {item['line']}: {warning}")
        for move in item["moves"]:
            where = f"line {move['line']} of contract {move['contract']} (company {move['company']})"
            who = means.place(move["subscription"]["source"], move["subscription"]["subscription"])
            context.say(f"line {item['line']}: with {who} its {move['units']} units go to {where}")
    if plan.asks != "observe" and plan.state.value in ("proposed", "rejected"):
        after_all = " after all" if plan.state.value == "rejected" else ""
        context.say(f"To post it{after_all}: seatledger plan approve {plan.id} --hash {plan.hash}")


def _standing(plan: "PlanDocument") -> Iterator[str]:
    """Why it waits, and how long, or why it does not any more."""
    day = f"{plan.expires_at:%Y-%m-%d}" if plan.expires_at else ""
    match plan.state.value:
        case "proposed":
            for why in plan.asks.split(", "):
                yield _WHY.get(why, f"waits for your word: {why}")
            if plan.again_for:
                yield f"asks again for {plan.again_for}, which nobody answered; its days are kept"
            if day:
                yield f"expires on {day}, and then asks again"
        case "rejected":
            yield f"rejected: {plan.asks}"
        case "expired":
            others = f"seatledger plan list --company {plan.company}"
            yield f"expired on {day} without an answer; what still differs: {others}"
