"""One delivery onto what is stored of its account: pure, and the same however often it is begun."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from seatledger.collector.domain.absence import Present, note_absence, note_presence
from seatledger.collector.domain.account import Account
from seatledger.collector.domain.apply import Delivery, apply_rows
from seatledger.collector.domain.order import without_conflicts
from seatledger.collector.domain.reading import Problem, Reading, Row
from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.domain.sweeps import Cursor, LastTaken, OpenRow, Taking
from seatledger.schemas.findings import Subject
from seatledger.schemas.ids import SubscriptionKey


@dataclass(frozen=True)
class Taken:
    """What has to be stored: snapshots first, findings, then the cursor."""

    cursor: Cursor
    snapshots: tuple[Snapshot, ...] = ()
    problems: tuple[Problem, ...] = ()
    closed: tuple[OpenRow, ...] = ()
    changed: int = 0
    customers: frozenset[str] = frozenset()
    subscriptions: frozenset[str] = frozenset()

    @property
    def bad_rows(self) -> int:
        return len({problem.line or problem.subscription for problem in self.problems if problem.stops})


def is_full(reading: Reading, account: Account) -> bool:
    """Said by the delivery, else by the configuration."""
    return account.complete if reading.full is None else reading.full


def of_ours(reading: Reading, account: Account) -> Reading:
    """The reading, where customers who are left out (``include``, ``exclude``) hinder nothing: that one of them cannot
    be read is no trouble of ours."""
    others = tuple(one for one in reading.unread if not account.takes(one.customer))
    return replace(
        reading,
        silent=(*reading.silent, *others),
        unread=tuple(one for one in reading.unread if one not in others),
        usage=tuple(usage for usage in reading.usage if account.takes(usage.customer.id)),
    )


def take(reading: Reading, taking: Taking, cursor: Cursor, stored: Mapping[str, Snapshot], account: Account) -> Taken:
    """``stored``: the snapshots of the reading's keys and of the customers that were silent when asked directly; of the
    whole account where it is a full list."""
    if reading.failure is not None:
        return _failed(reading.failure, reading.place, cursor, account)
    last, latest = cursor.last, _latest(reading, taking, cursor, account)
    if last is not None and _same(reading, last) and last.rules == latest.rules == account.rules:
        return _duplicate(reading, latest, cursor, stored, account)
    delivery = Delivery(taking.id, reading.place, reading.digest, taking.read_at, taking.begun, reading.direct)
    return _news(reading, delivery, latest, cursor, stored, account)


def _same(reading: Reading, last: LastTaken) -> bool:
    """The very bytes that were taken last. A live account, asked again, is a second look however equal it is."""
    return not reading.live and reading.digest == last.digest


def _latest(reading: Reading, taking: Taking, cursor: Cursor, account: Account) -> LastTaken:
    """This delivery, once it is the latest. The bytes taken last count again on a later day, unless it is the very
    file, put back: then nobody has listed anything anew."""
    day, identity = account.day(taking.read_at), taking.parcel.identity
    last = cursor.last
    if last is not None and _same(reading, last) and (day <= last.day or identity == last.identity):
        day = last.day
    return LastTaken(digest=reading.digest, day=day, rules=taking.rules, identity=identity)


def keys_of(reading: Reading, account: Account) -> dict[str, SubscriptionKey]:
    """The keys that a reading shows, by the id of their snapshot."""
    keys = (row.key(account.source) for row in reading.rows)
    return {str(key): key for key in keys}


def _failed(failure: Problem, name: str | None, cursor: Cursor, account: Account) -> Taken:
    """It changes nothing and proves nothing; the one taken before stays the latest."""
    still = tuple(dict.fromkeys((*cursor.open_rows, _open_row(failure, name, account))))
    return Taken(cursor.model_copy(update={"open_rows": still}), problems=(failure,))


def _duplicate(
    reading: Reading, latest: LastTaken, cursor: Cursor, stored: Mapping[str, Snapshot], account: Account
) -> Taken:
    """Changes no row; on a later business day it counts once more as a full list for absence."""
    counted = _absences(reading, latest, cursor, stored, account)
    return Taken(
        counted.model_copy(update={"taken": cursor.taken + 1, "last": latest}),
        customers=frozenset(row.customer.id for row in reading.rows),
        subscriptions=frozenset(keys_of(reading, account)),
    )


def _news(
    reading: Reading,
    delivery: Delivery,
    latest: LastTaken,
    cursor: Cursor,
    stored: Mapping[str, Snapshot],
    account: Account,
) -> Taken:
    snapshots: list[Snapshot] = []
    problems = list(reading.problems)
    changed = 0
    for key, rows in _by_key(reading.rows, account).items():
        if key not in stored and not account.takes(rows[-1].customer.id):
            continue
        fitting, conflicts = without_conflicts(rows)
        applied = apply_rows(stored.get(key), fitting, delivery, account)
        problems += [*conflicts, *applied.problems]
        snapshots += [] if applied.snapshot is None else [applied.snapshot]
        changed += applied.changed
    still, closed = _rows_findings(reading, problems, cursor.open_rows, account)
    noted = _with_silent(_absences(reading, latest, cursor, stored, account), reading, stored, account)
    return Taken(
        noted.model_copy(update={"open_rows": still} | _counted(reading, latest, cursor)),
        tuple(snapshots),
        tuple(problems),
        closed,
        changed,
        reading.customers | frozenset(row.customer.id for row in reading.rows),
        frozenset(keys_of(reading, account)),
    )


def _counted(reading: Reading, latest: LastTaken, cursor: Cursor) -> dict[str, Any]:
    """A direct read is no delivery: it stands between two of them."""
    if reading.direct:
        return {}
    return {"taken": cursor.taken + (reading.incomplete is None), "last": latest}


def _with_silent(cursor: Cursor, reading: Reading, stored: Mapping[str, Snapshot], account: Account) -> Cursor:
    """Which customers do not show themselves after this reading. One that was left out stays what it was, as long as
    something of it is collected."""
    known = {snapshot.state.customer.id for snapshot in stored.values() if snapshot.live}
    expected = {one.customer for one in reading.silent if reading.direct or one.foreign} - known
    now = {one.customer for one in reading.silent if account.takes(one.customer)} - expected
    before = {one for one in cursor.silent if account.takes(one)} - reading.customers - now
    if is_full(reading, account) and _proves(reading):
        before &= known
    return cursor.model_copy(update={"silent": tuple(sorted(now | before))})


def _by_key(rows: Iterable[Row], account: Account) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[str(row.key(account.source))].append(row)
    return groups


def _absences(
    reading: Reading, latest: LastTaken, cursor: Cursor, stored: Mapping[str, Snapshot], account: Account
) -> Cursor:
    present = Present(
        frozenset(keys_of(reading, account)),
        frozenset(problem.subscription for problem in reading.problems if problem.subscription),
        _untold(reading, cursor) | _left_out(stored.values(), account),
    )
    noted = note_presence(cursor, present, _subscription_by_key(cursor))
    stamp = reading.stamp or max((row.reported_at for row in reading.rows if row.reported_at), default=None)
    outdated = stamp is not None and cursor.newest is not None and stamp < cursor.newest
    again = cursor.last is not None and _same(reading, cursor.last) and latest.day == cursor.last.day
    if not is_full(reading, account) or not _proves(reading) or outdated or again:
        return noted
    newest = stamp or cursor.newest
    return note_absence(noted, present, stored.values(), latest.day).model_copy(update={"newest": newest})


def _proves(reading: Reading) -> bool:
    """Whether what is not in it, though it should be, means anything."""
    return reading.whole and reading.cut_short is None


def _untold(reading: Reading, cursor: Cursor) -> frozenset[str]:
    """Customers of whom it proves nothing. One that was silent and is no longer listed at all is silent still: a lost
    relation is not the end of its subscriptions."""
    now = frozenset(one.customer for one in (*reading.silent, *reading.unread))
    return now | (frozenset(cursor.silent) - reading.customers)


def _left_out(stored: Iterable[Snapshot], account: Account) -> frozenset[str]:
    """Customers of whom something was collected before they were left out: while they are, absence proves nothing."""
    customers = {snapshot.state.customer.id for snapshot in stored}
    return frozenset(one for one in customers if not account.takes(one))


def _subscription_by_key(cursor: Cursor) -> dict[str, str]:
    absences = (*cursor.absent, *cursor.confirmed, *cursor.held)
    return {absence.key: SubscriptionKey.parse(absence.key).subscription for absence in absences}


def _rows_findings(
    reading: Reading, problems: Iterable[Problem], open_rows: tuple[OpenRow, ...], account: Account
) -> tuple[tuple[OpenRow, ...], tuple[OpenRow, ...]]:
    """Which findings about rows stand open after this delivery, and which it closes.

    One with a subscription closes with that subscription's next good row, or when a full list no longer has it; one
    without closes with the next delivery that has no problem at all, or once a live account was read to its end again.
    """
    now = tuple(dict.fromkeys(_open_row(problem, reading.place, account) for problem in problems))
    troubled = {row.subject.subscription for row in now}
    shown = {row.subscription for row in reading.rows} | {usage.subscription for usage in reading.usage}
    proves = is_full(reading, account) and _proves(reading) and not (reading.silent or reading.unread)
    faultless = not reading.direct and (not now or (reading.live and reading.incomplete is None))
    closed = tuple(
        row
        for row in open_rows
        if row not in now
        and (
            faultless
            if row.subject.subscription is None
            else row.subject.subscription not in troubled and (proves or row.subject.subscription in shown)
        )
    )
    return tuple(dict.fromkeys((*(row for row in open_rows if row not in closed), *now))), closed


def _open_row(problem: Problem, name: str | None, account: Account) -> OpenRow:
    return OpenRow(code=problem.code, subject=subject_of(problem, name, account))


def subject_of(problem: Problem, name: str | None, account: Account) -> Subject:
    """Where a person looks: the account, the file, the line of an editor, the column, and whose row it is."""
    return Subject(
        source=account.source,
        subscription=problem.subscription,
        file=problem.file or name,
        row=problem.line,
        column=problem.column,
        detail=problem.detail,
    )
