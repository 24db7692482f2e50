"""The control API below ``/_sandbox``: no sign-in, neither counted nor limited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autotask_sandbox.actors import Actor
from autotask_sandbox.adjust import apply
from autotask_sandbox.errors import NO_CONTRACT_WINDOW, ApiError
from autotask_sandbox.faults import Fault, Match
from autotask_sandbox.gateway import Gateway
from autotask_sandbox.invoicing import invoice
from autotask_sandbox.ledger import Adjustment
from autotask_sandbox.loading import PERSON
from autotask_sandbox.moments import parse_instant
from autotask_sandbox.posting import post
from autotask_sandbox.seedfile import dotted, nearest
from autotask_sandbox.switches import Switches, no_such_value
from autotask_sandbox.values import stamp

Endpoint = Callable[[Request], Awaitable[JSONResponse]]
T = TypeVar("T", bound=BaseModel)


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClockBody(Body):
    """``now``: an instant, at which the calendar stands still; null gives the clock file or real time back."""

    now: str | None


class PostBody(Body):
    contractID: int  # noqa: N815 - the vendor's names
    through: date


class InvoiceBody(Body):
    companyID: int  # noqa: N815 - the vendor's names


class EditBody(Body):
    contractServiceID: int  # noqa: N815 - the vendor's names
    effectiveDate: date  # noqa: N815 - the vendor's names
    unitChange: int | None = None  # noqa: N815 - the vendor's names
    unitPrice: Decimal | None = None  # noqa: N815 - the vendor's names
    user: str | int | None = None


class ControlError(Exception):
    """400 (404 for a thing that is not there) with a text that says where and what."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def _refusal(error: ValidationError, model: type[BaseModel]) -> ControlError:
    found = error.errors()
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    where = dotted(first["loc"])
    if first["type"] == "extra_forbidden":
        holder = Match if first["loc"][:-1] == ("match",) else model
        return ControlError(f"{where}: unknown key. {nearest(first['loc'][-1], holder.model_fields)}")
    if model is Switches and where in Switches.model_fields:
        return ControlError(f"{where}: {no_such_value(where, first['input'])}")
    return ControlError(f"{where}: {first['msg']}")


