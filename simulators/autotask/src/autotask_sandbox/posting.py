"""Approve & Post, which in Autotask only a person can do (reference section 12, points 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from autotask_sandbox.amounts import BASE, Bill, Item
from autotask_sandbox.books import Books, Row
from autotask_sandbox.ledger import Adjustment
from autotask_sandbox.units import Closure, Line, UnitRow

COST_ITEM, RECURRING_ITEM, SETUP_ITEM = 3, 6, 7
CHARGE_SUBTYPE, SETUP_SUBTYPE = 3, 7
SUBTYPES = {"Services": 6, "ServiceBundles": 9}
APPROVER = 2999
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Posted:
    periods: int
    billing_items: int
    total: Decimal


def close_rows(books: Books, line: Line, through: date) -> list[UnitRow]:
    """Sets approveAndPostDate on the rows that start on or before ``through``; they keep their span for good."""
    now = books.calendar.now()
    rows = books.rows_by[line.kind].of_line(line.id)
    fresh = [row for row in rows if row.start <= through and row.posted_at is None]
    line.closures.update({row.start: Closure(row.end, now) for row in fresh})
    for item in list(_due_items(line, books, through)):
        _write_item(books, line, item)
    books.show(line)
    return fresh


def _due_items(line: Line, books: Books, through: date) -> Iterator[Item]:
    """What no bill holds yet: the base of each period, and every change that came later or inside the period."""
    daily = books.switches.proration == "daily"
    for period in books.grid(books.contract_of(line)):
        if period.start > through:
            return
        billed = {number for start, number in line.billed if start == period.start}
        bill = Bill(line, period, daily)
        if BASE not in billed:
            covered = [c.number for c in line.changes if c.on <= period.start]
            billed |= {BASE, *covered}
            yield bill.base()
        for change in line.changes:
            if change.on <= min(period.end, through) and change.number not in billed:
                yield from bill.added(change, billed)
                billed.add(change.number)
        line.billed |= {(period.start, number) for number in billed}


def _write_item(books: Books, line: Line, item: Item) -> None:
    if item.quantity == 0 and item.total == 0:
        return
    contract, service, prefix = books.contract_of(line), books.item_of(line), line.kind.billing_prefix
    cost = None if item.cost is None else item.cost.quantize(CENT)
    row: dict[str, Any] = {
        line.kind.item_id: line.service_id,
        line.kind.line_id: line.id,
        f"{prefix}AdjustmentID": item.change or None,
        f"{prefix}PeriodID": _period_id(books, line, item.period_start),
        "itemDate": item.on,
        "itemName": service["name"],
        "description": service.get("invoiceDescription") or service["name"],
        "quantity": Decimal(item.quantity),
        "rate": item.rate,
        "ourCost": cost,
        "billingCodeID": service.get("billingCodeID"),
        "vendorID": service.get("vendorCompanyID"),
        "billingItemType": RECURRING_ITEM,
        "subType": SUBTYPES[line.kind.items],
    }
    _write(books, contract, row, item.total)


def _period_id(books: Books, line: Line, start: date) -> int:
    """A number of its own for each period of a line: not the id of a unit row (11.5, L)."""
    if start not in line.period_ids:
        line.period_ids[start] = books.new_id(f"{line.kind.billing_prefix}Periods")
    return line.period_ids[start]


def _write(books: Books, contract: Row, row: dict[str, Any], total: Decimal) -> None:
    now = books.calendar.now()
    names = ("extendedPrice", "totalAmount", "internalCurrencyExtendedPrice", "internalCurrencyTotalAmount")
    item = {
        "companyID": contract.get("billToCompanyID") or contract["companyID"],
        "contractID": contract["id"],
        "nonBillable": 0,
        "taxDollars": Decimal(0),
        "internalCurrencyTaxDollars": Decimal(0),
        "internalCurrencyRate": row["rate"],
        "itemApproverID": APPROVER,
        "organizationalLevelAssociationID": contract.get("organizationalLevelAssociationID"),
        "postedDate": now,
        "postedOnTime": now,
        "purchaseOrderNumber": contract.get("purchaseOrderNumber"),
        **dict.fromkeys(names, total),
        **row,
    }
    key = books.add("BillingItems", item)
    books.tables["BillingItems"][key]["sortOrderID"] = key


def _post_setup_fee(books: Books, contract: Row) -> None:
    """Once in the life of a contract, with its first posting (11.2)."""
    fee = contract.get("setupFee") or Decimal(0)
    kind = {"billingItemType": SETUP_ITEM, "subType": SETUP_SUBTYPE}
    items = books.tables["BillingItems"].values()
    if not fee or any((i["contractID"], i["billingItemType"]) == (contract["id"], SETUP_ITEM) for i in items):
        return
    row = {"itemDate": contract["startDate"], "itemName": "Setup Fee", "quantity": Decimal(1), "rate": fee}
    _write(books, contract, row | kind | {"billingCodeID": contract.get("setupFeeBillingCodeID")}, fee.quantize(CENT))


def _post_charges(books: Books, contract: Row, through: date) -> None:
    """Billable charges bought on or before the day (11.11)."""
    for charge in books.tables["ContractCharges"].values():
        is_due = charge["datePurchased"].date() <= through and charge.get("isBillableToCompany")
        if charge["contractID"] != contract["id"] or charge.get("isBilled") or not is_due:
            continue
        charge["isBilled"] = True
        row = {
            "contractChargeID": charge["id"],
            "contractServiceID": charge.get("contractServiceID"),
            "itemDate": charge["datePurchased"],
            "itemName": charge["name"],
            "description": charge.get("description"),
            "quantity": charge["unitQuantity"],
            "rate": charge.get("unitPrice") or Decimal(0),
            "ourCost": charge["extendedCost"],
            "billingCodeID": charge.get("billingCodeID"),
            "billingItemType": COST_ITEM,
            "subType": CHARGE_SUBTYPE,
        }
        _write(books, contract, row, charge["billableAmount"].quantize(CENT))


def post(books: Books, contract_id: int, through: date) -> Posted:
    """Posts one contract through a day; every row of a line that closes is an effect of its own."""
    before = set(books.tables["BillingItems"])
    contract = books.tables["Contracts"][contract_id]
    count = 0
    for line in books.lines_of[contract_id]:
        for row in close_rows(books, line, through):
            what = Adjustment(row.start, 0)
            books.ledger.add(books.calendar.now(), "post", line, what, line.units_on(row.start))
            count += 1
    if through >= contract["startDate"]:
        _post_setup_fee(books, contract)
    _post_charges(books, contract, through)
    items = [item for key, item in books.tables["BillingItems"].items() if key not in before]
    return Posted(count, len(items), sum((item["totalAmount"] for item in items), Decimal(0)))
