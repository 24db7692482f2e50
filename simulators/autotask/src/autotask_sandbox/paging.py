"""Pages of a query result and the links between them (reference section 4)."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

from autotask_sandbox.entities import Entity
from autotask_sandbox.errors import ApiError
from autotask_sandbox.query import PAGE, Query
from autotask_sandbox.values import wire_row

START = -1


@dataclass(frozen=True, slots=True)
class Links:
    """``base``: the address of further pages as the caller sees it; ``search``: what a GET query asked."""

    base: str
    search: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: after the row ``after``; ``before`` are the positions of the pages behind it."""

    page_size: int
    after: int = START
    before: tuple[int, ...] = ()

    def link(self, links: Links) -> str:
        """The position, and after a GET query the search too; after a POST query never the filter (L)."""
        base, search = links.base, links.search
        paging = {"pageSize": self.page_size, "previousIds": list(self.before), "nextIds": [self.after]}
        tail = "" if search is None else f"&search={quote(search, safe='')}"
        return f"{base}?paging={quote(json.dumps(paging, separators=(',', ':')), safe='')}{tail}"


def position_from(text: str | None, page_size: int) -> Position:
    """The position in a link; raises ApiError if somebody changed it into nonsense."""
    if text is None:
        return Position(page_size)
    try:
        raw = json.loads(text)
        before = tuple(int(value) for value in raw.get("previousIds") or ())
        size = int(raw["pageSize"])
        if not 1 <= size <= PAGE:
            raise ValueError(size)
        return Position(size, int((raw.get("nextIds") or [START])[-1]), before)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ApiError("The paging information is not valid.") from None


def _start(rows: Sequence[Any], after: int) -> Iterable[Any]:
    """Rows behind an id; they are in the order of ids."""
    return islice(rows, bisect_right(rows, after, key=lambda row: row.get("id")), None)


def count(rows: Sequence[Any], query: Query) -> int:
    return sum(1 for row in _start(rows, query.after) if query.matches(row))


def page(entity: Entity, rows: Sequence[Any], query: Query, at: Position, links: Links) -> dict[str, Any]:
    """One page in the order of ids: ``items`` and ``pageDetails``."""
    matching = (row for row in _start(rows, max(at.after, query.after)) if query.matches(row))
    found = list(islice(matching, at.page_size + 1))
    shown, more = found[: at.page_size], len(found) > at.page_size
    if more and at.page_size == PAGE and query.only is not None and "id" not in query.only:
        raise ApiError("includeFields must contain id when more than 500 rows match.")
    following = Position(at.page_size, shown[-1].get("id"), (*at.before, at.after)) if more else None
    previous = Position(at.page_size, at.before[-1], at.before[:-1]) if at.before else None
    return {
        "items": [wire_row(entity, row, query.only) for row in shown],
        "pageDetails": {
            "count": len(shown),
            "requestCount": at.page_size,
            "prevPageUrl": previous.link(links) if previous else None,
            "nextPageUrl": following.link(links) if following else None,
        },
    }
