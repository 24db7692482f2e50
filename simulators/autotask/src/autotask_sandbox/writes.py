"""Creates, updates and deletes: what all entities have in common (reference sections 3, 10 and 11)."""

from __future__ import annotations

from collections.abc import Callable

from autotask_sandbox import catalogue, contracts, extras
from autotask_sandbox.actors import Actor
from autotask_sandbox.adjust import adjust
from autotask_sandbox.bodies import changed_fields, check_create, check_lists, check_references, parse_body
from autotask_sandbox.books import Books, Row
from autotask_sandbox.entities import Entity
from autotask_sandbox.errors import CANNOT_DELETE, NOTHING_TO_DELETE, RECORD_NOT_FOUND, ApiError, bad_reference
from autotask_sandbox.kinds import BUNDLE, BY_ADJUSTMENTS, SERVICE
from autotask_sandbox.userfields import at_birth, check_definition
from autotask_sandbox.values import USER_FIELDS

# What a new row of an entity needs besides its table: checks, defaults, computed fields. None has an id yet.
BIRTHS: dict[str, Callable[[Books, Row], None]] = {
    "Contracts": contracts.check_new,
    "ContractServices": contracts.complete_line(SERVICE),
    "ContractServiceBundles": contracts.complete_line(BUNDLE),
    "Services": catalogue.complete_service,
    "ServiceBundles": catalogue.complete_bundle,
    "ServiceBundleServices": catalogue.check_member,
    "ContractCharges": extras.complete_charge,
    "Subscriptions": extras.complete_subscription,
    "UserDefinedFieldDefinitions": check_definition,
}
CHANGES: dict[str, Callable[[Books, Row, Row], None]] = {
    "Contracts": contracts.change,
    "ContractServices": contracts.change_line(SERVICE),
    "ContractServiceBundles": contracts.change_line(BUNDLE),
    "Services": catalogue.change_service,
    "ContractCharges": extras.change_charge,
}
BORN = ("createDate", "createDateTime")
CREATORS = ("creatorResourceID", "createdByResourceID")
CHANGED = ("lastModifiedDateTime", "lastModifiedDate", "lastTrackedModifiedDateTime", "lastActivityDate")
CHANGERS = ("updateResourceID", "updateResourceId")


def create(books: Books, entity: Entity, raw: object, parent_id: int | None, actor: Actor) -> int | None:
    """The new row's id; None for an adjustment, which is what live tenants answer (11.4, L)."""
    row = parse_body(books, entity, raw)
    if parent_id is not None:
        _join_parent(books, entity, row, parent_id)
    check_create(entity, row)
    if kind := BY_ADJUSTMENTS.get(entity.name):
        adjust(books, kind, actor, row)
        return None
    check_references(books, entity, row)
    check_lists(books, entity, row)
    row.pop("id", None)
    if "isactive" in entity.fields and row.get("isActive") is None:
        row["isActive"] = True
    if entity.user_fields:
        row[USER_FIELDS] = at_birth(books, entity, row.get(USER_FIELDS, {}))
    if entity.name in BIRTHS:
        BIRTHS[entity.name](books, row)
    _sign(books, entity, row, actor, born=True)
    return _store(books, entity, row, actor)


def _store(books: Books, entity: Entity, row: Row, actor: Actor) -> int:
    match entity.name:
        case "ContractServices":
            return contracts.add_line(books, SERVICE, row, actor)
        case "ContractServiceBundles":
            return contracts.add_line(books, BUNDLE, row, actor)
        case "Subscriptions":
            return extras.add_subscription(books, row)
        case _:
            return books.add(entity.name, row)


def _join_parent(books: Books, entity: Entity, row: Row, parent_id: int) -> None:
    """The parent id of the URL counts; the one in the body may be absent but not another (section 3)."""
    name, parent = entity.parent_field, entity.parent or ""
    if books.find(parent, parent_id) is None or row.get(name) not in {None, parent_id}:
        raise bad_reference(name, parent)
    row[name] = parent_id


def _sign(books: Books, entity: Entity, row: Row, actor: Actor, *, born: bool) -> None:
    """Stamps and names that the server sets, in the fields that the entity has and nobody else may write."""
    now = books.calendar.now()
    marks: list[tuple[str, object]] = [(name, now) for name in CHANGED]
    marks += [(name, actor.resource_id) for name in CHANGERS]
    if born:
        marks += [(name, now) for name in BORN] + [(name, actor.resource_id) for name in CREATORS]
    if actor.impersonator is not None:
        marks.append((f"impersonator{'Creator' if born else 'Updater'}ResourceID", actor.impersonator))
    for name, value in marks:
        field = entity.fields.get(name.lower())
        if field is not None and field.read_only and field.name == name:
            row[name] = value


def update(books: Books, entity: Entity, raw: object, parent_id: int | None, actor: Actor, *, whole: bool) -> int:
    """PATCH or PUT on the collection; the id stands in the body (section 3)."""
    sent = parse_body(books, entity, raw)
    current = books.find(entity.name, sent.get("id"))
    if current is None or parent_id not in {None, current.get(entity.parent_field)}:
        raise ApiError(RECORD_NOT_FOUND)
    changes = changed_fields(entity, current, sent, whole=whole)
    check_references(books, entity, changes)
    check_lists(books, entity, {name: value for name, value in changes.items() if value != current.get(name)})
    CHANGES.get(entity.name, _plain_change)(books, current, changes)
    _sign(books, entity, current, actor, born=False)
    return int(current["id"])


def _plain_change(_books: Books, current: Row, changes: Row) -> None:
    current.update(changes)


def delete(books: Books, entity: Entity, row_id: int, parent_id: int | None) -> int:
    """Removes a row that nothing holds on to; a missing one is 500 with its text, not 404 (section 5, L)."""
    current = books.find(entity.name, row_id)
    if current is None or parent_id not in {None, current.get(entity.parent_field)}:
        raise ApiError(NOTHING_TO_DELETE)
    if entity.name == "ServiceBundles" and catalogue.bundle_is_used(books, row_id):
        raise ApiError(CANNOT_DELETE)
    if entity.name == "ContractCharges" and current.get("isBilled"):
        raise ApiError(CANNOT_DELETE)
    books.remove(entity.name, row_id)
    if entity.name == "Subscriptions":
        extras.remove_periods(books, row_id)
    return row_id
