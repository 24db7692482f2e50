"""Plans: what people approve, reject and look back at (kernel.md section 8)."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from seatledger.contract_planner.domain.state import CompanyDocument, LineState, Wish
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import PlanId
from seatledger.schemas.mirror import MirrorLine, UnitRow
from seatledger.schemas.money import Money
from seatledger.schemas.planning import ItemState, PlanDocument, PlanItem, PlanState

LIFE: Final = timedelta(days=14)
"""How long a plan waits for an answer, on the business calendar (kernel.md section 8)."""
POLICY: Final = "policy"
"""Who approved what goes by itself."""
_UNSENT: Final = frozenset({ItemState.PROPOSED, ItemState.APPROVED})
_SAID_YES: Final = frozenset({PlanState.APPROVED, PlanState.EXECUTING})
_OVER: Final = frozenset({PlanState.SUPERSEDED, PlanState.DONE, PlanState.EXPIRED})


@dataclass(frozen=True)
class Asked:
    """A wish with its line and why it needs a person: ``""`` where it goes by itself, on the word of ``by``."""

    line: LineState
    wish: Wish
    asks: str
    item: PlanItem
    by: str = POLICY


def digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def item_hash(line: int, on: date, before: int, after: int, price: Decimal | None) -> str:
    """Where any of these moves, an approval is void."""
    return digest(line, on, before, after, price)


def item_of(line: LineState, wish: Wish, mirrored: MirrorLine | None, currency: str) -> PlanItem:
    price = None if mirrored is None or mirrored.unit_price is None else mirrored.unit_price
    unit = None if price is None else Money(amount=price, currency=currency)
    full = unit and unit.times(wish.jump)
    return PlanItem(
        hash=wish.hash,
        group="",
        state=ItemState.PROPOSED,
        contract=line.contract,
        line=line.line,
        service=line.service,
        effective_on=wish.on,
        before=wish.before,
        after=wish.after,
        unit_price=unit,
        this_period=full and _this_period(full, wish.on, mirrored.rows if mirrored else ()),
        each_period=full and full.rounded(),
        causes=wish.causes,
    )


def _this_period(full: Money, on: date, rows: Iterable[UnitRow]) -> Money | None:
    """The share of the row that ``on`` lies in, by days; for people, never for a decision. None without such a row."""
    row = next((row for row in rows if row.start <= on <= row.end), None)
    if row is None:
        return None
    part = Decimal((row.end - on).days + 1) / Decimal((row.end - row.start).days + 1)
    return Money(amount=full.amount * part, currency=full.currency).rounded()


def warned(wish: Wish, asks: str, *, first: bool) -> Iterator[str]:
    """What a person should see before a yes. ``first``: nothing of ours was ever posted on its line, so what a decrease
    takes away was put there by somebody else, whichever mode asks (no part of the hash)."""
    if wish.moved is not None:
        yield f"{wish.moved.value}: meant for {wish.effective}, goes out on {wish.on}"
    if asks in {FindingCode.FIRST_LINK.value, FindingCode.FIRST_DECREASE.value}:
        yield f"{asks}: this line was never linked"
    elif first and wish.jump < 0:
        yield f"first change of this line, and it takes away {-wish.jump} {'unit' if wish.jump == -1 else 'units'}"


def arrange(document: CompanyDocument, asked: Iterable[Asked], now: datetime) -> CompanyDocument:
    """The document with its plans brought up to date: what moved is superseded, what nobody answered expires, and what
    then stands in no plan stands in a new one."""
    current = {one.wish.hash: one for one in asked}
    waiting = {key for key, plan in document.plans.items() if plan.state is PlanState.PROPOSED}
    plans = {key: _revised(plan, current) for key, plan in document.plans.items() if key not in waiting}
    open_ = _uncovered(current, plans)
    plans |= {key: _waiting_on(document.plans[key], open_, now) for key in waiting}
    expired = [plan for plan in plans.values() if plan.state is PlanState.EXPIRED]
    left = list(_uncovered(open_, plans).values())
    for asks, by in sorted({(bool(one.asks), one.by) for one in left}):
        plan = _new_plan(document, [one for one in left if (bool(one.asks), one.by) == (asks, by)], now)
        plans[plan.id] = _naming(plan, expired)
    return with_plans(document, plans)


def _uncovered(current: Mapping[str, Asked], plans: Mapping[str, PlanDocument]) -> dict[str, Asked]:
    """What stands in none of these plans."""
    live = {item.hash for plan in plans.values() if plan.state not in _OVER for item in plan.items if _live(item)}
    return {key: one for key, one in current.items() if key not in live}


def _naming(plan: PlanDocument, expired: Iterable[PlanDocument]) -> PlanDocument:
    """The plan with the one that expired, if it asks for the same again."""
    hashes = {item.hash for item in plan.items}
    before = next((one.id for one in expired if any(item.hash in hashes for item in one.items)), None)
    return plan.model_copy(update={"again_for": before})


def with_plans(document: CompanyDocument, plans: Mapping[str, PlanDocument]) -> CompanyDocument:
    """The document with these plans; what changed is marked for the projection."""
    moved = {key for key, plan in plans.items() if document.plans.get(key) != plan}
    unprojected = tuple(sorted({*document.unprojected, *moved}))
    return document.model_copy(update={"plans": dict(plans), "unprojected": unprojected})


def forget_over(document: CompanyDocument) -> CompanyDocument:
    """After the projection: plans that are over need not be carried any more."""
    kept = {key: plan for key, plan in document.plans.items() if not _finished(plan)}
    return document.model_copy(update={"plans": kept, "unprojected": ()})


def _finished(plan: PlanDocument) -> bool:
    return plan.state in _OVER or (plan.state is PlanState.REJECTED and not any(_live(item) for item in plan.items))


def _live(item: PlanItem) -> bool:
    return item.state is not ItemState.SUPERSEDED


def _waiting_on(plan: PlanDocument, open_: Mapping[str, Asked], now: datetime) -> PlanDocument:
    """A proposed plan as it stands now. Somebody would say yes to what it shows: all of its groups, unchanged."""
    if not _shows(plan, open_):
        return _over(plan, PlanState.SUPERSEDED)
    if plan.expires_at is not None and now >= plan.expires_at:
        return _over(plan, PlanState.EXPIRED)
    return plan.model_copy(update={"asks": _reasons(open_[item.hash] for item in plan.items)})


def _shows(plan: PlanDocument, open_: Mapping[str, Asked]) -> bool:
    """Whether it has every item of its groups, and each as it is now, the moved units' new lines included."""
    groups = {item.group for item in plan.items}
    wanted = {
        key: (one.item.group, one.item.moves) for key, one in open_.items() if one.asks and one.item.group in groups
    }
    return wanted == {item.hash: (item.group, item.moves) for item in plan.items}


