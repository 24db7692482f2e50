"""Where a subscription belongs: one test a sentence."""

from datetime import timedelta

import pytest

from seatledger.mapper.domain.basis import SourceRule
from seatledger.mapper.domain.deciding import decide
from seatledger.mapper.domain.directory import Directory
from seatledger.schemas.mappings import MappingDocument
from seatledger.schemas.mirror import MirrorCompany
from seatledger.schemas.subscriptions import BillingCycle, Excluded, Ignored, Mapped, Unmapped
from services.mapper.tests.mapper_samples import (
    AUTOMATIC,
    MAIN,
    TODAY,
    basis,
    company,
    directory,
    mapping,
    service,
    snapshot,
)

BOTH = (mapping("company", "c1", 101), mapping("offer", "O1", 7))


def test_mapped_customer_and_offer_give_company_and_service() -> None:
    """A customer and an offer that are mapped put the subscription on service 7 of company 101, on no contract."""
    assert decide(snapshot(), basis(*BOTH)).outcome == Mapped(company=101, service=7)


def test_nothing_said_is_unmapped_and_names_all_that_is_missing() -> None:
    """Without any row the outcome misses the company, and people hear of the offer at the same time."""
    decision = decide(snapshot(), basis())
    assert decision.outcome == Unmapped(missing="company")
    assert [lack.what for lack in decision.lacks] == ["company", "offer"]


def test_an_unmapped_offer_still_names_the_company() -> None:
    """With the company known and the offer not, the result names the company, so that it is told."""
    assert decide(snapshot(), basis(BOTH[0])).outcome == Unmapped(missing="offer", company=101)


@pytest.mark.parametrize(
    ("rows", "target"),
    [
        ([("", "", 1), ("", "monthly", 2), ("P1Y", "", 3), ("P1Y", "monthly", 4)], 4),
        ([("", "", 1), ("", "monthly", 2), ("P1Y", "", 3)], 3),
        ([("", "", 1), ("", "monthly", 2)], 2),
        ([("", "", 1)], 1),
        ([("", "", 1), ("P3Y", "monthly", 2), ("P1Y", "annual", 3)], 1),
    ],
)
def test_the_most_specific_offer_row_wins(rows: list[tuple[str, str, int]], target: int) -> None:
    """offer + term + cycle beats offer + term beats offer + cycle beats offer; rows of other terms do not speak."""
    offers = [mapping("offer", "O1", service, term=term, cycle=cycle) for term, cycle, service in rows]
    assert decide(snapshot(), basis(BOTH[0], *offers)).outcome == Mapped(company=101, service=target)


def test_an_unmapped_specific_row_leaves_the_word_to_the_general_one() -> None:
    """Unsetting offer + term does not take the subscription off the row that maps the offer as such."""
    rows = (mapping("offer", "O1", 7), mapping("offer", "O1", term="P1Y", state="unmapped"))
    assert decide(snapshot(), basis(BOTH[0], *rows)).outcome == Mapped(company=101, service=7)


@pytest.mark.parametrize(("kind", "key"), [("company", "c1"), ("offer", "O1"), ("contract", "S1")])
def test_an_ignored_row_of_each_kind_ignores(kind: str, key: str) -> None:
    """An ignored customer, offer or subscription is not billed, whatever else is mapped."""
    row = mapping(kind, key, state="ignored", reason="own use")  # type: ignore[arg-type]  # parametrized as text
    rest = [other for other in BOTH if other.kind != kind]
    assert decide(snapshot(), basis(row, *rest)).outcome == Ignored(reason="own use")


@pytest.mark.parametrize(("days", "ignored"), [(0, True), (-1, False)])
def test_an_ignore_holds_to_the_end_of_its_last_day(days: int, ignored: bool) -> None:
    """On expires_on the customer is still ignored, the day after it counts as unmapped again."""
    row = mapping("company", "c1", state="ignored", reason="trial", expires_on=TODAY + timedelta(days=days))
    outcome = decide(snapshot(), basis(row, BOTH[1])).outcome
    assert isinstance(outcome, Ignored if ignored else Unmapped)


def test_a_contract_choice_holds_for_each_resource_of_the_subscription() -> None:
    """A contract chosen for a marketplace subscription stands in the result of each of its resources."""
    rows = basis(*BOTH, mapping("contract", "S1", 55))
    for resource in ("", "seats", "storage"):
        assert decide(snapshot(resource=resource), rows).outcome == Mapped(company=101, service=7, contract=55)


@pytest.mark.parametrize(
    "rule",
    [
        None,
        SourceRule(connection=MAIN, retired=True),
        SourceRule(connection=MAIN, exclude=frozenset({"c1"})),
        SourceRule(connection=MAIN, include=frozenset({"c2"})),
    ],
    ids=["source gone", "source retired", "customer excluded", "customer not included"],
)
def test_the_configuration_excludes_before_anything_else(rule: SourceRule | None) -> None:
    """A source that is gone or retired, and a customer left out, exclude even what is mapped and lack nothing."""
    decision = decide(snapshot(), basis(*BOTH, rule=rule))
    assert isinstance(decision.outcome, Excluded)
    assert decision.lacks == ()


@pytest.mark.parametrize(
    "rule",
    [SourceRule(connection=MAIN, include=frozenset({"c1"})), SourceRule(connection=MAIN, exclude=frozenset({"c2"}))],
)
def test_include_and_exclude_of_others_leave_a_customer_in(rule: SourceRule) -> None:
    """A customer that stands in include, or not in exclude, is decided as usual."""
    assert decide(snapshot(), basis(*BOTH, rule=rule)).outcome == Mapped(company=101, service=7)


