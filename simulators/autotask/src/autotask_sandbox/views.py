"""The rows of one entity that one caller may see (reference sections 11.2 and 15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autotask_sandbox.books import Books
from autotask_sandbox.entities import Entity
from autotask_sandbox.kinds import BY_UNITS
from autotask_sandbox.query import Query
from autotask_sandbox.rights import CONTRACT_ENTITIES, is_visible

BILLED = "BillingItems"


@dataclass(frozen=True, slots=True)
class View:
    """Now or in the past (``back_to``); ``blind``: an empty world; ``hidden``: contracts of other lines of business."""

    books: Books
    entity: Entity
    back_to: float | None
    blind: bool
    hidden: frozenset[int]

    def rows(self, parent_id: int | None = None) -> Sequence[Any]:
        """All rows in the order of ids, or those below one parent."""
        if self.blind:
            return ()
        if parent_id is None:
            return self._seen(self.books.rows(self.entity.name, self.back_to))
        if kind := BY_UNITS.get(self.entity.name):
            lines = self.books.lines_below(kind, (parent_id,))
            return self._seen(self.books.units(kind, self.back_to, lines))
        name = self.entity.parent_field
        return self._seen([row for row in self.books.rows(self.entity.name) if row.get(name) == parent_id])

    def one(self, row_id: int, parent_id: int | None) -> Any:
        """The row of that id, None where there is none or it is not the parent's."""
        if parent_id is not None or self.entity.name in BY_UNITS:
            return next((row for row in self.rows(parent_id) if row.get("id") == row_id), None)
        if self.entity.name == "ContractNotes":
            self.books.deliver_notes()
        found = None if self.blind else self.books.find(self.entity.name, row_id)
        return found if found is None or self._seen([found]) else None

    def limited(self, query: Query) -> Sequence[Any]:
        """Rows to which the query may be applied; unit rows are looked up by line where it names lines or contracts."""
        kind = BY_UNITS.get(self.entity.name)
        if kind is None or self.blind or (query.lines is None and query.contracts is None):
            return self.rows()
        lines = query.lines if query.lines is not None else self.books.lines_below(kind, query.contracts or ())
        return self._seen(self.books.units(kind, self.back_to, lines))

    def _seen(self, rows: Sequence[Any]) -> Sequence[Any]:
        name = self.entity.name
        if not self.hidden or not (name in CONTRACT_ENTITIES or name == BILLED):
            return rows
        return [row for row in rows if is_visible(row, name, self.hidden)]