def _revised(plan: PlanDocument, current: Mapping[str, Asked]) -> PlanDocument:
    """A plan that somebody, or the policy, has decided. Where a yes to an item is void, it is to what is unsent of its
    whole group."""
    if plan.state is PlanState.REJECTED:
        return _with_items(plan, [item if item.hash in current else _ended(item) for item in plan.items])
    void = {item.group for item in plan.items if item.state in _UNSENT and _void(plan, item, current)}
    items = [_ended(item) if item.state in _UNSENT and item.group in void else item for item in plan.items]
    revised = _with_items(plan, items)
    return revised.model_copy(update={"state": _state(revised, current)})


def _reasons(group: Iterable[Asked]) -> str:
    """Why a plan needs a person; it changes while the plan stands, as when ``observe`` becomes ``propose``."""
    return ", ".join(sorted({one.asks for one in group if one.asks}))


def _void(plan: PlanDocument, item: PlanItem, current: Mapping[str, Asked]) -> bool:
    """Whether a yes counts no more: the item moved, or the policy said yes to what now needs a person."""
    return item.hash not in current or (plan.approved_by == POLICY and current[item.hash].asks != "")


def _over(plan: PlanDocument, state: PlanState) -> PlanDocument:
    return _with_items(plan, [_ended(item) for item in plan.items]).model_copy(update={"state": state})


def _ended(item: PlanItem) -> PlanItem:
    return item.model_copy(update={"state": ItemState.SUPERSEDED})


