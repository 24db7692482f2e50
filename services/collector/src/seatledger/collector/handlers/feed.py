"""A source's cheap list of changes, asked every so often: hints, and a cursor that moves once they are stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from seatledger.collector.domain.hints import Target
from seatledger.collector.handlers.rereads import Rereads
from seatledger.collector.ports import ChangeFeed, Signal, SourceUnreachableError
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Instant, Strict
from seatledger.schemas.documents import Document
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

OVERLAP: Final = timedelta(minutes=15)
"""What the source records late is found all the same (subscription sources section 14, collector rule 3)."""
LONGEST: Final = timedelta(days=2)
"""How far back the list is asked for at most: where nothing happens nothing moves the cursor, and each day more would
be a call more at every turn. What comes later than that was seen by many sweeps."""


class Seen(Strict):
    """A signal that was followed."""

    customer: str
    subscription: str | None
    at: Instant


class FeedCursor(Document):
    """A row of ``feeds`` (id = account): how far the list was read, in the source's time."""

    until: Instant
    seen: tuple[Seen, ...] = ()
    """What was followed of the last minutes, which are asked for again."""
    refused: bool = False
    """Whether a person was told that the list may not be read."""


@dataclass
class PollFeed:
    """One account's. Only the holder of its lease asks, every ``every`` seconds. It begins with what happens from now
    on: all before it is seen by the first sweep."""

    feed: ChangeFeed
    rereads: Rereads
    cursors: Documents[FeedCursor]
    every: float
    log: "FilteringBoundLogger"
    _next: float = 0.0

    async def turn(self) -> None:
        """Ask if it is time; called again and again, cheap while it is not."""
        now = self.rereads.machine.seconds()
        if now >= self._next and self.rereads.lease.held():
            await self.poll()
            self._next = now + self.every

    async def poll(self) -> None:
        source = self.rereads.intake.account.source
        cursor = await self.cursors.get(source)
        if cursor is None:
            cursor = FeedCursor(id=source, until=self.rereads.intake.calendar.now())
        try:
            signals = await self.feed.signals(cursor.until - OVERLAP)
        except SourceUnreachableError as error:
            await self._refused(cursor, error)
            return
        await self._follow(cursor, signals)

    async def _follow(self, cursor: FeedCursor, signals: Sequence[Signal]) -> None:
        """The cursor after the hints: cut off between them, they are hinted at again."""
        account, known = self.rereads.intake.account, frozenset(cursor.seen)
        now = [_seen(signal) for signal in signals]
        for one in dict.fromkeys(now):
            if one not in known and account.takes(one.customer):
                await self.rereads.want(Target(one.customer, one.subscription))
        if cursor.refused:
            await self.rereads.intake.findings.close(FindingCode.PERMISSION, self._subject())
        moved = _moved(cursor, now, self.rereads.intake.calendar.now())
        after = cursor.model_copy(update={**moved, "refused": False})
        if after != cursor or cursor.rev == 0:
            await self.cursors.save(after)

    async def _refused(self, cursor: FeedCursor, error: SourceUnreachableError) -> None:
        """No rights to the list: a person hears once. Any other trouble is also the sweep's, which tells it."""
        if error.code is not FindingCode.PERMISSION:
            self.log.info("change feed unreachable", source=cursor.id, error=error.message)
        elif not cursor.refused:
            await self.rereads.intake.findings.raise_(
                FindingDraft(FindingCode.PERMISSION, self._subject(), error.message, error.do)
            )
            await self.cursors.save(cursor.model_copy(update={"refused": True}))

    def _subject(self) -> Subject:
        return Subject(source=self.rereads.intake.account.source, detail="change feed")


def _moved(cursor: FeedCursor, found: Iterable[Seen], now: Instant) -> dict[str, object]:
    """Up to the newest record, and never beyond ``now``: one with a date of years ahead would silence all others."""
    seen = dict.fromkeys((*cursor.seen, *found))
    newest = max((one.at for one in seen if one.at <= now), default=cursor.until)
    until = max(cursor.until, newest, now - LONGEST)
    kept = [one for one in seen if one.at >= until - OVERLAP]
    return {"until": until, "seen": tuple(sorted(kept, key=lambda one: (one.at, one.customer, one.subscription or "")))}


def _seen(signal: Signal) -> Seen:
    return Seen(customer=signal.customer, subscription=signal.subscription, at=signal.at)
