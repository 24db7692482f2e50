"""Control over webhooks: sending on command, holding back, what was sent, and traps for a careless receiver."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from partner_center_sandbox.documents import ControlError, document, read
from partner_center_sandbox.fields import Key
from partner_center_sandbox.signing import Signer, Signers
from partner_center_sandbox.tenant import Tenant
from partner_center_sandbox.webhooks import EVENTS, Kind, Order

NOBODY = "00000000-0000-0000-0000-000000000000"


class SendBody(BaseModel):
    """``times`` deliveries of one event, ``delay`` real seconds before the first and ``gap`` between two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "genuine"
    event: str = "subscription-updated"
    customer: Key | None = None
    subscription: Key | None = None
    delay: float = Field(default=0, ge=0)
    gap: float = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1, le=1000)


class ReleaseBody(BaseModel):
    """In which order held deliveries leave; ``seed`` is that of a shuffle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: Order = "as_sent"
    seed: int = 0


class HooksControl:
    """The sandbox as Microsoft's sender, and as somebody who says to be Microsoft."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def webhooks(self, request: Request) -> JSONResponse:
        """GET: registration, deliveries, certificates fetched, traps sprung. POST: sends on command."""
        if request.method == "POST":
            return JSONResponse([one.id for one in self._send(read(SendBody, await document(request)))])
        return JSONResponse(self._tenant.webhooks.wire())

    def _send(self, body: SendBody) -> list[Any]:
        if self._tenant.webhooks.registration is None:
            raise ControlError("webhooks: there is no registration to send to", status=409)
        if body.event not in EVENTS:
            raise ControlError(f"event: {body.event!r} does not exist. Valid: {', '.join(EVENTS)}")
        resource = self._resource(body)
        delays = [body.delay + number * body.gap for number in range(body.times)]
        return [self._tenant.send(body.event, resource, body.kind, delay) for delay in delays]

    def _resource(self, body: SendBody) -> str:
        """The named subscription, else the first of the customer, else the first of all."""
        if body.kind == "unknown_subscription":
            return self._tenant.resource(NOBODY, NOBODY)
        if body.customer is not None and body.subscription is not None:
            return self._tenant.resource(body.customer, body.subscription)
        for one in self._tenant.books.subscriptions():
            if body.customer in {None, one.customer_id} and body.subscription in {None, one.id}:
                return self._tenant.resource(one.customer_id, one.id)
        raise ControlError("subscription: there is none to tell of", status=404)

    async def hold(self, _request: Request) -> JSONResponse:
        self._tenant.webhooks.hold()
        return JSONResponse(self._tenant.webhooks.wire())

    async def release(self, request: Request) -> JSONResponse:
        body = read(ReleaseBody, await document(request))
        return JSONResponse({"released": self._tenant.webhooks.release(body.order, body.seed)})

    async def certificate(self, request: Request) -> Response:
        """The signer's certificate; every fetch is counted under its name."""
        name = request.path_params.get("name", "official")
        fetched = self._tenant.webhooks.fetched
        fetched[name] = fetched.get(name, 0) + 1
        signer = _signer(self._tenant.webhooks.signers, name)
        if self._tenant.switches.certificate == "pem":
            return Response(signer.pem, media_type="application/x-pem-file")
        return Response(signer.der, media_type="application/pkix-cert")

    async def trap(self, request: Request) -> JSONResponse:
        """Nobody who reads webhooks with care ever comes here."""
        self._tenant.webhooks.trapped.append(f"{request.method} {request.url.path}")
        return JSONResponse({})


def _signer(signers: Signers, name: str) -> Signer:
    match name:
        case "stranger":
            return signers.stranger
        case "wrong_organisation":
            return signers.wrong_organisation
        case "official" | "foreign":
            return signers.official
    raise ControlError(f"certificate: no {name}", status=404)
