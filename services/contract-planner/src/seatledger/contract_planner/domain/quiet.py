"""``settle_for_seconds``: how long a company has been left alone, in real seconds (kernel.md section 6).

Kept in memory alone: a restart begins it anew.
"""

from dataclasses import dataclass, replace

LONGEST = 10
"""A company that never rests goes out after so many times ``settle_for_seconds`` from its first change."""


@dataclass(frozen=True)
class _Stir:
    """``changes`` is the company's counter at the last look, ``first`` and ``last`` seconds of the machine's clock."""

    changes: int
    first: float
    last: float


class Quiet:
    """When each company that has something due last changed."""

    def __init__(self) -> None:
        self._stirs: dict[str, _Stir] = {}
        self._ripe_at: dict[str, float] = {}

    def settled(self, company: str, changes: int, now: float, settle_for: float) -> bool:
        """Whether the company has been quiet for ``settle_for`` seconds, or has waited ten times as long."""
        if settle_for <= 0:
            return True
        stir = self._stirs.get(company)
        if stir is None:
            stir = _Stir(changes, now, now)
        elif stir.changes != changes:
            stir = replace(stir, changes=changes, last=now)
        self._stirs[company] = stir
        self._ripe_at[company] = min(stir.last + settle_for, stir.first + LONGEST * settle_for)
        return now >= self._ripe_at[company]

    def planned(self, company: str, due: int, wishes: int, now: float) -> None:
        """After a planning: with nothing due the waiting begins anew at the next change, with no wish it is over."""
        stir = self._stirs.get(company)
        if due:
            return
        self._ripe_at.pop(company, None)
        if wishes == 0:
            self._stirs.pop(company, None)
        elif stir is not None:
            self._stirs[company] = replace(stir, first=now)

    def ripe(self, now: float) -> list[str]:
        """Companies whose waiting is over and that are to be planned again."""
        return [company for company, at in self._ripe_at.items() if now >= at]
