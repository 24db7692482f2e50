"""The entities of the sandbox: which fields they have and which calls they know (reference sections 10 and 11)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Any

from autotask_sandbox.errors import unknown_field

UNSTATED = 300  # the reference gives no number for Services and ServiceBundles


@dataclass(frozen=True, slots=True)
class Field:
    """One column; names are camelCase on output and matched without regard to case on input (section 3)."""

    name: str
    type: str
    required: bool = False
    read_only: bool = False
    create_only: bool = False
    date_only: bool = False
    max_length: int | None = None
    reference: str | None = None
    picklist: bool | dict[str, str] = False
    queryable: bool = True


@dataclass(frozen=True)
class Entity:
    """One resource of the API. ``segment`` is its name below the parent, e.g. ``Contracts/{id}/Services``.

    ``parent_field`` holds the parent's id in each row; ``user_fields`` is how many user-defined fields there may be.
    """

    name: str
    operations: frozenset[str]
    parent: str | None
    segment: str | None
    parent_field: str
    user_fields: int
    webhooks: bool
    fields: MappingProxyType[str, Field] = field(repr=False)

    def field(self, name: object) -> Field:
        """The field of that name in any case; the error of section 5 where there is none."""
        found = self.fields.get(str(name).lower())
        if found is None:
            raise unknown_field(str(name), self.name)
        return found


def _field(name: str, raw: dict[str, Any]) -> Field:
    return Field(
        name=name,
        type=raw["type"],
        required=raw.get("required", False),
        read_only=raw.get("readOnly", False),
        create_only=raw.get("createOnly", False),
        date_only=raw.get("dateOnly", False),
        max_length=raw.get("maxLength"),
        reference=raw.get("reference"),
        picklist=raw.get("picklist", False),
        queryable=raw.get("queryable", True),
    )


def _ordered(raw: dict[str, Any]) -> list[str]:
    """``id`` first, the rest by name: the order of keys in every row."""
    return sorted(raw, key=lambda name: (name != "id", name.lower()))


def _entity(name: str, raw: dict[str, Any]) -> Entity:
    fields = {key.lower(): _field(key, raw["fields"][key]) for key in _ordered(raw["fields"])}
    return Entity(
        name=name,
        operations=frozenset(raw["operations"].split()),
        parent=raw.get("parent"),
        segment=raw.get("segment"),
        parent_field=raw.get("parentField", ""),
        user_fields=UNSTATED if raw.get("userDefinedFields") is True else raw.get("userDefinedFields", 0),
        webhooks=raw.get("webhooks", False),
        fields=MappingProxyType(fields),
    )


def _load() -> dict[str, Entity]:
    text = resources.files("autotask_sandbox").joinpath("data/entities.json").read_text(encoding="utf-8")
    return {name: _entity(name, raw) for name, raw in json.loads(text).items()}


ENTITIES = MappingProxyType(_load())
BY_PATH = MappingProxyType({name.lower(): entity for name, entity in ENTITIES.items()})
BY_SEGMENT = MappingProxyType(
    {(e.parent.lower(), e.segment.lower()): e for e in ENTITIES.values() if e.parent and e.segment}
)
