"""The memory twin of the store: the same verbs, the same answers, gone with the process."""

import copy
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seatledger.runtime.store import Where
from seatledger.schemas.base import Json

_MISSING = object()

_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def _look_up(document: Any, path: str) -> Any:
    """The value at a dotted name; a list answers for each of its items, as MongoDB's filters do."""
    for name in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(name, _MISSING)
        elif isinstance(document, list) and name.isdigit():
            document = document[int(name)] if int(name) < len(document) else _MISSING
        elif isinstance(document, list):
            found = [_look_up(item, name) for item in document]
            document = [item for item in found if item is not _MISSING]
        else:
            return _MISSING
    return document


def _matches(document: Json, where: Where) -> bool:
    return all(_field_matches(_look_up(document, path), wanted) for path, wanted in where.items())


def _field_matches(found: Any, wanted: Any) -> bool:
    if not (isinstance(wanted, Mapping) and any(key.startswith("$") for key in wanted)):
        return _equal(found, wanted)
    return all(_operator_matches(found, name, value) for name, value in wanted.items())


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(found, list) and not isinstance(wanted, list):
        return bool(wanted in found)
    return bool((None if found is _MISSING else found) == wanted)


def _operator_matches(found: Any, name: str, value: Any) -> bool:
    if name == "$exists":
        return bool((found is not _MISSING) == value)
    if name == "$in":
        return any(_equal(found, wanted) for wanted in value)
    if name == "$ne":
        return not _equal(found, value)
    return found is not _MISSING and found is not None and _TESTS[name](found, value)


def _projected(document: Json, fields: Sequence[str] | None) -> Json:
    if fields is None:
        return copy.deepcopy(document)
    result: Json = {"_id": document["_id"]}
    for path in fields:
        _copy_path(document, result, path.split("."))
    return result


def _copy_path(source: Any, target: Json, names: list[str]) -> None:
    name, rest = names[0], names[1:]
    if not isinstance(source, Mapping) or name not in source:
        return
    if not rest or not isinstance(source[name], Mapping):
        target[name] = copy.deepcopy(source[name])
        return
    _copy_path(source[name], target.setdefault(name, {}), rest)


class MemoryCollection:
    """Documents in a dict. ``unique`` indexes are enforced."""

    def __init__(self) -> None:
        self.documents: dict[str, Json] = {}
        self._unique: list[tuple[str, ...]] = []

    async def get(self, document_id: str) -> Json | None:
        return copy.deepcopy(self.documents.get(document_id))

    async def find(
        self,
        where: Where,
        *,
        fields: Sequence[str] | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> list[Json]:
        found = [document for document in self.documents.values() if _matches(document, where)]
        for path, direction in reversed(sort):
            found.sort(key=lambda document: _sort_key(_look_up(document, path)), reverse=direction < 0)
        return [_projected(document, fields) for document in (found[:limit] if limit else found)]

    async def count(self, where: Where) -> int:
        return sum(_matches(document, where) for document in self.documents.values())

    async def insert(self, document: Json) -> bool:
        if document["_id"] in self.documents or self._clashes(document):
            return False
        self.documents[document["_id"]] = copy.deepcopy(document)
        return True

    async def replace(self, document: Json, *, expected: int) -> bool:
        fresh = {**document, "rev": expected + 1}
        if expected == 0:
            return await self.insert(fresh)
        current = self.documents.get(document["_id"])
        if current is None or current.get("rev") != expected or self._clashes(fresh):
            return False
        self.documents[document["_id"]] = copy.deepcopy(fresh)
        return True

    async def replace_many(self, documents: Sequence[tuple[Json, int]]) -> list[bool]:
        return [await self.replace(document, expected=expected) for document, expected in documents]

    async def upsert_many(self, documents: Sequence[Json]) -> None:
        for document in documents:
            self.documents[document["_id"]] = copy.deepcopy(document)

    async def upsert_newest(self, documents: Sequence[Json]) -> None:
        await self.upsert_many([one for one in documents if self.documents.get(one["_id"], one)["rev"] <= one["rev"]])

    async def delete_many(self, where: Where) -> int:
        doomed = [key for key, document in self.documents.items() if _matches(document, where)]
        for key in doomed:
            del self.documents[key]
        return len(doomed)

    async def clear_outbox(self, document_id: str, event_ids: Sequence[str]) -> None:
        document = self.documents.get(document_id)
        if document is None:
            return
        document["outbox"] = [entry for entry in document["outbox"] if entry["event"]["id"] not in event_ids]
        document["has_outbox"] = bool(document["outbox"])

    async def clear_outboxes(self, published: Sequence[tuple[str, Sequence[str]]]) -> None:
        for document_id, event_ids in published:
            await self.clear_outbox(document_id, event_ids)

    async def ensure_index(self, *fields: str, unique: bool = False) -> None:
        if unique and fields not in self._unique:
            self._unique.append(fields)

    def _clashes(self, document: Json) -> bool:
        return any(
            other["_id"] != document["_id"] and all(_look_up(other, f) == _look_up(document, f) for f in fields)
            for fields in self._unique
            for other in self.documents.values()
        )


def _sort_key(value: Any) -> tuple[bool, Any]:
    """Missing and null values sort first, as in MongoDB."""
    absent = value is _MISSING or value is None
    return (not absent, 0 if absent else value)


class MemoryStore:
    """A database in memory."""

    def __init__(self) -> None:
        self._collections: dict[str, MemoryCollection] = {}

    def collection(self, name: str) -> MemoryCollection:
        return self._collections.setdefault(name, MemoryCollection())

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None
