"""The units that a state asks for, as a step function (kernel.md sections 5 and 6)."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, Status


class Suspension(StrEnum):
    """What a suspended subscription asks for."""

    KEEP_BILLING = "keep_billing"
    ZERO_UNITS = "zero_units"


@dataclass(frozen=True)
class Silent:
    """The state says nothing of units: the last complete one goes on to count."""


SILENT = Silent()


def units_of(status: Status, quantity: int, suspension: Suspension) -> int | Silent | None:
    """The table of states. An *active* quantity of 0 counts 0 under either policy."""
    match status:
        case Status.ACTIVE:
            return quantity
        case Status.SUSPENDED:
            return quantity if suspension is Suspension.KEEP_BILLING else 0
        case Status.CANCELLED | Status.EXPIRED | Status.DISABLED:
            return None
        case Status.PENDING | Status.TRIAL | Status.OTHER:
            return SILENT


def ask(stored: Asked | None, units: int | None, *, day: date, effective_on: date | None) -> Asked:
    """What a state read on ``day`` asks for, given what was asked for before.

    A plain state replaces everything from its day on, or from its effective date where that is earlier. One that takes
    effect later leaves in force what was stored until then, steps announced before it included.
    """
    if effective_on is None or effective_on <= day:
        return Asked(since=effective_on or day, units=StepFunction.constant(units))
    before = StepFunction() if stored is None else _not_postponed(stored.units, units, day, effective_on)
    return Asked(since=day, units=before.replaced_from(effective_on, StepFunction.constant(units)))


def announce(asked: Asked, units: int, on: date) -> Asked:
    """``asked`` and, from ``on``, what the source says will hold then. Once that day has come the announcement is the
    state, dated by itself, also where the source needs another day to carry it out (a renewal does)."""
    announced = StepFunction.constant(units)
    if on <= asked.since:
        return Asked(since=on, units=announced)
    return Asked(since=asked.since, units=asked.units.replaced_from(on, announced))


def _not_postponed(units: StepFunction, announced: int | None, day: date, effective_on: date) -> StepFunction:
    """``units`` without a step still to come that leads to what is now announced for a later date.

    A source that says *cancelled from 1 May* after *cancelled from 1 April* postpones: April stays as it was.
    """
    coming = [step for step in units.steps if day < step.on < effective_on]
    if not coming or coming[-1].units != announced:
        return units
    dropped = coming[-1].on
    return StepFunction.of(((s.on, s.units) for s in units.steps if s.on != dropped), initial=units.initial)


def ended(day: date) -> Asked:
    """Confirmed gone: *none* from ``day`` on."""
    return Asked(since=day, units=StepFunction.constant(None))


def is_news(stored: Asked | None, new: Asked) -> bool:
    """Whether ``new`` says other units than ``stored`` for any date it speaks of; here *none* is not 0."""
    if stored is None or new.since < stored.since:
        return True
    days = {new.since, *(on for on in (*new.units.days, *stored.units.days) if on > new.since)}
    return any(new.units.at(on) != stored.units.at(on) for on in days)
