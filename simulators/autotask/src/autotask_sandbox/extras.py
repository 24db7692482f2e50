"""Charges and the subscriptions of configuration items (reference section 11.11)."""

from __future__ import annotations

from decimal import Decimal

from autotask_sandbox.books import Books, Row
from autotask_sandbox.errors import ApiError
from autotask_sandbox.grid import MONTHS, periods, span_fault

ORDERED = 1
ZERO = Decimal(0)


def complete_charge(_books: Books, row: Row) -> None:
    """Amounts are unit times quantity; a charge is billable unless it says otherwise."""
    row["isBilled"] = False
    row["status"] = ORDERED
    if row.get("isBillableToCompany") is None:
        row["isBillableToCompany"] = True
    _compute_amounts(row)


def change_charge(_books: Books, current: Row, changes: Row) -> None:
    if current.get("isBilled"):
        raise ApiError("The ContractCharge has been billed and cannot be changed.")
    current.update(changes)
    _compute_amounts(current)


def _compute_amounts(row: Row) -> None:
    quantity, price = row["unitQuantity"], row.get("unitPrice") or ZERO
    row["billableAmount"] = row["internalCurrencyBillableAmount"] = (quantity * price).quantize(Decimal("0.0001"))
    row["internalCurrencyUnitPrice"] = price
    row["extendedCost"] = (quantity * (row.get("unitCost") or ZERO)).quantize(Decimal("0.0001"))


def _dates(row: Row) -> list[object]:
    """The first day of each period; a one-time subscription has one."""
    start, end = row["effectiveDate"], row["expirationDate"]
    if fault := span_fault(start.date(), end.date()):
        raise ApiError(f"The dates of the Subscription are not valid: {fault}.")
    if row["periodType"] not in MONTHS:
        return [start]
    return [period.start for period in periods(start.date(), end.date(), row["periodType"])]


def complete_subscription(_books: Books, row: Row) -> None:
    """The totals are those of all periods."""
    count = len(_dates(row))
    row["totalPrice"] = row["periodPrice"] * count
    row["totalCost"] = (row.get("periodCost") or ZERO) * count


def add_subscription(books: Books, row: Row) -> int:
    """One SubscriptionPeriods row a period."""
    subscription_id = books.add("Subscriptions", row)
    for day in _dates(row):
        period = {"subscriptionID": subscription_id, "periodDate": day, "postedDate": None}
        money = {"periodPrice": row["periodPrice"], "periodCost": row.get("periodCost") or ZERO}
        order = {"purchaseOrderNumber": row.get("purchaseOrderNumber")}
        books.add("SubscriptionPeriods", period | money | order)
    return subscription_id


def remove_periods(books: Books, subscription_id: int) -> None:
    """Periods go with their subscription."""
    table = books.tables["SubscriptionPeriods"]
    for key in [key for key, row in table.items() if row["subscriptionID"] == subscription_id]:
        books.remove("SubscriptionPeriods", key)
