"""The registration of a receiver, and what is sent to it: late, doubled, reordered or forged where ordered."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import Coroutine
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import h11

from partner_center_sandbox.moments import ticks
from partner_center_sandbox.post import post
from partner_center_sandbox.signing import Algorithm, Signers, Who

Kind = Literal[
    "genuine",
    "bad_signature",
    "no_signature",
    "untrusted_certificate",
    "wrong_organisation",
    "foreign_certificate_host",
    "foreign_resource",
    "unknown_subscription",
    "garbage",
]
Order = Literal["as_sent", "reversed", "shuffled"]
EVENTS = (
    "test-created",
    "subscription-updated",
    "subscription-active",
    "subscription-pending",
    "usagerecords-thresholdExceeded",
    "invoice-ready",
    "reseller-relationship-accepted-by-customer",
)
OTHER_HOST = {"127.0.0.1": "localhost", "localhost": "127.0.0.1", "::1": "localhost"}


@dataclass
class Registration:
    """``origin``: where the registering caller reaches the sandbox, and so its certificate."""

    url: str
    events: tuple[str, ...]
    own_header: bool
    origin: str
    subscriber: str = field(default_factory=lambda: str(uuid.uuid4()))

    def wire(self) -> dict[str, Any]:
        return {"SubscriberId": self.subscriber, "WebhookUrl": self.url, "WebhookEvents": list(self.events)}


@dataclass(frozen=True, slots=True)
class Style:
    """How deliveries look: which headers carry the signature, by which algorithm."""

    headers: Literal["authorization", "x_ms_signature", "both"]
    algorithm: Algorithm


@dataclass
class Delivery:
    """One thing that was sent, is held back, or is on its way."""

    id: int
    kind: Kind
    event: str
    resource: str
    status: int | None = None
    error: str | None = None

    @property
    def is_over(self) -> bool:
        return self.status is not None or self.error is not None


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes over the wire."""

    delivery: Delivery
    url: str
    headers: dict[str, str]
    body: bytes


class Webhooks:
    """One partner's receiver. Deliveries are tasks of the running loop; ``forget`` ends them."""

    def __init__(self, signers: Signers) -> None:
        self.signers = signers
        self.registration: Registration | None = None
        self.deliveries: list[Delivery] = []
        self.trapped: list[str] = []
        self.fetched: dict[str, int] = {}
        self.held: list[Parcel] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def wants(self, event: str) -> bool:
        return self.registration is not None and event in self.registration.events

    def send(
        self, event: str, resource: str, when: datetime, style: Style, kind: Kind = "genuine", delay: float = 0
    ) -> Delivery:
        """Sends after ``delay`` real seconds, or puts it to those that are held back. Needs a registration."""
        assert self.registration is not None  # noqa: S101 - callers ask before
        delivery = Delivery(len(self.deliveries) + 1, kind, event, resource)
        self.deliveries.append(delivery)
        parcel = self._pack(delivery, self.registration, when, style)
        if self.held is not None:
            self.held.append(parcel)
        else:
            self._start(self._deliver([parcel], delay))
        return delivery

    def hold(self) -> None:
        """From now on nothing leaves."""
        self.held = self.held or []

    def release(self, order: Order, seed: int) -> int:
        """Sends what was held back, one after the other in that order; how many there were."""
        parcels, self.held = self.held or [], None
        if order == "reversed":
            parcels.reverse()
        elif order == "shuffled":
            random.Random(seed).shuffle(parcels)  # noqa: S311 - repeatable dice, no secret
        self._start(self._deliver(parcels, 0))
        return len(parcels)

    def _pack(self, delivery: Delivery, to: Registration, when: datetime, style: Style) -> Parcel:
        document = {
            "EventName": delivery.event,
            "ResourceUri": _resource_uri(delivery, to),
            "ResourceName": "test" if delivery.event == "test-created" else delivery.event.partition("-")[0],
            "AuditUri": None,
            "ResourceChangeUtcDate": ticks(when, delivery.resource).replace("Z", "+00:00"),
        }
        body = b"\x00 no JSON" if delivery.kind == "garbage" else json.dumps(document).encode()
        return Parcel(delivery, to.url, self._headers(delivery.kind, body, to, style), body)

    def _headers(self, kind: Kind, body: bytes, to: Registration, style: Style) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if kind == "no_signature":
            return headers
        who, where = _signed_by(kind, to.origin)
        signature = self.signers.get(who).sign(body + (b" " if kind == "bad_signature" else b""), style.algorithm)
        if style.headers != "x_ms_signature" and not to.own_header:
            headers["Authorization"] = f"Signature {signature}"
        if style.headers != "authorization" or to.own_header:
            headers["X-MS-Signature"] = signature
        return {**headers, "X-MS-Certificate-Url": where, "X-MS-Signature-Algorithm": style.algorithm}

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, parcels: list[Parcel], delay: float) -> None:
        await asyncio.sleep(delay)
        for parcel in parcels:
            try:
                parcel.delivery.status = await post(parcel.url, parcel.headers, parcel.body)
            except (OSError, TimeoutError, h11.ProtocolError) as error:
                parcel.delivery.error = f"{type(error).__name__}: {error}"

    def forget(self) -> None:
        """Nothing that is still on its way may reach a receiver of the next test."""
        for task in self._tasks:
            task.cancel()

    def wire(self) -> dict[str, Any]:
        return {
            "registration": self.registration.wire() if self.registration else None,
            "held": None if self.held is None else len(self.held),
            "deliveries": [asdict(one) for one in self.deliveries],
            "certificates_fetched": dict(self.fetched),
            "trapped": list(self.trapped),
        }


def _resource_uri(delivery: Delivery, to: Registration) -> str:
    """As the vendor writes it: its own host, and http; a forged one leads into the sandbox's trap."""
    if delivery.kind == "foreign_resource":
        return f"{to.origin}/_sandbox/trap{delivery.resource}"
    return f"http://api.partnercenter.microsoft.com{delivery.resource}"


def _signed_by(kind: Kind, origin: str) -> tuple[Who, str]:
    """Who signs, and the address of the certificate that the delivery names."""
    match kind:
        case "untrusted_certificate":
            return "stranger", f"{origin}/_sandbox/webhook-cert/stranger"
        case "wrong_organisation":
            return "wrong_organisation", f"{origin}/_sandbox/webhook-cert/wrong_organisation"
        case "foreign_certificate_host":
            where = urlsplit(origin)
            other = OTHER_HOST.get(where.hostname or "", "certificates.invalid")
            port = f":{where.port}" if where.port else ""
            return "official", f"{where.scheme}://{other}{port}/_sandbox/webhook-cert/foreign"
    return "official", f"{origin}/_sandbox/webhook-cert"
