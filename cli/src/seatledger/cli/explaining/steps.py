"""The chain as steps: source, event, mapping, plan, intent, request, answer, readback, settlement, finding. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from seatledger.cli.explaining.facts import Facts, Life
from seatledger.cli.explaining.gathering import company_name_key, result_of, service_name_key
from seatledger.cli.explaining.raw import evidence, reference
from seatledger.schemas.base import Json, instant_text
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event, event_identity
from seatledger.schemas.findings import Finding
from seatledger.schemas.intents import AdjustmentSettled, Outcome
from seatledger.schemas.planning import PlanDocument
from seatledger.schemas.shapes import MappedShape
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Change, Mapped, MappingOutcome, RawRef, SubscriptionChanged

Kind = Literal["source", "event", "mapping", "plan", "intent", "request", "answer", "readback", "settlement", "finding"]


@dataclass(frozen=True)
class Step:
    """One step. ``at`` is the business calendar's instant, but for requests, which really happened when they did."""

    kind: Kind
    at: datetime | None
    id: str
    data: Json

    def to_json(self) -> Json:
        at = None if self.at is None else instant_text(self.at)
        return {"kind": self.kind, "at": at, "id": self.id, "data": self.data}


def steps(facts: Facts) -> list[Step]:
    """Each intent behind what made it, each once; then what stands now and led to none; then findings."""
    told: list[Step] = []
    for life in facts.lives:
        for cause in life.causes:
            told += caused(facts, facts.said[cause]) if cause in facts.said else []
        told += lived(facts, life)
    told += list(standing(facts))
    told += [_finding(one) for one in facts.findings]
    return _once(told)


def _once(told: Iterable[Step]) -> list[Step]:
    kept: dict[tuple[str, str, str], Step] = {}
    for step in told:
        kept.setdefault((step.kind, step.id, str(step.data.get("send") or step.data.get("content"))), step)
    return list(kept.values())


def caused(facts: Facts, event: Event) -> list[Step]:
    """From the raw payload to the mapper's result."""
    data = result_of(event)
    snapshot = data.subscription
    mapping = _mapping(facts, event.id, event.time, snapshot, data.outcome, data.revision)
    return [*_read(facts, snapshot), _in_chain(mapping, event.correlationid)]


def _in_chain(step: Step, correlation: str | None) -> Step:
    """A step whose event bears the ``correlationid`` of its chain, by which the logs are searched."""
    return replace(step, data={**step.data, "correlation": correlation})


def _read(facts: Facts, snapshot: SubscriptionChanged) -> Iterator[Step]:
    if snapshot.raw is not None:
        yield _source(facts, snapshot, snapshot.raw)
    elif snapshot.change is Change.GONE:
        yield _absence(snapshot)
    identity = _changed_identity(snapshot)
    yield _in_chain(Step("event", snapshot.observed_at, identity, _changed(snapshot)), identity)


def _changed_identity(snapshot: SubscriptionChanged) -> str:
    """Id of the event that said it: the first of its chain, so that the chain bears it too."""
    return event_identity(SubscriptionChanged.event_type, str(snapshot.key), snapshot.revision)


def _source(facts: Facts, snapshot: SubscriptionChanged, raw: RawRef) -> Step:
    account = snapshot.key.source
    place = {"file": raw.file, "row": raw.row} if raw.file else {"payload": raw.payload}
    where = evidence(snapshot, raw)
    data = {"source": account, **place, "content": facts.raw.get(where), "unread": facts.unread.get(where)}
    return Step("source", snapshot.reported_at or snapshot.observed_at, reference(raw), data)


def _absence(snapshot: SubscriptionChanged) -> Step:
    """What is gone has no row: complete lists without it are what its source said."""
    since = None if snapshot.effective_on is None else snapshot.effective_on.isoformat()
    data = {"source": snapshot.key.source, "absent_since": since, "content": None}
    return Step("source", snapshot.observed_at, f"{snapshot.key}@{since}", data)


_OF_A_CHANGE = (
    "revision",
    "change",
    "quantity",
    "previous_quantity",
    "status",
    "raw_status",
    "offer_name",
    "billing_cycle",
    "effective_on",
    "complete",
    "missing",
    "asks",
)


