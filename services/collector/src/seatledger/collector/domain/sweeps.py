"""Where a source account stands: its sweeps as others see them, and the cursor of the one process that sweeps it."""

from datetime import date
from typing import Any

from seatledger.collector.domain.reading import Parcel
from seatledger.schemas.base import Instant, Strict, Tolerant
from seatledger.schemas.documents import Document
from seatledger.schemas.findings import FindingCode, Subject
from seatledger.schemas.heads import SweepState
from seatledger.schemas.ids import ConnectionName, SourceName


class SweepResult(Tolerant):
    """What ``collect`` shows of one account (interface.md). Counts are of what this sweep read."""

    source: SourceName
    complete: bool = True
    customers: int = 0
    subscriptions: int = 0
    changed: int = 0
    held: int = 0
    bad_rows: int = 0
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.complete and not self.held

    def after(self, earlier: "SweepResult | None") -> "SweepResult":
        """Two sweeps as one answer: for somebody who asked while the earlier one was under way, which may have taken
        the very files that were meant."""
        if earlier is None:
            return self
        return self.model_copy(
            update={
                "complete": self.complete and earlier.complete,
                "customers": max(self.customers, earlier.customers),
                "subscriptions": max(self.subscriptions, earlier.subscriptions),
                "changed": self.changed + earlier.changed,
                "bad_rows": self.bad_rows + earlier.bad_rows,
                "error": self.error or earlier.error,
            }
        )

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class Sweep(Document):
    """A row of ``sweeps``; ``schemas.heads.SweepHead`` reads it. Id = the account's name.

    Whoever wants a sweep raises ``wanted``; a sweep that began at that number sets ``done`` to it at its end. So a
    sweep cut off by a restart is begun again, and a sweep under way never answers for one wanted after its start.
    """

    source: SourceName
    connection: ConnectionName
    state: SweepState = SweepState.NEVER
    ended: int = 0
    last_complete_at: Instant | None = None
    next_at: Instant | None = None
    held: int = 0
    wanted: int = 0
    done: int = 0
    accept: int = 0
    """The ``wanted`` number that came with a yes to what the brake holds."""
    accepted_by: str | None = None
    """The command that said it: run again after a crash it is no second yes, to what was found meanwhile."""
    error: str | None = None
    walked: int | None = None
    """Customers that the sweep under way has read so far, where it takes long."""
    to_walk: int | None = None
    """All that it has to read."""
    result: SweepResult | None = None
    under_way: SweepResult | None = None
    """What ended while another sweep was wanted already: it belongs to that one's answer."""


def new_sweep(source: SourceName, connection: ConnectionName) -> Sweep:
    return Sweep(id=source, source=source, connection=connection)


class Absence(Strict):
    """A subscription and resource that a full list did not have, since the business day of the first such list."""

    key: str
    since: date


class Taking(Strict):
    """The delivery being applied. Noted before the first snapshot is written, so that after a crash the same delivery
    is applied again under the same id and instant, and nothing is said twice."""

    id: str
    parcel: Parcel
    read_at: Instant
    begun: int = 0
    """Its number: the later begun is the newer, where nothing at the source tells."""
    rules: str = ""
    """Those of the account when it was begun (:attr:`.account.Account.rules`)."""


class LastTaken(Strict):
    """The latest delivery: only one equal to it, under the same settings, is a duplicate."""

    digest: str
    day: date
    """The business day on which it counted last."""
    rules: str = ""
    """Those under which its rows were read; empty where a release before them took it."""
    identity: str = ""
    """The parcel's: put back by somebody it is the same delivery still, on whatever day."""


class OpenRow(Strict):
    """A finding about a row that stands open."""

    code: FindingCode
    subject: Subject


class Cursor(Document):
    """A row of ``cursors``: written by the holder of the account's lease alone, in one write per delivery."""

    source: SourceName
    taken: int = 0
    """Deliveries that were read to their end, ever, duplicates included."""
    begun: int = 0
    """Deliveries begun, ever: makes their ids."""
    turn: int = 0
    """Sweeps begun, ever. Only the sweep of this number writes: one that was begun before and comes back late (its host
    stood still, and its lease ran out) would put an old delivery on top of newer ones."""
    last: LastTaken | None = None
    newest: Instant | None = None
    """The newest stamp of a full list: an older list proves no absence."""
    taking: Taking | None = None
    putting_away: Parcel | None = None
    """Applied, and perhaps not yet out of the way."""
    failed: bool = False
    """Whether ``putting_away`` goes where unreadable deliveries go."""
    absent: tuple[Absence, ...] = ()
    """Missing in one full list."""
    confirmed: tuple[Absence, ...] = ()
    """Missing in two; the end of the sweep decides."""
    held: tuple[Absence, ...] = ()
    """What the brake on mass decreases holds until a person says yes, or the subscription is there again."""
    silent: tuple[str, ...] = ()
    """Customers that the source did not show when it was asked last."""
    accepted: int = 0
    accepting: tuple[str, ...] = ()
    """Keys that the yes of number ``accepted`` covers: those held when it was found."""
    open_rows: tuple[OpenRow, ...] = ()
