"""The store over MongoDB: PyMongo's async API, journaled majority writes, primary reads.

A compare-and-set whose acknowledgement was lost is found out: every stored document carries the ``write_id`` of the
call that wrote it, so that reading it back tells *ours* from *somebody else's*.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from pymongo import AsyncMongoClient, ReadPreference, ReplaceOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from seatledger.runtime.mongo_errors import DUPLICATE, first_text, passing, short
from seatledger.runtime.settings_file import ConfigError
from seatledger.runtime.store import StoreUnavailableError, Where
from seatledger.schemas.base import Json

T = TypeVar("T")

WRITE_ID = "write_id"
PATIENCE = 20.0
"""Seconds for which a verb rides out a store that is being restarted."""
Observe = Callable[[str, float], None]

BULK = 500
"""Documents in one bulk write: a round trip of a moderate size."""


class MongoStore:
    """A database behind a URL. Belongs to the event loop on which it is first used."""

    def __init__(
        self,
        url: str,
        database: str,
        *,
        access: Mapping[str, Any] | None = None,
        patience: float = PATIENCE,
        observe: Observe | None = None,
    ) -> None:
        """``access``: user and TLS as the driver's options. ``patience`` in seconds; ``observe`` is told each verb's
        name and seconds, waits included. :class:`ConfigError` where the address is none."""
        self._client = _client(url, access or {})
        # What an address may ask for is weaker: neither its write concern nor its secondaries are taken.
        self._database = self._client.get_database(
            database, write_concern=WriteConcern(w="majority", j=True), read_preference=ReadPreference.PRIMARY
        )
        self._patience = patience
        self._observe = observe

    def collection(self, name: str) -> "MongoCollection":
        return MongoCollection(self._database.get_collection(name), self._patience, self._observe)

    async def ping(self) -> None:
        try:
            async with asyncio.timeout(2):
                await self._database.command("ping")
        except (PyMongoError, TimeoutError) as error:
            raise StoreUnavailableError(f"the store does not answer: {short(error)}") from error

    async def ask(self, command: str) -> Json | None:
        """What the server answers to an administrative command that changes nothing; None where our user may not ask.

        :class:`StoreUnavailableError` where it does not answer within 5 s.
        """
        try:
            async with asyncio.timeout(5):
                found: Json = await self._client.admin.command(command)
        except OperationFailure:
            return None
        except (PyMongoError, TimeoutError) as error:
            raise StoreUnavailableError(f"the store does not answer: {short(error)}") from error
        return found

    async def drop(self) -> None:
        """Forget the whole database; for tests."""
        await self._client.drop_database(self._database.name)

    async def close(self) -> None:
        await self._client.close()


def _client(url: str, access: Mapping[str, Any]) -> AsyncMongoClient[Json]:
    try:
        return AsyncMongoClient(
            url,
            serverSelectionTimeoutMS=2000,
            connectTimeoutMS=2000,
            socketTimeoutMS=15000,
            retryWrites=False,
            maxPoolSize=10,
            tz_aware=True,
            **access,
        )
    except (PyMongoError, ValueError, OSError):  # its text may quote a part of the password
        raise ConfigError(
            "store.url",
            "this is no address of a store, or a file that it names cannot be read",
            "Write mongodb://HOST:PORT, with user and password under store.username and store.password",
        ) from None


class MongoCollection:
    """One collection."""

    def __init__(self, collection: AsyncCollection[Json], patience: float, observe: Observe | None = None) -> None:
        self._collection = collection
        self._patience = patience
        self._observe = observe

    async def get(self, document_id: str) -> Json | None:
        return _public(await self._patiently(lambda: self._collection.find_one({"_id": document_id}), "get"))

    async def find(
        self,
        where: Where,
        *,
        fields: Sequence[str] | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> list[Json]:
        projection = None if fields is None else {"_id": 1, **dict.fromkeys(fields, 1)}

        async def look() -> list[Json]:
            cursor = self._collection.find(dict(where), projection, limit=limit, batch_size=1000)
            if sort:
                cursor = cursor.sort(list(sort))
            return await cursor.to_list(None)

        return [document for found in await self._patiently(look, "find") if (document := _public(found)) is not None]

    async def count(self, where: Where) -> int:
        return await self._patiently(lambda: self._collection.count_documents(dict(where)), "count")

    async def insert(self, document: Json) -> bool:
        fresh = {**document, WRITE_ID: secrets.token_hex(8)}

        async def write() -> bool:
            try:
                await self._collection.insert_one(dict(fresh))
            except DuplicateKeyError:
                return await self._is_ours(fresh)
            return True

        return await self._patiently(write, "insert")

    async def replace(self, document: Json, *, expected: int) -> bool:
        fresh = {**document, "rev": expected + 1}
        if expected == 0:
            return await self.insert(fresh)
        fresh[WRITE_ID] = secrets.token_hex(8)

        async def write() -> bool:
            try:
                result = await self._collection.replace_one({"_id": fresh["_id"], "rev": expected}, dict(fresh))
            except DuplicateKeyError:  # a unique index
                return False
            # A lost acknowledgement shows as "nothing matched" on the next try: then the document tells whose it is.
            return result.matched_count == 1 or await self._is_ours(fresh)

        return await self._patiently(write, "replace")

    async def replace_many(self, documents: Sequence[tuple[Json, int]]) -> list[bool]:
        saved: list[bool] = []
        for start in range(0, len(documents), BULK):
            saved += await self._replace_bulk(documents[start : start + BULK])
        return saved

    async def _replace_bulk(self, documents: Sequence[tuple[Json, int]]) -> list[bool]:
        if not documents:
            return []
        if len(documents) == 1:
            return [await self.replace(documents[0][0], expected=documents[0][1])]
        fresh = [{**d, "rev": expected + 1, WRITE_ID: secrets.token_hex(8)} for d, expected in documents]
        operations = [_operation(document) for document in fresh]
        births = sum(document["rev"] == 1 for document in fresh)

        async def write() -> bool:
            """Whether all were stored; else it has to be read, which."""
            try:
                result = await self._collection.bulk_write(operations, ordered=False)
            except BulkWriteError as error:
                _taken(error)
                return False
            return (result.upserted_count, result.matched_count) == (births, len(fresh) - births)

        return [True] * len(fresh) if await self._patiently(write, "replace_many") else await self._whose(fresh)

    async def _whose(self, fresh: Sequence[Json]) -> list[bool]:
        ids = [document["_id"] for document in fresh]
        found = await self._patiently(
            lambda: self._collection.find({"_id": {"$in": ids}}, {WRITE_ID: 1}).to_list(None), "replace_many"
        )
        stored = {document["_id"]: document.get(WRITE_ID) for document in found}
        return [stored.get(document["_id"]) == document[WRITE_ID] for document in fresh]

    async def upsert_many(self, documents: Sequence[Json]) -> None:
        for start in range(0, len(documents), BULK):
            part = [ReplaceOne({"_id": d["_id"]}, dict(d), upsert=True) for d in documents[start : start + BULK]]
            await self._patiently(lambda part=part: self._collection.bulk_write(part, ordered=False), "upsert_many")  # type: ignore[misc]  # the loop's own value is bound

    async def upsert_newest(self, documents: Sequence[Json]) -> None:
        for start in range(0, len(documents), BULK):
            part = documents[start : start + BULK]
            await self._patiently(lambda part=part: self._upsert_newest(part), "upsert_newest")  # type: ignore[misc]

    async def _upsert_newest(self, documents: Sequence[Json]) -> None:
        """Where an id is taken, by a newer document or by an older one born meanwhile, the second write tells which."""
        try:
            await self._collection.bulk_write([_unless_newer(one, upsert=True) for one in documents], ordered=False)
        except BulkWriteError as error:
            again = [_unless_newer(documents[index], upsert=False) for index in _taken(error)]
            await self._collection.bulk_write(again, ordered=False)

    async def delete_many(self, where: Where) -> int:
        result = await self._patiently(lambda: self._collection.delete_many(dict(where)), "delete_many")
        return result.deleted_count

    async def clear_outbox(self, document_id: str, event_ids: Sequence[str]) -> None:
        await self.clear_outboxes([(document_id, event_ids)])

    async def clear_outboxes(self, published: Sequence[tuple[str, Sequence[str]]]) -> None:
        operations = [_clearing(document_id, event_ids) for document_id, event_ids in published]
        if operations:
            await self._patiently(lambda: self._collection.bulk_write(operations, ordered=False), "clear_outbox")

    async def ensure_index(self, *fields: str, unique: bool = False) -> None:
        await self._patiently(
            lambda: self._collection.create_index([(field, 1) for field in fields], unique=unique), "ensure_index"
        )

    async def _is_ours(self, fresh: Json) -> bool:
        found = await self._collection.find_one({"_id": fresh["_id"]}, {WRITE_ID: 1})
        return found is not None and found.get(WRITE_ID) == fresh[WRITE_ID]

    async def _patiently(self, call: Callable[[], Awaitable[T]], verb: str) -> T:
        """Repeat a call that is safe to repeat while the store is away, until the patience is over."""
        started = time.monotonic()
        try:
            return await self._repeat(call, started + self._patience)
        finally:
            if self._observe is not None:
                self._observe(verb, time.monotonic() - started)

    async def _repeat(self, call: Callable[[], Awaitable[T]], end: float) -> T:
        while True:
            try:
                return await call()
            except PyMongoError as error:
                if time.monotonic() > end or not passing(error):
                    raise StoreUnavailableError(f"the store failed: {short(error)}") from error
            await asyncio.sleep(0.2)


def _operation(fresh: Json) -> Any:
    """A compare-and-set as part of a bulk. An insert is an upsert that finds the id taken unless it is new."""
    if fresh["rev"] == 1:
        return UpdateOne(
            {"_id": fresh["_id"]}, {"$setOnInsert": {k: v for k, v in fresh.items() if k != "_id"}}, upsert=True
        )
    return ReplaceOne({"_id": fresh["_id"], "rev": fresh["rev"] - 1}, dict(fresh))


def _unless_newer(document: Json, *, upsert: bool) -> ReplaceOne[Json]:
    return ReplaceOne({"_id": document["_id"], "rev": {"$lte": document["rev"]}}, dict(document), upsert=upsert)


def _taken(error: BulkWriteError) -> list[int]:
    """Which writes of the bulk found their id, or a unique index, taken. Where one failed otherwise:
    :class:`StoreUnavailableError`."""
    failed = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(one["code"] != DUPLICATE for one in failed):
        raise StoreUnavailableError(f"the store refused a write: {first_text(error)}") from error
    return [one["index"] for one in failed]


def _clearing(document_id: str, event_ids: Sequence[str]) -> UpdateOne:
    """Entries and mark in one atomic step of one document; two steps cost the embedded store twice the time."""
    unpublished = {"$not": [{"$in": ["$$this.event.id", list(event_ids)]}]}
    return UpdateOne(
        {"_id": document_id},
        [
            {"$set": {"outbox": {"$filter": {"input": "$outbox", "cond": unpublished}}}},
            {"$set": {"has_outbox": {"$gt": [{"$size": "$outbox"}, 0]}}},
        ],
    )


def _public(document: Json | None) -> Json | None:
    if document is not None:
        document.pop(WRITE_ID, None)
    return document