def _changed(snapshot: SubscriptionChanged) -> Json:
    whole = snapshot.model_dump(mode="json")
    customer = {"id": snapshot.customer.id, "name": snapshot.customer.name}
    about = {"source": snapshot.key.source, "subscription": str(snapshot.key), "customer": customer}
    return {**about, "offer": snapshot.offer.offer, **{name: whole[name] for name in _OF_A_CHANGE}}


def _mapping(
    facts: Facts,
    identity: str,
    at: datetime | None,
    snapshot: SubscriptionChanged,
    outcome: MappingOutcome,
    revision: int,
) -> Step:
    data: Json = {"subscription": str(snapshot.key), "revision": revision, "outcome": outcome.kind}
    data |= outcome.model_dump(mode="json", exclude={"kind"})
    if isinstance(outcome, Mapped):
        data["company_name"] = facts.names.get(company_name_key(snapshot.connection, outcome.company))
        data["service_name"] = facts.names.get(service_name_key(snapshot.connection, outcome.service))
    return Step("mapping", at, identity, {**data, "by": _mapped_by(facts, snapshot, at)})


def _mapped_by(facts: Facts, snapshot: SubscriptionChanged, at: datetime | None) -> Json:
    """Who mapped what, as it stood then; nobody where it follows from equal names."""
    keys = {
        "company": snapshot.customer.id,
        "offer": snapshot.offer.offer,
        "contract": snapshot.key.subscription,
    }
    by: Json = {}
    for row in facts.rows:
        if (
            row.source == snapshot.key.source
            and row.key == keys[row.kind]
            and _fits(row.term, row.billing_cycle, snapshot)
        ):
            past = [change for change in row.history if at is None or change.at <= at]
            if past and past[-1].word.state != "unmapped":
                by[row.kind] = {"by": past[-1].by, "at": instant_text(past[-1].at), "why": past[-1].why}
    return by


def _fits(term: str, cycle: str, snapshot: SubscriptionChanged) -> bool:
    return term in ("", snapshot.offer.term) and cycle in ("", snapshot.offer.billing_cycle)


def lived(facts: Facts, life: Life) -> Iterator[Step]:
    """From the plan to the settlement."""
    plan = facts.plans.get(life.plan) if life.plan else None
    if plan is not None:
        yield plan_step(plan, {life.item} if life.item else set())
    yield _in_chain(_intent(facts, life), _correlation(facts, life))
    sends, answered = 0, None
    for settled in life.history:
        if _was_sent(settled, sends):
            yield _request(life, settled.sends or 1, settled.sent_at or settled.posted_at)
        sends = max(sends, settled.sends)
        if settled.answer is not None and settled.answer != answered:
            answered = settled.answer
            answer = {"status": settled.answer.status, "text": settled.answer.text, "send": sends}
            yield Step("answer", settled.settled_at, _identity(settled), answer)
        yield from _read_back(settled)
        yield _settlement(settled)
    if life.open is not None and life.open.sends > sends:
        yield _request(life, life.open.sends, life.open.sent_at)


def _correlation(facts: Facts, life: Life) -> str | None:
    """The chain in which it was released: as the writer has it, else that of its first cause by id, which the planner
    takes. None where neither is kept."""
    if life.cause is not None:
        return life.cause.correlation
    cause = facts.said.get(min(life.causes, default=""))
    return cause.correlationid if cause is not None else None


def plan_step(plan: PlanDocument, hashes: set[str]) -> Step:
    items = [item.model_dump(mode="json") for item in plan.items if not hashes or item.hash in hashes]
    data = {"company": plan.company, "hash": plan.hash, "state": plan.state.value, "asks": plan.asks}
    return Step("plan", plan.created_at, plan.id, {**data, "approved_by": plan.approved_by, "items": items})


def _intent(facts: Facts, life: Life) -> Step:
    at = life.at
    data: Json = {
        **at.model_dump(mode="json"),
        "company_name": facts.names.get(company_name_key(at.connection, at.company)),
        "service_name": facts.names.get(service_name_key(at.connection, at.service)),
        "version": life.released.version if life.released else None,
        "effective_on": None if life.on is None else life.on.isoformat(),
        "before": on_day(life.before, life.on),
        "after": on_day(life.after, life.on),
        "jump": life.jump,
        "causes": list(life.causes),
    }
    return Step("intent", life.released.released_at if life.released else None, life.id, data)


