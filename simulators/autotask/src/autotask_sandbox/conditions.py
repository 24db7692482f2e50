"""One condition of a filter: an operator, a field and a value (reference section 4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from autotask_sandbox.entities import Field
from autotask_sandbox.errors import ApiError
from autotask_sandbox.values import parse

Predicate = Callable[[Any], bool]
COMPARED: dict[str, Callable[[Any, Any], bool]] = {"eq": eq, "noteq": ne, "gt": gt, "gte": ge, "lt": lt, "lte": le}
TEXTUAL: dict[str, Callable[[str, str], bool]] = {
    "beginswith": str.startswith,
    "endswith": str.endswith,
    "contains": lambda text, part: part in text,
}


class NothingEquals:
    """Compares false with everything: a number sent as text against ``id`` finds nothing (section 4, L)."""

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__


def comparable(value: object) -> Any:
    """Values as the database compares them: text without case, dates as midnight UTC."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


def _moment(field: Field, value: object) -> Any:
    """A filter keeps the time part even against a date-only field; only the row's side is a midnight."""
    if not isinstance(value, str):
        return parse(field, value)
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ApiError(f"Could not convert string to DateTime: {value}. Path '{field.name}'.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _operand(field: Field, value: object) -> Any:
    if value is None:
        raise ApiError(f"Value cannot be null. Parameter name: {field.name}")
    if field.type == "datetime":
        return _moment(field, value)
    if field.name == "id" and isinstance(value, str):
        return NothingEquals()
    if field.type == "string":
        return comparable(str(value))
    return comparable(parse(field, value))


def _list_operand(field: Field, value: object) -> set[Any]:
    if not isinstance(value, list):
        raise ApiError(f"The value of an 'in' or 'notIn' condition on field {field.name} must be an array.")
    return {_operand(field, item) for item in value}


def condition(field: Field, op: str, raw: dict[str, Any]) -> Predicate | None:
    """A predicate over rows; None for an unknown operator, which is ignored without a word (section 4, L).

    A field without a value answers no comparison, as in SQL. An ``eq`` without any value is not refused; that it
    then asks for null is a guess (U).
    """
    name = field.name
    if op in {"exist", "notexist"} or (op == "eq" and "value" not in raw):
        wanted = op == "exist"
        return lambda row: (row.get(name) is not None) == wanted
    if op in {"in", "notin"}:
        values, inside = _list_operand(field, raw.get("value")), op == "in"
        return _present(name, lambda value: (value in values) == inside)
    if op in COMPARED:
        return _compared(name, COMPARED[op], _operand(field, raw.get("value")))
    if op in TEXTUAL:
        return _compared(name, TEXTUAL[op], str(_operand(field, raw.get("value"))), text=True)
    return None


def _present(name: str, test: Predicate) -> Predicate:
    return lambda row: (value := row.get(name)) is not None and test(comparable(value))


def _compared(name: str, test: Callable[[Any, Any], bool], wanted: Any, *, text: bool = False) -> Predicate:
    if text:
        return _present(name, lambda value: test(str(value), wanted))
    return _present(name, lambda value: test(value, wanted))
