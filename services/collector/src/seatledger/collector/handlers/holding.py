"""Subscriptions that are not complete yet: read again ever more rarely, and told to a person after a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from seatledger.collector.domain.hints import (
    Hint,
    Target,
    held,
    is_held,
    overdue,
    released,
)
from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.handlers.intake import Intake
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.store import Documents
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject

KEPT_SECONDS: Final = 3600.0
"""How long a hint that is done is kept, for whoever waits for its answer."""


@dataclass(frozen=True)
class Holding:
    """One account's. What stands in the snapshots decides, so that it may be noted again after a crash."""

    intake: Intake
    hints: Documents[Hint]
    machine: MachineClock

    async def note_all(self) -> None:
        """After a sweep: all that is waited for, since when, and for which a person is told."""
        source = {"source": self.intake.account.source}
        incomplete = await self.intake.books.snapshots.find({**source, "state.complete": False})
        await self._note(incomplete, await self.hints.find({**source, "held_since": {"$ne": None}}))
        idle = {"due": None, "held_since": None, "read_at": {"$lt": self._now() - KEPT_SECONDS}}
        await self.hints.collection.delete_many({**source, **idle})

    async def note(self, hint: Hint) -> None:
        """After a direct read: the same for what it was about."""
        known = await self.intake.books.of_customer(hint.source, hint.customer)
        about = [one for one in known if hint.subscription in (None, one.state.key.subscription)]
        await self._note([one for one in about if not one.state.complete], await self._waiting(hint))

    async def _waiting(self, hint: Hint) -> list[Hint]:
        if hint.subscription is None:
            return await self.hints.find(
                {"source": hint.source, "customer": hint.customer, "held_since": {"$ne": None}}
            )
        found = await self.hints.get(hint.id)
        return [found] if found is not None and found.held_since is not None else []

    async def _note(self, incomplete: Sequence[Snapshot], waiting: Sequence[Hint]) -> None:
        source = self.intake.account.source
        wanted = {_target(one).hint_id(source): one for one in incomplete if is_held(one)}
        known = {hint.id: hint for hint in waiting}
        for hint_id, snapshot in wanted.items():
            if hint_id not in known:
                await self._hold(snapshot)
            elif overdue(known[hint_id], self.intake.calendar.now()):
                await self._tell(known[hint_id], snapshot)
        for hint in waiting:
            if hint.id not in wanted:
                await self._release(hint)

    async def _hold(self, snapshot: Snapshot) -> None:
        target, source = _target(snapshot), self.intake.account.source
        since, now = self.intake.calendar.now(), self._now()
        await self.hints.change(target.hint_id(source), lambda hint: held(hint or target.new(source), since, now))

    async def _tell(self, hint: Hint, snapshot: Snapshot) -> None:
        await self.intake.findings.raise_(self._draft(hint, snapshot))
        await self.hints.change(hint.id, lambda stored: stored and stored.model_copy(update={"told": True}))

    @staticmethod
    def _draft(hint: Hint, snapshot: Snapshot) -> FindingDraft:
        return FindingDraft(
            FindingCode.SOURCE_INCOMPLETE,
            _subject(hint),
            f"{hint.subscription} of {snapshot.state.customer.name} at {hint.source} is not complete since "
            f"{hint.held_since:%Y-%m-%d %H:%M} UTC (status {snapshot.state.raw_status}; missing: "
            f"{', '.join(snapshot.state.missing)}); its last complete state counts",
            "Look at its order at the source. It is read again by itself, and counts once it is complete.",
        )

    async def _release(self, hint: Hint) -> None:
        if hint.told:
            await self.intake.findings.close(FindingCode.SOURCE_INCOMPLETE, _subject(hint))
        await self.hints.change(hint.id, lambda stored: stored and released(stored))

    def _now(self) -> float:
        return self.machine.now().timestamp()


def _subject(hint: Hint) -> Subject:
    return Subject(source=hint.source, subscription=hint.subscription)


def _target(snapshot: Snapshot) -> Target:
    return Target(snapshot.state.customer.id, snapshot.state.key.subscription)