def on_day(units: StepFunction, day: date | None) -> int:
    """The units from a day on; those that hold in the end for an intent without a day (a link)."""
    return (units.last or 0) if day is None else units.units_at(day)


def _was_sent(settled: AdjustmentSettled, sends: int) -> bool:
    """Outcomes of releases before this one tell no number of sends, only when a send had its effect."""
    return settled.sends > sends or (settled.sends == 0 and settled.posted_at is not None)


def _request(life: Life, send: int, at: datetime | None) -> Step:
    data = {"send": send, "contract": life.at.contract, "line": life.at.line, "unit_change": life.jump}
    day = None if life.on is None else life.on.isoformat()
    return Step("request", at, life.id, {**data, "effective_on": day})


_SEEN = {
    Outcome.POSTED: "after",
    Outcome.IN_PLACE: "after",
    Outcome.NOT_SEEN: "before",
    Outcome.DRIFTED: "neither",
    Outcome.HELD: "neither",
}
"""What the rows showed where an outcome says so (kernel.md section 3)."""


def _read_back(settled: AdjustmentSettled) -> Iterator[Step]:
    shown = _SEEN.get(settled.outcome)
    if shown is None:
        return
    units = {"after": settled.after, "before": settled.before}.get(shown, settled.rows)
    rows = None if units is None else on_day(units, settled.on)
    data = {"line": settled.at.line, "rows_show": shown, "units": rows}
    yield Step("readback", settled.settled_at, _identity(settled), data)


def _settlement(settled: AdjustmentSettled) -> Step:
    refusal = None if settled.refusal is None else settled.refusal.value
    posted_at = None if settled.posted_at is None else instant_text(settled.posted_at)
    data = {"intent": settled.intent, "outcome": settled.outcome.value, "refusal": refusal, "message": settled.message}
    version = {"sequence": settled.sequence, "version": settled.version, "posted_at": posted_at}
    return Step("settlement", settled.settled_at, _identity(settled), {**data, **version})


def _identity(settled: AdjustmentSettled) -> str:
    return event_identity(AdjustmentSettled.event_type, settled.intent, settled.sequence)


def standing(facts: Facts) -> Iterator[Step]:
    """What is said of each subscription now, where no intent came of it (yet)."""
    for key in sorted({*facts.snapshots, *facts.mapped}):
        snapshot, mapped = facts.snapshots.get(key), facts.mapped.get(key)
        if snapshot is not None:
            yield from _read(facts, snapshot.state)
        elif mapped is not None:
            yield from _read(facts, mapped.sighting.snapshot)
        if mapped is not None:
            yield _mapped_now(facts, mapped)
    yield from (plan_step(plan, hashes) for plan, hashes in waiting_plans(facts))


def _mapped_now(facts: Facts, mapped: MappedShape) -> Step:
    """The newest result; under the company that it names, where two were told of it."""
    newest = max(mapped.said, key=_newest, default=None)
    identity, at = (newest.event.id, newest.event.time) if newest else (mapped.id, None)
    step = _mapping(facts, identity, at, mapped.sighting.snapshot, mapped.outcome, mapped.revision)
    return _in_chain(step, newest.event.correlationid if newest else _changed_identity(mapped.sighting.snapshot))


def _newest(entry: Outgoing) -> tuple[int, bool]:
    data = entry.event.data
    return int(data["revision"]), data["outcome"]["kind"] != "unassigned"


def waiting_plans(facts: Facts) -> list[tuple[PlanDocument, set[str]]]:
    """Plans of wishes that wait for a person or a day, and those that `observe` only shows, with the items meant."""
    plans = sorted(facts.plans.values(), key=lambda one: (one.created_at, one.id))
    wished = {wish.hash for _, wish in facts.wishes()}
    items = ((plan, [*facts.observed(plan), *(item for item in plan.items if item.hash in wished)]) for plan in plans)
    return [(plan, {item.hash for item in found}) for plan, found in items if found]


def _finding(one: Finding) -> Step:
    whole = one.model_dump(mode="json")
    names = ("message", "do", "money_per_month", "count", "closed_at")
    data = {"code": one.code.value, "subject": one.subject.model_dump(mode="json", exclude_none=True)}
    return Step("finding", one.opened_at, one.id, {**data, **{name: whole[name] for name in names}})
