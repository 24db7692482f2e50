"""The one write that changes quantities: adjustments of services and of bundles (reference sections 11.4 and 11.6)."""

from __future__ import annotations

from datetime import date
from typing import Any

from autotask_sandbox.actors import Actor
from autotask_sandbox.books import RECURRING_SERVICE, Books, Row
from autotask_sandbox.errors import (
    DUPLICATE_PERIOD,
    NEGATIVE_UNITS,
    NO_CONTRACT_WINDOW,
    POSTED_PERIOD,
    ApiError,
    bad_reference,
)
from autotask_sandbox.kinds import Kind
from autotask_sandbox.ledger import Adjustment
from autotask_sandbox.notes import write_added_note, write_note
from autotask_sandbox.units import Change, Line


def adjust(books: Books, kind: Kind, actor: Actor, body: Row) -> None:
    """Applies an adjustment's body, already parsed; raises ApiError and then changes nothing."""
    contract, line = _addressed(books, kind, body)
    delta = body.get("unitChange") or 0
    what = Adjustment(body["effectiveDate"], delta, body.get("adjustedUnitPrice"), body.get("adjustedUnitCost"))
    _check_contract(contract, what.on)
    if line is None:
        if delta < 0 and books.switches.below_zero == "refuse":
            raise ApiError(NEGATIVE_UNITS)
        line = _new_line(books, kind, contract["id"], body[kind.item_id], what)
        write_added_note(books, line, actor, what.on)
    apply(books, line, what, actor)


def _addressed(books: Books, kind: Kind, body: Row) -> tuple[Row, Line | None]:
    """The contract and, where one exists already, the line that the body means."""
    if body.get("quoteItemID") is not None:
        raise bad_reference("quoteItemID", "QuoteItems")  # it must be a real one, and the sandbox has none
    if body.get(kind.line_id) is not None:
        line = books.lines_by[kind].get(body[kind.line_id])
        if line is None or body.get("contractID") not in {None, line.contract_id}:
            raise bad_reference(kind.line_id, kind.lines)
        return books.contract_of(line), line
    if body.get("contractID") is None or body.get(kind.item_id) is None:
        raise ApiError(f"Either {kind.line_id} or both contractID and {kind.item_id} are required.")
    contract = books.find("Contracts", body["contractID"])
    if contract is None:
        raise bad_reference("contractID", "Contracts")
    if books.find(kind.items, body[kind.item_id]) is None:
        raise bad_reference(kind.item_id, kind.items)
    same = [one for one in books.lines_of[contract["id"]] if (one.kind, one.service_id) == (kind, body[kind.item_id])]
    return contract, same[0] if same and not body.get(kind.repeat) else None


def _check_contract(contract: Row, on: date) -> None:
    if contract["contractType"] != RECURRING_SERVICE:
        raise ApiError("The Contract referenced by contractID must be of type Recurring Service.")
    if not contract["startDate"] <= on <= contract["endDate"]:
        raise ApiError(NO_CONTRACT_WINDOW)


def _new_line(books: Books, kind: Kind, contract_id: int, item_id: int, what: Adjustment) -> Line:
    """Autotask creates the missing line itself (11.4, V); internalDescription stays empty."""
    item = books.tables[kind.items][item_id]
    row: dict[str, Any] = {
        "contractID": contract_id,
        kind.item_id: item_id,
        "unitPrice": item["unitPrice"] if what.price is None else what.price,
        "unitCost": item.get("unitCost") if what.cost is None else what.cost,
    }
    return books.add_line(row, kind=kind)


def apply(books: Books, line: Line, what: Adjustment, actor: Actor) -> None:
    """Changes a line from a day on through all later periods, or raises ApiError."""
    _check_line(books, line, what, actor)
    before = line.units_on(what.on)
    priced = actor.by == "ui" or (line.kind.reprices and books.switches.price_by_adjustment == "apply")
    change = Change(
        on=what.on,
        delta=what.delta,
        price=what.price if priced else None,
        cost=what.cost if priced else None,
        number=books.new_id(line.kind.adjustments),
    )
    line.changes.append(change)
    line.changes.sort(key=lambda c: (c.on, c.number))
    _reprice(books.tables[line.kind.lines][line.id], change)
    books.show(line)
    books.ledger.add(books.calendar.now(), actor.by, line, what, before)
    write_note(books, line, what, actor)


def _check_line(books: Books, line: Line, what: Adjustment, actor: Actor) -> None:
    if line.posted_over(what.on) and books.switches.posted_span == "refuse":
        raise ApiError(POSTED_PERIOD)
    # A person changes the row that stands there; only the API inserts a second one for the same date.
    if actor.by == "api" and _date_is_used(books, line, what.on):
        raise ApiError(DUPLICATE_PERIOD)
    if books.switches.below_zero == "refuse" and what.delta < 0 and line.lowest_from(what.on, what.delta) < 0:
        raise ApiError(NEGATIVE_UNITS)


def _date_is_used(books: Books, line: Line, on: date) -> bool:
    """Whether a second change on this date collides with (line, start, end); see the two switches of section 18."""
    if not any(change.on == on for change in line.changes):
        return False
    at_start = any(period.start == on for period in books.grid(books.contract_of(line)))
    chosen = books.switches.duplicate_date_start if at_start else books.switches.duplicate_date_mid
    return chosen == "error"


def _reprice(row: Row, change: Change) -> None:
    """An integrator reads the new price back from the line (11.4, L)."""
    if change.price is not None:
        row["unitPrice"] = row["internalCurrencyUnitPrice"] = row["internalCurrencyAdjustedPrice"] = change.price
    if change.cost is not None:
        row["unitCost"] = change.cost
