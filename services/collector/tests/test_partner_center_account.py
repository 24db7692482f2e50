"""Partner Center through the suite of every distributor, and whole sweeps over it: what is said, what stands open."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from seatledger.collector.adapters.partner_center import AuditFeed, PartnerCenter
from seatledger.collector.conformance import DistributorSuite, LiveBench, Seats
from seatledger.collector.handlers.say_again import SayAgain
from seatledger.collector.ports import Distributor, Signal, SourceUnreachableError
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.money import Money
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Change, Status
from seatledger.schemas.topics import USAGE
from seatledger.schemas.usage import UsageObserved
from services.collector.tests.collector_samples import KEEP, at, on
from services.collector.tests.collector_samples import account as settings
from services.collector.tests.collector_world import Fuse, World
from services.collector.tests.partner_center_tenant import (
    AZURE_PLAN,
    PREMIUM,
    Account,
    Respond,
    account,
    always,
    answering,
    error,
    licence,
    usage_record,
)


@dataclass
class TenantBench:
    """The adapter over a tenant of a few lines."""

    account: Account = field(default_factory=account)
    distributor: Distributor = field(init=False)

    def __post_init__(self) -> None:
        self.distributor = self.account.distributor

    async def hold(self, seats: Sequence[Seats], *, full: bool) -> None:
        held: dict[str, list[dict[str, Any]]] = {customer: [] for customer in self.account.tenant.customers}
        for one in seats:
            item = licence(one.subscription, "many" if one.spoilt else one.quantity, status=one.status)
            held.setdefault(one.customer, []).append(item)
        self.account.tenant.customers = held

    async def lose(self, customer: str) -> None:
        self.account.tenant.rules.append(always(f"/customers/{customer}", 403, code=403, description="no relation"))

    async def fail(self, customer: str) -> None:
        self.account.tenant.rules.append(always(f"/customers/{customer}", 500))

    async def break_off(self) -> None:
        self.account.tenant.break_off()

    async def mend(self) -> None:
        self.account.tenant.mend()

    async def close(self) -> None:
        """Nothing was opened."""


class TestPartnerCenter(DistributorSuite):
    """Partner Center."""

    @pytest.fixture
    def bench(self) -> LiveBench:
        return TenantBench()


@dataclass
class Cloud(World):
    """A collector over a tenant."""

    source: Account = field(default_factory=account)

    def __post_init__(self) -> None:
        self.calendar, self.machine = self.source.calendar, self.source.machine

    def drop(self) -> PartnerCenter:
        return self.source.distributor

    def hold(self, **customers: list[dict[str, Any]]) -> None:
        self.source.tenant.customers = customers

    def misbehave(self, *rules: Respond) -> None:
        self.source.tenant.rules = list(rules)

    def usage(self) -> list[UsageObserved]:
        return [
            UsageObserved.model_validate(entry["event"]["data"])
            for document in self.documents("usages")
            for entry in document["outbox"]
        ]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(account=settings(suspension=KEEP))


async def test_a_customer_of_the_vendor_becomes_events(cloud: Cloud) -> None:
    """Licence, add-on, suspended but billed, deleted, each with its units; trial and pending ask for nothing."""
    cloud.hold(
        c1=[
            licence("S1", 27),
            licence("S2", 3, parentSubscriptionId="S1"),
            licence("S3", 4, status="suspended"),
            licence("S4", 5, status="deleted"),
            licence("S5", 25, isTrial=True),
            licence("S6", 9, status="pending", commitmentEndDate=None),
        ]
    )
    result = await cloud.sweep()
    assert (result.complete, result.customers, result.subscriptions, result.changed) == (True, 1, 6, 6)
    told = {event.key.subscription: event for event in cloud.events()}
    units = {name: event.asks and event.asks.units.at(on(10)) for name, event in told.items()}
    assert units == {"S1": 27, "S2": 3, "S3": 4, "S4": None, "S5": None, "S6": None}
    assert [name for name, event in told.items() if event.asks is None] == ["S5", "S6"]
    assert (told["S2"].parent_subscription_id, told["S6"].missing) == ("S1", ("term_end", "status"))


async def test_a_trial_that_converts_joins_with_its_seats(cloud: Cloud) -> None:
    """The same id, later active: complete from the day it was read."""
    cloud.hold(c1=[licence("S1", 25, isTrial=True)])
    await cloud.sweep()
    cloud.calendar.at = at(12)
    cloud.hold(c1=[licence("S1", 25, version=2)])
    await cloud.sweep()
    asks = cloud.last().asks
    assert asks is not None
    assert (asks.since, asks.units, cloud.last().complete) == (on(12), StepFunction.constant(25), True)


async def test_an_end_date_that_comes_late_completes_the_subscription(cloud: Cloud) -> None:
    """Held without it, counted with it; nothing is said in between."""
    cloud.hold(c1=[licence("S1", 9, commitmentEndDate=None)])
    await cloud.sweep()
    assert (cloud.last().complete, cloud.last().asks, cloud.last().missing) == (False, None, ("term_end",))
    await cloud.sweep()
    cloud.hold(c1=[licence("S1", 9)])
    await cloud.sweep()
    assert ([event.complete for event in cloud.said()], cloud.findings.codes()) == ([False, True], [])


async def test_only_business_fields_make_an_event(cloud: Cloud) -> None:
    """Nickname, availability, next-term settings of another plan, and the version: not one event, swept three times."""
    cloud.hold(c1=[licence("S1", 10)])
    await cloud.sweep()
    moved = PREMIUM.replace("X001", "X777")
    cloud.hold(c1=[licence("S1", 10, version=5, friendlyName="New", offerId=moved, autoRenewEnabled=False)])
    await cloud.sweep()
    await cloud.sweep()
    assert len(cloud.events()) == 1


async def test_an_older_version_than_the_stored_one_is_ignored(cloud: Cloud) -> None:
    """A replica that lags shows version 1 after 2: nothing changes, and it is told until newer reads come."""
    cloud.hold(c1=[licence("S1", 12, version=2)])
    await cloud.sweep()
    cloud.hold(c1=[licence("S1", 10, version=1)])
    await cloud.sweep()
    assert ([event.quantity for event in cloud.said()], cloud.findings.codes()) == ([12], ["source_row_bad"])
    cloud.hold(c1=[licence("S1", 11, version=3)])
    await cloud.sweep()
    assert ([event.quantity for event in cloud.said()], cloud.findings.codes()) == ([12, 11], [])


async def test_a_source_that_was_set_back_counts_again_after_a_day(cloud: Cloud) -> None:
    """Restored from a backup its versions begin anew: for a day nothing changes and it is told; then what it shows is
    what there is, from that day on."""
    cloud.hold(c1=[licence("S1", 12, version=7)])
    await cloud.sweep()
    cloud.hold(c1=[licence("S1", 10, version=2)])
    for hour in (9, 12, 23):
        cloud.calendar.at = at(10, hour)
        await cloud.sweep()
        assert ([event.quantity for event in cloud.said()], cloud.findings.codes()) == ([12], ["source_row_bad"])
    cloud.calendar.at = at(11, 9)
    await cloud.sweep()
    assert ([event.quantity for event in cloud.said()], cloud.findings.codes()) == ([12, 10], [])
    asks = cloud.last().asks
    assert asks is not None
    assert asks.since == on(11)
    cloud.hold(c1=[licence("S1", 11, version=3)])
    await cloud.sweep()
    assert cloud.last().quantity == 11


async def test_a_replica_that_lags_now_and_then_is_never_believed(cloud: Cloud) -> None:
    """An old version today and another tomorrow, and the present one between them: nothing is taken back."""
    for day in (10, 11, 12):
        cloud.calendar.at = at(day)
        for version in (7, 2):
            cloud.hold(c1=[licence("S1", 10 + version, version=version)])
            await cloud.sweep()
    assert [event.quantity for event in cloud.said()] == [17]


async def test_the_renewal_gap_changes_nothing_until_the_new_term_is_there(cloud: Cloud) -> None:
    """The old end date lies behind, the status is active: no event; then the new term is one."""
    cloud.hold(c1=[licence("S1", 10, commitmentEndDate="2026-03-10T00:00:00Z")])
    await cloud.sweep()
    cloud.calendar.at = at(11)
    await cloud.sweep()
    assert len(cloud.said()) == 1
    cloud.hold(c1=[licence("S1", 10, version=2, commitmentEndDate="2027-03-10T00:00:00Z")])
    await cloud.sweep()
    assert (len(cloud.said()), cloud.last().asks) == (2, cloud.said()[0].asks)


async def test_a_deleted_row_that_stays_in_the_list_ended_once(cloud: Cloud) -> None:
    """Deleted, and listed as such for ever: one event; that it leaves the list one day says nothing."""
    cloud.hold(c1=[licence("S1", 10), licence("S2", 1)])
    await cloud.sweep()
    cloud.hold(c1=[licence("S1", 10, version=2, status="deleted"), licence("S2", 1)])
    for _ in range(3):
        await cloud.sweep()
    assert [event.status for event in cloud.said()] == [Status.ACTIVE, Status.CANCELLED]
    cloud.hold(c1=[licence("S2", 1)])
    for _ in range(3):
        await cloud.sweep()
    assert len(cloud.said()) == 2


async def test_a_price_stands_in_the_event_and_its_change_is_one(tmp_path: Path) -> None:
    """Price and cost of prices.csv; another price is an event that asks for the same units."""
    path = tmp_path / "prices.csv"
    text = "offer,term,cycle,customer price,cost,currency,valid from\nCFQ7TTC0LCHC:0002,P1Y,monthly,20.60,17.60,EUR,\n"
    path.write_text(text)
    cloud = Cloud(source=account(prices=path))
    cloud.hold(c1=[licence("S1", 10)])
    await cloud.sweep()
    path.write_text(text.replace("20.60", "21.00").replace("17.60", "18.000"))
    await cloud.sweep()
    first, second = cloud.said()
    assert (first.unit_price, first.unit_cost) == (_eur("20.60"), _eur("17.60"))
    assert (second.unit_price, second.asks) == (_eur("21.00"), first.asks)


async def test_a_missing_price_is_a_finding_that_closes_with_its_row(tmp_path: Path) -> None:
    """Quantities go on, whether there is a price or not; another finding beside it does not keep it open."""
    path = tmp_path / "prices.csv"
    head = "offer,term,cycle,customer price,cost,currency,valid from\n"
    path.write_text(head)
    cloud = Cloud(source=account(prices=path))
    cloud.hold(c1=[licence("S1", 10), licence("S2", 1, termDuration="P1M")])
    await cloud.sweep()
    assert cloud.findings.codes() == ["price_unknown"] * 2
    path.write_text(head + "CFQ7TTC0LCHC:0002,P1Y,monthly,20.60,17.60,EUR,\n")
    await cloud.sweep()
    assert cloud.findings.codes() == ["price_unknown"]
    assert [event.quantity for event in cloud.said()] == [10, 10]


def _eur(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


async def test_usage_is_said_once_a_change_on_a_topic_of_its_own(cloud: Cloud) -> None:
    """First cost, a newer one, a newer stamp of the same, an older one, another month: three events, no seat line."""
    cloud.hold(c1=[licence("P1", 1, **AZURE_PLAN)])
    may = "2026-04-01T02:00:00.1234567+00:00"
    for record in (
        usage_record("P1", 412.307719),
        usage_record("P1", 430.1, lastModifiedDate="2026-03-10T02:00:00Z"),
        usage_record("P1", 430.1, lastModifiedDate="2026-03-10T03:00:00Z"),
        usage_record("P1", 412.307719),
        usage_record("P1", 3, lastModifiedDate=may),
    ):
        cloud.source.tenant.usage = {"c1": [record]}
        await cloud.sweep()
    said = cloud.usage()
    assert [(one.revision, str(one.total.amount), one.period) for one in said] == [
        (1, "412.307719", on(1)),
        (2, "430.1", on(1)),
        (3, "3.00", on(1, month=4)),
    ]
    assert [one.previous_total for one in said[1:]] == [said[0].total, None]
    assert (cloud.events(), [entry["topic"] for entry in cloud.documents("usages")[0]["outbox"]]) == (
        [],
        [USAGE.name] * 3,
    )


async def test_a_usage_record_without_an_amount_is_told_until_it_has_one(cloud: Cloud) -> None:
    """The finding of a plan closes with the plan's next cost, also while another customer does not show itself."""
    cloud.hold(c1=[licence("P1", 1, **AZURE_PLAN)], c2=[licence("S2")], c3=[licence("S3")])
    cloud.misbehave(always("/customers/c2/", 403, code=403, description="no relation"))
    for record, codes in ((usage_record("P1", currencyCode=None), ["source_value_unknown"]), (usage_record("P1"), [])):
        cloud.source.tenant.usage = {"c1": [record]}
        await cloud.sweep()
        assert cloud.findings.codes() == sorted(["permission", *codes])


