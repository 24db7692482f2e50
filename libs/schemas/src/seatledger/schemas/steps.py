"""Units are not one number but a step function of calendar dates: what holds from 10 August, from 1 September …

Values are whole licences. ``None`` is *not begun* or *ended*, which is not 0 (kernel.md section 5): two accounts may
show the same subscription, and only one that is not ``None`` can count.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Self

from pydantic import model_validator

from seatledger.schemas.base import Strict


class Step(Strict):
    """From ``on`` (inclusive) the value is ``units``."""

    on: date
    """First day on which it holds."""
    units: int | None
    """Whole licences; null is ended, which is not 0."""


class StepFunction(Strict):
    """``initial`` before the first step, then each step's units from its day on, for ever.

    Always canonical: days ascend, no step repeats the value before it. So ``==`` compares the functions.
    """

    initial: int | None = None
    """What holds before the first step; null is not begun."""
    steps: tuple[Step, ...] = ()

    @model_validator(mode="after")
    def _canonical(self) -> Self:
        value, last = self.initial, None
        for step in self.steps:
            if step.units == value or (last is not None and step.on <= last):
                return self._mended()
            value, last = step.units, step.on
        return self

    def _mended(self) -> Self:
        """Without repeats; ValueError where days do not ascend then. Most functions need neither."""
        steps = tuple(_without_repeats(self.initial, self.steps))
        if any(later.on <= earlier.on for earlier, later in pairwise(steps)):
            raise ValueError("the days of a step function must ascend")
        self.__dict__["steps"] = steps  # frozen for everybody else
        return self

    @classmethod
    def of(
        cls, steps: Mapping[date, int | None] | Iterable[tuple[date, int | None]], initial: int | None = None
    ) -> Self:
        """A function from ``{day: units}`` or pairs; days in any order, the last mention of a day wins."""
        pairs = dict(steps)
        return cls(initial=initial, steps=tuple(Step(on=day, units=pairs[day]) for day in sorted(pairs)))

    @classmethod
    def constant(cls, units: int | None) -> Self:
        return cls(initial=units)

    def at(self, day: date) -> int | None:
        """The value that holds on ``day``."""
        value = self.initial
        for step in self.steps:
            if step.on > day:
                break
            value = step.units
        return value

    def units_at(self, day: date) -> int:
        """The value on ``day``, where ``None`` counts as 0."""
        return self.at(day) or 0

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which the value changes."""
        return tuple(step.on for step in self.steps)

    @property
    def last(self) -> int | None:
        """The value that holds in the end."""
        return self.steps[-1].units if self.steps else self.initial

    def days_from(self, day: date) -> tuple[date, ...]:
        """``day`` itself and every later day of change: comparing there compares everywhere from ``day`` on."""
        return (day, *[step.on for step in self.steps if step.on > day])

    def map(self, change: Callable[[int | None], int | None]) -> Self:
        steps = tuple([Step(on=step.on, units=change(step.units)) for step in self.steps])
        return type(self)(initial=change(self.initial), steps=steps)

    def before(self, day: date, then: int | None = None) -> Self:
        """This function until the day before ``day``; from ``day`` on the constant ``then``."""
        return self.replaced_from(day, type(self).constant(then))

    def replaced_from(self, day: date, other: "StepFunction") -> Self:
        """This function before ``day``, ``other`` from ``day`` on."""
        kept = [step for step in self.steps if step.on < day]
        later = [step for step in other.steps if step.on > day]
        return type(self)(initial=self.initial, steps=(*kept, Step(on=day, units=other.at(day)), *later))

    def shifted_from(self, day: date, jump: int) -> Self:
        """Plus ``jump`` on every date from ``day`` on; ``None`` counts as 0 there."""
        return self.replaced_from(day, self.map(lambda units: (units or 0) + jump))

    def equals_from(self, day: date, other: "StepFunction") -> bool:
        """Equal on every date from ``day`` on, ``None`` and 0 being equal (a line shows no difference)."""
        days = {*self.days_from(day), *other.days_from(day)}
        return all(self.units_at(on) == other.units_at(on) for on in days)

    def first_difference(self, day: date, other: "StepFunction") -> date | None:
        """The earliest date from ``day`` on at which units differ (``None`` = 0), or None."""
        days = sorted({*self.days_from(day), *other.days_from(day)})
        return next((on for on in days if self.units_at(on) != other.units_at(on)), None)

    def __str__(self) -> str:
        return " ".join([str(self.initial), *(f"{s.on}:{s.units}" for s in self.steps)])


def _without_repeats(initial: int | None, steps: Iterable[Step]) -> Iterator[Step]:
    value = initial
    for step in steps:
        if step.units != value:
            yield step
        value = step.units


def total(functions: Iterable[StepFunction]) -> StepFunction:
    """The sum on every date; ``None`` where all are ``None``, else those that are not count."""
    parts = list(functions)
    return parts[0] if len(parts) == 1 else combine(parts, _sum)


def combine(functions: Iterable[StepFunction], merge: Callable[[list[int | None]], int | None]) -> StepFunction:
    """One function out of several, merged date by date."""
    parts = list(functions)
    days = {day for part in parts for day in part.days}
    return StepFunction.of(
        ((day, merge([part.at(day) for part in parts])) for day in days),
        initial=merge([part.initial for part in parts]),
    )


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def difference(after: StepFunction, before: StepFunction) -> StepFunction:
    """``after`` − ``before`` on every date; ``None`` counts as 0."""
    return combine([after, before], lambda pair: (pair[0] or 0) - (pair[1] or 0))
