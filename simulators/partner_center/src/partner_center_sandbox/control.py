"""The control API below ``/_sandbox``: no sign-in, neither counted nor limited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trustme
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from partner_center_sandbox.acts import live_on
from partner_center_sandbox.control_books import BooksControl
from partner_center_sandbox.control_hooks import HooksControl
from partner_center_sandbox.documents import ControlError, document, read
from partner_center_sandbox.faults import Fault
from partner_center_sandbox.moments import parse_instant, stamp
from partner_center_sandbox.switches import Switches
from partner_center_sandbox.tenant import Tenant

Endpoint = Callable[[Request], Awaitable[Response]]
ONE = "customers/{customer}"
ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class ClockBody(BaseModel):
    """``now``: an instant, at which the calendar stands still; null gives the clock file or real time back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    now: str | None


class Control:
    """What concerns the sandbox as a whole, whatever faults and switches show to callers."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def health(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "now": stamp(self._tenant.now())})

    async def clock(self, request: Request) -> JSONResponse:
        if request.method == "PUT":
            wanted = read(ClockBody, await document(request)).now
            try:
                self._tenant.calendar.put(None if wanted is None else parse_instant(wanted))
            except ValueError:
                raise ControlError(f"now: {wanted!r} is no instant such as 2026-03-01T08:00:00Z") from None
            live_on(self._tenant)
        return JSONResponse({"now": stamp(self._tenant.now())})

    async def reset(self, _request: Request) -> JSONResponse:
        self._tenant.reset()
        return JSONResponse({"status": "ok"})

    async def counters(self, request: Request) -> JSONResponse:
        if request.method == "DELETE":
            self._tenant.counters.clear()
        return JSONResponse(self._tenant.counters.wire())

    async def faults(self, request: Request) -> JSONResponse:
        faults = self._tenant.faults
        if request.method == "POST":
            return JSONResponse(faults.add(read(Fault, await document(request))).wire())
        if request.method == "DELETE":
            faults.clear()
        return JSONResponse(faults.wire())

    async def switches(self, request: Request) -> JSONResponse:
        """PUT changes the switches that it names and leaves the others."""
        if request.method == "PUT":
            wanted = {**self._tenant.switches.model_dump(), **await document(request)}
            self._tenant.switches = read(Switches, wanted)
        return JSONResponse(self._tenant.switches.model_dump())

    async def expire_tokens(self, _request: Request) -> JSONResponse:
        return JSONResponse({"expired": self._tenant.tokens.expire_all()})


async def _say(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=error.status if isinstance(error, ControlError) else 500)


def control_app(tenant: Tenant, authority: trustme.CA) -> Starlette:
    """Routes as the interface names them, and the sandbox's own."""
    control, books, hooks = Control(tenant), BooksControl(tenant), HooksControl(tenant)
    table: list[tuple[str, Endpoint, list[str]]] = [
        ("health", control.health, ["GET"]),
        ("clock", control.clock, ["GET", "PUT"]),
        ("reset", control.reset, ["POST"]),
        ("counters", control.counters, ["GET", "DELETE"]),
        ("faults", control.faults, ["GET", "POST", "DELETE"]),
        ("switches", control.switches, ["GET", "PUT"]),
        ("tokens/expire", control.expire_tokens, ["POST"]),
        ("subscriptions", books.truth, ["GET"]),
        ("audit", books.audit, ["POST"]),
        ("customers", books.add_customer, ["POST"]),
        (ONE, books.customer, ["PATCH", "DELETE"]),
        (f"{ONE}/subscriptions", books.add_subscription, ["POST"]),
        (f"{ONE}/subscriptions/{{subscription}}", books.subscription, ["PATCH", "DELETE"]),
        (f"{ONE}/subscriptions/{{subscription}}/renew", books.renew, ["POST"]),
        (f"{ONE}/subscriptions/{{subscription}}/upgrade", books.upgrade, ["POST"]),
        ("webhooks", hooks.webhooks, ["GET", "POST"]),
        ("webhooks/hold", hooks.hold, ["POST"]),
        ("webhooks/release", hooks.release, ["POST"]),
        ("webhook-cert", hooks.certificate, ["GET"]),
        ("webhook-cert/{name}", hooks.certificate, ["GET"]),
        ("trap/{path:path}", hooks.trap, ANY),
    ]
    routes = [Route(f"/_sandbox/{name}", endpoint, methods=methods) for name, endpoint, methods in table]
    pem = authority.cert_pem.bytes()
    routes.append(Route("/_sandbox/ca.pem", lambda _: Response(pem, media_type="application/x-pem-file")))
    return Starlette(routes=routes, exception_handlers={ControlError: _say})