async def test_usage_is_said_again_with_the_id_it_had(cloud: Cloud) -> None:
    """A new bus epoch loses no cost."""
    cloud.hold(c1=[licence("S1", 10), licence("P1", 1, **AZURE_PLAN)])
    cloud.source.tenant.usage = {"c1": [usage_record("P1")]}
    await cloud.sweep()
    books = cloud.books(Fuse())
    again = [outgoing.event.id async for outgoing in SayAgain(books.snapshots, books.usages)()]
    documents = [*cloud.documents("snapshots"), *cloud.documents("usages")]
    first = [entry["event"]["id"] for document in documents for entry in document["outbox"]]
    assert again == first


async def test_a_third_page_that_fails_takes_nothing_away(cloud: Cloud) -> None:
    """Page 3 of 5 fails, sweep after sweep: incomplete each time, no decrease ever; whole again, all is well."""
    cloud.hold(**{f"c{number}": [licence(f"S{number}", 5)] for number in range(10)})
    await cloud.sweep()
    said = len(cloud.events())
    cloud.misbehave(lambda request: error(500) if request.headers.get("MS-ContinuationToken") == "page-4" else None)
    for _ in range(3):
        result = await cloud.sweep()
        assert (result.complete, result.customers) == (False, 4)
    cloud.misbehave()
    assert ((await cloud.sweep()).complete, len(cloud.events()), cloud.findings.codes()) == (True, said, [])


