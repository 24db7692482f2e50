"""Partner Center against the independent sandbox, over real connections: it refuses, lags and throttles as the real
one does."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatledger.collector.adapters.partner_center.walk import AT_ONCE
from seatledger.collector.app import build
from seatledger.collector.conformance import DistributorSuite, LiveBench
from seatledger.collector.ports import Distributor
from seatledger.runtime.bus import MemorySink
from seatledger.runtime.clock import FixedCalendar, SystemMachine
from seatledger.runtime.config import Config
from seatledger.runtime.config_file import load_config
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.service import Runtime
from seatledger.runtime.store import Documents
from seatledger.schemas.documents import Document
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Change
from services.collector.tests.collector_samples import KEEP, NOW, at, on
from services.collector.tests.collector_samples import account as settings
from services.collector.tests.collector_world import OpenFindings, World
from services.collector.tests.partner_center_process import (
    PLAN,
    SECRET,
    Connected,
    Hasty,
    Sandbox,
    SandboxBench,
    connected,
    sandbox,
    seed,
)
from services.collector.tests.partner_center_tenant import logger


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Ten customers on five pages."""
    with sandbox(tmp_path_factory.mktemp("partner_center"), seed(10)) as running:
        yield running


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A partner without customers."""
    with sandbox(tmp_path_factory.mktemp("partner_center"), seed()) as running:
        yield running


class TestPartnerCenterSandbox(DistributorSuite):
    """Partner Center over its sandbox."""

    @pytest.fixture
    async def bench(self, empty: Sandbox) -> AsyncIterator[LiveBench]:
        empty.again()
        async with connected(empty.url, machine=Hasty()) as one:
            yield SandboxBench(empty, one.distributor)


@dataclass
class Cloud(World):
    """A collector over the sandbox."""

    connected: Connected | None = None

    def drop(self) -> Distributor:
        assert self.connected is not None
        return self.connected.distributor


@pytest.fixture
async def cloud(process: Sandbox) -> AsyncIterator[Cloud]:
    """Swept once: ten subscriptions of 5 seats are known."""
    process.again()
    async with connected(process.url, machine=Hasty()) as one:
        world = Cloud(account=settings(suspension=KEEP), calendar=one.calendar, connected=one)
        assert (await world.sweep()).complete
        assert len(world.events()) == 10
        process.control("DELETE", "counters")
        yield world


async def test_a_sweep_is_one_call_a_customer_and_one_a_page(cloud: Cloud, process: Sandbox) -> None:
    """Five pages by continuation header, ten lists, one token for all; nothing new is said."""
    await cloud.sweep()
    calls = process.calls()["by"]
    assert (calls["customers GET"], calls["subscriptions GET"], calls.get("token POST", 0)) == (5, 10, 0)
    assert len(cloud.events()) == 10


async def test_a_change_is_said_with_both_quantities(cloud: Cloud, process: Sandbox) -> None:
    """5 → 8 at the source, one event more."""
    process.control("PATCH", "customers/c1/subscriptions/S1", {"quantity": 8})
    await cloud.sweep()
    assert [(event.previous_quantity, event.quantity) for event in cloud.said("S1")] == [(None, 5), (5, 8)]


async def test_page_three_of_five_fails(cloud: Cloud, process: Sandbox) -> None:
    """Incomplete, sweep after sweep, nothing goes down; with the page back all is well."""
    for _ in range(3):
        process.control("DELETE", "faults")
        process.fault("status", "seekOperation=Next", status=502, match={"nth": 2}, times=1000)
        result = await cloud.sweep()
        assert (result.complete, result.customers) == (False, 4)
    assert cloud.findings.codes() == ["source_incomplete"]
    process.control("DELETE", "faults")
    assert ((await cloud.sweep()).complete, len(cloud.events()), cloud.findings.codes()) == (True, 10, [])


async def test_the_token_ends_in_mid_sweep(cloud: Cloud, process: Sandbox) -> None:
    """Every token dies while customers are read: another is had, nothing is missing, nobody hears of it."""
    process.control("PATCH", "customers/c9/subscriptions/S9", {"quantity": 6})

    async def expire(walked: object) -> None:
        if process.calls()["by"].get("token POST", 0) == 0:
            process.control("POST", "tokens/expire")

    distributor = cloud.drop()
    (parcel,) = await distributor.waiting()
    reading = await distributor.read(parcel, expire)
    assert (len(reading.rows), reading.incomplete) == (10, None)
    assert process.calls()["by"]["token POST"] >= 1


async def test_a_customer_that_answers_403_keeps_what_it_has(cloud: Cloud, process: Sandbox) -> None:
    """The relation is lost: complete, a finding, no decrease in any number of sweeps; it comes back and is read."""
    process.fault("status", "/customers/c3/", status=403)
    for _ in range(3):
        assert (await cloud.sweep()).complete
    assert (len(cloud.events()), cloud.findings.codes()) == (10, ["permission"])
    process.control("DELETE", "faults")
    process.control("PATCH", "customers/c3/subscriptions/S3", {"quantity": 7})
    await cloud.sweep()
    assert (cloud.last("S3").quantity, cloud.findings.codes()) == (7, [])


async def test_a_relation_that_ended_takes_nothing_away(cloud: Cloud, process: Sandbox) -> None:
    """The customer is listed with another relation, then not at all, then unknown: what is known of it stays."""
    for method, body in (("PATCH", {"relationshipToPartner": "none"}), ("PATCH", {"listed": False}), ("DELETE", None)):
        process.control(method, "customers/c3", body)
        for _ in range(3):
            await cloud.sweep()
        assert len(cloud.said("S3")) == 1


@pytest.mark.parametrize("sweeps", [1, 2, 6])
@pytest.mark.parametrize("lists", ["v1/customers?size", "/subscriptions"])
async def test_an_account_answers_with_empty_lists(cloud: Cloud, process: Sandbox, lists: str, sweeps: int) -> None:
    """Once, twice and for good: each subscription is still there when it is asked for, so none is gone; from the
    second on the sweeps say that something is wrong."""
    process.fault("empty", lists, times=1000)
    results = [await cloud.sweep() for _ in range(sweeps)]
    assert [result.complete for result in results[:2]] == [True, False][:sweeps]
    assert len(cloud.events()) == 10
    process.control("DELETE", "faults")
    assert ((await cloud.sweep()).complete, len(cloud.events()), cloud.findings.codes()) == (True, 10, [])


async def test_subscriptions_that_really_vanished_wait_for_a_yes(cloud: Cloud, process: Sandbox) -> None:
    """Two of ten, denied when asked for: a fifth of the seats, so the brake holds them until a person says yes."""
    for number in (1, 2):
        process.control("DELETE", f"customers/c{number}/subscriptions/S{number}?vanish=true")
    assert ((await cloud.sweep()).held, len(cloud.events())) == (0, 10)
    assert ((await cloud.sweep()).held, len(cloud.events())) == (2, 10)
    await cloud.accept()
    assert [cloud.last(f"S{number}").change for number in (1, 2)] == [Change.GONE] * 2


async def test_a_deleted_subscription_ends_though_it_stays_listed(cloud: Cloud, process: Sandbox) -> None:
    """The vendor's own way: an explicit end needs neither a second sweep nor the brake."""
    process.control("DELETE", "customers/c1/subscriptions/S1")
    for _ in range(2):
        assert (await cloud.sweep()).held == 0
    asks = cloud.last("S1").asks
    assert asks is not None
    assert (len(cloud.said("S1")), asks.units) == (2, StepFunction.constant(None))


