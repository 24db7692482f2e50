"""A Partner Center of a few lines in the vendor's shape, as a transport in the process, and the adapter over it."""

import base64
import copy
import itertools
import json
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import structlog

from seatledger.collector.adapters.partner_center import (
    Credentials,
    Http,
    PartnerCenter,
    Settings,
    StoredPayloads,
    Surroundings,
    partner_center,
)
from seatledger.collector.adapters.partner_center.payloads import Payload
from seatledger.runtime.clock import FixedCalendar
from seatledger.runtime.memory import MemoryStore
from services.collector.tests.collector_samples import NOW
from services.collector.tests.collector_world import FakeMachine

PREMIUM = "CFQ7TTC0LCHC:0002:CFQ7TTC0X001"
SECRET = "hunter2-secret"
Respond = Callable[[httpx2.Request], httpx2.Response | None]


def etag(subscription: str, version: int) -> str:
    return base64.b64encode(json.dumps({"id": subscription, "version": version}).encode()).decode()


def licence(subscription: str = "S1", quantity: Any = 10, *, version: int = 1, **changes: Any) -> dict[str, Any]:
    """An annual subscription, billed monthly, in the middle of its term. A change to None takes the field out."""
    item = {
        "id": subscription,
        "offerId": PREMIUM,
        "offerName": "Microsoft 365 Business Premium",
        "friendlyName": "Our mailboxes",
        "productType": {"id": "OnlineServicesNCE", "displayName": "OnlineServicesNCE"},
        "quantity": quantity,
        "unitType": "Licenses",
        "creationDate": "2025-09-10T09:14:22.4180322Z",
        "effectiveStartDate": "2025-09-10T00:00:00Z",
        "commitmentEndDate": "2026-09-09T00:00:00Z",
        "status": "active",
        "autoRenewEnabled": True,
        "isTrial": False,
        "billingType": "license",
        "billingCycle": "monthly",
        "termDuration": "P1Y",
        "contractType": "subscription",
        "links": {"self": {"uri": f"/subscriptions/{subscription}", "method": "GET", "headers": []}},
        "attributes": {"etag": etag(subscription, version), "objectType": "Subscription"},
    }
    item.update(changes)
    return {name: value for name, value in item.items() if value is not None}


AZURE_PLAN: dict[str, Any] = {
    "offerId": "DZH318Z0BPS6:0001:DZH318Z0BML6",
    "offerName": "Azure plan",
    "unitType": "Usage-based",
    "billingType": "usage",
    "termDuration": "",
    "commitmentEndDate": "9999-12-10T00:00:00Z",
}


def usage_record(subscription: str, cost: float = 412.307719, **changes: Any) -> dict[str, Any]:
    return {
        "status": "active",
        "offerId": "DZH318Z0BPS6:0001:DZH318Z0BML6",
        "resourceId": subscription,
        "id": subscription,
        "resourceName": "Azure plan",
        "totalCost": cost,
        "currencyCode": "EUR",
        "lastModifiedDate": "2026-03-09T02:11:40.53+00:00",
        **changes,
    }


