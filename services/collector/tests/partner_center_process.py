"""The independent Partner Center sandbox as a process, and the adapter over it."""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from seatledger.collector.adapters.partner_center import (
    Credentials,
    Http,
    PartnerCenter,
    Settings,
    StoredPayloads,
    Surroundings,
    partner_center,
)
from seatledger.collector.conformance import Seats
from seatledger.collector.ports import Distributor
from seatledger.runtime.clock import FixedCalendar, SystemMachine
from seatledger.runtime.memory import MemoryStore
from services.collector.tests.collector_samples import NOW
from services.collector.tests.partner_center_tenant import logger

SECRET = "s3cret-of-the-application"
PLAN = {
    "offerId": "CFQ7TTC0LCHC:0002:CFQ7TTC0X001",
    "offerName": "Business Premium",
    "effectiveStartDate": "2025-09-10",
}


def seed(customers: int = 0, **more: Any) -> dict[str, Any]:
    """A partner with this many customers of one subscription of 5 seats each; two customers on a page."""
    return {
        "tenant": "t1",
        "client_id": "app",
        "client_secret": SECRET,
        "page_size": 2,
        "customers": [
            {"id": f"c{n}", "companyName": f"Customer {n}", "subscriptions": [{**PLAN, "id": f"S{n}", "quantity": 5}]}
            for n in range(customers)
        ],
        **more,
    }


@dataclass
class Sandbox:
    """Its control API."""

    url: str

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = httpx2.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def fault(self, do: str, contains: str, **more: Any) -> None:
        match = {"path_contains": contains, **more.pop("match", {})}
        self.control("POST", "faults", {"match": match, "do": do, **more})

    def calls(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", "counters")
        return found

    def again(self) -> None:
        """The seed, on the day of the tests."""
        self.control("POST", "reset")
        self.control("DELETE", "faults")
        self.control("DELETE", "counters")
        self.control("PUT", "clock", {"now": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"})


@contextlib.contextmanager
def sandbox(folder: Path, content: dict[str, Any]) -> Iterator[Sandbox]:
    """A sandbox with this seed until the end of the block."""
    path = folder / "seed.json"
    path.write_text(json.dumps(content))
    command = [sys.executable, "-m", "partner_center_sandbox", "--seed", str(path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as popen:
        try:
            assert popen.stdout is not None
            yield Sandbox(json.loads(popen.stdout.readline())["url"])
        finally:
            popen.terminate()


class Hasty(SystemMachine):
    """Real time, but nobody sits out a pause of ours: for what fails again and again."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


@dataclass
class Connected:
    """The adapter over a sandbox."""

    distributor: PartnerCenter
    calendar: FixedCalendar
    store: MemoryStore


@contextlib.asynccontextmanager
async def connected(
    url: str, *, machine: SystemMachine | None = None, secret: str = SECRET, per_minute: int = 100_000
) -> AsyncIterator[Connected]:
    """Over real connections, with a store in memory."""
    calendar, store, http = FixedCalendar(NOW), MemoryStore(), Http()
    payloads = StoredPayloads("pc", store.collection("payloads"), calendar)
    around = Surroundings(
        calendar, machine or SystemMachine(), payloads, logger([]), random.random, lambda: str(uuid.uuid4())
    )
    settings = Settings(url, Credentials(url, "t1", "app", secret), per_minute)
    try:
        yield Connected(partner_center(settings, around, http), calendar, store)
    finally:
        await http.close()


@dataclass
class SandboxBench:
    """The adapter over the sandbox, for the suite of every distributor."""

    sandbox: Sandbox
    distributor: Distributor
    _held: dict[str, Seats] = field(default_factory=dict)
    _customers: set[str] = field(default_factory=set)

    async def hold(self, seats: Sequence[Seats], *, full: bool) -> None:
        """What is new is bought, what is another now is changed, what is no more vanishes."""
        wanted = {one.subscription: one for one in seats}
        for gone in self._held.keys() - wanted.keys():
            path = f"customers/{self._held[gone].customer}/subscriptions/{gone}?vanish=true"
            self.sandbox.control("DELETE", path)
        for one in seats:
            if self._held.get(one.subscription) != one:
                self._put(one)
        self._held = wanted

    def _put(self, one: Seats) -> None:
        if one.customer not in self._customers:
            self.sandbox.control("POST", "customers", {"id": one.customer, "companyName": one.customer.title()})
            self._customers.add(one.customer)
        path = f"customers/{one.customer}/subscriptions"
        if one.subscription not in self._held:
            self.sandbox.control("POST", path, {**PLAN, "id": one.subscription, "quantity": max(one.quantity, 1)})
        state = {"quantity": -1 if one.spoilt else one.quantity, "status": one.status}
        self.sandbox.control("PATCH", f"{path}/{one.subscription}?unchecked=true", state)

    async def lose(self, customer: str) -> None:
        self.sandbox.control("PATCH", f"customers/{customer}", {"relationshipToPartner": "none"})

    async def fail(self, customer: str) -> None:
        self.sandbox.fault("status", f"/customers/{customer}", status=500)

    async def break_off(self) -> None:
        self.sandbox.fault("drop_before", "")

    async def mend(self) -> None:
        self.sandbox.control("DELETE", "faults")

    async def close(self) -> None:
        """The fixtures do."""
