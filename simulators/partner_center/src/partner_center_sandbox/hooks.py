"""The calls around a webhook's registration (section 2.5)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from partner_center_sandbox.calls import Call
from partner_center_sandbox.errors import RefusalError
from partner_center_sandbox.seedfile import SeedError, read_as
from partner_center_sandbox.tenant import Tenant, Validation
from partner_center_sandbox.webhooks import EVENTS, Delivery, Registration

Path = dict[str, str]
CODES = {200: "OK", 201: "Created", 202: "Accepted", 204: "NoContent", 400: "BadRequest", 401: "Unauthorized",
         403: "Forbidden", 404: "NotFound", 500: "InternalServerError", 503: "ServiceUnavailable"}  # fmt: skip


class RegistrationBody(BaseModel):
    """``SignatureTokenToMsSignatureHeader`` asks for the signature in a header of its own."""

    model_config = ConfigDict(frozen=True, alias_generator=to_pascal)

    webhook_url: str = Field(pattern=r"^https?://[^\s/]+")
    webhook_events: list[str] = Field(min_length=1)
    signature_token_to_ms_signature_header: bool = False


def _refuse(status: int, text: str) -> RefusalError:
    return RefusalError(status, text, shape="newer")


def _registration(call: Call) -> Registration:
    try:
        raw = call.json()
        folded = {name[:1].upper() + name[1:]: value for name, value in raw.items()} if isinstance(raw, dict) else raw
        body = read_as(RegistrationBody, folded)
    except SeedError as error:
        raise _refuse(400, str(error)) from None
    for event in body.webhook_events:
        if event not in EVENTS:
            raise _refuse(400, f"The event {event} does not exist.")
    own_header = body.signature_token_to_ms_signature_header
    return Registration(body.webhook_url, tuple(body.webhook_events), own_header, call.origin)


def _registered(tenant: Tenant) -> Registration:
    if tenant.webhooks.registration is None:
        raise _refuse(404, "There is no registration.")
    return tenant.webhooks.registration


def show(tenant: Tenant, _call: Call, _path: Path) -> Any:
    return _registered(tenant).wire()


def register(tenant: Tenant, call: Call, _path: Path) -> Any:
    """The first one; a partner has one registration."""
    if tenant.webhooks.registration is not None:
        raise _refuse(409, "There is a registration already, change it with PUT.")
    tenant.webhooks.registration = found = _registration(call)
    tenant.webhooks.signers.get("official")  # its key takes a while to make, and the first event is not to wait for it
    return found.wire()


def change(tenant: Tenant, call: Call, _path: Path) -> Any:
    """Another receiver or other events, for the same subscriber."""
    subscriber = _registered(tenant).subscriber
    tenant.webhooks.registration = found = _registration(call)
    found.subscriber = subscriber
    return found.wire()


def events(_tenant: Tenant, _call: Call, _path: Path) -> Any:
    return list(EVENTS)


def validate(tenant: Tenant, _call: Call, _path: Path) -> Any:
    """Sends ``test-created``, two in a minute at most."""
    to = _registered(tenant)
    tenant.validation_pace.enter()
    correlation = str(uuid.uuid4())
    delivery = tenant.send("test-created", f"/webhooks/v1/registration/validationEvents/{correlation}")
    tenant.validations[correlation] = Validation(delivery, to.url, tenant.now())
    return {"correlationId": correlation}


def validated(tenant: Tenant, _call: Call, path: Path) -> Any:
    """What became of a test event; no result while it is on its way."""
    found = tenant.validations.get(path["correlation"])
    if found is None:
        raise _refuse(404, "There is no such validation event.")
    return {
        "correlationId": path["correlation"],
        "partnerId": tenant.seed.tenant,
        "status": "completed" if found.delivery.is_over else "pending",
        "callbackUrl": found.url,
        "results": [_result(found.delivery, found)] if found.delivery.is_over else [],
    }


def _result(delivery: Delivery, found: Validation) -> dict[str, Any]:
    status = delivery.status
    return {
        "responseCode": "" if status is None else CODES.get(status, str(status)),
        "responseMessage": delivery.error or "",
        "systemError": status is None,
        "dateTimeUtc": f"{found.at:%Y-%m-%dT%H:%M:%S}.8312415",
    }


HOOKS: dict[tuple[str, str], Callable[[Tenant, Call, Path], Any]] = {
    ("registration", "GET"): show,
    ("registration", "POST"): register,
    ("registration", "PUT"): change,
    ("events", "GET"): events,
    ("validationevents", "POST"): validate,
    ("validationevent", "GET"): validated,
}
