"""The outcome in a sentence, and each step in a line, for people. Pure."""

from collections.abc import Iterable
from textwrap import shorten
from typing import Any, assert_never

from seatledger.cli.context import cell
from seatledger.cli.explaining.facts import Facts, Life
from seatledger.cli.explaining.steps import Step, on_day, waiting_plans
from seatledger.schemas.planning import PlanState
from seatledger.schemas.shapes import MappedShape, MemberShape
from seatledger.schemas.subscriptions import Excluded, Ignored, Mapped, Unassigned, Unmapped


def outcome(facts: Facts) -> str:
    """What came of it, beginning with its word: ``posted: …``."""
    keys = sorted({*facts.snapshots, *facts.mapped})
    if not keys:
        return life_outcome(facts.lives[0])
    said = [_subscription(facts, key) for key in keys]
    return said[0] if len(keys) == 1 else "; ".join(f"{key}: {text}" for key, text in zip(keys, said, strict=True))


def life_outcome(life: Life) -> str:
    """What became of an intent."""
    word = _state(life)
    line, day = f"line {life.at.line}", "" if life.on is None else f" from {life.on}"
    before, after = on_day(life.before, life.on), on_day(life.after, life.on)
    why = life.history[-1].message if life.history else ""
    change = f"{before} → {after} on {line}{day}"
    told = {
        "posted": f"{line} stands at {after} instead of {before}{day}",
        "in_place": f"{line} stood at {after}{day} already, nothing was sent",
        "released": "the PSA writer has not answered yet",
        "taken": f"{line} is about to go from {before} to {after}{day}",
        "sent": f"{change} was sent, and is being read back",
        "unknown": f"{change} was sent without a clear answer; reading decides",
        "held": f"{change} was sent, and the line shows neither",
        "not_seen": f"{change} was sent and did not arrive",
        "drifted": f"{change} was not sent, somebody else had changed the line",
        "stale": f"{change} was not sent, the line had changed meanwhile",
        "withdrawn": f"{change} was taken back",
    }.get(word, change)
    return f"{word}: {told}" + (f" ({why})" if why and word not in ("posted", "in_place") else "")


def _state(life: Life) -> str:
    if life.open is not None:
        return life.open.state.value
    return life.history[-1].outcome.value if life.history else "released"


def _subscription(facts: Facts, key: str) -> str:
    mapped = facts.mapped.get(key)
    if mapped is None:
        return "read: the mapper has not decided it yet"
    return _not_billed(mapped) or _billed(facts, key, mapped)


def _not_billed(mapped: MappedShape) -> str:
    match mapped.outcome:
        case Unmapped(missing=missing):
            why = "; ".join(lack.why for lack in mapped.lacks if lack.why)
            return f"unmapped: no {'service' if missing == 'offer' else 'company'} for it" + (
                f" ({why})" if why else ""
            )
        case Ignored(reason=reason, expires_on=until):
            return f"ignored: {reason or 'a person said so'}" + (f" (until {until})" if until else "")
        case Excluded(reason=reason):
            return f"excluded: {reason or 'its customer or source does not count'}"
        case Mapped() | Unassigned():
            return ""
        case _:
            assert_never(mapped.outcome)


def _billed(facts: Facts, key: str, mapped: MappedShape) -> str:
    member = _member(facts, key, mapped)
    if member is None:
        return "mapped: the planner has not taken it in yet"
    if member.frozen_on is not None:
        return f"frozen: since {member.frozen_on} its source does not count ({member.frozen_why})"
    waits = _waits(facts)
    lives = [life for life in facts.lives if _state(life) not in ("withdrawn", "stale")]
    last = life_outcome(lives[-1]) if lives else ""
    if lives and not lives[-1].over:
        return last
    if waits:
        return f"{waits}; before that {last}" if last else waits
    waits = _not_counting(member)
    if waits:
        return f"waiting: {waits}" + (f"; before that {last}" if last else "")
    return last or f"in_place: line {member.line} has nothing to change for it"


def _not_counting(member: MemberShape) -> str:
    """Why it asks nothing of a line yet."""
    if member.line is None:
        return "it counts on no contract line: in `observe` none is taken, else a finding says what is missing"
    if member.joined_on is None:
        return f"line {member.line} is meant, once every source was read and nothing hinders it"
    return ""


def _member(facts: Facts, key: str, mapped: MappedShape) -> MemberShape | None:
    """In the company that its mapping names, else where it was last."""
    found = [company.members[key] for company in facts.companies.values() if key in company.members]
    if isinstance(mapped.outcome, Mapped):
        here = f"{mapped.connection}/{mapped.outcome.company}"
        found = [one.members[key] for one in facts.companies.values() if one.id == here and key in one.members] or found
    return found[0] if found else None


def _waits(facts: Facts) -> str:
    plans = waiting_plans(facts)
    for line, wish in facts.wishes():
        change = f"{wish.before} → {wish.after} on line {line.line} from {wish.on}"
        plan = next((plan for plan, hashes in plans if wish.hash in hashes), None)
        if plan is not None and plan.state is PlanState.PROPOSED:
            return f"waiting_approval: {change}, in {plan.id} ({plan.asks})"
        if plan is not None and plan.state is PlanState.REJECTED:
            return f"rejected: {change}, in {plan.id} ({plan.asks})"
        return f"waiting_day: {change}"
    for plan, _ in plans:
        for item in facts.observed(plan):
            change = f"{item.before} → {item.after} on line {item.line} from {item.effective_on}"
            return f"observed: {change}, in {plan.id}; in `observe` nothing is sent"
    return ""


