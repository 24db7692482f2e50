"""The effects ledger: one entry for each thing that took effect, whether or not anybody was told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from autotask_sandbox.kinds import SERVICE
from autotask_sandbox.units import Line
from autotask_sandbox.values import stamp

By = Literal["api", "ui", "post"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A wanted change of one line, from the API or by hand."""

    on: date
    delta: int
    price: Decimal | None = None
    cost: Decimal | None = None


@dataclass
class Effect:
    """``answered`` turns true when the true answer of the call went out on an open connection."""

    seq: int
    at: datetime
    by: By
    line: Line
    what: Adjustment
    before: int
    after: int
    answered: bool
    real_at: datetime

    def wire(self) -> dict[str, Any]:
        what = self.what
        return {
            "seq": self.seq,
            "at": stamp(self.at),
            "by": self.by,
            "contractID": self.line.contract_id,
            "contractServiceID": self.line.id,
            "serviceID": self.line.service_id,
            "effectiveDate": what.on.isoformat(),
            "unitChange": what.delta,
            "adjustedUnitPrice": None if what.price is None else float(what.price),
            "adjustedUnitCost": None if what.cost is None else float(what.cost),
            "unitsBefore": self.before,
            "unitsAfter": self.after,
            "answered": self.answered,
            "realAt": stamp(self.real_at),
        } | self._of_a_bundle()

    def _of_a_bundle(self) -> dict[str, Any]:
        """A bundle's line is none of ContractServices: its ids stand under names of their own."""
        if self.line.kind is SERVICE:
            return {}
        own = {"contractServiceBundleID": self.line.id, "serviceBundleID": self.line.service_id}
        return {"contractServiceID": None, "serviceID": None, **own}


class Ledger:
    """Append only; sequence numbers start at 1 and have no gaps."""

    def __init__(self) -> None:
        self._entries: list[Effect] = []

    def __len__(self) -> int:
        return len(self._entries)

    def after(self, seq: int) -> list[Effect]:
        return self._entries[max(seq, 0) :]

    def add(self, at: datetime, by: By, line: Line, what: Adjustment, before: int) -> Effect:
        """Writes down what happened to a line; call it after the line changed."""
        after = line.units_on(what.on)
        effect = Effect(
            len(self._entries) + 1, at, by, line, what, before, after, answered=by != "api", real_at=datetime.now(UTC)
        )
        self._entries.append(effect)
        return effect

    def answered(self, since: int, until: int) -> None:
        for effect in self._entries[since:until]:
            effect.answered = True
