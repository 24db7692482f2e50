"""Calls on one Autotask tenant: zone, sign-in, queries walked by id, three in flight per entity, budget."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

import stamina

from seatledger.psa_writer.adapters.autotask.answers import failed_read
from seatledger.psa_writer.adapters.autotask.http import Answer, Http, NoAnswerError
from seatledger.psa_writer.adapters.autotask.meter import Meter, unmetered
from seatledger.psa_writer.ports import PsaCredentialsError, PsaForbiddenHostError, PsaUnreachableError
from seatledger.schemas.base import Json

IN_FLIGHT = 3
"""Concurrent calls per integration code and entity (reference section 6)."""
PAGE = 500


class Budget(Protocol):
    """Counts calls before they are made."""

    async def take(self) -> None: ...

    async def prepare(self, calls: int) -> int: ...


@dataclass(frozen=True)
class Credentials:
    """What signs each call. Never shown, not even by ``repr``."""

    username: str = field(repr=False)
    secret: str = field(repr=False)
    integration_code: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"ApiIntegrationCode": self.integration_code, "UserName": self.username, "Secret": self.secret}


@dataclass
class Client:
    """``base`` is the configured address before ``/ATServicesRest``. ``allows`` says of a zone's address why it may not
    be called, or None."""

    base: str
    credentials: Credentials
    http: Http
    budget: Budget
    allows: Callable[[str], str | None]
    meter: Meter = unmetered
    attempts: int = 3
    calls: int = 0
    _zone: str | None = None
    _gates: dict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(IN_FLIGHT))
    )
    _zone_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, entity: str, path: str) -> Json:
        """The body of ``GET {zone}/V1.0/{path}``, counted at ``entity``."""
        return await self._read("GET", entity, path, None)

    async def walk(self, entity: str, terms: Sequence[Json], fields: Sequence[str]) -> AsyncIterator[Json]:
        """All rows that meet the terms, in the order of their ids: each page asks for ids above the last one."""
        last = -1
        while True:
            above = {"op": "gt", "field": "id", "value": last}
            query = {"filter": [*terms, above], "includeFields": list(fields), "maxRecords": PAGE}
            body = await self._read("POST", entity, f"{entity}/query", query)
            rows: list[Json] = body.get("items") or []
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            last = max(int(row["id"]) for row in rows)

    async def write(self, entity: str, path: str, body: Json, in_time: Callable[[], bool]) -> Answer:
        """One POST that has an effect, never repeated here. Raises what :meth:`Http.write` raises."""
        zone = await self.zone()
        async with self._gates[entity]:
            await self.budget.take()
            self.calls += 1
            url, headers = f"{zone}V1.0/{path}", self.credentials.headers
            return await self.meter(entity, self.http.write(url, headers, body, in_time))

    async def zone(self) -> str:
        """The tenant's own address, asked once; ends with a slash. Raises :class:`PsaError`."""
        async with self._zone_lock:
            if self._zone is None:
                self._zone = await self.discover()
            return self._zone

    async def forget_zone(self, tried: str) -> None:
        """A 401 may mean that the tenant moved: the zone is asked anew, unless somebody did meanwhile."""
        async with self._zone_lock:
            if self._zone == tried:
                self._zone = None

    async def _read(self, method: str, entity: str, path: str, body: Json | None) -> Json:
        async for attempt in stamina.retry_context(
            on=PsaUnreachableError, attempts=self.attempts, wait_initial=0.2, wait_max=5.0, timeout=30.0
        ):
            with attempt:
                return await self._read_in_zone(method, entity, path, body)
        raise PsaUnreachableError(f"{entity}: no attempt was made")

    async def _read_in_zone(self, method: str, entity: str, path: str, body: Json | None) -> Json:
        zone = await self.zone()
        try:
            return await self._read_once(method, entity, f"{zone}V1.0/{path}", body)
        except PsaCredentialsError:
            await self.forget_zone(zone)
            if await self.zone() == zone:
                raise
            return await self._read_once(method, entity, f"{await self.zone()}V1.0/{path}", body)

    async def _read_once(self, method: str, entity: str, url: str, body: Json | None) -> Json:
        async with self._gates[entity]:
            await self.budget.take()
            self.calls += 1
            answer = await self._call(method, entity, url, body)
        error = failed_read(answer, entity)
        if error is not None:
            raise error
        found: Json = answer.body
        return found

    async def _call(self, method: str, entity: str, url: str, body: Json | None) -> Answer:
        try:
            return await self.meter(entity, self.http.read(method, url, self.credentials.headers, body))
        except NoAnswerError as error:
            raise PsaUnreachableError(f"{entity}: {error}") from error

    async def look(self, method: str, entity: str, path: str, body: Json | None = None) -> Answer:
        """One read, once, with whatever came of it. :class:`PsaError` where nothing came."""
        zone = await self.zone()
        async with self._gates[entity]:
            await self.budget.take()
            self.calls += 1
            return await self._call(method, entity, f"{zone}V1.0/{path}", body)

    async def discover(self) -> str:
        """The tenant's own address as the zone-free host gives it now. Raises :class:`PsaError`."""
        user = quote(self.credentials.username, safe="")
        url = f"{self.base.rstrip('/')}/ATServicesRest/V1.0/zoneInformation?user={user}"
        answer = await self._call_zone(url)
        address = answer.body.get("url") if isinstance(answer.body, dict) else None
        if answer.status != 200 or not address:
            raise _no_zone(answer)
        zone = f"{str(address).rstrip('/')}/"
        refused = self.allows(zone)
        if refused:
            raise PsaForbiddenHostError(refused)
        return zone

    async def _call_zone(self, url: str) -> Answer:
        """Without the secret: the zone is asked by user name alone."""
        await self.budget.take()
        self.calls += 1
        try:
            return await self.meter("zoneInformation", self.http.read("GET", url, {}))
        except NoAnswerError as error:
            raise PsaUnreachableError(f"{self.base} does not answer (zoneInformation: {error})") from error


def _no_zone(answer: Answer) -> Exception:
    """A 500 with errors is how an unknown user is refused (reference section 1)."""
    named = isinstance(answer.body, dict) and any(str(key).lower() == "errors" for key in answer.body)
    if named or answer.status == 401:
        return PsaCredentialsError("Autotask knows no zone for this user name")
    return PsaUnreachableError(f"zoneInformation: status {answer.status}")
