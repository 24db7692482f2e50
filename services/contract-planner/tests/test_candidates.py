"""From a subscription and the company's contracts to one line, with the reason for each that is not taken."""

from planner_world import COMPANY, CONTRACT, END, LINE, SERVICE, START, contract, day, line

from seatledger.contract_planner.domain.candidates import Found, Missing, find_line
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyId, ContractId
from seatledger.schemas.mirror import MirrorContract, MirrorLine
from seatledger.schemas.subscriptions import BillingCycle, Mapped

SECOND = ContractId(502)


def find(
    contracts: list[MirrorContract],
    lines: list[MirrorLine],
    cycle: BillingCycle = BillingCycle.MONTHLY,
    chosen: ContractId | None = None,
) -> Found | Missing:
    mapped = Mapped(company=COMPANY, service=SERVICE, contract=chosen)
    return find_line(mapped, cycle, day(10), contracts, lines)


def missed(found: Found | Missing) -> tuple[FindingCode, str]:
    assert isinstance(found, Missing)
    return found.code, found.message


def test_the_one_line_that_fits_is_taken() -> None:
    """Recurring, in effect, its period is the cycle, the day lies in it, and it has a line of the service."""
    assert find([contract()], [line()]) == Found(CONTRACT, LINE)
    yearly = contract(period_type=5)
    assert find([yearly], [line()], BillingCycle.ANNUAL) == Found(CONTRACT, LINE)


def test_each_contract_not_taken_has_its_reason() -> None:
    """A person reads in one line why none of the company's contracts was taken."""
    contracts = [
        contract(511, contract_type=4),
        contract(512, period_type=5),
        contract(513, status=0),
        contract(514, end=day(9)),
        contract(515, start=day(11)),
    ]
    code, message = missed(find(contracts, []))
    assert code is FindingCode.CONTRACT_ENDED
    for reason in (
        "contract 511: it is no recurring-service contract",
        "contract 512: its period type is not",
        "contract 513: it is not in effect",
        "contract 514: it ended on 2026-08-09",
        "contract 515: it begins on 2026-08-11 only",
    ):
        assert reason in message


def test_no_contract_at_all_and_only_unfit_ones_are_missing() -> None:
    """contract_missing where none ended; a contract of another company is none of ours."""
    assert missed(find([], []))[0] is FindingCode.CONTRACT_MISSING
    assert missed(find([contract(company=CompanyId(7))], [line()]))[0] is FindingCode.CONTRACT_MISSING
    assert missed(find([contract(contract_type=1)], [line()]))[0] is FindingCode.CONTRACT_MISSING


def test_an_ended_contract_is_said_to_have_ended() -> None:
    """contract_ended where the only contract is over or out of effect."""
    assert missed(find([contract(end=day(9))], [line()]))[0] is FindingCode.CONTRACT_ENDED
    assert missed(find([contract(status=0)], [line()]))[0] is FindingCode.CONTRACT_ENDED


def test_a_cycle_that_no_contract_can_carry_is_named() -> None:
    """Only monthly and annual stand on contracts."""
    for cycle in set(BillingCycle) - {BillingCycle.MONTHLY, BillingCycle.ANNUAL}:
        assert missed(find([contract()], [line()], cycle))[0] is FindingCode.BILLING_CYCLE_UNSUPPORTED


def test_more_than_one_left_is_never_the_first() -> None:
    """Two contracts with the line, or two lines of one service on one contract, ask a person."""
    two = [contract(), contract(SECOND)]
    lines = [line(), line(9002, contract=SECOND)]
    found = find(two, lines)
    assert missed(found)[0] is FindingCode.CONTRACT_AMBIGUOUS
    assert isinstance(found, Missing)
    assert found.fitting == (CONTRACT, SECOND)
    assert missed(find([contract()], [line(), line(9002)]))[0] is FindingCode.LINE_AMBIGUOUS


def test_a_contract_without_a_line_of_the_service_is_passed_over() -> None:
    """Of two contracts the one with the line is meant; where none has it the line is missing."""
    two = [contract(), contract(SECOND)]
    assert find(two, [line(9002, contract=SECOND)]) == Found(SECOND, line(9002).line)
    code, message = missed(find(two, [line(service=99)]))
    assert code is FindingCode.LINE_MISSING
    assert f"contract {CONTRACT}: no line of service {SERVICE}" in message


def test_a_chosen_contract_is_the_only_one_looked_at() -> None:
    """`map contract` ends the ambiguity, and does not bend the other rules."""
    two = [contract(), contract(SECOND)]
    lines = [line(), line(9002, contract=SECOND)]
    assert find(two, lines, chosen=SECOND) == Found(SECOND, line(9002).line)
    assert missed(find([contract(), contract(SECOND, contract_type=1)], lines, chosen=SECOND))[0] is (
        FindingCode.CONTRACT_MISSING
    )


def test_the_edges_of_a_contract_lie_in_it() -> None:
    """Start and end are days of the contract."""
    for on in (START, END):
        mapped = Mapped(company=COMPANY, service=SERVICE)
        assert find_line(mapped, BillingCycle.MONTHLY, on, [contract()], [line()]) == Found(CONTRACT, LINE)