async def test_a_customer_that_refuses_keeps_its_seats(cloud: Cloud) -> None:
    """403: complete, a finding that names the customer, no decrease ever; it closes when it is back."""
    cloud.hold(c1=[licence("S1", 10)], c2=[licence("S2", 5)])
    await cloud.sweep()
    cloud.misbehave(always("/customers/c1/", 403, code=403, description="no relation"))
    for _ in range(3):
        assert (await cloud.sweep()).complete
    assert (len(cloud.said("S1")), cloud.findings.codes()) == (1, ["permission"])
    cloud.misbehave()
    await cloud.sweep()
    assert cloud.findings.codes() == []


async def test_a_missing_permission_is_told_until_it_is_there(cloud: Cloud) -> None:
    """All customers refuse, then the list itself, then nobody: one finding of the account, which closes by itself."""
    cloud.hold(**{f"c{number}": [licence(f"S{number}", 5)] for number in range(4)})
    await cloud.sweep()
    for path in ("/subscriptions", "/v1/customers"):
        cloud.misbehave(always(path, 403, code=403, description="no"))
        assert not (await cloud.sweep()).complete
        assert cloud.findings.codes() == ["permission"]
    cloud.misbehave()
    assert ((await cloud.sweep()).complete, cloud.findings.codes(), len(cloud.events())) == (True, [], 4)


