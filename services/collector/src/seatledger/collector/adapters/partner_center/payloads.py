"""Raw payloads, kept by their content: what an event was made of, without tokens and without data of people."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from seatledger.runtime.clock import BusinessClock
from seatledger.runtime.store import Collection
from seatledger.schemas.base import Json, instant_text
from seatledger.schemas.personal import without_people

BATCH: Final = 500


@dataclass(frozen=True)
class Payload:
    """``id`` is a hash of the content."""

    id: str
    content: Json


class Payloads(Protocol):
    """Where raw payloads are kept. Keeping one again changes nothing."""

    async def keep(self, payloads: Sequence[Payload]) -> None: ...


def payload_of(item: dict[str, Any]) -> Payload:
    """The payload without what is secret, and without whatever names or reaches a person."""
    content = without_people(item)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return Payload(hashlib.sha256(text.encode()).hexdigest()[:32], content)


@dataclass
class StoredPayloads:
    """Payloads in the collector's collection ``payloads``. What this process has kept once is not written again."""

    source: str
    collection: Collection
    calendar: BusinessClock
    _kept: set[str] = field(default_factory=set)

    async def keep(self, payloads: Sequence[Payload]) -> None:
        new = {payload.id: payload for payload in payloads if payload.id not in self._kept}
        at = instant_text(self.calendar.now())
        documents = [
            {"_id": one.id, "rev": 1, "source": self.source, "first_read_at": at, "content": one.content}
            for one in new.values()
        ]
        for start in range(0, len(documents), BATCH):
            await self._insert(documents[start : start + BATCH])
        self._kept = {payload.id for payload in payloads} | self._kept if len(self._kept) < 50 * BATCH else set(new)

    async def _insert(self, documents: Sequence[Json]) -> None:
        """Those that are not there: the first read's instant stays."""
        ids = [document["_id"] for document in documents]
        there = {found["_id"] for found in await self.collection.find({"_id": {"$in": ids}}, fields=["source"])}
        if missing := [document for document in documents if document["_id"] not in there]:
            await self.collection.upsert_many(missing)
