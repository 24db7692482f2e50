"""From a seed to books."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from autotask_sandbox.books import Books
from autotask_sandbox.entities import ENTITIES
from autotask_sandbox.kinds import BUNDLE, KINDS, SERVICE, Kind
from autotask_sandbox.latenotes import LateNotes
from autotask_sandbox.moments import Calendar
from autotask_sandbox.picklists import Picklists
from autotask_sandbox.posting import close_rows
from autotask_sandbox.seed import Seed, SeedBundleLine, SeedContract, SeedLine, SeedUserField
from autotask_sandbox.userfields import DEFINITIONS, udf_type
from autotask_sandbox.values import USER_FIELDS, parse

SYSTEM_RESOURCE = 4
PERSON = 2999
NO_PHONE = "000"
EURO = {
    "id": 1,
    "name": "EUR",
    "description": "Euro",
    "exchangeRate": Decimal(1),
    "isActive": True,
    "isInternalCurrency": True,
    "displaySymbol": 1,
    "currencyPositiveFormat": "€ 1.00",
    "currencyNegativeFormat": "-€ 1.00",
}
CATEGORY = {"id": 1, "name": "Standard", "isActive": True, "isGlobalDefault": True, "displayColorRgb": 0}
CODE = {"id": 1, "name": "Recurring services", "useType": 5, "isActive": True}
NO_AMOUNTS = {"unitCost": Decimal(0), "unitPrice": Decimal(0)}


def _row(entity: str, model: BaseModel, **more: Any) -> dict[str, Any]:
    """The fields of a seed row as the books keep them."""
    given = {**model.model_dump(), **more}
    fields = {field.name: field for field in ENTITIES[entity].fields.values()}
    row = {name: parse(fields[name], value) for name, value in given.items() if name in fields}
    if ENTITIES[entity].user_fields:
        pairs = given.get(USER_FIELDS) or ()
        row[USER_FIELDS] = {pair["name"]: None if pair["value"] is None else str(pair["value"]) for pair in pairs}
    return row


def _resource(books: Books, resource_id: int, name: str, email: str) -> dict[str, Any]:
    """A resource with all that a row of Resources always has."""
    first, _, last = name.partition(" ")
    entity = ENTITIES["Resources"]
    location = next(iter(books.picklists.values(entity, entity.field("locationID"))))
    return {
        "id": resource_id,
        "firstName": first,
        "lastName": last,
        "email": email,
        "emailTypeCode": "PRIMARY",
        "userName": email.partition("@")[0][:32],
        "isActive": True,
        "hireDate": books.calendar.now().replace(hour=0, minute=0, second=0, microsecond=0),
        "licenseType": 7,
        "userType": 17,
        "locationID": int(location),
        "numberFormat": "X,XXX.XX",
        "payrollType": 1,
        "resourceType": "Employee",
    }


def _add_resources(books: Books, seed: Seed) -> None:
    """Resource 4 is the system (section 11.10); PERSON makes the edits by hand; every API user is a resource too."""
    for one in seed.resources:
        plain = _resource(books, one.id, f"Resource {one.id}", f"resource{one.id}@sandbox.invalid")
        books.put("Resources", plain | _row("Resources", one))
    wanted = [(SYSTEM_RESOURCE, "Autotask Administrator", "system@sandbox.invalid")]
    wanted.append((PERSON, "A Person", "person@sandbox.invalid"))
    wanted += [(user.resourceID, "API User", user.username) for user in seed.users]
    for key, name, email in wanted:
        if books.find("Resources", key) is None:
            books.put("Resources", _resource(books, key, name, email))


def _add_lists(books: Books, seed: Seed) -> None:
    """What most tenants leave alone; where a seed has none there is one of each."""
    lists: list[tuple[str, Iterable[BaseModel], dict[str, Any]]] = [
        ("BillingCodes", seed.billingCodes, CODE | NO_AMOUNTS),
        ("CompanyCategories", seed.companyCategories, CATEGORY),
        ("Currencies", seed.currencies, EURO),
    ]
    for entity, rows, plain in lists:
        for row in rows:
            books.put(entity, plain | _row(entity, row))
        if not books.tables[entity]:
            books.put(entity, dict(plain))


def _add_definition(books: Books, field: SeedUserField) -> None:
    row = _row(DEFINITIONS, field, isActive=True, createDate=books.calendar.now())
    books.add(DEFINITIONS, row | {"udfType": udf_type(books, ENTITIES[field.entity])})


def _add_catalogue(books: Books, seed: Seed) -> None:
    code = {"billingCodeID": min(books.tables["BillingCodes"])}
    for service in seed.services:
        books.put("Services", code | _row("Services", service))
    for bundle in seed.serviceBundles:
        books.put("ServiceBundles", code | _row("ServiceBundles", bundle))
        for service_id in bundle.services:
            books.add("ServiceBundleServices", {"serviceBundleID": bundle.id, "serviceID": service_id})


def _add_companies(books: Books, seed: Seed) -> None:
    owner = seed.users[0].resourceID if seed.users else SYSTEM_RESOURCE
    for company in seed.companies:
        books.put("Companies", {"phone": NO_PHONE, "ownerResourceID": owner} | _row("Companies", company))


def _add_line(books: Books, kind: Kind, contract: SeedContract, line: SeedLine | SeedBundleLine) -> None:
    fields = _row(kind.lines, line, contractID=contract.id)
    item = books.tables[kind.items][fields[kind.item_id]]
    if fields.get("unitPrice") is None:
        fields["unitPrice"] = item["unitPrice"]
    if fields.get("unitCost") is None:
        fields["unitCost"] = item.get("unitCost")
    added = books.add_line(fields, line.units, kind)
    if contract.postedThrough is not None:
        close_rows(books, added, contract.postedThrough)


def _add_contract(books: Books, contract: SeedContract) -> None:
    row = _row("Contracts", contract)
    plain = {"lastModifiedDateTime": books.calendar.now(), "timeReportingRequiresStartAndStopTimes": 0}
    books.put("Contracts", plain | {name: value for name, value in row.items() if value is not None})
    for line in contract.services:
        _add_line(books, SERVICE, contract, line)
    for bundle in contract.bundles:
        _add_line(books, BUNDLE, contract, bundle)


def _reserve_line_ids(books: Books, seed: Seed) -> None:
    """Lines without an id must not take one that a later line of the seed names."""
    for kind in KINDS:
        lines = [line for c in seed.contracts for line in (c.services if kind is SERVICE else c.bundles)]
        books.reserve(kind.lines, max((line.id for line in lines if line.id is not None), default=0))


def books_from(seed: Seed, calendar: Calendar) -> Books:
    """Fresh books; the effects ledger is empty and nothing has a past."""
    late = LateNotes(seed.limits.late_note_seconds)
    books = Books(calendar, seed.switches, late, Picklists(seed.tenant, seed.picklists))
    _add_resources(books, seed)
    _add_lists(books, seed)
    for field in seed.userDefinedFields:
        _add_definition(books, field)
    _add_catalogue(books, seed)
    _add_companies(books, seed)
    _reserve_line_ids(books, seed)
    for contract in seed.contracts:
        _add_contract(books, contract)
    for rows in books.rows_by.values():
        rows.forget_history()
    return books
