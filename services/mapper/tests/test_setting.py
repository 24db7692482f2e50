"""Mapping rows set by people: what is refused and why, what is stored, and its history."""

from dataclasses import replace

import pytest

from seatledger.mapper.domain.setting import Known, Saying, Setting, Standing, forget, set_rows
from seatledger.schemas.commands import MappingRow
from seatledger.schemas.ids import CompanyId, ContractId, SourceName, join
from seatledger.schemas.mappings import MappingDocument
from seatledger.schemas.mirror import MirrorContract
from services.mapper.tests.mapper_samples import (
    AUTOMATIC,
    DROP,
    MAIN,
    MANUAL,
    NOW,
    TODAY,
    company,
    directory,
    mapping,
    service,
)

SAYING = Saying(at=NOW, by="ann", why="tidy up", command="k1")
MIRROR = directory(
    company(101, "Contoso"),
    company(102, "Contosso Ltd"),
    company(103, "Fabrikam", active=False),
    company(104, "Vendor", company_type=3),
    service(7, "Office"),
    service(8, "Old office", active=False),
)


def known(*documents: MappingDocument, mirrored: bool = True, automatic: bool = False) -> Known:
    return Known(
        rules={DROP: AUTOMATIC if automatic else MANUAL},
        documents={(document.kind, document.id): document for document in documents},
        names={
            ("company", DROP, "c1"): "Contoso",
            ("company", DROP, "c2"): "Contosso",
            ("offer", DROP, "O1"): "Office",
        },
        placed={(DROP, CompanyId(101)): frozenset({"c1"})},
        standing={(DROP, "S1"): Standing("c1", 101)},
        directories={MAIN: MIRROR} if mirrored else {},
        contracts={MAIN: {ContractId(n): contract(n, c, t) for n, c, t in ((55, 101, 7), (56, 102, 7), (57, 101, 4))}},
    )


def contract(number: int, of: int, contract_type: int) -> MirrorContract:
    return MirrorContract(
        id=join(MAIN, number),
        connection=MAIN,
        contract=ContractId(number),
        company=CompanyId(of),
        name=f"contract {number}",
        contract_type=contract_type,
        period_type=2,
        status=1,
        start=TODAY,
        end=TODAY.replace(year=2027),
    )


def customer(key: str, target: int | None = 101, **fields: object) -> MappingRow:
    return MappingRow.model_validate({"kind": "company", "source": DROP, "key": key, "target": target, **fields})


def offer(key: str = "O1", target: int | None = 7, **fields: object) -> MappingRow:
    return MappingRow.model_validate({"kind": "offer", "source": DROP, "key": key, "target": target, **fields})


def on_contract(target: int, key: str = "S1", **fields: object) -> MappingRow:
    return MappingRow.model_validate({"kind": "contract", "source": DROP, "key": key, "target": target, **fields})


def refusal(setting: Setting) -> str:
    [result] = setting.results
    assert not result.ok
    assert setting.documents == ()
    return result.message


def test_what_nobody_has_seen_stands_with_a_remark() -> None:
    """Rows may come before the first sweep: an id that is not known yet is remarked on, never refused."""
    rows = [customer("c1"), customer("c7", 102), offer("O7"), on_contract(55), on_contract(55, "S7")]
    results = set_rows(rows, known(), SAYING).results
    assert all(result.ok for result in results)
    assert [result.remark for result in results] == [
        "",
        "no customer 'c7' of drop was seen yet",
        "no offer 'O7' of drop was seen yet",
        "",
        "no subscription 'S7' of drop was seen yet",
    ]


def test_a_row_is_stored_with_who_when_why_and_what_before() -> None:
    """Each change of a row stands in its history with the word before it; the row asks to be decided anew."""
    first = set_rows([customer("c1")], known(), SAYING).documents[0]
    second = set_rows([customer("c1", 102)], known(first), Saying(at=NOW, by="bob", why="wrong", command="k2"))
    [document] = second.documents
    assert [(entry.by, entry.why, entry.word.target) for entry in document.history] == [
        ("ann", "tidy up", 101),
        ("bob", "wrong", 102),
    ]
    assert document.history[0].before is None
    assert document.history[1].before == first.word
    assert (document.redecide, document.revision) == (True, 2)


def test_a_repeated_row_is_decided_again_without_a_new_history() -> None:
    """The same command again raises the revision and the flag, and the history keeps one entry."""
    first = set_rows([customer("c1")], known(), SAYING).documents[0].model_copy(update={"redecide": False})
    [again] = set_rows([customer("c1")], known(first), SAYING).documents
    assert (again.revision, again.redecide, len(again.history)) == (2, True, 1)


def test_rows_stand_each_on_its_own() -> None:
    """A refused row is answered with its number and hinders no other."""
    setting = set_rows([customer("c1", 999), offer(), customer("c3", None)], known(), SAYING)
    assert [(result.row, result.ok) for result in setting.results] == [(1, False), (2, True), (3, False)]
    assert [document.id for document in setting.documents] == ["drop/O1//"]


def test_a_second_customer_on_one_company_is_refused_with_the_first_ones_name() -> None:
    """C27: company 101 belongs to Contoso (c1); c2 does not get it, and the refusal says whose it is."""
    message = refusal(set_rows([customer("c2")], known(mapping("company", "c1", 101)), SAYING))
    assert "'Contoso' (c1)" in message
    assert "also" in message


def test_the_second_of_two_rows_in_one_file_is_refused_too() -> None:
    """C27 counts the rows before it in the same command."""
    setting = set_rows([customer("c1"), customer("c2")], known(), SAYING)
    assert [result.ok for result in setting.results] == [True, False]


