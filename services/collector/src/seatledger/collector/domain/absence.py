"""Absence is not zero: gone is what two successive full lists did not have, and the brake lets pass."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from seatledger.collector.domain.account import Account
from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.domain.sweeps import Absence, Cursor


@dataclass(frozen=True)
class Present:
    """What a delivery showed: rows that counted by key, and by subscription id the bad ones, which protect it.
    ``untold`` are the customers of whom it says nothing: silent, or not read."""

    keys: frozenset[str]
    protected: frozenset[str]
    untold: frozenset[str] = frozenset()

    def shows(self, key: str, subscription: str) -> bool:
        return key in self.keys or subscription in self.protected


def note_presence(cursor: Cursor, present: Present, subscriptions: dict[str, str]) -> Cursor:
    """Whatever a delivery shows, full list or not, is not absent. ``subscriptions``: id by key."""

    def still(absences: Sequence[Absence]) -> tuple[Absence, ...]:
        return tuple(a for a in absences if not present.shows(a.key, subscriptions.get(a.key, "")))

    return cursor.model_copy(
        update={name: still(getattr(cursor, name)) for name in ("absent", "confirmed", "held")},
    )


def note_absence(cursor: Cursor, present: Present, stored: Iterable[Snapshot], day: date) -> Cursor:
    """A full list, whole and no older than the last one, counts once for each subscription that it does not have.

    For those of a customer whom it does not tell of it is no list at all: it neither counts nor begins the count anew.
    """
    live = [snapshot for snapshot in stored if snapshot.live]
    untold = {snapshot.id for snapshot in live if snapshot.state.customer.id in present.untold}
    first = {absence.key: absence for absence in cursor.absent}
    known = {absence.key for absence in (*cursor.confirmed, *cursor.held)}
    missing = [s.id for s in live if s.id not in untold and not present.shows(s.id, s.state.key.subscription)]
    again = [first[key] for key in missing if key in first]
    new = [Absence(key=key, since=day) for key in missing if key not in first and key not in known]
    kept = [absence for absence in cursor.absent if absence.key in untold]
    return cursor.model_copy(update={"absent": (*kept, *new), "confirmed": (*cursor.confirmed, *again)})


def withdraw(cursor: Cursor, keys: Collection[str]) -> Cursor:
    """Absences that a direct read did not bear out are forgotten: who is missing again is counted anew."""

    def others(absences: Sequence[Absence]) -> tuple[Absence, ...]:
        return tuple(absence for absence in absences if absence.key not in keys)

    return cursor.model_copy(
        update={
            **{name: others(getattr(cursor, name)) for name in ("absent", "confirmed", "held")},
            "accepting": tuple(key for key in cursor.accepting if key not in keys),
        }
    )


def to_confirm(cursor: Cursor) -> tuple[Absence, ...]:
    """What has to be asked for by id before it can be gone: missing in two full lists, or under a person's yes."""
    yes = frozenset(cursor.accepting)
    return (*cursor.confirmed, *(absence for absence in cursor.held if absence.key in yes))


@dataclass(frozen=True)
class Verdict:
    """What the end of a sweep makes of confirmed absences."""

    gone: tuple[Absence, ...]
    held: tuple[Absence, ...]
    seats_held: int = 0
    seats: int = 0
    unsure: tuple[Absence, ...] = ()
    """Could not be asked for by id: neither gone nor held, the next sweep asks again."""


def judge(
    cursor: Cursor,
    stored: Collection[Snapshot],
    account: Account,
    today: date,
    *,
    unsure: frozenset[str] = frozenset(),
) -> Verdict:
    """The brake (design.md section 2): what this sweep confirmed waits where it holds more than
    ``mass_decrease_percent`` of the account's seats; what waited already waits on, except under a yes.

    What is ``unsure`` weighs with the rest, or a source that breaks down bit by bit would pass under the brake."""
    seats = {snapshot.id: _seats(snapshot, today) for snapshot in stored if not snapshot.gone}
    total = sum(seats.values())
    leaving = sum(seats.get(absence.key, 0) for absence in cursor.confirmed)
    braked = leaving * 100 > account.mass_decrease_percent * total
    yes = frozenset(cursor.accepting)
    accepted = [absence for absence in cursor.held if absence.key in yes and absence.key not in unsure]
    waiting = [absence for absence in cursor.held if absence.key not in yes or absence.key in unsure]
    sure = [absence for absence in cursor.confirmed if absence.key not in unsure]
    held = (*waiting, *(sure if braked else ()))
    gone = (*accepted, *(() if braked else sure))
    later = tuple(absence for absence in cursor.confirmed if absence.key in unsure)
    return Verdict(gone, held, sum(seats.get(absence.key, 0) for absence in held), total, later)


def _seats(snapshot: Snapshot, today: date) -> int:
    return 0 if snapshot.state.asks is None else snapshot.state.asks.units.units_at(today)
