"""The API's front: counts, limits and breaks calls, and lets the handler answer them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from autotask_sandbox.calls import Call, read_call
from autotask_sandbox.connection import Connection
from autotask_sandbox.doors import VERSIONS, below_version, is_version_list, root_answer
from autotask_sandbox.errors import BAD_LOGIN, ApiError, RouteError, not_routed
from autotask_sandbox.faults import Fault
from autotask_sandbox.handler import Answer, Handler
from autotask_sandbox.kinds import BY_UNITS
from autotask_sandbox.meter import OverLimitError, ThreadsExceededError
from autotask_sandbox.routes import entity_of
from autotask_sandbox.seed import SeedUser
from autotask_sandbox.tenant import Tenant

LONGEST_URL = 2100
READING_POSTS = ("query", "query/count", "query/next")


def _counted_as(call: Call) -> str:
    entity = entity_of(call) if below_version(call) else None
    return entity.name if entity else (call.parts[-1] if call.parts else "/")


def _writes(call: Call) -> bool:
    """A POST with a filter reads; every other verb but GET tries to change something."""
    return call.method not in {"GET", "HEAD", "OPTIONS"} and not below_version(call).endswith(READING_POSTS)


class Gateway:
    """An ASGI application for everything outside ``/_sandbox``."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = await read_call(Request(scope, receive))
        except ClientDisconnect:
            return
        way = Connection(scope, receive, send)
        if call.parts:
            self.tenant.counters.count(_counted_as(call), call.method, writes=_writes(call))
        try:
            await self._admit(call, way)
        except (ApiError, RouteError) as error:
            await way.answer(error.status, error.body, self._error_headers(error))

    def _error_headers(self, error: Exception) -> dict[str, str]:
        """Counts refusals; Retry-After is often absent (section 6, L), so only a switch sends it."""
        if isinstance(error, ThreadsExceededError):
            self.tenant.counters.throttled += 1
        if isinstance(error, OverLimitError):
            self.tenant.counters.over_limit += 1
            return {"retry-after": "60"} if self.tenant.switches.overrun == "429_retry_after" else {}
        return {}

    async def _admit(self, call: Call, way: Connection) -> None:
        """Routes that need no sign-in, then the doors, then the limits."""
        if call.target_length > LONGEST_URL or not call.parts:
            raise not_routed(f"{call.origin}{call.path}")
        if is_version_list(call):
            await self._perform(call, way, lambda: Answer(200, VERSIONS))
            return
        if below_version(call) == "zoneinformation" and call.method == "GET":
            await self._perform(call, way, lambda: self._zone(call))
            return
        if not below_version(call):
            raise not_routed(f"{call.origin}{call.path}")
        self._check_zone(call)
        user = self.tenant.doors.user_of(call)
        await self._limited(call, way, user)

    def _zone(self, call: Call) -> Answer:
        number = self.tenant.faults.moved_zone() or call.zone
        try:
            return Answer(200, self.tenant.doors.zone(call, number))
        except ApiError as error:
            return Answer(error.status, error.body)

    def _check_zone(self, call: Call) -> None:
        """The visible symptom of a moved tenant is 401 on the old address (section 1, C)."""
        zone = self.tenant.faults.moved_zone()
        if zone is not None and call.zone != zone:
            self.tenant.faults.refused_old_zone()
            raise ApiError(BAD_LOGIN, status=401)

    async def _limited(self, call: Call, way: Connection, user: SeedUser) -> None:
        tenant = self.tenant
        with tenant.threads.held(user.integrationCode, _counted_as(call), tenant.counters.in_flight):
            tenant.window.enter(500 if tenant.switches.overrun == "500" else 429)
            await asyncio.sleep(tenant.window.latency())
            await self._perform(call, way, lambda: self._answer(call, user))

    def _answer(self, call: Call, user: SeedUser) -> Answer:
        tenant = self.tenant
        if call.method == "GET":
            name = below_version(call)
            body = tenant.window.information() if name == "thresholdinformation" else root_answer(name, user)
            if body is not None:
                return Answer(200, body)
        entity = entity_of(call)
        kind = BY_UNITS.get(entity.name) if entity else None
        back_to = tenant.faults.back_to(tenant.books.rows_by[kind].changes_since) if kind else None
        return Handler(tenant.books).answer(call, user, back_to)

    async def _perform(self, call: Call, way: Connection, act: Any) -> None:
        """Lets the call take effect and tells its caller, unless a fault is on order."""
        fault = self.tenant.faults.striking(call.method, "/" + "/".join(call.parts), _counted_as(call))
        if fault is None:
            await self._tell(way, act())
        else:
            await self._strike(fault, way, act)

    async def _tell(self, way: Connection, answer: Answer) -> None:
        ledger = self.tenant.books.ledger
        if await way.answer(answer.status, answer.body):
            ledger.answered(*answer.effects)

    async def _strike(self, fault: Fault, way: Connection, act: Any) -> None:
        match fault.do:
            case "drop_before":
                await way.drop()
            case "drop_after":
                act()
                await way.drop()
            case "apply_late":
                self._later(self._apply_later(fault.seconds or 0, act))
                await way.drop()
            case "twice":
                first = act()
                act()
                await self._tell(way, first)
            case "reset_mid":
                answer = act()
                await way.reset_within(answer.status, answer.body)
            case "slow":
                await self._slow(fault, way, act)
            case _:
                if fault.apply:
                    act()
                again = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after}"}
                await way.answer(fault.status or 500, fault.body, again)

    async def _slow(self, fault: Fault, way: Connection, act: Any) -> None:
        """``apply``: the effect comes first and the waiting after it, else the other way round."""
        if fault.apply:
            answer = act()
            await asyncio.sleep(fault.seconds or 0)
        else:
            await asyncio.sleep(fault.seconds or 0)
            answer = act()
        await self._tell(way, answer)

    async def _apply_later(self, seconds: float, act: Any) -> None:
        """The server goes on working on a request whose caller has gone (section 1: up to 5 minutes)."""
        await asyncio.sleep(seconds)
        act()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def forget(self) -> None:
        """Nothing that is still on its way may reach books that start anew."""
        for task in self._late:
            task.cancel()
