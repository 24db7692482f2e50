"""Step functions and money: the arithmetic on which units rest."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatledger.schemas.money import CurrencyMismatchError, Money
from seatledger.schemas.steps import Step, StepFunction, combine, difference, total

DAY = date(2026, 3, 1)
DAYS = [DAY + timedelta(days=n) for n in range(-2, 14)]
days = st.integers(0, 10).map(lambda n: DAY + timedelta(days=n))
units = st.none() | st.integers(0, 5)
functions = st.builds(StepFunction.of, st.dictionaries(days, units, max_size=5), initial=units)


def table(function: StepFunction) -> list[int | None]:
    """The values on every day that the strategies can touch."""
    return [function.at(day) for day in DAYS]


@given(functions)
def test_equal_tables_are_equal_functions(function: StepFunction) -> None:
    """A function is canonical: rebuilt from its values day by day it is the same object."""
    rebuilt = StepFunction.of(((day, function.at(day)) for day in DAYS), initial=function.initial)
    assert rebuilt == function


@given(functions)
def test_json_brings_a_function_back(function: StepFunction) -> None:
    """The bus and the store lose nothing."""
    assert StepFunction.model_validate_json(function.model_dump_json()) == function


@given(functions, functions, days)
def test_replacing_from_a_day_leaves_the_past(one: StepFunction, other: StepFunction, day: date) -> None:
    """Before the day the old values hold, from it on the new ones."""
    replaced = one.replaced_from(day, other)
    assert table(replaced) == [(one if on < day else other).at(on) for on in DAYS]


@given(functions, days, st.integers(-3, 3))
def test_a_jump_is_one_number_from_its_day(function: StepFunction, day: date, jump: int) -> None:
    """after − before is the jump on all dates from D and 0 earlier (kernel.md section 1)."""
    change = difference(function.shifted_from(day, jump), function)
    assert table(change) == [jump if on >= day else 0 for on in DAYS]


@given(st.lists(functions, max_size=4))
def test_a_total_is_the_sum_of_what_is_not_none(parts: list[StepFunction]) -> None:
    """None is not 0: a total is None only where no part has begun."""
    expected = []
    for day in DAYS:
        known = [value for part in parts if (value := part.at(day)) is not None]
        expected.append(sum(known) if known else None)
    assert table(total(parts)) == expected


@given(functions, functions, days)
def test_equality_from_a_day_is_equality_of_all_later_units(one: StepFunction, other: StepFunction, day: date) -> None:
    """Comparing at the days of change compares everywhere; None and 0 show alike on a contract line."""
    alike = all(one.units_at(on) == other.units_at(on) for on in DAYS if on >= day)
    assert one.equals_from(day, other) == alike
    assert (one.first_difference(day, other) is None) == alike


@given(functions, functions)
def test_combining_is_by_date(one: StepFunction, other: StepFunction) -> None:
    """Merging sees the values of one date together."""
    first = combine([one, other], lambda values: values[0] if values[0] is not None else values[1])
    assert table(first) == [one.at(day) if one.at(day) is not None else other.at(day) for day in DAYS]


def test_days_must_ascend() -> None:
    """A function whose days do not ascend cannot be built."""
    with pytest.raises(ValueError, match="ascend"):
        StepFunction(steps=(Step(on=DAY, units=1), Step(on=DAY - timedelta(days=1), units=2)))


def test_amounts_keep_their_decimals_and_their_currency() -> None:
    """Money adds within one currency only and never turns into a float."""
    price = Money(amount=Decimal("20.60"), currency="EUR")
    assert price.times(-3).amount == Decimal("-61.80")
    assert Money.model_validate_json(price.model_dump_json()) == price
    with pytest.raises(CurrencyMismatchError):
        price + Money(amount=Decimal(1), currency="USD")
