"""Faults on order: what goes wrong, for which calls, how often."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal[
    "drop_before", "drop_after", "apply_late", "twice", "reset_mid", "slow", "status", "empty", "stale_reads"
]
NEEDED = {"apply_late": "seconds", "slow": "seconds", "stale_reads": "seconds", "status": "status"}


class Match(BaseModel):
    """Which calls; what is absent matches all. ``nth`` counts from 1 the calls that match method and path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str | None = None
    path_contains: str | None = None
    nth: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None


class Fault(BaseModel):
    """One order as posted to ``/_sandbox/faults``; null means absent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Kind
    match: Match = Match()
    apply: bool = False
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    body: Any = None
    retry_after: int | float | str | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    times: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, raw: object) -> object:
        return {key: value for key, value in raw.items() if value is not None} if isinstance(raw, dict) else raw

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
    """An order on duty, with what it has seen and done."""

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
        """Whether this call is struck; each order counts the calls it matches, whoever strikes them."""
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
        """The order that acts on this call; ``texts`` are its path with the query, and the name of what it reads."""
        lowered = tuple(text.lower() for text in texts)
        struck = [one for one in self._orders if one.order.do != "stale_reads" and one.strikes(method, lowered)]
        if not struck:
            return None
        struck[0].hits += 1
        return struck[0].order

    def read_at(self, changes: Callable[[float, float], list[float]]) -> float:
        """The monotonic instant whose state a read shows: now, or one of the states of the last seconds."""
        now = self.monotonic()
        stale = next((one for one in reversed(self._orders) if one.order.do == "stale_reads"), None)
        seconds = (stale.order.seconds or 0.0) if stale else 0.0
        if stale is None or stale.spent() or now > stale.since + seconds:
            return now
        earlier = changes(now - seconds, now)
        back = stale.dice.randint(0, len(earlier))
        stale.hits += back > 0
        return earlier[-back] - 1e-9 if back else now
