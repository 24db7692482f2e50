"""Partner Center: what a subscription of the vendor becomes, whatever is wrong with it."""

import base64
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from seatledger.collector.adapters.partner_center import values
from seatledger.collector.adapters.partner_center.payloads import payload_of
from seatledger.collector.adapters.partner_center.translation import customer_of, id_of, translate
from seatledger.collector.adapters.partner_center.usage import usage_of
from seatledger.collector.domain.reading import Announced, Problem, Reading, Row, Usage
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import OfferKey
from seatledger.schemas.money import Money
from seatledger.schemas.subscriptions import BillingCycle, Customer, Status
from services.collector.tests.collector_samples import NOW
from services.collector.tests.partner_center_tenant import (
    AZURE_PLAN,
    Account,
    account,
    always,
    licence,
    usage_record,
)

CUSTOMER = Customer(id="c1", name="Kestrel", tenant_id="c1", domain="kestrel.example")


def row_of(item: dict[str, Any], **more: Any) -> Row:
    translated = translate(item, CUSTOMER, NOW, **more)
    assert translated.row is not None
    return translated.row


def columns(item: dict[str, Any], **more: Any) -> list[tuple[FindingCode, str | None, bool]]:
    return [(one.code, one.column, one.stops) for one in translate(item, CUSTOMER, NOW, **more).problems]


async def read(one: Account) -> Reading:
    (parcel,) = await one.distributor.waiting()
    return await one.distributor.read(parcel)


def test_a_licence_is_read_whole() -> None:
    """Ids, plan without its availability, term, cycle, inclusive end date, version, and the vendor's own id."""
    assert row_of(licence("S1", 27, version=4, parentSubscriptionId="S0")) == Row(
        line=0,
        customer=CUSTOMER,
        subscription="S1",
        offer=OfferKey(offer="CFQ7TTC0LCHC:0002", term="P1Y", billing_cycle="monthly"),
        offer_name="Microsoft 365 Business Premium",
        status=Status.ACTIVE,
        raw_status="active",
        quantity=27,
        billing_cycle=BillingCycle.MONTHLY,
        vendor_subscription_id="S1",
        parent_subscription_id="S0",
        term_start=date(2025, 9, 10),
        term_end=date(2026, 9, 9),
        version=4,
    )


def test_nickname_availability_and_etag_change_nothing_that_counts() -> None:
    """Three things that only look like a change: the rows differ in their version alone."""
    before = row_of(licence(version=1))
    after = row_of(licence(version=2, friendlyName="Other", offerId="CFQ7TTC0LCHC:0002:CFQ7TTC0X999"))
    assert after == replace(before, version=2)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("none", Status.PENDING),
        ("pending", Status.PENDING),
        ("Active", Status.ACTIVE),
        ("suspended", Status.SUSPENDED),
        ("expired", Status.EXPIRED),
        ("disabled", Status.DISABLED),
        ("deleted", Status.CANCELLED),
    ],
)
def test_every_status_of_the_vendor_has_its_own(word: str, status: Status) -> None:
    """The table of section 14, whatever the case."""
    assert (row_of(licence(status=word)).status, columns(licence(status=word))) == (status, [])


@pytest.mark.parametrize(
    ("word", "cycle"),
    [
        ("monthly", BillingCycle.MONTHLY),
        ("Annual", BillingCycle.ANNUAL),
        ("triennial", BillingCycle.TRIENNIAL),
        ("one_time", BillingCycle.ONE_TIME),
        ("OneTime", BillingCycle.ONE_TIME),
        ("none", BillingCycle.NONE),
    ],
)
def test_every_cycle_of_the_vendor_has_its_own(word: str, cycle: BillingCycle) -> None:
    """Lower snake case in subscriptions, Pascal case in instructions; the offer key says it too."""
    row = row_of(licence(billingCycle=word))
    assert (row.billing_cycle, row.offer.billing_cycle, columns(licence(billingCycle=word))) == (cycle, cycle.value, [])


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"status": "hibernating"}, "status"),
        ({"status": None}, "status"),
        ({"billingCycle": "biennial"}, "billingCycle"),
        ({"billingCycle": "unknown"}, "billingCycle"),
        ({"billingType": "barter"}, "billingType"),
        ({"contractType": "handshake"}, "contractType"),
    ],
)
def test_a_word_that_nobody_knows_is_a_finding_and_holds(changes: dict[str, Any], column: str) -> None:
    """Unknown enum values become *other*; nothing crashes, and the last complete state goes on."""
    item = licence(**{**changes, **({column: None} if changes[column] is None else {})})
    assert columns(item) == [(FindingCode.SOURCE_VALUE_UNKNOWN, column, False)]
    assert row_of(item).missing == ("status" if column == "status" else "billing_cycle",)


