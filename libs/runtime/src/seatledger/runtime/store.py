"""The store port: few verbs, one atomic document at a time, acknowledged on disk before a call returns.

Adapters: :mod:`seatledger.runtime.mongo` (PyMongo's async API) and :mod:`seatledger.runtime.memory` (the twin).
Both pass the suite in :mod:`seatledger.runtime.store_conformance`.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from seatledger.schemas.base import Json
from seatledger.schemas.documents import Document, Outgoing

Where = Mapping[str, Any]
"""A MongoDB filter made of equalities, ``$in``, ``$ne``, ``$gt``, ``$gte``, ``$lt``, ``$lte``, ``$exists`` and dotted
names; nothing else, so that the memory twin can answer it too."""

D = TypeVar("D", bound=Document)

OnOutbox = Callable[[str, Sequence[Outgoing]], None]
"""Told the id of a document that was saved with an outbox, and what is in it."""

ATTEMPTS: Final = 50
"""At one change of a document, where others change it at the same time."""
PAGE: Final = 500


class StoreUnavailableError(Exception):
    """The store did not answer in time. Whatever was asked for may or may not have happened, except where a verb
    says that it finds out."""


class Collection(Protocol):
    """One collection of JSON documents with a string ``_id``."""

    async def get(self, document_id: str) -> Json | None: ...

    async def find(
        self,
        where: Where,
        *,
        fields: Sequence[str] | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> list[Json]:
        """Documents that match, whole or only ``fields`` (``_id`` always); unordered unless ``sort`` says."""

    async def count(self, where: Where) -> int: ...

    async def insert(self, document: Json) -> bool:
        """Store a new document; False where its id (or a unique index) stands already. A lost acknowledgement is
        found out, so that True means *this call* stored it."""

    async def replace(self, document: Json, *, expected: int) -> bool:
        """Compare-and-set on the whole document: stored with ``rev = expected + 1`` if its ``rev`` is ``expected``,
        else False. ``expected`` 0 inserts. A lost acknowledgement is read back before the call returns; where somebody
        replaced the document before it could be read back, the answer is False: read again and decide again."""

    async def replace_many(self, documents: Sequence[tuple[Json, int]]) -> list[bool]:
        """:meth:`replace` for many ``(document, expected)`` in few round trips, each on its own."""

    async def upsert_many(self, documents: Sequence[Json]) -> None:
        """Store documents whatever stood there; for projections that one writer rebuilds (the mirror)."""

    async def upsert_newest(self, documents: Sequence[Json]) -> None:
        """Store documents, each as it is and unless one with a higher ``rev`` stands there; for projections that
        several writers make of what has a revision of its own (plans). Whoever comes last, the newest stands. All
        documents of the collection carry a ``rev``."""

    async def delete_many(self, where: Where) -> int: ...

    async def clear_outbox(self, document_id: str, event_ids: Sequence[str]) -> None:
        """Take published events out of a document's outbox without raising ``rev``. A replacement that is under way
        may bring one back: it is published again with the same id, which is harmless."""

    async def clear_outboxes(self, published: Sequence[tuple[str, Sequence[str]]]) -> None:
        """:meth:`clear_outbox` for many ``(document id, event ids)`` in one round trip."""

    async def ensure_index(self, *fields: str, unique: bool = False) -> None: ...


class Store(Protocol):
    """A database. A caller may not assume that two collections change together."""

    def collection(self, name: str) -> Collection: ...

    async def ping(self) -> None:
        """Raises :class:`StoreUnavailableError` where the store does not answer within 2 s."""

    async def close(self) -> None: ...


class ConflictError(Exception):
    """Compare-and-set was lost more often than is plausible."""


class Documents(Generic[D]):
    """A collection read and written as one pydantic model; the only typed way to a collection."""

    def __init__(self, collection: Collection, model: type[D], on_outbox: OnOutbox | None = None) -> None:
        self.collection = collection
        self.model = model
        self._on_outbox = on_outbox

    async def get(self, document_id: str) -> D | None:
        found = await self.collection.get(document_id)
        return None if found is None else self.model.model_validate(found)

    async def get_many(self, ids: Sequence[str]) -> dict[str, D]:
        """The documents that exist among ``ids``, by id."""
        if not ids:
            return {}
        return {found.id: found for found in await self.find({"_id": {"$in": list(ids)}})}

    async def find(self, where: Where, *, sort: Sequence[tuple[str, int]] = (), limit: int = 0) -> list[D]:
        return [self.model.model_validate(found) for found in await self.collection.find(where, sort=sort, limit=limit)]

    async def pages(self, where: Where | None = None, *, size: int = PAGE) -> AsyncIterator[list[D]]:
        """All that match, in order of their ids, ``size`` at a time: what is asked of a whole collection costs the
        memory of one page. A document stored meanwhile is among them or not."""
        last = ""
        while page := await self.find({**(where or {}), "_id": {"$gt": last}}, sort=[("_id", 1)], limit=size):
            yield page
            last = page[-1].id

    async def save(self, document: D) -> bool:
        """Compare-and-set on ``document.rev`` (0 inserts). False: somebody was faster, read again and decide again."""
        saved = await self.collection.replace(_dump(document), expected=document.rev)
        if saved:
            self._tell(document)
        return saved

    async def save_many(self, documents: Sequence[D]) -> list[bool]:
        """:meth:`save` for many documents, each on its own."""
        saved = await self.collection.replace_many([(_dump(document), document.rev) for document in documents])
        for document, done in zip(documents, saved, strict=True):
            if done:
                self._tell(document)
        return saved

    async def change(self, document_id: str, decide: Callable[[D | None], D | None]) -> D | None:
        """Read, decide, save, again from the start where somebody was faster. ``decide`` is pure; None changes nothing.

        Returns what was saved, else what was read; raises :class:`ConflictError`.
        """
        for _ in range(ATTEMPTS):
            current = await self.get(document_id)
            wanted = decide(current)
            if wanted is None or wanted == current:
                return current
            if await self.save(wanted):
                return wanted.model_copy(update={"rev": wanted.rev + 1})
        raise ConflictError(f"{document_id} changed under {ATTEMPTS} attempts to change it")

    async def change_many(self, decisions: Mapping[str, Callable[[D | None], D | None]]) -> None:
        """:meth:`change` for many documents, each on its own, in few round trips."""
        left = dict(decisions)
        for _ in range(ATTEMPTS):
            if not left:
                return
            current = await self.get_many(list(left))
            decided = {key: decide(current.get(key)) for key, decide in left.items()}
            wanted = [one for key, one in decided.items() if one is not None and one != current.get(key)]
            saved = await self.save_many(wanted) if wanted else []
            beaten = {document.id for document, done in zip(wanted, saved, strict=True) if not done}
            left = {key: decide for key, decide in left.items() if key in beaten}
        if left:
            raise ConflictError(f"{', '.join(sorted(left))} changed under {ATTEMPTS} attempts to change them")

    def _tell(self, document: D) -> None:
        if document.outbox and self._on_outbox:
            self._on_outbox(document.id, document.outbox)


def _dump(document: Document) -> Json:
    return document.model_copy(update={"has_outbox": bool(document.outbox)}).model_dump(mode="json", by_alias=True)
