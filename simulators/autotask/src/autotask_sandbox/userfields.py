"""User-defined fields: definitions are rows, values stand on the rows of an entity (reference section 8)."""

from __future__ import annotations

from typing import Any

from autotask_sandbox.books import Books, Row
from autotask_sandbox.conditions import Predicate, condition
from autotask_sandbox.entities import ENTITIES, Entity, Field
from autotask_sandbox.errors import ApiError, unknown_field
from autotask_sandbox.values import USER_FIELDS, fold_keys, parse

DEFINITIONS = "UserDefinedFieldDefinitions"
TYPES = {1: "string", 2: "string", 3: "decimal", 4: "datetime", 5: "string"}
TYPE_NAMES = {1: "string", 2: "string", 3: "number", 4: "datetime", 5: "string"}


def holder(books: Books, definition: Row) -> Entity:
    """The entity on whose rows a definition's values stand."""
    entity = ENTITIES[DEFINITIONS]
    return ENTITIES[books.picklists.values(entity, entity.field("udfType"))[str(definition["udfType"])]]


def udf_type(books: Books, entity: Entity) -> int:
    """The number by which definitions name an entity; raises KeyError for one without user-defined fields."""
    definitions = ENTITIES[DEFINITIONS]
    names = books.picklists.values(definitions, definitions.field("udfType"))
    return {label: int(value) for value, label in names.items()}[entity.name]


def definitions(books: Books, entity: Entity) -> list[Row]:
    """The active definitions of an entity, oldest first."""
    if not entity.user_fields:
        return []
    wanted = udf_type(books, entity)
    table = books.tables[DEFINITIONS]
    return [table[key] for key in sorted(table) if table[key]["udfType"] == wanted and table[key].get("isActive")]


def _definition(books: Books, entity: Entity, name: object) -> Row:
    for one in definitions(books, entity):
        if str(one["name"]).casefold() == str(name).casefold():
            return one
    raise unknown_field(str(name), entity.name)


def parse_values(books: Books, entity: Entity, raw: object) -> dict[str, str | None]:
    """The sent list of names and values; values are kept as text, as rows show them."""
    if not isinstance(raw, list):
        raise ApiError("Cannot deserialize userDefinedFields: an array is expected. Path 'userDefinedFields'.")
    found: dict[str, str | None] = {}
    for item in raw:
        pair = fold_keys(item) if isinstance(item, dict) else {}
        value = pair.get("value")
        if not isinstance(value, str | int | float | None):
            raise ApiError("The value of a user-defined field must be text. Path 'userDefinedFields'.")
        found[str(_definition(books, entity, pair.get("name"))["name"])] = None if value is None else str(value)
    return found


def at_birth(books: Books, entity: Entity, sent: dict[str, str | None]) -> dict[str, str | None]:
    """The values of a new row: defaults are filled in, required ones are not enforced (section 8, V)."""
    defaults = {one["name"]: one["defaultValue"] for one in definitions(books, entity) if one.get("defaultValue")}
    return {**defaults, **sent}


def check_definition(books: Books, row: Row) -> None:
    """A new definition needs room on its entity and a name that is not taken."""
    entity = holder(books, row)
    known = definitions(books, entity)
    if len(known) >= entity.user_fields:
        raise ApiError(f"The {entity.name} Entity has the most user-defined fields that it can have.")
    if any(str(one["name"]).casefold() == str(row["name"]).casefold() for one in known):
        raise ApiError(f"A user-defined field with the name {row['name']} already exists.")


def user_condition(books: Books, entity: Entity, op: str, leaf: dict[str, Any]) -> Predicate | None:
    """A filter term on a user-defined field, compared by the type of its definition; encrypted ones are refused."""
    found = _definition(books, entity, leaf.get("field"))
    if found.get("isEncrypted") or found.get("isProtected"):
        raise ApiError(f"The field {found['name']} of the {entity.name} Entity is not queryable.")
    name = str(found["name"])
    field = Field(name, TYPES[found["dataType"]])
    inner = condition(field, op, leaf)
    if inner is None:
        return None
    return lambda row: inner({name: _typed(field, (row.get(USER_FIELDS) or {}).get(name))})


def _typed(field: Field, value: str | None) -> Any:
    """Text that is no value of its field's type answers no comparison."""
    try:
        return parse(field, value)
    except ApiError:
        return None
