"""Which calls exist: the route matrix of reference section 10."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autotask_sandbox.calls import Call
from autotask_sandbox.entities import BY_PATH, BY_SEGMENT, Entity
from autotask_sandbox.errors import not_routed, verb_not_routed
from autotask_sandbox.invoicing import DOCUMENTS
from autotask_sandbox.kinds import BY_ADJUSTMENTS

Action = Literal[
    "get", "query", "count", "next", "list", "create", "patch", "put", "delete", "document", "info", "fields", "udfs"
]
ROOT_CREATE = frozenset(BY_ADJUSTMENTS)
INFORMATION: dict[str, Action] = {"": "info", "fields": "fields", "userdefinedfields": "udfs"}
WRITE_VERBS: dict[str, Action] = {"POST": "create", "PATCH": "patch", "PUT": "put"}


@dataclass(frozen=True, slots=True)
class Route:
    """What a call wants of which entity."""

    entity: Entity
    action: Action
    row_id: int | None = None
    parent_id: int | None = None
    document: str = ""


def _number(part: str) -> int | None:
    return int(part) if part.lstrip("-").isdigit() and part.isascii() else None


def entity_of(call: Call) -> Entity | None:
    """The entity whose limits and counters a call belongs to: child and root routes of one share them (section 6)."""
    parts = call.parts[2:]
    if not parts:
        return None
    if len(parts) >= 3 and (child := BY_SEGMENT.get((parts[0].lower(), parts[2].lower()))):
        return child
    return BY_PATH.get(parts[0].lower())


def resolve(call: Call) -> Route:
    """The route of a call below ``V1.0``; raises RouteError 404 or 405."""
    parts = call.parts[2:]
    entity = BY_PATH.get(parts[0].lower()) if parts else None
    if entity is None:
        raise not_routed(call.url(*parts))
    if len(parts) >= 3 and (child := BY_SEGMENT.get((parts[0].lower(), parts[2].lower()))):
        return _child(call, child, parts[1], parts[3:])
    return _root(call, entity, parts[1:])


def _root(call: Call, entity: Entity, rest: tuple[str, ...]) -> Route:
    word = rest[0].lower() if rest else ""
    readable = "query" in entity.operations
    if not rest:
        return _collection(call, entity, None)
    if word == "entityinformation":
        return _information(call, entity, rest[1:])
    if word == "query" and readable:
        return _query(call, entity, tuple(part.lower() for part in rest[1:]))
    if len(rest) == 1 and _number(word) is not None and readable:
        return Route(entity, _get_or_delete(call, entity, None), row_id=_number(word))
    if entity.name == "Invoices" and len(rest) == 2 and _number(word) is not None and rest[1].lower() in DOCUMENTS:
        return Route(entity, _only_get(call, "document"), row_id=_number(word), document=rest[1].lower())
    raise not_routed(call.url(*call.parts[2:]))


def _get_or_delete(call: Call, entity: Entity, parent_id: int | None) -> Action:
    """The verbs of one row; what is written below its parent is deleted there too (section 10)."""
    deletes = "delete" in entity.operations and (parent_id is not None) == (entity.parent is not None)
    if call.method == "DELETE" and deletes:
        return "delete"
    return _only_get(call, "get")


def _only_get(call: Call, action: Action) -> Action:
    if call.method != "GET":
        raise verb_not_routed(call.method)
    return action


def _information(call: Call, entity: Entity, rest: tuple[str, ...]) -> Route:
    action = INFORMATION.get("/".join(rest).lower())
    if action is None:
        raise not_routed(call.url(*call.parts[2:]))
    return Route(entity, _only_get(call, action))


def _query(call: Call, entity: Entity, rest: tuple[str, ...]) -> Route:
    actions: dict[tuple[str, ...], Action] = {(): "query", ("count",): "count", ("next",): "next"}
    action = actions.get(rest)
    if action is None:
        raise not_routed(call.url(*call.parts[2:]))
    # The link after a POST query has no search in it and wants a body: GET is not routed (section 4, L).
    if call.method not in {"GET", "POST"} or (action == "next" and call.method == "GET" and "search" not in call.query):
        raise verb_not_routed(call.method)
    return Route(entity, action)


def _collection(call: Call, entity: Entity, parent_id: int | None) -> Route:
    """Writes go to the collection; a child-only entity has none at its root (section 10)."""
    action = WRITE_VERBS.get(call.method)
    writable = parent_id is not None or entity.parent is None or entity.name in ROOT_CREATE
    if action is None or action not in entity.operations or not writable:
        raise verb_not_routed(call.method)
    return Route(entity, action, parent_id=parent_id)


def _child(call: Call, entity: Entity, parent: str, rest: tuple[str, ...]) -> Route:
    parent_id = _number(parent)
    if parent_id is not None and rest and rest[0].lower() == "entityinformation":
        return _information(call, entity, rest[1:])
    if parent_id is None or len(rest) > 1:
        raise not_routed(call.url(*call.parts[2:]))
    if not rest and call.method == "GET" and "query" in entity.operations:
        return Route(entity, "list", parent_id=parent_id)
    if not rest:
        return _collection(call, entity, parent_id)
    row_id = _number(rest[0])
    if row_id is None or "query" not in entity.operations:
        raise not_routed(call.url(*call.parts[2:]))
    return Route(entity, _get_or_delete(call, entity, parent_id), row_id=row_id, parent_id=parent_id)