def test_a_trial_is_no_active_subscription() -> None:
    """Active and isTrial is a trial; converted it is active under the same id."""
    assert row_of(licence(isTrial=True)).status is Status.TRIAL
    assert row_of(licence(isTrial=False)).status is Status.ACTIVE


def test_a_trial_that_is_suspended_is_billed_by_nobody() -> None:
    """Suspension keeps billing what was billed; twenty-five seats on trial never were. One that ended is over."""
    assert row_of(licence(quantity=25, isTrial=True, status="suspended")).status is Status.TRIAL
    assert row_of(licence(quantity=25, isTrial=True, status="expired")).status is Status.EXPIRED


@pytest.mark.parametrize("status", ["active", "suspended", "pending"])
def test_without_its_end_date_a_subscription_is_held(status: str) -> None:
    """For some ten minutes after a purchase: what is missing is named."""
    assert row_of(licence(status=status, commitmentEndDate=None)).missing == ("term_end",)


def test_what_ended_needs_no_end_date() -> None:
    """A deleted row without one is deleted."""
    assert row_of(licence(status="deleted", commitmentEndDate=None)).missing == ()


def test_a_legacy_end_date_is_the_first_day_without() -> None:
    """An offer id without product and sku: the end is exclusive; new commerce names the last day."""
    assert row_of(licence(offerId="796b6b5f-613c-4e24-a17c-eba730d49c02")).term_end == date(2026, 9, 8)
    assert row_of(licence()).term_end == date(2026, 9, 9)


def test_an_end_date_that_cannot_be_read_holds() -> None:
    """A finding names the field, and the subscription waits as if the date had not come."""
    item = licence(commitmentEndDate="9 September")
    assert columns(item) == [(FindingCode.SOURCE_VALUE_UNKNOWN, "commitmentEndDate", False)]
    assert row_of(item).missing == ("term_end",)


def test_the_renewal_gap_is_no_expiry() -> None:
    """The day after its last day it still says active with the old date: active, complete, and no date of its own."""
    row = row_of(licence(commitmentEndDate="2026-03-09T00:00:00Z"))
    assert (row.status, row.missing, row.effective_on) == (Status.ACTIVE, (), None)


@pytest.mark.parametrize(
    ("status", "end", "day"),
    [
        ("expired", "2026-03-05T00:00:00Z", date(2026, 3, 6)),
        ("disabled", "2026-02-28T00:00:00Z", date(2026, 3, 1)),
        ("deleted", "2026-03-09T00:00:00Z", date(2026, 3, 10)),
        ("deleted", "2026-09-09T00:00:00Z", None),
        ("deleted", "2026-03-10T00:00:00Z", None),
        ("suspended", "2026-03-05T00:00:00Z", None),
        ("deleted", "0001-01-01T00:00:00Z", None),
        ("deleted", "2024-09-09T00:00:00Z", None),
    ],
)
def test_what_ran_to_its_end_ends_the_day_after_it(status: str, end: str, day: date | None) -> None:
    """Ended after its term: the day after the inclusive end. Ended before it, without an end, or with one that lies
    before its start: no date of its own, our read dates it."""
    assert row_of(licence(status=status, commitmentEndDate=end)).effective_on == day


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00", "9999-12-31T00:00:00Z", "9999-12-31T23:59:59.9999999Z"])
@pytest.mark.parametrize("offer", ["CFQ7TTC0LCHC:0002:X", "796b6b5f-613c-4e24-a17c-eba730d49c02"])
def test_dates_at_the_ends_of_the_calendar_break_nothing(end: str, offer: str) -> None:
    """.NET's date that was never set is no date: the subscription is held. Its last one is one, with no day after."""
    item = licence(offerId=offer, commitmentEndDate=end, scheduledNextTermInstructions=scheduled())
    row = row_of(item)
    assert row.missing == (("term_end",) if end.startswith("0001") else ())
    assert (row.announced, columns(item)) == (None, [])


