"""Which contract line a subscription belongs on: one function, with the reason for each that is not taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.mirror import PERIOD_TYPES, MirrorContract, MirrorLine
from seatledger.schemas.subscriptions import BillingCycle, Mapped


@dataclass(frozen=True)
class Passed:
    """A contract, or a line of it, that was not taken, and why."""

    contract: ContractId
    reason: str
    line: LineId | None = None
    ended: bool = False

    def __str__(self) -> str:
        what = f"contract {self.contract}" if self.line is None else f"line {self.line} of contract {self.contract}"
        return f"{what}: {self.reason}"


@dataclass(frozen=True)
class Found:
    """The one line."""

    contract: ContractId
    line: LineId


@dataclass(frozen=True)
class Missing:
    """No line, or more than one: never the first."""

    code: FindingCode
    message: str
    passed: tuple[Passed, ...]
    fitting: tuple[ContractId, ...] = ()
    """The contracts of which a person has to choose one."""


def find_line(
    mapped: Mapped, cycle: BillingCycle, on: date, contracts: Iterable[MirrorContract], lines: Iterable[MirrorLine]
) -> Found | Missing:
    """The line of ``mapped.service`` on the company's one contract that fits on ``on``."""
    period = PERIOD_TYPES.get(cycle)
    if period is None:
        return Missing(FindingCode.BILLING_CYCLE_UNSUPPORTED, f"billing cycle {cycle.value} fits no contract", ())
    own = [contract for contract in contracts if contract.company == mapped.company]
    passed = [
        one for contract in sorted(own, key=lambda one: one.contract) if (one := judged(contract, mapped, period, on))
    ]
    out = {one.contract for one in passed}
    fitting = {contract.contract: contract for contract in own if contract.contract not in out}
    if not fitting:
        return _no_contract(mapped, passed)
    return _line_on(mapped, fitting, [line for line in lines if line.contract in fitting], passed)


def judged(contract: MirrorContract, mapped: Mapped, period: int, on: date) -> Passed | None:
    """Why this contract cannot carry the subscription, or None where it can."""
    number = contract.contract
    if mapped.contract is not None and number != mapped.contract:
        return Passed(number, f"contract {mapped.contract} was chosen")
    if not contract.is_recurring:
        return Passed(number, "it is no recurring-service contract")
    if contract.period_type != period:
        return Passed(number, "its period type is not the subscription's billing cycle")
    return _out_of_time(contract, on)


def _out_of_time(contract: MirrorContract, on: date) -> Passed | None:
    if not contract.in_effect:
        return Passed(contract.contract, "it is not in effect", ended=True)
    if contract.end < on:
        return Passed(contract.contract, f"it ended on {contract.end}", ended=True)
    if contract.start > on:
        return Passed(contract.contract, f"it begins on {contract.start} only")
    return None


def _no_contract(mapped: Mapped, passed: list[Passed]) -> Missing:
    code = FindingCode.CONTRACT_ENDED if any(one.ended for one in passed) else FindingCode.CONTRACT_MISSING
    return Missing(code, _listed(f"company {mapped.company} has no contract for it", passed), tuple(passed))


def _line_on(
    mapped: Mapped, fitting: Mapping[ContractId, MirrorContract], lines: list[MirrorLine], passed: list[Passed]
) -> Found | Missing:
    right = sorted((line for line in lines if line.service == mapped.service), key=lambda line: line.line)
    carrying = sorted({line.contract for line in right})
    without = [Passed(number, f"no line of service {mapped.service}") for number in fitting if number not in carrying]
    passed = [*passed, *without]
    if not right:
        text = _listed(f"no contract has a line of service {mapped.service}", passed)
        return Missing(FindingCode.LINE_MISSING, text, tuple(passed))
    if len(carrying) > 1:
        text = f"contracts {', '.join(map(str, carrying))} fit equally"
        return Missing(FindingCode.CONTRACT_AMBIGUOUS, text, tuple(passed), tuple(carrying))
    if len(right) > 1:
        text = f"lines {', '.join(str(line.line) for line in right)} of contract {carrying[0]} fit equally"
        return Missing(FindingCode.LINE_AMBIGUOUS, text, tuple(passed))
    return Found(right[0].contract, right[0].line)


def _listed(text: str, passed: Iterable[Passed]) -> str:
    reasons = "; ".join(map(str, passed))
    return f"{text} ({reasons})" if reasons else text
