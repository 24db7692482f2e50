"""The rows of ContractServiceUnits as they are, and as they were a while ago (for the read faults)."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from autotask_sandbox.units import UnitRow

KEEP_SECONDS = 1800.0


def _by_id(groups: Iterable[tuple[UnitRow, ...]]) -> list[UnitRow]:
    return sorted(itertools.chain.from_iterable(groups), key=attrgetter("id"))


@dataclass(frozen=True, slots=True)
class Replaced:
    """At ``at`` (monotonic seconds) the rows of a line stopped being ``rows``."""

    at: float
    line_id: int
    rows: tuple[UnitRow, ...]


class UnitRows:
    """All unit rows by line, ordered by id on demand, with a history of half an hour of real time."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.ids: Iterator[int] = itertools.count(1)
        self._monotonic = monotonic
        self._by_line: dict[int, tuple[UnitRow, ...]] = {}
        self._ordered: list[UnitRow] | None = None
        self._history: deque[Replaced] = deque()

    def replace(self, line_id: int, rows: tuple[UnitRow, ...]) -> None:
        now = self._monotonic()
        self._history.append(Replaced(now, line_id, self._by_line.get(line_id, ())))
        while self._history and self._history[0].at < now - KEEP_SECONDS:
            self._history.popleft()
        self._by_line[line_id] = rows
        self._ordered = None

    def forget_history(self) -> None:
        """What was loaded from a seed has no past."""
        self._history.clear()

    def of_line(self, line_id: int) -> tuple[UnitRow, ...]:
        return self._by_line.get(line_id, ())

    def all(self, back_to: float | None = None, lines: frozenset[int] | None = None) -> list[UnitRow]:
        """Rows in the order of ids, now or at a monotonic instant in the past; of some lines or of all."""
        old = {} if back_to is None else self._replaced_after(back_to)
        if old or lines is not None:
            wanted = self._by_line if lines is None else lines
            return _by_id(old.get(line_id, self.of_line(line_id)) for line_id in wanted)
        if self._ordered is None:
            self._ordered = _by_id(self._by_line.values())
        return self._ordered

    def _replaced_after(self, instant: float) -> dict[int, tuple[UnitRow, ...]]:
        """For each line that changed since ``instant`` the rows that it had then."""
        found: dict[int, tuple[UnitRow, ...]] = {}
        for old in self._history:
            if old.at > instant:
                found.setdefault(old.line_id, old.rows)
        return found

    def changes_since(self, since: float) -> list[float]:
        """The instants at which rows changed, oldest first."""
        return [old.at for old in self._history if old.at >= since]