@pytest.mark.parametrize("end", ["0002-03-01T00:00:00Z", "1900-01-01T00:00:00Z"])
def test_an_end_that_nobody_can_mean_is_none(end: str) -> None:
    """Before 1990 no seat was sold: a finding, and what ended is dated by our read, not by it."""
    item = licence(status="deleted", commitmentEndDate=end, effectiveStartDate="0001-01-01T00:00:00Z")
    assert (row_of(item).effective_on, columns(item)) == (
        None,
        [(FindingCode.SOURCE_VALUE_UNKNOWN, "commitmentEndDate", False)],
    )


def test_a_usage_record_that_was_never_modified_is_of_this_month() -> None:
    """Year 1 is .NET's empty date, not a month of it."""
    found = usage_of(
        {**usage_record("P1"), "totalCost": 3, "lastModifiedDate": "0001-01-01T00:00:00"}, CUSTOMER, "p", NOW
    )
    assert isinstance(found, Usage)
    assert (found.as_of, found.period) == (None, NOW.date().replace(day=1))


ENDLESS = "7" * 1_001


@pytest.mark.parametrize("name", ["offerId", "termDuration", "status", "parentSubscriptionId"])
def test_a_text_that_no_event_could_carry_is_bad_where_it_means_something(name: str) -> None:
    """Cut it would be another offer, term or parent: nothing of the subscription changes."""
    item = {**licence(), name: ENDLESS}
    assert translate(item, CUSTOMER, NOW).row is None
    assert columns(item) == [(FindingCode.SOURCE_ROW_BAD, name, True)]


def test_endless_names_are_cut() -> None:
    """They only tell people what is meant."""
    customer = customer_of(
        {"id": "c1", "companyProfile": dict.fromkeys(("companyName", "tenantId", "domain"), ENDLESS)}
    )
    assert customer == Customer(id="c1", name=ENDLESS[:1_000], tenant_id="c1", domain=ENDLESS[:1_000])
    assert row_of(licence(offerName=ENDLESS)).offer_name == ENDLESS[:1_000]
    found = usage_of(usage_record("P1", resourceName=ENDLESS, totalCost=3), CUSTOMER, "p", NOW)
    assert isinstance(found, Usage)
    assert found.offer_name == ENDLESS[:1_000]


def test_an_endless_id_is_none() -> None:
    """Neither a subscription nor a customer is known by it; the list that has it proves no absence."""
    assert (id_of({"id": ENDLESS}), customer_of({"id": ENDLESS})) == (None, None)
    assert usage_of(usage_record(ENDLESS), CUSTOMER, "p", NOW) is None


def test_the_cost_of_an_endless_offer_is_not_told() -> None:
    """A finding about the plan, and no event that no broker takes."""
    found = usage_of(usage_record("P1", totalCost=3, offerId=ENDLESS), CUSTOMER, "p", NOW)
    assert isinstance(found, Problem)
    assert (found.subscription, found.column) == ("P1", "offerId")


def scheduled(quantity: Any = 24, **changes: Any) -> dict[str, Any]:
    product = {"productId": "CFQ7TTC0LCHC", "skuId": "0002", "billingCycle": "Monthly", "termDuration": "P1Y"}
    return {"product": {**product, **changes}, "quantity": quantity}


def test_seats_scheduled_for_the_next_term_are_announced() -> None:
    """A reduction at renewal stands beside the present quantity, dated by the day after the term."""
    row = row_of(licence(quantity=27, scheduledNextTermInstructions=scheduled()))
    assert (row.quantity, row.announced) == (27, Announced(date(2026, 9, 10), 24))


@pytest.mark.parametrize(
    "changes",
    [
        {"scheduledNextTermInstructions": scheduled(termDuration="P1M")},
        {"scheduledNextTermInstructions": scheduled(skuId="0009")},
        {"scheduledNextTermInstructions": scheduled(billingCycle="Annual")},
        {"scheduledNextTermInstructions": scheduled(quantity="many")},
        {"scheduledNextTermInstructions": {"quantity": 24}},
        {"scheduledNextTermInstructions": scheduled(), "autoRenewEnabled": False},
        {"scheduledNextTermInstructions": scheduled(), "status": "suspended"},
        {"scheduledNextTermInstructions": scheduled(), "commitmentEndDate": None},
    ],
)
def test_what_may_not_come_is_not_announced(changes: dict[str, Any]) -> None:
    """Another plan, no renewal, no readable number, no date: the next state tells when it is there."""
    assert row_of(licence(**changes)).announced is None