async def test_the_cost_of_a_customer_who_is_left_out_is_not_told(cloud: Cloud) -> None:
    """An excluded customer's Azure plan makes no event; another one's does."""
    cloud.account = settings(suspension=KEEP, exclude=("c1",))
    cloud.hold(c1=[licence("P1", 1, **AZURE_PLAN)], c2=[licence("P2", 1, **AZURE_PLAN)])
    cloud.source.tenant.usage = {"c1": [usage_record("P1")], "c2": [usage_record("P2")]}
    await cloud.sweep()
    assert [one.key.subscription for one in cloud.usage()] == ["P2"]


async def test_a_relation_that_was_never_ours_is_no_finding(cloud: Cloud) -> None:
    """An advisor's customer refuses: nothing to tell. A customer whose relation ended, and of whom we hold seats: told
    at once."""
    cloud.hold(c1=[licence("S1", 10)], c2=[])
    cloud.misbehave(always("/customers/c2/", 403, code=403, description="no relation"))
    cloud.source.tenant.relations = {"c2": "advisor"}
    await cloud.sweep()
    assert cloud.findings.codes() == []
    cloud.source.tenant.relations = {"c1": "none", "c2": "advisor"}
    cloud.misbehave(always("/subscriptions", 403, code=403, description="no relation"))
    for _ in range(3):
        assert (await cloud.sweep()).complete
        assert cloud.findings.codes() == ["permission"]
    assert len(cloud.events()) == 1