async def test_a_purchase_is_held_until_its_end_date_is_there(cloud: Cloud, process: Sandbox) -> None:
    """Listed without its end date it is not complete; it is, once the date came."""
    process.control("POST", "customers/c1/subscriptions", {**PLAN, "id": "late", "quantity": 3})
    process.control("PATCH", "customers/c1/subscriptions/late", {"commitmentEndDate": None})
    await cloud.sweep()
    assert (cloud.last("late").complete, cloud.last("late").missing) == (False, ("term_end",))
    process.control("PATCH", "customers/c1/subscriptions/late", {"commitmentEndDate": "2026-09-09T00:00:00Z"})
    await cloud.sweep()
    assert (cloud.last("late").complete, len(cloud.said("late"))) == (True, 2)


async def test_a_scheduled_reduction_goes_through_the_renewal(cloud: Cloud, process: Sandbox) -> None:
    """Announced for the day after the term, still so in the renewal gap, and unchanged once the new term is there."""
    product = {
        **{"productId": "CFQ7TTC0LCHC", "skuId": "0002", "availabilityId": "CFQ7TTC0X009"},
        **{"billingCycle": "Monthly", "termDuration": "P1Y"},
    }
    scheduled = {
        "commitmentEndDate": "2026-03-11T00:00:00Z",
        "scheduledNextTermInstructions": {"product": product, "quantity": 2},
    }
    process.control("PATCH", "customers/c1/subscriptions/S1", scheduled)
    await cloud.sweep()
    first = cloud.last("S1")
    assert first.asks is not None
    assert (first.asks.units.at(on(11)), first.asks.units.at(on(12))) == (5, 2)
    for day, renew in ((12, False), (13, True)):
        cloud.calendar.at = at(day)
        process.control("PUT", "clock", {"now": f"2026-03-{day}T08:00:00Z"})
        if renew:
            process.control("POST", "customers/c1/subscriptions/S1/renew")
        await cloud.sweep()
        asks = cloud.last("S1").asks
        assert asks is not None
        assert (asks.units.at(on(12)), asks.units.at(on(day))) == (2, 2)
    assert cloud.last("S1").quantity == 2


