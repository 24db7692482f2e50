"""Picklists of one tenant: the labels are alike everywhere, most of the ids are not (reference section 7).

``tenant: 0`` has the ids of the reference; every other number draws its own for all lists that a tenant may edit, in
the same way each time. Ids that were confirmed on live tenants (7 for Recurring Service, 1 for In Effect) stay.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from importlib import resources
from typing import Any

from autotask_sandbox.entities import ENTITIES, Entity, Field
from autotask_sandbox.errors import ApiError

DRAWN_IDS = range(20, 1000)


def _load() -> dict[str, dict[str, Any]]:
    text = resources.files("autotask_sandbox").joinpath("data/picklists.json").read_text(encoding="utf-8")
    lists: dict[str, dict[str, Any]] = json.loads(text)
    return lists


LISTS = _load()


def list_names() -> list[str]:
    """``Entity.field`` of every picklist, for the seed's key ``picklists``."""
    return [f"{e.name}.{f.name}" for e in ENTITIES.values() for f in e.fields.values() if f.picklist]


def _drawn(name: str, raw: Mapping[str, Any], tenant: int) -> dict[str, str]:
    """The values of a list at this tenant, in the order of the labels."""
    values: dict[str, str] = raw["values"]
    if tenant == 0 or raw.get("fixed") == "all":
        return values
    dice = random.Random(f"{tenant}/{name}")  # noqa: S311 - repeatable dice, no secret
    fixed, instead = raw.get("fixed", ()), raw.get("instead", {})
    fresh = iter(dice.sample(DRAWN_IDS, len(values)))
    found: dict[str, str] = {}
    for value, label in values.items():
        if value in instead and dice.random() < 0.5:
            found[instead[value][0]] = instead[value][1]
        else:
            found[value if value in fixed or value in instead else str(next(fresh))] = label
    return found


class Picklists:
    """What each list of a tenant holds; ``own`` are the lists that its seed spells out."""

    def __init__(self, tenant: int = 0, own: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._values: dict[tuple[str, str], dict[str, str]] = {}
        for entity in ENTITIES.values():
            for field in entity.fields.values():
                if isinstance(field.picklist, dict):
                    self._values[entity.name, field.name] = field.picklist
        for name, raw in LISTS.items():
            entity_name, _, field_name = name.partition(".")
            self._values[entity_name, field_name] = _drawn(name, raw, tenant)
        for name, values in (own or {}).items():
            entity_name, _, field_name = name.partition(".")
            self._values[entity_name, field_name] = dict(values)

    def values(self, entity: Entity, field: Field) -> dict[str, str]:
        """Value to label; values are text even where rows carry numbers."""
        return self._values[entity.name, field.name] if field.picklist else {}

    def check(self, entity: Entity, field: Field, value: object) -> None:
        """Raises ApiError for a value that the list does not have."""
        if field.picklist and value is not None and str(value) not in self.values(entity, field):
            raise ApiError(f"Value {value} does not exist for the required picklist field: {field.name}.")