async def test_empty_lists_take_nothing_away_while_direct_reads_disagree(cloud: Cloud) -> None:
    """Empty for good, but each subscription answers when asked for: no decrease, and the sweep is incomplete."""
    cloud.hold(c1=[licence("S1", 10)], c2=[licence("S2", 5)])
    await cloud.sweep()
    cloud.misbehave(lambda request: _empty() if request.url.path == "/v1/customers" else None)
    results = [await cloud.sweep() for _ in range(5)]
    assert results[0].complete
    assert not all(result.complete for result in results)
    assert len(cloud.events()) == 2


def _empty() -> Any:
    return error(200, items=[], totalCount=0)


async def test_what_really_went_away_is_braked_and_then_gone(cloud: Cloud) -> None:
    """Empty once: nothing. Twice, and direct reads deny it too: held by the brake, until a person says yes."""
    cloud.hold(c1=[licence("S1", 10), licence("S2", 5)])
    await cloud.sweep()
    cloud.hold(c1=[])
    assert ((await cloud.sweep()).held, cloud.findings.codes()) == (0, [])
    result = await cloud.sweep()
    assert (result.held, result.ok, cloud.findings.codes()) == (2, False, ["source_mass_decrease"])
    assert len(cloud.events()) == 2
    await cloud.accept()
    assert [cloud.last(name).change for name in ("S1", "S2")] == [Change.GONE, Change.GONE]


async def test_a_list_with_an_entry_that_cannot_be_read_denies_nothing(cloud: Cloud) -> None:
    """404 by its id, and not among the customer's: but an entry has no id, and that may be the one."""
    cloud.hold(c1=[licence("S2", 99), {"quantity": 1}])
    reading = await cloud.source.distributor.reread("c1", "S1")
    assert reading.gone == frozenset()
    cloud.hold(c1=[licence("S2", 99)])
    assert (await cloud.source.distributor.reread("c1", "S1")).gone == frozenset({"S1"})


async def test_one_that_went_away_is_gone_after_two_sweeps_and_a_direct_read(cloud: Cloud) -> None:
    """Below the brake: gone from the day of the first absence."""
    cloud.hold(c1=[licence("S1", 1), licence("S2", 99)])
    await cloud.sweep()
    cloud.calendar.at = at(11)
    cloud.hold(c1=[licence("S2", 99)])
    await cloud.sweep()
    assert len(cloud.said("S1")) == 1
    cloud.calendar.at = at(12)
    await cloud.sweep()
    asks = cloud.last("S1").asks
    assert asks is not None
    assert (cloud.last("S1").change, asks.since, asks.units) == (Change.GONE, on(11), StepFunction.constant(None))


