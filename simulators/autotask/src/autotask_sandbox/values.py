"""Values on the wire and inside: JSON in, Python kept, JSON out (reference section 9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from autotask_sandbox.entities import Entity, Field
from autotask_sandbox.errors import ApiError, unparsable

INT_LIMITS = {"int32": 2**31, "int64": 2**63}
FOUR_PLACES = Decimal("0.0001")
MOST_DIGITS = 20
USER_FIELDS = "userDefinedFields"


def _number(field: Field, value: object) -> Decimal:
    """A finite number; text is converted as Autotask does (section 5: numbers as text are no parse error)."""
    try:
        number = Decimal(str(value).strip()) if isinstance(value, int | float | str | Decimal) else None
    except InvalidOperation:
        number = None
    if number is None or isinstance(value, bool) or not number.is_finite():
        raise unparsable(str(value).lower(), field.name)
    if number.adjusted() > MOST_DIGITS:
        raise ApiError(f"Value was either too large or too small for {field.type}. Path '{field.name}'.")
    return number


def _integer(field: Field, value: object) -> int:
    number = _number(field, value)
    if number != int(number):
        raise unparsable(str(value), field.name)
    if not -INT_LIMITS[field.type] <= number < INT_LIMITS[field.type]:
        raise ApiError(f"Value was either too large or too small for {field.type}. Path '{field.name}'.")
    return int(number)


def _decimal(field: Field, value: object) -> Decimal:
    """Amounts are kept with four decimals (section 12, V)."""
    return _number(field, value).quantize(FOUR_PLACES)


def _boolean(field: Field, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise unparsable(str(value), field.name)


def _string(field: Field, value: object) -> str:
    if isinstance(value, bool | dict | list):
        raise unparsable(str(value).lower(), field.name)
    text = str(value)
    if field.max_length is not None and len(text) > field.max_length:
        raise ApiError(f"The value of field {field.name} exceeds the maximum length of {field.max_length}.")
    return text


def _instant(field: Field, value: object) -> datetime | date:
    """Date-only fields keep the calendar date as written, everything else becomes UTC (section 9, V)."""
    text = value.isoformat() if isinstance(value, date) else value
    if not isinstance(text, str):
        raise unparsable(str(value), field.name)
    try:
        moment = datetime.fromisoformat(text.strip())
        if field.date_only:
            return date.fromisoformat(text.strip()[:10])
    except ValueError:
        raise ApiError(f"Could not convert string to DateTime: {text}. Path '{field.name}'.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse(field: Field, value: object) -> Any:
    """The value as the sandbox keeps it; None clears a field and is left alone."""
    if value is None:
        return None
    if field.type in INT_LIMITS:
        return _integer(field, value)
    match field.type:
        case "decimal":
            return _decimal(field, value)
        case "boolean":
            return _boolean(field, value)
        case "datetime":
            return _instant(field, value)
        case _:
            return _string(field, value)


def stamp(moment: datetime) -> str:
    """An instant as the API writes it: UTC, ISO 8601 with Z (section 9, V)."""
    text = moment.astimezone(UTC).replace(tzinfo=None)
    return text.isoformat(timespec="milliseconds" if text.microsecond else "seconds") + "Z"


def wire(value: object) -> Any:
    """The JSON form of a kept value; a date-only value shows as midnight with Z (section 9)."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    return value


def wire_row(entity: Entity, row: Any, only: frozenset[str] | None = None) -> dict[str, Any]:
    """A row with every field of the entity, or the projection with ``id`` and an empty UDF list (section 4)."""
    shown = {f.name: wire(row.get(f.name)) for f in entity.fields.values() if only is None or f.name in only}
    values = (row.get(USER_FIELDS) or {}) if entity.user_fields and only is None else {}
    user_fields = [{"name": name, "value": value} for name, value in values.items() if value is not None]
    return {"id": row.get("id"), **shown, USER_FIELDS: user_fields}


def fold_keys(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Keys in lower case: the API matches them without regard to case (section 3)."""
    return {key.lower(): value for key, value in raw.items()}