@pytest.mark.parametrize("row", [customer("c2", also=True), customer("c2", reason="also")])
def test_also_allows_a_second_customer(row: MappingRow) -> None:
    """--also, or the word also as a file's reason, puts two customers on one company."""
    setting = set_rows([row], known(mapping("company", "c1", 101)), SAYING)
    assert [result.ok for result in setting.results] == [True]


def test_a_customer_may_go_to_another_company_and_another_account_to_the_same() -> None:
    """Unique is the company within one source account: not the customer's choice, and not across accounts."""
    rows = known(mapping("company", "c1", 102), mapping("company", "x", 101, source=SourceName("other")))
    assert set_rows([customer("c1")], rows, SAYING).results[0].ok


def test_a_company_that_a_name_holds_is_held() -> None:
    """Under exact_name c1 has company 101 by its name, so c2 is refused; without automatic mapping it is not."""
    assert "'Contoso' (c1)" in refusal(set_rows([customer("c2")], known(automatic=True), SAYING))
    assert set_rows([customer("c2")], known(), SAYING).results[0].ok


def test_a_company_given_up_is_free_at_once() -> None:
    """Unset frees the company for the next row of the same command."""
    rows = [customer("c1", None, state="unmapped"), customer("c2")]
    setting = set_rows(rows, known(mapping("company", "c1", 101)), SAYING)
    assert [result.ok for result in setting.results] == [True, True]


def test_a_claim_is_one_per_account_and_company() -> None:
    """The claim that the store keeps unique is the company's, unless also was said or nothing is mapped."""
    documents = set_rows(
        [customer("c1"), customer("c2", also=True), customer("c3", None, state="unmapped")], known(), SAYING
    )
    assert [document.claim for document in documents.documents] == ["company drop/101", "row drop/c2", "row drop/c3"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (customer("c2", 999), "does not exist in Autotask"),
        (customer("c2", 103), "is not active"),
        (customer("c2", 104), "is not of type Customer"),
        (offer(target=99), "service 99 does not exist in Autotask"),
        (offer(target=8), "'Old office') is not active"),
        (on_contract(99), "contract 99 does not exist in Autotask"),
        (on_contract(57), "is not a recurring-service contract"),
        (on_contract(56), "belongs to company 102, not 101"),
        (customer("c2", source="nope"), "source 'nope' is not in the configuration. Use one of: drop"),
        (offer(billing_cycle="weekly"), "billing cycle 'weekly' is not known"),
        (customer("c2", None), "needs its target"),
        (customer("c2", None, state="ignored"), "needs its reason"),
    ],
)
def test_what_cannot_be_billed_on_is_refused(row: MappingRow, why: str) -> None:
    """A target that is not there, not active or of the wrong kind, and a row that says nothing usable, are refused."""
    saying = Saying(at=NOW, by="ann", why="", command="k1")
    assert why in refusal(set_rows([row], known(), saying))


def test_an_offer_with_its_availability_is_told_its_key() -> None:
    """Partner Center shows product:sku:availability, of which the last part is no key: it would match nothing."""
    rules = {DROP: replace(MANUAL, offers_are_skus=True)}
    there = replace(known(), rules=rules)
    assert "Use P1:0001" in refusal(set_rows([offer("P1:0001:A1")], there, SAYING))
    assert set_rows([offer("P1:0001")], there, SAYING).documents


def test_a_refusal_names_what_is_near() -> None:
    """A company that is not there is answered with active Customers of a similar name or id."""
    message = refusal(set_rows([customer("c2", 111)], known(), SAYING))
    assert "102 'Contosso Ltd'" in message
    assert "103" not in message


@pytest.mark.parametrize("row", [customer("c2", 999), offer(target=99), on_contract(99)])
def test_before_the_first_mirror_rows_are_accepted(row: MappingRow) -> None:
    """Nothing can be checked before Autotask was read, so the row stands and is checked later."""
    assert set_rows([row], known(mirrored=False), SAYING).results[0].ok


def test_another_contract_for_a_subscription_moves_it() -> None:
    """C29 and kernel.md section 7: a subscription has one contract; naming another is a move away from the first, and
    the answer says so. The same one again moves nothing."""
    rows = known(mapping("contract", "S1", 55))
    [same] = set_rows([on_contract(55)], rows, SAYING).results
    assert (same.ok, "leaves" in same.message) == (True, False)
    other = Known(rules=rows.rules, documents=rows.documents)
    moved = set_rows([on_contract(58)], other, SAYING)
    assert "it leaves contract 55 first" in moved.results[0].message
    [document] = moved.documents
    assert (document.word.target, document.redecide, len(document.history)) == (58, True, 1)


def test_an_earlier_row_of_the_command_says_whose_contract_it_must_be() -> None:
    """A file that moves the customer to 102 may put its subscription on a contract of 102 in the next row."""
    setting = set_rows([customer("c1", 102), on_contract(56)], known(), SAYING)
    assert [result.ok for result in setting.results] == [True, True]


def test_forgetting_keeps_the_history() -> None:
    """map reset takes the word back and says so in the row's history; nothing is deleted."""
    row = set_rows([customer("c1")], known(), SAYING).documents[0]
    forgotten = forget(row, SAYING)
    assert (forgotten.word.state, forgotten.word.forgotten, len(forgotten.history)) == ("unmapped", True, 2)
    assert forget(forgotten, SAYING).history == forgotten.history
