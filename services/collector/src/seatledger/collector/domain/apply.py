"""Rows of one subscription and resource, in their order, onto what is stored of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seatledger.collector.domain import asks, words
from seatledger.collector.domain.account import Account
from seatledger.collector.domain.order import counts_again, in_order, older, overtaken, set_back
from seatledger.collector.domain.reading import Problem, RecordType, Row
from seatledger.collector.domain.snapshots import SetBack, Snapshot, business, earlier, published
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.subscriptions import Asked, Change, RawRef, Status, SubscriptionChanged


@dataclass(frozen=True)
class Delivery:
    """The delivery that the rows came in."""

    id: str
    file: str | None
    """None for what was asked of a live source."""
    digest: str
    read_at: datetime
    begun: int = 0
    direct: bool = False
    """Somebody asked for this very subscription, perhaps while the account was being read."""


@dataclass(frozen=True)
class Applied:
    """``snapshot`` is None where nothing has to be stored."""

    snapshot: Snapshot | None
    problems: tuple[Problem, ...]
    changed: bool = False


@dataclass(frozen=True)
class _Standing:
    """What holds between two rows."""

    state: SubscriptionChanged | None = None
    reported_at: datetime | None = None
    last_modified: datetime | None = None
    version: int | None = None
    asks: Asked | None = None
    said: Asked | None = None
    """What this delivery's rows said so far."""
    row: Row | None = None
    """The last row that counted."""


def apply_rows(stored: Snapshot | None, rows: Sequence[Row], delivery: Delivery, account: Account) -> Applied:
    """The snapshot after ``rows`` (conflicts taken out, in any order); at most one new revision a delivery."""
    if stored is not None and stored.reading == delivery.id:
        return Applied(None, stored.problems)
    if stored is not None and overtaken(stored, rows, delivery.begun):
        return Applied(None, ())
    shown = None if stored is None or delivery.direct else set_back(stored, rows, delivery.read_at)
    standing, problems = _start(stored, anew=counts_again(shown, delivery.read_at)), []
    for row in in_order(rows, delivery.read_at):
        old = older(row, standing)
        if old is None:
            problems.extend(_other_before(row, standing))
            standing = _after(standing, row, delivery, account)
        else:
            problems.append(old)
    if stored is not None and standing.row is None:
        return Applied(_noted(stored, shown), tuple(problems))
    return _result(stored, standing, tuple(problems), delivery)


def _noted(stored: Snapshot, shown: SetBack | None) -> Snapshot | None:
    """No row counted; since when a sweep's are older is kept. A direct read may have met a replica that lags."""
    return None if shown in {None, stored.set_back} else stored.model_copy(update={"set_back": shown})


def _start(stored: Snapshot | None, *, anew: bool) -> _Standing:
    """``anew``: the source's numbers began anew, so the stored one says nothing."""
    if stored is None:
        return _Standing()
    return _Standing(
        state=stored.state,
        reported_at=stored.reported_at,
        last_modified=stored.last_modified,
        version=None if anew else stored.version,
        asks=stored.state.asks,
    )


def _other_before(row: Row, standing: _Standing) -> list[Problem]:
    """A ``change`` row that started from another quantity than the stored one; a row read before is no news."""
    if row.record_type is not RecordType.CHANGE or row.previous_quantity is None or standing.state is None:
        return []
    repeated = row.reported_at is not None and row.reported_at == standing.reported_at
    if row.previous_quantity == standing.state.quantity or (repeated and row.quantity == standing.state.quantity):
        return []
    return [
        Problem(
            FindingCode.SOURCE_VALUE_UNKNOWN,
            f"row {row.line} changes {row.previous_quantity} to {row.quantity}, but {standing.state.quantity} is "
            f"stored; {row.quantity} counts",
            "Check whether a change between is missing in the source's files.",
            subscription=row.subscription,
            line=row.line,
            column="previous_quantity",
            stops=False,
        )
    ]


def _after(standing: _Standing, row: Row, delivery: Delivery, account: Account) -> _Standing:
    said = _said(standing, row, delivery, account)
    return _Standing(
        state=_state(standing, row, delivery, account),
        reported_at=row.reported_at or standing.reported_at,
        last_modified=row.last_modified or standing.last_modified,
        version=standing.version if row.version is None else row.version,
        asks=said or standing.asks,
        said=said or standing.said,
        row=row,
    )