async def _document(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise ControlError("the body: is not JSON") from None


async def _read(request: Request, model: type[T]) -> T:
    try:
        return model.model_validate(await _document(request))
    except ValidationError as error:
        raise _refusal(error, model) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise ControlError(f"on: {text!r} is no date such as 2026-03-01") from None


class Control:
    """The endpoints; they act at once and see the truth, whatever faults and switches show to callers."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._tenant = gateway.tenant

    async def health(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "now": stamp(self._tenant.calendar.now())})

    async def clock(self, request: Request) -> JSONResponse:
        if request.method == "PUT":
            wanted = (await _read(request, ClockBody)).now
            try:
                self._tenant.calendar.put(None if wanted is None else parse_instant(wanted))
            except ValueError:
                raise ControlError(f"now: {wanted!r} is no instant such as 2026-03-01T08:00:00Z") from None
        return JSONResponse({"now": stamp(self._tenant.calendar.now())})

    async def reset(self, _request: Request) -> JSONResponse:
        self._gateway.forget()
        self._tenant.reset()
        return JSONResponse({"status": "ok"})

    async def counters(self, request: Request) -> JSONResponse:
        if request.method == "DELETE":
            self._tenant.counters.clear()
        return JSONResponse(self._tenant.counters.wire())

    async def faults(self, request: Request) -> JSONResponse:
        faults = self._tenant.faults
        if request.method == "POST":
            return JSONResponse(faults.add(await _read(request, Fault)).wire())
        if request.method == "DELETE":
            faults.clear()
        return JSONResponse(faults.wire())

    async def switches(self, request: Request) -> JSONResponse:
        """PUT changes the switches that it names and leaves the others."""
        if request.method == "PUT":
            wanted = await _document(request)
            if not isinstance(wanted, dict):
                raise ControlError("the body: is no object of switches")
            try:
                self._tenant.switch(Switches.model_validate({**self._tenant.switches.model_dump(), **wanted}))
            except ValidationError as error:
                raise _refusal(error, Switches) from None
        return JSONResponse(self._tenant.switches.model_dump())

    async def effects(self, request: Request) -> JSONResponse:
        after = request.query_params.get("after", "0")
        if not after.isdigit():
            raise ControlError(f"after: {after!r} is no sequence number")
        return JSONResponse([effect.wire() for effect in self._tenant.books.ledger.after(int(after))])

    async def units(self, request: Request) -> JSONResponse:
        on = request.query_params.get("on")
        return JSONResponse(self._tenant.books.truth(self._tenant.calendar.today() if on is None else _day(on)))

    async def post(self, request: Request) -> JSONResponse:
        body = await _read(request, PostBody)
        if self._tenant.books.find("Contracts", body.contractID) is None:
            raise ControlError(f"contractID: no contract {body.contractID}", status=404)
        done = post(self._tenant.books, body.contractID, body.through)
        total = float(done.total)
        return JSONResponse({"periods": done.periods, "billing_items": done.billing_items, "total": total})

    async def invoice(self, request: Request) -> JSONResponse:
        """As a person does: one invoice over all posted items of a company; 409 where there are none."""
        body = await _read(request, InvoiceBody)
        done = invoice(self._tenant.books, body.companyID)
        if done is None:
            raise ControlError(f"companyID: company {body.companyID} has nothing to invoice", status=409)
        shown = {"billing_items": done.billing_items, "total": float(done.total)}
        return JSONResponse({"invoiceID": done.invoice_id, **shown})

    async def edit(self, request: Request) -> JSONResponse:
        """As a person does in the UI; the rules of the contract hold for him too (409 with their text)."""
        body = await _read(request, EditBody)
        books = self._tenant.books
        line = books.lines.get(body.contractServiceID)
        if line is None:
            raise ControlError(f"contractServiceID: no line {body.contractServiceID}", status=404)
        contract = books.contract_of(line)
        try:
            if not contract["startDate"] <= body.effectiveDate <= contract["endDate"]:
                raise ApiError(NO_CONTRACT_WINDOW)
            what = Adjustment(body.effectiveDate, body.unitChange or 0, body.unitPrice)
            apply(books, line, what, Actor("ui", PERSON, str(body.user or "A Person")))
        except ApiError as error:
            return JSONResponse(error.body, status_code=409)
        return JSONResponse(books.ledger.after(len(books.ledger) - 1)[0].wire())


async def _say(_request: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, ControlError) else 500
    return JSONResponse({"error": str(error)}, status_code=status)


def control_app(gateway: Gateway, authority: bytes | None = None) -> Starlette:
    """Routes as the interface names them; ``ca.pem`` is there only under TLS."""
    control = Control(gateway)
    table: list[tuple[str, Endpoint, list[str]]] = [
        ("health", control.health, ["GET"]),
        ("clock", control.clock, ["GET", "PUT"]),
        ("reset", control.reset, ["POST"]),
        ("counters", control.counters, ["GET", "DELETE"]),
        ("faults", control.faults, ["GET", "POST", "DELETE"]),
        ("switches", control.switches, ["GET", "PUT"]),
        ("effects", control.effects, ["GET"]),
        ("units", control.units, ["GET"]),
        ("post", control.post, ["POST"]),
        ("invoice", control.invoice, ["POST"]),
        ("edit", control.edit, ["POST"]),
    ]
    routes = [Route(f"/_sandbox/{name}", endpoint, methods=methods) for name, endpoint, methods in table]
    if authority is not None:
        routes.append(Route("/_sandbox/ca.pem", lambda _: Response(authority, media_type="application/x-pem-file")))
    return Starlette(routes=routes, exception_handlers={ControlError: _say})
