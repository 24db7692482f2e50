"""Services and bundles of services (reference sections 11.6 and 11.7)."""

from __future__ import annotations

from decimal import Decimal

from autotask_sandbox.books import Books, Row
from autotask_sandbox.errors import DUPLICATE_SERVICE_NAME, ApiError, bad_reference

SERVICE_USE = 5
HUNDRED = Decimal(100)
FOUR_PLACES = Decimal("0.0001")


def complete_service(books: Books, row: Row) -> None:
    _check_service(books, row, own_id=None)
    _compute_markup(row)


def change_service(books: Books, current: Row, changes: Row) -> None:
    """The rules of a new service hold for a changed one; its lines show a new vendor when they are written anew."""
    _check_service(books, {**current, **changes}, own_id=current["id"])
    current.update(changes)
    _compute_markup(current)


def _check_service(books: Books, row: Row, own_id: int | None) -> None:
    """The name is unique (IX_service); the billing code is active and of use type 5 (11.7)."""
    name = str(row["name"]).casefold()
    for other in books.tables["Services"].values():
        if other["id"] != own_id and str(other["name"]).casefold() == name:
            raise ApiError(DUPLICATE_SERVICE_NAME.format(name=row["name"]))
    _check_code(books, row)


def _check_code(books: Books, row: Row) -> None:
    code = books.find("BillingCodes", row["billingCodeID"])
    if code is None or code.get("useType") != SERVICE_USE or not code.get("isActive"):
        raise bad_reference("billingCodeID", "BillingCodes")


def _compute_markup(row: Row) -> None:
    """Percent on the cost, where there is a cost."""
    price, cost = row.get("unitPrice"), row.get("unitCost")
    row["markupRate"] = ((price - cost) / cost * HUNDRED).quantize(FOUR_PLACES) if cost and price is not None else None


def complete_bundle(books: Books, row: Row) -> None:
    _check_code(books, row)
    row.setdefault("unitPrice", Decimal(0))


def check_member(books: Books, row: Row) -> None:
    """A service stands once in a bundle and has the bundle's period."""
    bundle = books.tables["ServiceBundles"][row["serviceBundleID"]]
    service = books.tables["Services"][row["serviceID"]]
    if service["periodType"] != bundle["periodType"]:
        raise ApiError("The periodType of the Service must be that of the ServiceBundle.")
    members = books.tables["ServiceBundleServices"].values()
    if any((m["serviceBundleID"], m["serviceID"]) == (bundle["id"], service["id"]) for m in members):
        raise ApiError("The Service is already in the ServiceBundle.")


def bundle_is_used(books: Books, bundle_id: int) -> bool:
    return any(row["serviceBundleID"] == bundle_id for row in books.tables["ContractServiceBundles"].values())