def _said(standing: _Standing, row: Row, delivery: Delivery, account: Account) -> Asked | None:
    units = asks.SILENT if row.missing else asks.units_of(row.status, row.quantity, account.suspension)
    if isinstance(units, asks.Silent):
        return None
    day = account.day(row.reported_at or delivery.read_at)
    new = asks.ask(standing.asks, units, day=day, effective_on=row.effective_on)
    if row.announced is not None:
        new = asks.announce(new, row.announced.quantity, row.announced.on)
    return new if standing.said is None else standing.said.followed_by(new)


def _missing(row: Row, account: Account) -> tuple[str, ...]:
    silent = isinstance(asks.units_of(row.status, row.quantity, account.suspension), asks.Silent)
    return tuple(dict.fromkeys((*row.missing, *(("status",) if silent else ()))))


def _state(standing: _Standing, row: Row, delivery: Delivery, account: Account) -> SubscriptionChanged:
    missing = _missing(row, account)
    return SubscriptionChanged(
        key=row.key(account.source),
        connection=account.connection,
        revision=0,
        change=Change.CHANGED,
        customer=row.customer,
        offer=row.offer,
        offer_name=row.offer_name,
        resource_name=row.resource_name,
        vendor_subscription_id=words.vendor_id(row.vendor_subscription_id),
        parent_subscription_id=row.parent_subscription_id,
        status=row.status,
        raw_status=row.raw_status,
        quantity=row.quantity,
        billing_cycle=row.billing_cycle,
        complete=not missing,
        missing=missing,
        asks=standing.asks,
        unit_price=row.unit_price,
        unit_cost=row.unit_cost,
        term_start=row.term_start,
        term_end=row.term_end,
        occurred_at=row.last_modified,
        reported_at=row.reported_at,
        observed_at=delivery.read_at,
        effective_on=row.effective_on,
        raw=_raw(row, delivery),
    )


def _raw(row: Row, delivery: Delivery) -> RawRef:
    """A payload of its own, else the place in the file."""
    if row.payload is not None:
        return RawRef(payload=row.payload)
    return RawRef(file=delivery.file, row=row.line, payload=delivery.digest[:16])


def _result(
    stored: Snapshot | None,
    standing: _Standing,
    problems: tuple[Problem, ...],
    delivery: Delivery,
) -> Applied:
    if standing.row is None or standing.state is None:
        return Applied(None, problems)
    before = None if stored is None else stored.state.asks
    news = standing.said if standing.said is not None and asks.is_news(before, standing.said) else None
    state = standing.state.model_copy(update={"asks": news or before})
    same = stored is not None and not stored.gone and news is None and business(stored.state) == business(state)
    if stored is not None and same:
        return Applied(_stamped(stored, standing, delivery, problems), problems)
    return Applied(_revised(stored, state, standing, delivery, problems), problems, changed=True)


def _stamped(
    stored: Snapshot, standing: _Standing, delivery: Delivery, problems: tuple[Problem, ...]
) -> Snapshot | None:
    """Nothing to say; newer stamps are kept, so that an older row is known as such."""
    stamps: dict[str, Any] = {name: getattr(standing, name) for name in ("reported_at", "last_modified", "version")}
    stamps["set_back"] = None
    if delivery.direct:
        stamps["begun"] = delivery.begun
    if all(getattr(stored, name) == value for name, value in stamps.items()):
        return None
    return stored.model_copy(update={**stamps, "reading": delivery.id, "problems": problems})


def _revised(
    stored: Snapshot | None,
    state: SubscriptionChanged,
    standing: _Standing,
    delivery: Delivery,
    problems: tuple[Problem, ...],
) -> Snapshot:
    revision = 1 if stored is None else stored.revision + 1
    said = state.model_copy(
        update={
            "revision": revision,
            "change": _change(stored),
            "earlier": earlier(stored, state.asks),
            "previous_quantity": None if stored is None else stored.state.quantity,
            "previous_status": None if stored is None else Status(stored.state.status),
        }
    )
    return published(
        Snapshot(
            id=str(state.key),
            rev=0 if stored is None else stored.rev,
            outbox=() if stored is None else stored.outbox,
            source=state.key.source,
            revision=revision,
            state=said,
            said_at=delivery.read_at,
            reading=delivery.id,
            problems=problems,
            reported_at=standing.reported_at,
            last_modified=standing.last_modified,
            version=standing.version,
            begun=delivery.begun,
        )
    )


def _change(stored: Snapshot | None) -> Change:
    if stored is None:
        return Change.SEEN
    return Change.REAPPEARED if stored.gone else Change.CHANGED
