"""The API's front: signs in, counts, limits and breaks calls, and lets the reads answer them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from partner_center_sandbox.acts import live_on
from partner_center_sandbox.calls import Call, read_call
from partner_center_sandbox.connection import Answer, Connection
from partner_center_sandbox.errors import RefusalError, SignInError, ThrottledError, bad_request
from partner_center_sandbox.faults import Fault
from partner_center_sandbox.hooks import HOOKS
from partner_center_sandbox.reads import Reads
from partner_center_sandbox.routes import Route, resolve
from partner_center_sandbox.shapes import collection
from partner_center_sandbox.tenant import Tenant
from partner_center_sandbox.tokens import Mode
from partner_center_sandbox.updates import patch

Act = Callable[[], Answer]
ECHOED = {"ms-requestid", "ms-correlationid"}


class Gateway:
    """An ASGI application for everything outside ``/_sandbox``."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = await read_call(Request(scope, receive))
        except ClientDisconnect:
            return
        way = Connection(scope, receive, send)
        try:
            route, path = resolve(call.method, call.parts)
        except RefusalError as refusal:
            with self.tenant.counters.call("/".join(call.parts) or "/", call.method, writes=False):
                await way.answer(self._refused(refusal, call))
            return
        writes = route.limited and call.method != "GET"  # a token or a registration changes nothing that is billed
        with self.tenant.counters.call(route.name, call.method, writes=writes):
            await self._admit(call, route, path, way)

    async def _admit(self, call: Call, route: Route, path: dict[str, str], way: Connection) -> None:
        """The doors and the limit; what is refused there never meets a fault."""
        try:
            mode = None if route.name == "token" else self._signed_in(call)
            if route.limited:
                self.tenant.pace.enter()
        except RefusalError as refusal:
            await way.answer(self._refused(refusal, call))
            return
        if self.tenant.seed.limits.latency_ms:
            await asyncio.sleep(self.tenant.seed.limits.latency_ms / 1000)
        act: Act = lambda: self._answer(call, route, path, mode)  # noqa: E731 - a name for what faults may do or not
        fault = self.tenant.faults.striking(call.method, call.target, route.name)
        await (way.answer(act()) if fault is None else self._strike(fault, way, act))

    def _signed_in(self, call: Call) -> Mode:
        mode = self.tenant.tokens.check(call)
        if self.tenant.switches.headers == "required":
            check_headers(call)
        return mode

    def _answer(self, call: Call, route: Route, path: dict[str, str], mode: Mode | None) -> Answer:
        try:
            if mode is None:
                return Answer(200, self.tenant.tokens.issue(path["tenant"], call))
            answer = self._signed_in_answer(call, route, path, mode)
        except SignInError as error:
            return Answer(error.status, signed_out(error))
        except RefusalError as refusal:
            return self._refused(refusal, call)
        return Answer(answer.status, answer.body, {**trace(call), **answer.headers})

    def _signed_in_answer(self, call: Call, route: Route, path: dict[str, str], mode: Mode) -> Answer:
        if hook := HOOKS.get((route.name, call.method)):
            return Answer(200, hook(self.tenant, call, path))
        live_on(self.tenant)
        if call.method == "PATCH":
            return patch(self.tenant, call, path)
        return Answer(200, getattr(Reads(self.tenant, call, mode), route.name)(path))

    def _refused(self, refusal: RefusalError, call: Call) -> Answer:
        wanted = self.tenant.switches.errors
        again = {"retry-after": str(refusal.seconds)} if isinstance(refusal, ThrottledError) else {}
        body = refusal.body(None if wanted == "mixed" else wanted)
        return Answer(refusal.status, body, {**trace(call), **again})

    async def _strike(self, fault: Fault, way: Connection, act: Act) -> None:
        match fault.do:
            case "drop_before":
                await way.drop()
            case "drop_after":
                act()
                await way.drop()
            case "apply_late":
                asyncio.get_running_loop().call_later(fault.seconds or 0, self._unless_reset(act))
                await way.drop()
            case "twice":
                first = act()
                act()
                await way.answer(first)
            case "reset_mid":
                await way.reset_within(act())
            case "slow":
                early = act() if fault.apply else None
                await asyncio.sleep(fault.seconds or 0)
                await way.answer(early or act())
            case "empty":
                await way.answer(_emptied(act()))
            case _:
                if fault.apply:
                    act()
                await way.answer(self._ordered(fault))

    def _unless_reset(self, act: Act) -> Callable[[], None]:
        """What is still on its way never reaches books that start anew."""
        books = self.tenant.books

        def late() -> None:
            if self.tenant.books is books:
                act()

        return late

    def _ordered(self, fault: Fault) -> Answer:
        """The answer that a fault orders; a 429 begins a pause as the limit itself does."""
        if fault.status == 429:
            self.tenant.pace.pause(fault.retry_after if isinstance(fault.retry_after, int | float) else 0)
        again = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after}"}
        return Answer(fault.status or 500, fault.body, again)


def check_headers(call: Call) -> None:
    """Section 2.2: what every call carries besides its token."""
    if "application/json" not in call.headers.get("accept", ""):
        raise bad_request("The header Accept has to name application/json.")
    if call.headers.get("ms-contract-version", "").lower() != "v1":
        raise bad_request("The header MS-Contract-Version has to be v1.")
    if not call.headers.get("x-locale"):
        raise bad_request("The header X-Locale is missing.")
    for name in ("MS-RequestId", "MS-CorrelationId"):
        try:
            uuid.UUID(call.headers.get(name.lower(), ""))
        except ValueError:
            raise bad_request(f"The header {name} has to be a GUID.") from None


def trace(call: Call) -> dict[str, str]:
    """Headers by which the vendor's support finds a call."""
    named: dict[str, str] = {name: text for name, text in call.headers.items() if name in ECHOED}
    return {**named, "ms-cv": f"{uuid.uuid4().hex[:16]}.0", "ms-serverid": "sandbox"}


def signed_out(error: SignInError) -> dict[str, Any]:
    """The directory's refusal."""
    return {"error": error.error, "error_description": error.text, "error_codes": [error.number]}


def _emptied(answer: Answer) -> Answer:
    """The same call answered as if there were nothing: a list without rows and without a next page."""
    listing = isinstance(answer.body, dict) and "items" in answer.body
    return Answer(answer.status, collection([]), answer.headers) if listing else answer
