"""Contracts and their lines (reference sections 11.2, 11.3 and 11.6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from autotask_sandbox.actors import Actor
from autotask_sandbox.books import RECURRING_SERVICE, Books, Row
from autotask_sandbox.errors import POSTED_PERIOD, ApiError
from autotask_sandbox.grid import span_fault
from autotask_sandbox.kinds import Kind
from autotask_sandbox.notes import write_added_note


def check_new(_books: Books, row: Row) -> None:
    if fault := span_fault(row["startDate"], row["endDate"]):
        raise ApiError(f"The dates of the Contract are not valid: {fault}.")
    if row["contractType"] == RECURRING_SERVICE and row.get("contractPeriodType") is None:
        raise ApiError("Missing Required Field: contractPeriodType.")


def complete_line(kind: Kind) -> Callable[[Books, Row], None]:
    """A line gets units only by an adjustment (11.3); without a price it takes the catalogue's (U)."""

    def complete(books: Books, row: Row) -> None:
        if books.tables["Contracts"][row["contractID"]]["contractType"] != RECURRING_SERVICE:
            raise ApiError("The Contract referenced by contractID must be of type Recurring Service.")
        item = books.tables[kind.items][row[kind.item_id]]
        if row.get("unitPrice") is None:
            row["unitPrice"] = item["unitPrice"]
        if row.get("unitCost") is None:
            row["unitCost"] = item.get("unitCost")

    return complete


def add_line(books: Books, kind: Kind, row: Row, actor: Actor) -> int:
    line = books.add_line(row, kind=kind)
    write_added_note(books, line, actor)
    return line.id


def change_line(kind: Kind) -> Callable[[Books, Row, Row], None]:
    """What an update of a line changes besides its own fields."""

    def change(books: Books, current: Row, changes: Row) -> None:
        _judge_description(books, changes)
        current.update(changes)
        line = books.lines_by[kind][current["id"]]
        if "unitCost" in changes and not any(change.cost is not None for change in line.changes):
            line.base_cost = changes["unitCost"]
            books.show(line)
        if changes.get("adjustedPrice") is not None:
            line.base_price = current["internalCurrencyAdjustedPrice"] = changes["adjustedPrice"]
            books.show(line)

    return change


def _judge_description(books: Books, changes: Row) -> None:
    """internalDescription: the help page and the live metadata disagree, hence the switch (11.3, U)."""
    if "internalDescription" in changes and books.switches.internal_description != "accept":
        if books.switches.internal_description == "refuse":
            raise ApiError("The field internalDescription is read-only and cannot be changed.")
        del changes["internalDescription"]


def change(books: Books, current: Row, changes: Row) -> None:
    """endDate moves out freely; moving it in drops what lies behind, unless that is posted (11.2)."""
    end: date = changes.get("endDate") or current["endDate"]
    start: date = changes.get("startDate") or current["startDate"]
    lines = books.lines_of[current["id"]]
    if lines and start != current["startDate"]:
        raise ApiError("The startDate of a Contract with services cannot be changed.")
    if fault := span_fault(start, end):
        raise ApiError(f"The dates of the Contract are not valid: {fault}.")
    if any(closure.end > end for line in lines for closure in line.closures.values()):
        raise ApiError(POSTED_PERIOD)
    current.update(changes)
    for line in lines:
        line.changes = [change for change in line.changes if change.on <= end]
        books.show(line)