@pytest.mark.parametrize("quantity", [None, "8", -1, 8.5, True, 3_000_000_000, [8], 1e400])
def test_a_quantity_that_is_none_protects_its_subscription(quantity: Any) -> None:
    """The row does not count, and its subscription is named, so that nothing of it changes."""
    item = licence() | {"quantity": Decimal(str(quantity)) if isinstance(quantity, float) else quantity}
    assert translate(item, CUSTOMER, NOW).row is None
    assert columns(item) == [(FindingCode.SOURCE_ROW_BAD, "quantity", True)]


def test_numbers_of_json_are_numbers() -> None:
    """8.0 is 8, and 0 seats are 0."""
    assert row_of(licence(quantity=Decimal("8.0"))).quantity == 8
    assert row_of(licence(quantity=0)).quantity == 0


def test_goods_bought_once_are_one_time() -> None:
    """Perpetual software and keys have no end date and no line of a recurring contract; nothing is missing."""
    once: list[dict[str, Any]] = [{"billingCycle": "one_time"}, {"contractType": "productKey"}]
    for changes in once:
        row = row_of(licence(termDuration=None, commitmentEndDate=None, **changes))
        assert (row.billing_cycle, row.offer.term, row.missing) == (BillingCycle.ONE_TIME, "", ())


def test_provisioning_that_failed_holds_and_tells() -> None:
    """Pending is held silently; failed asks a person."""
    pending = licence(status="pending")
    assert columns(pending, provisioning="pending") == []
    assert columns(pending, provisioning="failed") == [(FindingCode.SOURCE_INCOMPLETE, "provisioning", False)]
    assert "provisioning" in row_of(pending, provisioning="failed").missing


async def test_provisioning_is_asked_for_what_is_pending_alone() -> None:
    """And never again once the source said that it wants another sign-in for it."""
    one = account(
        customers={"c1": [licence("S1"), licence("S2", status="pending")], "c2": [licence("S3", status="pending")]}
    )
    one.tenant.provisioning = {"S2": "failed"}
    reading = await read(one)
    assert [problem.subscription for problem in reading.problems] == ["S2"]
    await read(one)
    asked = [path for path in one.tenant.paths if path.endswith("provisioningstatus")]
    assert asked.count("/v1/customers/c2/subscriptions/S3/provisioningstatus") == 1
    assert len(asked) == 2


async def test_an_azure_plan_is_no_row_and_its_cost_is_read() -> None:
    """Its quantity means nothing; the usage record is what is told, in full precision, dated by its own month."""
    one = account(customers={"c1": [licence("S1"), licence("P1", 1, **AZURE_PLAN)], "c2": [licence("S2")]})
    one.tenant.usage = {"c1": [usage_record("P1")]}
    reading = await read(one)
    assert [row.subscription for row in reading.rows] == ["S1", "S2"]
    (usage,) = reading.usage
    assert (usage.subscription, usage.offer, usage.period) == ("P1", "DZH318Z0BPS6:0001", date(2026, 3, 1))
    assert usage.total == Money(amount=Decimal("412.307719"), currency="EUR")
    assert usage.as_of == datetime(2026, 3, 9, 2, 11, 40, 530000, tzinfo=UTC)
    assert "/v1/customers/c2/subscriptions/usagerecords" not in one.tenant.paths


async def test_usage_that_cannot_be_read_stops_no_seat() -> None:
    """Refused, failing, or without an amount: a finding where a person can act, and the rows count."""
    one = account(customers={"c1": [licence("S1"), licence("P1", 1, **AZURE_PLAN)]})
    one.tenant.usage = {"c1": [usage_record("P1", currencyCode=None, currencyLocale="nl-NL")]}
    assert [problem.column for problem in (await read(one)).problems] == ["totalCost"]
    for status, codes in ((403, [FindingCode.PERMISSION]), (500, [])):
        one.tenant.rules = [always("usagerecords", status)]
        reading = await read(one)
        assert ([problem.code for problem in reading.problems], len(reading.rows)) == (codes, 1)
        assert reading.incomplete is None


