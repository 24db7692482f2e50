"""Direct reads that are due: hinted at by a signal, or because a subscription was not complete when it was read."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.domain.sweeps import SweepResult
from seatledger.schemas.base import Instant
from seatledger.schemas.documents import Document
from seatledger.schemas.ids import SourceName, join
from seatledger.schemas.subscriptions import Status

HELD_SECONDS: Final = (60.0, 300.0, 900.0, 3600.0, 4 * 3600.0)
"""Machine seconds until the next read of a subscription that is not complete; the last one from then on."""
FAILED_SECONDS: Final = (2.0, 10.0, 60.0, 300.0)
"""The same after a direct read that failed."""
HELD_FINDING_AFTER: Final = timedelta(hours=24)
"""Of the business calendar: how long an incomplete subscription is waited for before a person hears of it."""


class Hint(Document):
    """A row of ``hints``, one a subscription (or customer) of an account. Whoever wants it read raises ``wanted``; a
    read that began at that number sets ``answered``, and ``done`` if it succeeded. So doubled hints are one read, one
    that comes during a read leads to another, and none is lost in a crash.

    ``due`` and ``asked_at`` are seconds since 1970 of machine time; ``due`` is None while nothing is to be done.
    """

    source: SourceName
    customer: str
    subscription: str | None = None
    wanted: int = 0
    answered: int = 0
    done: int = 0
    due: float | None = None
    attempts: int = 0
    """Reads since something last came of one."""
    asked_at: float | None = None
    """When the oldest hint came that is not followed yet."""
    held_since: Instant | None = None
    """Business instant since which the subscription is not complete."""
    told: bool = False
    """Whether a person heard of that."""
    read_at: float | None = None
    """When it was read last."""
    result: SweepResult | None = None
    """What ``collect --subscription`` answers."""


@dataclass(frozen=True)
class Target:
    """What is to be read; ``subscription`` None is the whole customer."""

    customer: str
    subscription: str | None = None

    def hint_id(self, source: SourceName) -> str:
        return join(source, self.customer, self.subscription or "")

    def new(self, source: SourceName) -> Hint:
        return Hint(
            id=self.hint_id(source), source=source, customer=self.customer, subscription=self.subscription or None
        )


def hinted(hint: Hint, now: float) -> Hint:
    """Somebody says that something happened: read it now."""
    return hint.model_copy(update={"wanted": hint.wanted + 1, "due": now, "asked_at": hint.asked_at or now})


def followed(hint: Hint, wanted: int, result: SweepResult, now: float) -> Hint:
    """Read, the question being that of number ``wanted``; a hint that came meanwhile stands."""
    answered = {"answered": max(hint.answered, wanted), "result": result, "read_at": now}
    newer = hint.wanted > wanted
    if not result.complete:
        attempts = hint.attempts + 1
        due = now if newer else now + _step(FAILED_SECONDS, attempts)
        return hint.model_copy(update={**answered, "attempts": attempts, "due": due})
    done = {"done": max(hint.done, wanted), "asked_at": hint.asked_at if newer else None}
    if hint.held_since is None:
        return hint.model_copy(update={**answered, **done, "attempts": 0, "due": now if newer else None})
    attempts = hint.attempts + 1
    due = now if newer else now + _step(HELD_SECONDS, attempts + 1)
    return hint.model_copy(update={**answered, **done, "attempts": attempts, "due": due})


def held(hint: Hint, since: Instant, now: float) -> Hint:
    """Not complete: read again before the next sweep, and again, ever more rarely."""
    if hint.held_since is not None:
        return hint
    due = now + HELD_SECONDS[0]
    earlier = due if hint.due is None else min(due, hint.due)
    return hint.model_copy(update={"held_since": since, "told": False, "attempts": 0, "due": earlier})


def released(hint: Hint) -> Hint:
    """Complete now, or over. What somebody wants read is read all the same."""
    if hint.held_since is None:
        return hint
    due = hint.due if hint.wanted > hint.done else None
    return hint.model_copy(update={"held_since": None, "told": False, "attempts": 0, "due": due})


def is_held(snapshot: Snapshot) -> bool:
    """Waited for: provisioning is under way, or the record lacks something that will come. A trial is complete in
    itself, and an unknown status is told as such."""
    state = snapshot.state
    if snapshot.gone or state.complete:
        return False
    return state.status is Status.PENDING or any(part != "status" for part in state.missing)


def overdue(hint: Hint, now: Instant) -> bool:
    return hint.held_since is not None and not hint.told and now - hint.held_since >= HELD_FINDING_AFTER


def _step(steps: tuple[float, ...], attempt: int) -> float:
    return steps[min(attempt, len(steps)) - 1]
