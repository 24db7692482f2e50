"""What would break a reader of the last release: a field removed, renamed, retyped, or no longer always there.

Within a major version events change additively only (design.md section 2). Both sides are JSON Schemas as pydantic
writes them, with local ``$defs``; our models do not refer to themselves.
"""

from collections.abc import Iterator
from typing import Any

from seatledger.schemas.base import Json

_SAME = ("type", "format", "const", "pattern")
_BRANCHES = ("anyOf", "oneOf", "allOf")


def breaks(released: Json, today: Json) -> list[str]:
    """One line for each way in which ``today`` breaks with ``released``; empty where it only adds."""
    return list(_compare(_inlined(released, released), _inlined(today, today), "$"))


def _inlined(part: Any, root: Json) -> Any:
    """``part`` with every local reference replaced by what it names."""
    if isinstance(part, list):
        return [_inlined(item, root) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(root["$defs"][part["$ref"].rsplit("/", 1)[1]], root)
    return {key: _inlined(value, root) for key, value in part.items() if key != "$defs"}


def _compare(old: Json, new: Json, where: str) -> Iterator[str]:
    for key in _SAME:
        if old.get(key) != new.get(key):
            yield f"{where}: {key} was {old.get(key)!r} and is {new.get(key)!r}"
    gone = set(old.get("enum", ())) - set(new.get("enum", ()))
    if gone:
        yield f"{where}: the values {sorted(gone)} are gone"
    yield from _compare_properties(old, new, where)
    yield from _compare_parts(old, new, where)


def _compare_properties(old: Json, new: Json, where: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name not in after:
            yield f"{where}.{name}: the field is gone"
        else:
            yield from _compare(schema, after[name], f"{where}.{name}")
    for name in set(old.get("required", ())) - set(new.get("required", ())):
        if name in after:
            yield f"{where}.{name}: the field was always there and may now be absent"


def _compare_parts(old: Json, new: Json, where: str) -> Iterator[str]:
    for key in ("items", "additionalProperties"):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _compare(old[key], new[key], f"{where}[]")
    for key in _BRANCHES:
        branches = new.get(key, [])
        if len(branches) < len(old.get(key, [])):
            yield f"{where}: a branch of {key} is gone"
        for number, (was, now) in enumerate(zip(old.get(key, []), branches, strict=False)):
            yield from _compare(was, now, f"{where}|{number}")