@dataclass
class Tenant:
    """What the source holds, and how it misbehaves. ``rules`` answer before it does, first come first served."""

    machine: FakeMachine
    customers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    usage: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    audit: list[dict[str, Any]] = field(default_factory=list)
    provisioning: dict[str, str] = field(default_factory=dict)
    relations: dict[str, str] = field(default_factory=dict)
    page: int = 2
    token_seconds: float = 3599.0
    rules: list[Respond] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)
    answered_at: list[float] = field(default_factory=list)
    tokens: dict[str, float] = field(default_factory=dict)
    """Until when each is good, by the machine's clock."""

    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._answer)

    @property
    def paths(self) -> list[str]:
        """Of all calls but sign-ins, in order."""
        return [request.url.path for request in self.requests if request.method == "GET"]

    def break_off(self) -> None:
        self.rules.insert(0, _no_answer)

    def mend(self) -> None:
        self.rules.clear()

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.answered_at.append(self.machine.at)
        for rule in self.rules:
            if (answer := rule(request)) is not None:
                return answer
        if request.method == "POST":
            return self._sign_in(request)
        if self.tokens.get(request.headers["Authorization"].removeprefix("Bearer "), 0.0) <= self.machine.at:
            return error(401, code="900401", description="token expired")
        return self._read(request)

    def _sign_in(self, request: httpx2.Request) -> httpx2.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if request.url.path != "/t1/oauth2/token" or form.get("client_secret") != SECRET:
            return httpx2.Response(401, json={"error": "invalid_client", "error_description": "for ops@msp.example"})
        token = f"jwt-{len(self.tokens)}"
        self.tokens[token] = self.machine.at + self.token_seconds
        return httpx2.Response(200, json={"access_token": token, "expires_in": f"{self.token_seconds:g}"})

    def _read(self, request: httpx2.Request) -> httpx2.Response:
        match request.url.path.removeprefix("/v1").strip("/").split("/"):
            case ["customers"]:
                return self._customers(request)
            case ["auditrecords"]:
                day = request.url.params["startDate"]
                return collection([one for one in self.audit if one["operationDate"].startswith(day)])
            case ["customers", customer, *rest] if customer in self.customers:
                return self._of(customer, rest)
        return error(404, code=404, description="not found")

    def _of(self, customer: str, path: Sequence[str]) -> httpx2.Response:
        match path:
            case []:
                return httpx2.Response(200, json=self._customer(customer))
            case ["subscriptions"]:
                return collection(self.customers[customer])
            case ["subscriptions", "usagerecords"]:
                return collection(self.usage.get(customer, []))
            case ["subscriptions", subscription, *rest]:
                return self._subscription(customer, subscription, rest)
        return error(404, code=404, description="not found")

    def _subscription(self, customer: str, subscription: str, rest: Sequence[str]) -> httpx2.Response:
        found = [item for item in self.customers[customer] if item.get("id") == subscription]
        if not found:
            return error(404, code=800002, description="no such subscription")
        if rest == ["provisioningstatus"]:
            if subscription not in self.provisioning:
                return error(403, code=900329, description="App+User is needed")
            return httpx2.Response(200, json={"status": self.provisioning[subscription]})
        return httpx2.Response(200, json=found[0])

    def _customer(self, customer: str) -> dict[str, Any]:
        profile = {"tenantId": customer, "domain": f"{customer}.example", "companyName": customer.upper()}
        relation = self.relations.get(customer, "reseller")
        return {"id": customer, "companyProfile": profile, "relationshipToPartner": relation}

    def _customers(self, request: httpx2.Request) -> httpx2.Response:
        """A second page is had with its header alone; a hand-made link is refused, as the vendor does."""
        seek, token = request.url.params.get("seekOperation"), request.headers.get("MS-ContinuationToken", "")
        if (seek is None) != (token == ""):
            return error(400, code=2000, description="continuation token")
        start = int(token.removeprefix("page-") or 0)
        names = list(self.customers)[start : start + self.page]
        links = None
        if start + self.page < len(self.customers):
            headers = [{"key": "MS-ContinuationToken", "value": f"page-{start + self.page}"}]
            links = {"next": {"uri": "/v1/customers?size=2&seekOperation=Next", "method": "GET", "headers": headers}}
        return collection([self._customer(name) for name in names], links)


def _no_answer(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("no route", request=request)


def collection(items: Sequence[Any], links: dict[str, Any] | None = None) -> httpx2.Response:
    body = {"totalCount": len(items), "items": list(items), "attributes": {"objectType": "Collection"}}
    return httpx2.Response(200, json=copy.deepcopy({**body, **({"links": links} if links else {})}))


def error(status: int, headers: dict[str, str] | None = None, **body: Any) -> httpx2.Response:
    return httpx2.Response(status, json=body, headers=headers)


def answering(path: str, *answers: httpx2.Response) -> Respond:
    """A rule: the next calls whose path ends so get these answers, one each."""
    left = list(answers)

    def rule(request: httpx2.Request) -> httpx2.Response | None:
        return left.pop(0) if left and urlsplit(str(request.url)).path.endswith(path) else None

    return rule


def always(path: str, status: int, **body: Any) -> Respond:
    """A rule: every call whose path holds this is refused so."""

    def rule(request: httpx2.Request) -> httpx2.Response | None:
        return error(status, **body) if path in request.url.path else None

    return rule


@dataclass
class Account:
    """The adapter over a tenant, with clocks that stand still and a store in memory."""

    tenant: Tenant
    distributor: PartnerCenter
    machine: FakeMachine
    calendar: FixedCalendar
    store: MemoryStore
    logged: list[dict[str, Any]]

    def kept(self) -> dict[str, Payload]:
        documents = self.store.collection("payloads").documents
        return {key: Payload(key, document["content"]) for key, document in documents.items()}


def account(
    *, prices: Path | None = None, per_minute: int = 490, secret: str = SECRET, at: datetime = NOW, **tenant: Any
) -> Account:
    """Everything of one account, put together as ``app.py`` does."""
    machine, calendar, store = FakeMachine(), FixedCalendar(at), MemoryStore()
    source = Tenant(machine, **tenant)
    logged: list[dict[str, Any]] = []
    log = logger(logged)
    numbers = itertools.count(1)
    credentials = Credentials("https://login.example", "t1", "app", secret)
    payloads = StoredPayloads("pc", store.collection("payloads"), calendar)
    distributor = partner_center(
        Settings("https://pc.example", credentials, per_minute, prices),
        Surroundings(calendar, machine, payloads, log, lambda: 0.5, lambda: f"id-{next(numbers)}"),
        Http(source.transport()),
    )
    return Account(source, distributor, machine, calendar, store, logged)


def logger(logged: list[dict[str, Any]]) -> Any:
    """A log whose lines end in ``logged``."""

    def processor(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        logged.append({"level": method, **event})
        raise structlog.DropEvent

    return structlog.wrap_logger(None, processors=[processor], wrapper_class=structlog.make_filtering_bound_logger(0))
