"""The query language: from a query body to a predicate over rows (reference section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from autotask_sandbox.conditions import Predicate, condition
from autotask_sandbox.entities import Entity
from autotask_sandbox.errors import FILTERS_NULL, MAX_RECORDS, OR_LIMIT, ApiError
from autotask_sandbox.values import fold_keys

PAGE = 500
OR_MOST = 500
QUERY_KEYS = {"filter", "includefields", "maxrecords"}
LEAF_KEYS = {"op", "field", "value", "udf", "items"}


@dataclass(frozen=True)
class Query:
    """A checked query: which rows, which columns, how many.

    ``after``, ``lines`` and ``contracts`` follow from ``matches`` and only save work: a lower bound of ids, and the
    contract lines and contracts to which the result is limited (None: all).
    """

    matches: Predicate
    only: frozenset[str] | None = None
    page_size: int = PAGE
    after: int = -1
    lines: frozenset[int] | None = None
    contracts: frozenset[int] | None = None


UserTerm = Callable[[Entity, str, dict[str, Any]], Predicate | None]


def _condition(entity: Entity, raw: object, user_term: UserTerm) -> Predicate | None:
    if not isinstance(raw, dict):
        raise ApiError("Invalid query syntax. A filter condition must be an object.")
    leaf = fold_keys(raw)
    _refuse_unknown(leaf, LEAF_KEYS)
    op = str(leaf.get("op", "")).lower()
    if op in {"and", "or"}:
        if not isinstance(leaf.get("items"), list):
            raise ApiError(f"Invalid query syntax. The group '{op}' needs items.")
        return _group(entity, op, leaf["items"], user_term)
    if leaf.get("udf"):
        return user_term(entity, op, leaf)
    field = entity.field(leaf.get("field"))
    if not field.queryable:
        raise ApiError(f"The field {field.name} of the {entity.name} Entity is not queryable.")
    return condition(field, op, leaf)


def _group(entity: Entity, op: str, items: Iterable[object], user_term: UserTerm) -> Predicate | None:
    parts = [part for part in (_condition(entity, item, user_term) for item in items) if part is not None]
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    if op == "or":
        return lambda row: any(part(row) for part in parts)
    return lambda row: all(part(row) for part in parts)


def _refuse_unknown(given: Iterable[str], known: set[str]) -> None:
    for key in given:
        if key not in known:
            raise ApiError(f"Invalid query syntax. Could not find member '{key}'.")


def or_width(items: Iterable[object], within_or: bool = False) -> int:
    """How many OR-ed conditions a filter has; the values of ``in`` lists count (section 4, V)."""
    width = 0
    for item in items:
        if not isinstance(item, dict):
            continue
        leaf = fold_keys(item)
        op, inner, value = str(leaf.get("op", "")).lower(), leaf.get("items"), leaf.get("value")
        if op in {"and", "or"} and isinstance(inner, list):
            width += or_width(inner, op == "or")
        elif op in {"in", "notin"} and isinstance(value, list):
            width += len(value)
        elif within_or:
            width += 1
    return width


def _user_terms(items: Iterable[object]) -> int:
    """How many conditions are on user-defined fields, in groups too."""
    leaves = [fold_keys(item) for item in items if isinstance(item, dict)]
    inner = [leaf["items"] for leaf in leaves if isinstance(leaf.get("items"), list)]
    return sum(bool(leaf.get("udf")) for leaf in leaves) + sum(_user_terms(group) for group in inner)


def _after(leaves: Iterable[dict[str, Any]]) -> int:
    """The bound of a top-level ``id > n``: the walk by id need not start at the first row again."""
    bounds = [
        leaf["value"]
        for leaf in leaves
        if (_word(leaf, "op"), _word(leaf, "field")) == ("gt", "id") and type(leaf.get("value")) is int
    ]
    return max(bounds, default=-1)


def _named(leaves: Iterable[dict[str, Any]], *fields: str) -> frozenset[int] | None:
    """The ids of a top-level condition on one of some fields."""
    for leaf in leaves:
        value = leaf.get("value")
        if _word(leaf, "field") not in fields or leaf.get("udf"):
            continue
        if _word(leaf, "op") == "eq" and type(value) is int:
            return frozenset({value})
        if _word(leaf, "op") == "in" and isinstance(value, list) and all(type(item) is int for item in value):
            return frozenset(value)
    return None


def _word(leaf: dict[str, Any], key: str) -> str:
    return str(leaf.get(key)).lower()


def _page_size(value: object) -> int:
    if value is None:
        return PAGE
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= PAGE:
        raise ApiError(MAX_RECORDS)
    return value


def _columns(entity: Entity, names: object) -> frozenset[str] | None:
    if names is None:
        return None
    if not isinstance(names, list):
        raise ApiError("Invalid query syntax. includeFields must be an array.")
    return frozenset(entity.field(name).name for name in names) or None


def parse_query(entity: Entity, body: object, user_term: UserTerm) -> Query:
    """Raises ApiError for everything that Autotask refuses; keys and field names in any case.

    ``user_term`` makes the predicate of a condition on a user-defined field.
    """
    if not isinstance(body, dict):
        raise ApiError(FILTERS_NULL)
    given = fold_keys(body)
    _refuse_unknown(given, QUERY_KEYS)
    filters = given.get("filter")
    if not isinstance(filters, list):
        raise ApiError(FILTERS_NULL)
    if or_width(filters) > OR_MOST:
        raise ApiError(OR_LIMIT)
    if _user_terms(filters) > 1:
        raise ApiError("Invalid query syntax. A query can have only one user-defined field condition.")
    leaves = [fold_keys(raw) for raw in filters if isinstance(raw, dict)]
    return Query(
        matches=_group(entity, "and", filters, user_term) or (lambda _row: True),
        only=_columns(entity, given.get("includefields")),
        page_size=_page_size(given.get("maxrecords")),
        after=_after(leaves),
        lines=_named(leaves, "contractserviceid", "contractservicebundleid"),
        contracts=_named(leaves, "contractid"),
    )
