"""Who does a thing: an API user, for himself or acting for another resource, or a person in the UI."""

from __future__ import annotations

from dataclasses import dataclass

from autotask_sandbox.ledger import By


@dataclass(frozen=True, slots=True)
class Actor:
    """``resource_id`` stands on what is done; ``impersonator`` is the API user who acted for that resource."""

    by: By
    resource_id: int
    name: str
    impersonator: int | None = None
