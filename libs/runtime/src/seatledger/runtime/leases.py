"""Leases in ``leases_<service>``: a document that its holder keeps changing (the beat)."""

import asyncio
import secrets
from typing import Final

from seatledger.runtime.clock import MachineClock
from seatledger.runtime.store import Store, StoreUnavailableError
from seatledger.schemas.base import Json

BEATS: Final = 4
"""Beats in a lease's length, so that one or two may be lost."""
LOOKS: Final = 8
"""Looks in a lease's length by those who wait, at least one a second."""


class StoreLease:
    """A :class:`~seatledger.runtime.lease.Lease` on one document. ``length`` in seconds of machine time."""

    def __init__(
        self, store: Store, collection: str, name: str, *, length: float, replica: str, machine: MachineClock
    ) -> None:
        self.token = ""
        self.name = name
        self._collection = store.collection(collection)
        self._length = length
        self._replica = replica
        self._machine = machine
        self._rev = 0
        self._beat_at: float | None = None
        self._seen: tuple[int, float] | None = None

    async def run(self) -> None:
        while True:
            try:
                if self._beat_at is None:
                    await self._try_to_take()
                else:
                    await self._beat()
            except StoreUnavailableError:
                self._seen = None  # nobody could beat meanwhile: begin to measure anew
            holding = self._beat_at is not None
            await self._machine.sleep(self._length / BEATS if holding else min(1.0, self._length / LOOKS))

    def held(self) -> bool:
        return self._beat_at is not None and self._machine.seconds() - self._beat_at < self._length

    async def release(self) -> None:
        if self._beat_at is None:
            return
        self._beat_at = None
        free = {"_id": self.name, "holder": None, "token": ""}
        try:
            async with asyncio.timeout(2):
                await self._collection.replace(free, expected=self._rev)
        except (StoreUnavailableError, TimeoutError):
            pass  # the successor waits for the lease's length then

    async def _try_to_take(self) -> None:
        found = await self._collection.get(self.name)
        rev = 0 if found is None else int(found["rev"])
        if found is not None and found.get("holder") is not None and not self._is_dead(rev):
            return
        token = secrets.token_hex(8)
        if await self._write(token, rev):
            self.token = token

    def _is_dead(self, rev: int) -> bool:
        """Whether the beat has not moved for the lease's length while we watched."""
        now = self._machine.seconds()
        if self._seen is None or self._seen[0] != rev:
            self._seen = (rev, now)
        return now - self._seen[1] >= self._length

    async def _beat(self) -> None:
        if not await self._write(self.token, self._rev):
            self._beat_at, self._seen = None, None  # somebody took it while we were away

    async def _write(self, token: str, rev: int) -> bool:
        started = self._machine.seconds()  # before the write: a slow acknowledgement counts against us
        document: Json = {"_id": self.name, "holder": self._replica, "token": token}
        if not await self._collection.replace(document, expected=rev):
            return False
        self._rev, self._beat_at = rev + 1, started
        return True