def chains(told: Iterable[Step]) -> list[str]:
    """A line for each chain: the id that its log lines bear, and what of the walk is in it."""
    found: dict[str, list[str]] = {}
    for step in told:
        if step.kind in ("event", "intent") and step.data["correlation"]:
            what = f"intent {step.id}" if step.kind == "intent" else f"revision {step.data['revision']}"
            found.setdefault(step.data["correlation"], []).append(what)
    return [f"correlation {correlation}: {', '.join(whats)}" for correlation, whats in found.items()]


def line_of(step: Step) -> str:
    """A step as people read it."""
    return _TELL[step.kind](step.data, step.id)


def _source(data: dict[str, Any], _: str) -> str:
    if "absent_since" in data:
        return f"{data['source']}: absent from its complete lists, confirmed, since {data['absent_since']}"
    place = f"{data['file']}, row {data['row']}" if "file" in data else f"payload {data['payload']}"
    if data["unread"]:
        return f"{data['source']}: {place}: not shown: {data['unread']}"
    content = data["content"] or {}
    told = [name for name in _TELLING if content.get(name) not in (None, "")] or list(content)
    shown = ", ".join(f"{name} {content[name]}" for name in told if isinstance(content[name], str | int))
    return f"{data['source']}: {place}" + (f": {shorten(shown, WIDEST, placeholder=' …')}" if shown else "")


WIDEST = 160
"""Characters of a payload in one line."""
_TELLING = (
    "subscription_id",
    "id",
    "offer_id",
    "offerId",
    "offer_name",
    "offerName",
    "status",
    "quantity",
    "effective_date",
    "record_type",
)
"""What a payload says of a subscription, by its names in a file drop and at Partner Center."""


def _event(data: dict[str, Any], _: str) -> str:
    day = f" from {data['effective_on']}" if data["effective_on"] else ""
    missing = f", incomplete: {', '.join(data['missing'])}" if data["missing"] else ""
    seats = f"{data['quantity']} seats {data['status']}{day}{missing}"
    return f"{data['subscription']} revision {data['revision']} ({data['change']}): {data['offer_name']}, {seats}"


def _mapping(data: dict[str, Any], _: str) -> str:
    if data["outcome"] != "mapped":
        return f"{data['subscription']}: {data['outcome']}" + (f" ({data['reason']})" if data.get("reason") else "")
    company, service = _named(data, "company"), _named(data, "service")
    contract = f", contract {data['contract']}" if data.get("contract") else ""
    by = sorted({one["by"] for one in data["by"].values()})
    return f"{data['subscription']}: {company}, {service}{contract}, " + (
        f"mapped by {', '.join(by)}" if by else "by equal names"
    )


def _named(data: dict[str, Any], what: str) -> str:
    name = data.get(f"{what}_name")
    return f"{what} {data[what]}" + (f" ({name})" if name else "")


def _plan(data: dict[str, Any], identity: str) -> str:
    items = "; ".join(
        f"line {item['line']} {item['before']} → {item['after']} from {item['effective_on']}"
        + (f", {cell(item['each_period'])} a period" if item["each_period"] else "")
        for item in data["items"]
    )
    who = f", approved by {data['approved_by']}" if data["approved_by"] else f" ({data['asks']})"
    return f"{identity} {data['state']}{who}" + (f": {items}" if items else "")


def _intent(data: dict[str, Any], identity: str) -> str:
    day = f" from {data['effective_on']}" if data["effective_on"] else ""
    place = f"{_named(data, 'company')}, contract {data['contract']}, line {data['line']}"
    return f"{identity}: {place}: {data['before']} → {data['after']}{day}"


def _request(data: dict[str, Any], _: str) -> str:
    what = f"{data['unit_change']:+d} units on line {data['line']} from {data['effective_on']}"
    return f"POST to Autotask: {what}" + (f" (send {data['send']})" if data["send"] > 1 else "")


def _answer(data: dict[str, Any], _: str) -> str:
    return f"Autotask: {data['status'] or 'no answer'}" + (f" {data['text']}" if data["text"] else "")


def _read_back(data: dict[str, Any], _: str) -> str:
    shows = {"after": "as it should be", "before": "as before the send"}.get(
        data["rows_show"], "neither before nor after"
    )
    return f"line {data['line']} reads {data['units']}: {shows}"


def _settlement(data: dict[str, Any], _: str) -> str:
    refusal = f" ({data['refusal']})" if data["refusal"] else ""
    return f"{data['outcome']}{refusal}" + (f": {data['message']}" if data["message"] else "")


def _finding(data: dict[str, Any], identity: str) -> str:
    closed = f", closed {cell(data['closed_at'])}" if data["closed_at"] else ""
    return f"{identity}{closed}: {data['message']}" + ("" if data["closed_at"] else f" → {data['do']}")


_TELL = {
    "source": _source,
    "event": _event,
    "mapping": _mapping,
    "plan": _plan,
    "intent": _intent,
    "request": _request,
    "answer": _answer,
    "readback": _read_back,
    "settlement": _settlement,
    "finding": _finding,
}
