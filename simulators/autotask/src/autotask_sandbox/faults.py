"""Faults on order: what goes wrong, for which calls, how often (reference section 18, point 12)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

RequestKind = Literal["drop_before", "drop_after", "apply_late", "twice", "reset_mid", "slow", "status"]
StandingKind = Literal["unit_lag", "stale_reads", "stale_zone", "foreign_calls"]
STANDING = frozenset({"unit_lag", "stale_reads", "stale_zone", "foreign_calls"})
NEEDED = {
    "apply_late": "seconds",
    "slow": "seconds",
    "status": "status",
    "unit_lag": "seconds",
    "stale_reads": "seconds",
    "foreign_calls": "per_hour",
}


class Match(BaseModel):
    """Which calls; what is absent matches all. ``nth`` counts from 1 the calls that match the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str | None = None
    path_contains: str | None = None
    nth: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None


class Fault(BaseModel):
    """One order as posted to ``/_sandbox/faults``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: RequestKind | StandingKind
    match: Match = Match()
    apply: bool = False
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    body: Any = None
    retry_after: int | float | str | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    per_hour: Annotated[int, Field(ge=0)] | None = None
    times: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, raw: object) -> object:
        """null means absent, except for ``body`` where both mean no body."""
        return {k: v for k, v in raw.items() if v is not None} if isinstance(raw, dict) else raw

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Fault:
        needed = NEEDED.get(self.do)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"do: {self.do} needs {needed}")
        return self

    @property
    def most(self) -> int | None:
        """How often it may strike; ``nth`` without ``times`` means that one call."""
        return 1 if self.times is None and self.match.nth is not None else self.times


@dataclass
class Standing:
    """A fault on duty, with what it has seen and done."""

    number: int
    order: Fault
    since: float
    dice: random.Random
    seen: int = 0
    hits: int = 0

    def wire(self) -> dict[str, Any]:
        return {"id": self.number, **self.order.model_dump(exclude_none=True), "hits": self.hits}

    def spent(self) -> bool:
        return self.order.most is not None and self.hits >= self.order.most

    def strikes(self, method: str, texts: tuple[str, ...]) -> bool:
        """Whether a call is struck; each fault counts the calls it matches, whoever strikes them."""
        match = self.order.match
        if match.method is not None and match.method.upper() != method:
            return False
        if match.path_contains is not None and not any(match.path_contains.lower() in text for text in texts):
            return False
        self.seen += 1
        if match.probability is not None and self.dice.random() >= match.probability:
            return False
        return not self.spent() and (match.nth is None or self.seen >= match.nth)


@dataclass
class Faults:
    """All orders, in the order of their arrival; the first that strikes a call is the one that acts."""

    monotonic: Callable[[], float] = time.monotonic
    _orders: list[Standing] = field(default_factory=list)
    _last: int = 0

    def add(self, order: Fault) -> Standing:
        self._last += 1
        dice = random.Random(order.match.seed or 0)  # noqa: S311 - repeatable dice, no secret
        self._orders.append(Standing(self._last, order, self.monotonic(), dice))
        return self._orders[-1]

    def clear(self) -> None:
        self._orders.clear()

    def wire(self) -> list[dict[str, Any]]:
        return [standing.wire() for standing in self._orders]

    def striking(self, method: str, *texts: str) -> Fault | None:
        """The order that acts on this call; ``texts`` are its path and the entity's name."""
        lowered = tuple(text.lower() for text in texts)
        struck = [s for s in self._orders if s.order.do not in STANDING and s.strikes(method, lowered)]
        if not struck:
            return None
        struck[0].hits += 1
        return struck[0].order

    def _on_duty(self, kind: StandingKind) -> Standing | None:
        return next((s for s in reversed(self._orders) if s.order.do == kind and not s.spent()), None)

    def foreign_calls(self) -> int:
        """Calls that another integration makes in an hour; they count at once."""
        found = self._on_duty("foreign_calls")
        return found.order.per_hour or 0 if found else 0

    def moved_zone(self) -> int | None:
        """The zone to which the tenant was moved (section 1: 401 on the old host until it is looked up again)."""
        found = self._on_duty("stale_zone")
        return None if found is None else found.number + 1

    def refused_old_zone(self) -> None:
        if found := self._on_duty("stale_zone"):
            found.hits += 1

    def back_to(self, changes_since: Callable[[float], list[float]]) -> float | None:
        """The monotonic instant whose unit rows a read shows, None for now."""
        now = self.monotonic()
        if lag := self._on_duty("unit_lag"):
            lag.hits += 1
            return now - (lag.order.seconds or 0)
        stale = self._on_duty("stale_reads")
        if stale is None or now > stale.since + (stale.order.seconds or 0):
            return None
        return _some_time_ago(stale, changes_since(now - (stale.order.seconds or 0)))


def _some_time_ago(stale: Standing, changes: list[float]) -> float | None:
    """Just before one of the recent changes, or now: every state of the last seconds is as likely."""
    steps = stale.dice.randint(0, len(changes))
    if steps == 0:
        return None
    stale.hits += 1
    return changes[-steps] - 1e-9