def test_exact_name_maps_company_and_service() -> None:
    """Under exact_name the one Customer and the one fitting service of the same name are taken."""
    found = decide(snapshot(), basis(rule=AUTOMATIC, mirror=directory(company(101), service(7))))
    assert found.outcome == Mapped(company=101, service=7)


@pytest.mark.parametrize("name", ["CONTOSO", "  Contoso ", "con\u00adtoso".replace("\u00ad", ""), "Ｃontoso"])
def test_exact_name_does_not_mind_case_and_white_space(name: str) -> None:
    """Case, outer and repeated white space and Unicode compatibility forms make no other name."""
    found = decide(snapshot(name=name), basis(rule=AUTOMATIC, mirror=directory(company(101), service(7))))
    assert found.outcome == Mapped(company=101, service=7)


def test_without_automatic_mapping_names_say_nothing() -> None:
    """automatic_mapping none leaves a customer of the very same name unmapped."""
    assert isinstance(decide(snapshot(), basis(mirror=directory(company(101), service(7)))).outcome, Unmapped)


@pytest.mark.parametrize(
    ("companies", "why"),
    [
        ([], "does not exist"),
        ([company(101, "Contoso Ltd")], "does not exist"),
        ([company(101, company_type=3)], "does not exist"),
        ([company(101, active=False)], "does not exist"),
        ([company(101), company(102)], "exists 2 times in Autotask (101, 102)"),
    ],
    ids=["none", "only near", "a vendor", "inactive", "two"],
)
def test_a_company_name_must_be_unique_active_and_a_customers(companies: list[MirrorCompany], why: str) -> None:
    """A company that is missing, no Customer, inactive or not the only one is not taken, and the lack says why."""
    decision = decide(snapshot(), basis(rule=AUTOMATIC, mirror=directory(*companies, service(7))))
    assert decision.outcome == Unmapped(missing="company")
    assert why in decision.lacks[0].why


def test_a_vendor_of_the_same_name_does_not_hinder() -> None:
    """Only active Customers count for uniqueness on Autotask's side."""
    mirror = directory(company(101), company(102, company_type=3), company(103, active=False), service(7))
    assert decide(snapshot(), basis(rule=AUTOMATIC, mirror=mirror)).outcome == Mapped(company=101, service=7)


def test_a_customer_name_must_be_unique_within_its_account() -> None:
    """Two customers of one account with one name get no company by it, and the lack names the other."""
    mirror = directory(company(101), service(7))
    decision = decide(snapshot(), basis(rule=AUTOMATIC, mirror=mirror, namesakes=["c1", "c2"]))
    assert decision.outcome == Unmapped(missing="company")
    assert "c2" in decision.lacks[0].why


@pytest.mark.parametrize(("also", "taken"), [(False, True), (True, False)])
def test_a_company_given_to_another_customer_is_taken(also: bool, taken: bool) -> None:
    """A name does not win a company that a row gave to another customer, unless that row said also (C27)."""
    row = mapping("company", "c2", 101, also=also)
    outcome = decide(snapshot(), basis(row, rule=AUTOMATIC, mirror=directory(company(101), service(7)))).outcome
    assert isinstance(outcome, Unmapped) is taken


def test_before_the_first_mirror_names_wait() -> None:
    """Before Autotask was read, exact_name decides nothing and says so."""
    decision = decide(snapshot(), basis(rule=AUTOMATIC, mirror=Directory()))
    assert decision.lacks[0].why == "Autotask has not been read yet"


@pytest.mark.parametrize(
    "row",
    [mapping("company", "c1", 202), mapping("company", "c1", state="ignored", reason="r"), mapping("company", "c1")],
    ids=["mapped", "ignored", "unmapped"],
)
def test_a_persons_word_beats_the_name(row: MappingDocument) -> None:
    """Whatever a person said of the customer holds, although the name would give company 101."""
    outcome = decide(snapshot(), basis(row, rule=AUTOMATIC, mirror=directory(company(101), service(7)))).outcome
    assert outcome != Mapped(company=101, service=7)


def test_a_forgotten_row_gives_the_word_back_to_the_name() -> None:
    """After map reset the name decides again."""
    row = mapping("company", "c1", state="unmapped", forgotten=True)
    found = decide(snapshot(), basis(row, rule=AUTOMATIC, mirror=directory(company(101), service(7))))
    assert found.outcome == Mapped(company=101, service=7)


@pytest.mark.parametrize(
    ("cycle", "period", "fits"),
    [
        (BillingCycle.MONTHLY, 2, True),
        (BillingCycle.ANNUAL, 5, True),
        (BillingCycle.MONTHLY, 5, False),
        (BillingCycle.ANNUAL, 2, False),
        (BillingCycle.TRIENNIAL, 5, False),
        (BillingCycle.MONTHLY, None, False),
    ],
)
def test_a_service_of_the_same_name_must_have_the_billing_cycles_period(
    cycle: BillingCycle, period: int | None, fits: bool
) -> None:
    """A monthly offer takes only a monthly service, an annual only a yearly one; other cycles none."""
    mirror = directory(company(101), service(7, period=period))
    outcome = decide(snapshot(cycle=cycle), basis(rule=AUTOMATIC, mirror=mirror)).outcome
    assert outcome == (Mapped(company=101, service=7) if fits else Unmapped(missing="offer", company=101))


def test_two_services_of_one_name_are_none() -> None:
    """Two active services of the offer's name and cycle leave the offer unmapped; an inactive one does not count."""
    two = directory(company(101), service(7), service(8))
    assert isinstance(decide(snapshot(), basis(rule=AUTOMATIC, mirror=two)).outcome, Unmapped)
    one = directory(company(101), service(7), service(8, active=False))
    assert isinstance(decide(snapshot(), basis(rule=AUTOMATIC, mirror=one)).outcome, Mapped)