async def test_an_azure_plans_cost_is_read(cloud: Cloud, process: Sandbox) -> None:
    """The plan is no subscription of seats; its usage record is told."""
    plan = {"id": "P1", "offerId": "DZH318Z0BPS6:0001:DZH318Z0BML6", "usage": {"totalCost": 412.307719}}
    process.control("POST", "customers/c1/subscriptions", plan)
    assert ((await cloud.sweep()).complete, cloud.said("P1")) == (True, [])
    (document,) = cloud.documents("usages")
    assert document["state"]["total"] == {"amount": "412.307719", "currency": "EUR"}


async def test_a_throttled_sweep_obeys_and_ends(tmp_path_factory: pytest.TempPathFactory) -> None:
    """More customers than a window takes: 429, the pause sat out by everybody, not one call inside it, all read."""
    limits = {"per_minute": 20, "window_s": 1}
    with sandbox(tmp_path_factory.mktemp("throttled"), seed(30, page_size=20, limits=limits)) as running:
        async with connected(running.url) as one:
            (parcel,) = await one.distributor.waiting()
            reading = await one.distributor.read(parcel)
            assert (len(reading.rows), reading.incomplete) == (30, None)
            calls = running.calls()
            assert calls["throttled"] >= 1
            assert calls["over_limit"] < AT_ONCE, "only those that were under way when the limit was met"


async def test_a_configured_account_is_put_together_and_swept(
    process: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From seatledger.yaml to snapshots: the service as it is built, without a bus; and its log holds no secret."""
    process.again()
    monkeypatch.setenv("PC_SECRET", SECRET)
    (tmp_path / "prices.csv").write_text("offer,term,cycle,customer price,cost,currency,valid from\n")
    (tmp_path / "seatledger.yaml").write_text(json.dumps(_configuration(process.url)))
    config, store = load_config(tmp_path / "seatledger.yaml"), MemoryStore()
    findings, logged = OpenFindings(), list[dict[str, object]]()
    parts = await build(_runtime(config, store, findings, logged))
    (sweep,) = [loop for loop in parts.loops if loop.name == "sweep pc"]
    await sweep.run()
    assert parts.close is not None
    await parts.close()
    assert len(store.collection("snapshots").documents) == 10
    assert findings.codes() == ["price_unknown"]
    assert "sweep planned" in [entry["event"] for entry in logged]
    assert SECRET not in str(logged)


def _configuration(url: str) -> dict[str, object]:
    main = {
        **{"kind": "autotask", "url": "http://127.0.0.1:1", "username": "u", "secret": "${env:PC_SECRET}"},
        **{"integration_code": "${env:PC_SECRET}", "timezone": "Europe/Amsterdam", "currency": "EUR"},
    }
    account = {
        **{"kind": "partner-center", "psa": "main", "url": url, "authority_url": url, "tenant": "t1"},
        **{"client_id": "app", "client_secret": "${env:PC_SECRET}", "prices": "prices.csv"},
    }
    return {"psa": {"main": main}, "sources": {"pc": account}}


def _runtime(config: Config, store: MemoryStore, findings: OpenFindings, logged: list[dict[str, object]]) -> Runtime:
    class Held:
        """A lease that is held."""

        token = "t"

        async def run(self) -> None:
            """Nothing to do."""

        def held(self) -> bool:
            return True

        async def release(self) -> None:
            """Nothing to do."""

    def documents(name: str, model: type[Document], **_more: object) -> Documents[Document]:
        return Documents(store.collection(name), model)

    def lease(_name: str, **_more: object) -> Held:
        return Held()

    return Runtime(
        name="collector",
        replica="r1",
        config=config,
        store=store,
        sink=MemorySink(),
        calendar=FixedCalendar(NOW),
        machine=SystemMachine(),
        log=logger(logged),
        metrics=Metrics(),
        findings=findings,
        documents=documents,
        lease=lease,
    )
