"""Metadata of entities (reference section 7), as one user and one tenant see it."""

from __future__ import annotations

from typing import Any

from autotask_sandbox.books import Books, Row
from autotask_sandbox.entities import Entity, Field
from autotask_sandbox.rights import access
from autotask_sandbox.seed import SeedUser
from autotask_sandbox.userfields import TYPE_NAMES, definitions

TYPES = {"int32": "integer", "int64": "long"}
NO_LIST: dict[str, Any] = {
    "isReference": False,
    "referenceEntityType": "",
    "isPickList": False,
    "picklistValues": None,
    "picklistParentValueField": "",
}


def info(entity: Entity, user: SeedUser) -> dict[str, Any]:
    """What the entity can do at all, and how far this user may do it: All, Restricted or None."""
    possible = {
        "Create": "create" in entity.operations,
        "Delete": "delete" in entity.operations,
        "Query": "query" in entity.operations,
        "Update": "patch" in entity.operations,
    }
    return {
        "info": {
            "name": entity.name,
            **{f"can{verb}": may for verb, may in possible.items()},
            **{
                f"userAccessFor{v}": access(user, entity.name, v == "Query") if m else "None"
                for v, m in possible.items()
            },
            "hasUserDefinedFields": entity.user_fields > 0,
            "supportsWebhookCallouts": entity.webhooks,
        }
    }


def _pick(value: str, label: str, order: int) -> dict[str, Any]:
    """``value`` is a string even where rows carry a number."""
    return {
        "value": value,
        "label": label,
        "isDefaultValue": False,
        "sortOrder": order,
        "parentValue": "",
        "isActive": True,
        "isSystem": False,
    }


def _describe(books: Books, entity: Entity, field: Field) -> dict[str, Any]:
    """Empty strings, 0 and null where there is nothing, as live metadata has it."""
    picks = books.picklists.values(entity, field)
    values = [_pick(value, label, order) for order, (value, label) in enumerate(picks.items(), 1)]
    return {
        "name": field.name,
        "dataType": TYPES.get(field.type, field.type),
        "length": field.max_length or 0,
        "isRequired": field.required,
        "isReadOnly": field.read_only,
        "isQueryable": field.queryable and "query" in entity.operations,
        "isReference": field.reference is not None,
        "referenceEntityType": field.reference or "",
        "isPickList": bool(field.picklist),
        "picklistValues": values if field.picklist else None,
        "picklistParentValueField": "",
        "isSupportedWebhookField": entity.webhooks,
    }


def fields(books: Books, entity: Entity) -> dict[str, Any]:
    return {"fields": [_describe(books, entity, field) for field in entity.fields.values()]}


def _describe_own(definition: Row) -> dict[str, Any]:
    protected = bool(definition.get("isEncrypted") or definition.get("isProtected"))
    return {
        "name": definition["name"],
        "label": definition["name"],
        "type": TYPE_NAMES[definition["dataType"]],
        "length": 0,
        "description": definition.get("description") or "",
        "isRequired": bool(definition.get("isRequired")),
        "isReadOnly": False,
        "isQueryable": not protected,
        "defaultValue": definition.get("defaultValue") or "",
        **NO_LIST,
    }


def user_fields(books: Books, entity: Entity) -> dict[str, Any]:
    return {"fields": [_describe_own(one) for one in definitions(books, entity)]}