def _with_items(plan: PlanDocument, items: Iterable[PlanItem]) -> PlanDocument:
    return plan.model_copy(update={"items": tuple(items)})


def _state(plan: PlanDocument, current: Mapping[str, Asked]) -> PlanState:
    """From its items: done once none of them has anything left to do."""
    waiting = [item for item in plan.items if item.state in _UNSENT and item.hash in current]
    out = [item for item in plan.items if item.state in {ItemState.RELEASED, ItemState.HELD, ItemState.NOT_SEEN}]
    refused = {ItemState.REFUSED, ItemState.DRIFTED}
    again = [item for item in plan.items if item.state in refused and item.hash in current]
    if not waiting and not out and not again:
        ended = all(item.state is ItemState.SUPERSEDED or item.hash not in current for item in plan.items)
        vain = all(item.state in _UNSENT or item.state is ItemState.SUPERSEDED for item in plan.items)
        return PlanState.SUPERSEDED if ended and vain else PlanState.DONE
    started = any(item.state not in {*_UNSENT, ItemState.SUPERSEDED} for item in plan.items)
    return PlanState.EXECUTING if started else PlanState.APPROVED


def _new_plan(document: CompanyDocument, group: list[Asked], now: datetime) -> PlanDocument:
    asks = _reasons(group)
    state = ItemState.PROPOSED if asks else ItemState.APPROVED
    items = tuple(one.item.model_copy(update={"state": state}) for one in group)
    hash_ = digest(*(item.hash for item in items))
    return PlanDocument(
        id=PlanId(f"plan-{digest(document.id, document.rev, hash_)}"),
        hash=hash_,
        connection=document.connection,
        company=document.company,
        state=PlanState.PROPOSED if asks else PlanState.APPROVED,
        items=items,
        created_at=now,
        basis_at=now,
        expires_at=now + LIFE if asks else None,
        approved_by=None if asks else group[0].by,
        asks=asks,
    )


def approval_of(document: CompanyDocument, hash_: str) -> PlanDocument | None:
    """The plan under which an item may go, or None while nobody said yes to it."""
    for plan in document.plans.values():
        if plan.state in _SAID_YES and any(item.hash == hash_ and _live(item) for item in plan.items):
            return plan
    return None


def is_rejected(document: CompanyDocument, hash_: str) -> PlanDocument | None:
    for plan in document.plans.values():
        if plan.state is PlanState.REJECTED and any(item.hash == hash_ and _live(item) for item in plan.items):
            return plan
    return None


def is_whole(plan: PlanDocument) -> bool:
    """Whether each of its items is still wished as it was shown."""
    return all(_live(item) for item in plan.items)


def mark_item(document: CompanyDocument, hash_: str | None, state: ItemState) -> CompanyDocument:
    """The document with one approved item in another state."""
    plan = None if hash_ is None else approval_of(document, hash_)
    if plan is None:
        return document
    items = [item.model_copy(update={"state": state}) if item.hash == hash_ else item for item in plan.items]
    started = PlanState.EXECUTING if plan.state is PlanState.APPROVED else plan.state
    revised = plan.model_copy(update={"items": tuple(items), "state": started})
    return with_plans(document, {**document.plans, plan.id: revised})


def approve(document: CompanyDocument, plan: PlanDocument, actor: str) -> CompanyDocument:
    """A yes, also to a plan that was rejected: the reason of that no stands no more."""
    items = [item.model_copy(update={"state": ItemState.APPROVED}) for item in plan.items]
    asks = "" if plan.state is PlanState.REJECTED else plan.asks
    yes = {"state": PlanState.APPROVED, "approved_by": actor, "asks": asks}
    said_yes = _with_items(plan, items).model_copy(update=yes)
    return with_plans(document, {**document.plans, plan.id: said_yes}).model_copy(update={"dirty": True})


def reject(document: CompanyDocument, plan: PlanDocument, reason: str) -> CompanyDocument:
    items = [item.model_copy(update={"state": ItemState.REJECTED}) for item in plan.items]
    said_no = _with_items(plan, items).model_copy(update={"state": PlanState.REJECTED, "asks": reason})
    return with_plans(document, {**document.plans, plan.id: said_no}).model_copy(update={"dirty": True})