async def test_an_entry_without_an_id_makes_the_list_prove_nothing() -> None:
    """Neighbours count; what is not in the list may be the one that cannot be read."""
    one = account(customers={"c1": [licence("S1"), {"quantity": 3}], "c2": [licence("S2")]})
    reading = await read(one)
    assert (len(reading.rows), reading.whole, [problem.subscription for problem in reading.problems]) == (
        2,
        False,
        [None],
    )


async def test_one_subscription_under_two_customers_counts_for_neither() -> None:
    """Both are named; it is protected."""
    one = account(customers={"c1": [licence("S1")], "c2": [licence("S1", 12), licence("S2")]})
    reading = await read(one)
    assert [row.subscription for row in reading.rows] == ["S2"]
    assert [(problem.subscription, problem.stops) for problem in reading.problems] == [("S1", True)]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-03-10T09:14:22.4180322Z", datetime(2025, 3, 10, 9, 14, 22, 418032, tzinfo=UTC)),
        ("2025-08-20T08:11:03.3520276+02:00", datetime(2025, 8, 20, 6, 11, 3, 352027, tzinfo=UTC)),
        ("2025-08-20T07:58:34.8312415", datetime(2025, 8, 20, 7, 58, 34, 831241, tzinfo=UTC)),
        ("2025-08-20", datetime(2025, 8, 20, tzinfo=UTC)),
        ("9999-12-10T00:00:00Z", datetime(9999, 12, 10, tzinfo=UTC)),
    ],
)
def test_seven_fractional_digits_are_an_instant(text: str, instant: datetime) -> None:
    """.NET's ticks, with a zone, without one, and without a time."""
    assert values.instant(text) == instant


@pytest.mark.parametrize("text", ["", "soon", "2025-13-01", "9999-12-31T23:59:59-05:00", "1989-12-31"])
def test_what_is_no_instant_says_so(text: str) -> None:
    """ValueError, never a wrong date and never another exception."""
    with pytest.raises(ValueError, match=r"ISO|iso|month|calendar|range|1990"):
        values.instant(text)


def _etag(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("etag", "version"),
    [
        (_etag('{"id":"x","version":4}'), 4),
        (f'W/"{_etag("""{"version": 12}""")}"', 12),
        (_etag('{"version":"4"}'), None),
        (_etag(f'{{"version": {2**63}}}'), None),
        (_etag(f'{{"version": 1{"0" * 5000}}}'), None),
        (_etag("[4]"), None),
        (_etag("no json"), None),
        ("!!", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_the_version_inside_an_etag_or_none(etag: Any, version: int | None) -> None:
    """Opaque where it does not decode."""
    assert values.version(etag) == version


def test_a_customer_without_a_profile_has_its_tenant_as_name() -> None:
    """Only the tenant's GUID is a key; everything else may be absent."""
    assert customer_of({"id": "c9"}) == Customer(id="c9", name="c9", tenant_id="c9")
    assert customer_of({"companyProfile": {}}) is None
    assert customer_of("c9") is None


def test_a_payload_keeps_no_keys_and_nobodys_address() -> None:
    """Tokens, links, nicknames and whatever reaches a person are taken out, at any depth; business fields stay."""
    kept = payload_of(
        licence("S1", 27)
        | {
            "accessToken": "jwt",
            "billingProfile": {"email": "ann@kestrel.example", "firstName": "Ann", "country": "NL"},
            "suspensionReasons": ["asked by ann@kestrel.example"],
            "cost": Decimal("1.10"),
        }
    )
    assert (kept.content["quantity"], kept.content["billingProfile"]) == (27, {"country": "NL"})
    assert kept.content["suspensionReasons"] == ["asked by [address]"]
    assert not {"accessToken", "links", "friendlyName"} & set(kept.content)
    nicknamed = licence("S1", 27, friendlyName="Other")
    assert payload_of(nicknamed) == payload_of(licence("S1", 27))


async def test_each_row_leads_to_its_stored_payload() -> None:
    """Kept before the reading is told, once, with the instant of its first read."""
    one = account(customers={"c1": [licence("S1", 27)]})
    (row,) = (await read(one)).rows
    assert row.payload is not None
    assert one.kept()[row.payload].content["quantity"] == 27
    one.calendar.at = NOW.replace(day=11)
    await read(one)
    assert [document["first_read_at"] for document in one.store.collection("payloads").documents.values()] == [
        "2026-03-10T08:00:00Z"
    ]
