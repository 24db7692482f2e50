"""Bodies of creates and updates, checked by the entity's table (reference sections 3, 5 and 7)."""

from __future__ import annotations

from typing import Any

from autotask_sandbox.books import Books, Row
from autotask_sandbox.entities import Entity
from autotask_sandbox.errors import ApiError, bad_reference
from autotask_sandbox.userfields import parse_values
from autotask_sandbox.values import USER_FIELDS, fold_keys, parse

# An integrator sends adjustedPrice with new lines and is not refused, although the model lacks it (11.3, L).
TOLERATED = {("ContractServices", "adjustedprice")}
# What the bridge to the older API adds to rows of children; it is no field and asks for nothing (section 3).
ARTEFACT = "soapparentpropertyid"


def parse_body(books: Books, entity: Entity, raw: object) -> Row:
    """Known fields under their own names with kept values; an extra key is refused."""
    if not isinstance(raw, dict):
        raise ApiError(f"Value cannot be null. Parameter name: {entity.name}")
    row: Row = {}
    for key, value in fold_keys(raw).items():
        if key == USER_FIELDS.lower():
            if value:
                row[USER_FIELDS] = parse_values(books, entity, value)
        elif key in entity.fields:
            field = entity.fields[key]
            row[field.name] = parse(field, value)
        elif key != ARTEFACT and (entity.name, key) not in TOLERATED:
            raise ApiError(f"Could not find member '{key}' on object of type '{entity.name}'. Path '{key}'.")
    return row


def check_lists(books: Books, entity: Entity, row: Row) -> None:
    """Values that a picklist of this tenant does not have."""
    for name, value in _columns(row):
        books.picklists.check(entity, entity.field(name), value)


def _columns(row: Row) -> list[tuple[str, Any]]:
    """The entity's own fields in a parsed body."""
    return [(name, value) for name, value in row.items() if name != USER_FIELDS]


def check_references(books: Books, entity: Entity, row: Row) -> None:
    """Dangling ids, as far as the sandbox has the entity; company 0 is the MSP itself (section 9)."""
    for name, value in _columns(row):
        target = entity.field(name).reference
        if value is None or target not in books.tables or (target == "Companies" and value == 0):
            continue
        if books.find(target, value) is None:
            raise bad_reference(name, target)


def check_create(entity: Entity, row: Row) -> None:
    """What is read-only is never settable; what is create-only is settable here and nowhere else."""
    for name, value in _columns(row):
        field = entity.field(name)
        if name != "id" and value is not None and field.read_only and not field.create_only:
            raise ApiError(f"The field {name} is read-only.")
    _check_required(entity, row)


def _check_required(entity: Entity, row: Row) -> None:
    missing = [f.name for f in entity.fields.values() if f.required and row.get(f.name) in {None, ""}]
    if missing:
        raise ApiError(*(f"Missing Required Field: {name}." for name in missing))


def changed_fields(entity: Entity, current: Row, sent: Row, *, whole: bool) -> Row:
    """The fields that an update writes.

    PATCH touches only what was sent; PUT (``whole``) nulls every writable field that is absent (section 3, V).
    A read-only field may be sent back as it is, which PUT callers do, but not with another value.
    """
    for name, value in _columns(sent):
        if entity.field(name).read_only and value != current.get(name):
            raise ApiError(f"The field {name} is read-only and cannot be changed.")
    writable = [f.name for f in entity.fields.values() if not f.read_only]
    result: dict[str, Any] = {name: sent.get(name) for name in writable if whole or name in sent}
    _check_required(entity, {**current, **result})
    if entity.user_fields and (whole or USER_FIELDS in sent):
        kept = {} if whole else current.get(USER_FIELDS) or {}
        result[USER_FIELDS] = {**kept, **sent.get(USER_FIELDS, {})}
    return result