async def test_refused_credentials_are_told_and_change_nothing(cloud: Cloud) -> None:
    """The secret expired: the finding of that name, an incomplete sweep, and it closes with the next good one."""
    cloud.hold(c1=[licence("S1", 10)])
    await cloud.sweep()
    cloud.source.tenant.tokens.clear()
    cloud.misbehave(always("/oauth2/token", 401, error="invalid_client", error_description="expired"))
    result = await cloud.sweep()
    assert (result.complete, cloud.findings.codes()) == (False, ["credentials"])
    cloud.misbehave()
    assert ((await cloud.sweep()).complete, cloud.findings.codes(), len(cloud.events())) == (True, [], 1)


async def test_a_direct_read_says_no_more_than_a_sweep(cloud: Cloud) -> None:
    """The customer's name is that of the list, so a direct read alone changes nothing; and it is one call."""
    cloud.hold(c1=[licence("S1", 10)])
    await cloud.sweep()
    before = len(cloud.source.tenant.paths)
    intake = cloud.sweeper().intake
    taking = await intake.begin("c1/S1")
    await intake.take(await cloud.drop().reread("c1", "S1"), taking)
    assert (len(cloud.events()), len(cloud.source.tenant.paths) - before) == (1, 1)


async def test_a_404_alone_does_not_make_a_subscription_gone() -> None:
    """Denied by id, shown by the list read just then: there. Denied by a customer that answers 404 too: silent."""
    one = account(customers={"c1": [licence("S1", 10)]})
    one.tenant.rules = [answering("/S1", error(404))]
    reading = await one.distributor.reread("c1", "S1")
    assert ([row.subscription for row in reading.rows], reading.gone) == (["S1"], frozenset())
    one.tenant.rules = [always("/customers/c1", 404)]
    reading = await one.distributor.reread("c1", "S1")
    assert ([trouble.customer for trouble in reading.silent], reading.gone) == (["c1"], frozenset())


def audit(number: int, when: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"a{number}",
        "customerId": "c1",
        "resourceType": "subscription",
        "resourceNewValue": '{"Id":"S1","Quantity":29}',
        "operationType": "update_subscription",
        "operationDate": when,
        "operationStatus": "succeeded",
        "customizedData": [{"key": "SubscriptionId", "value": "S1"}],
        **changes,
    }


async def test_audit_records_say_where_to_look() -> None:
    """Day by day from the given instant: a changed subscription, those of an order, a whole customer; what failed, what
    is of no interest and what is older say nothing."""
    order = '{"LineItems":[{"SubscriptionId":"S2"},{"SubscriptionId":"S3"}]}'
    one = account(
        customers={"c1": []},
        audit=[
            audit(1, "2026-03-09T08:11:05.0589308Z"),
            audit(2, "2026-03-10T07:00:00Z", resourceType="order", resourceNewValue=order, customizedData=[]),
            audit(3, "2026-03-10T07:30:00Z", resourceType="customer", resourceNewValue=None, customizedData=None),
            audit(4, "2026-03-10T07:31:00Z", operationStatus="failed"),
            audit(5, "2026-03-10T07:32:00Z", resourceType="invoice"),
            audit(6, "2026-03-09T06:00:00Z", customerId="c9"),
            audit(7, "never"),
        ],
    )
    feed = AuditFeed(one.distributor.api, one.calendar)
    signals = await feed.signals(at(9, 7))
    assert [(signal.customer, signal.subscription) for signal in signals] == [
        ("c1", "S1"),
        ("c1", "S2"),
        ("c1", "S3"),
        ("c1", None),
    ]
    assert isinstance(signals[0], Signal)
    assert one.tenant.paths == ["/v1/auditrecords"] * 2


async def test_audit_records_that_are_refused_are_a_matter_of_permission() -> None:
    """The feed is a convenience; that it is missing is told."""
    one = account()
    one.tenant.rules = [always("/auditrecords", 403, code=403, description="no")]
    with pytest.raises(SourceUnreachableError) as caught:
        await AuditFeed(one.distributor.api, one.calendar).signals(at(10))
    assert caught.value.code is FindingCode.PERMISSION
