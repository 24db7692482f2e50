"""Which of two states of one subscription is the newer, and which rows contradict each other."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from seatledger.collector.domain.reading import Problem, RecordType, Row
from seatledger.collector.domain.snapshots import SetBack, Snapshot
from seatledger.schemas.findings import FindingCode

SET_BACK_AFTER: Final = timedelta(hours=24)
"""Of the business calendar: how long a source must go on showing an older version until that is what it has."""


class Stamps(Protocol):
    """What is known of the age of the state that stands."""

    @property
    def reported_at(self) -> datetime | None: ...

    @property
    def last_modified(self) -> datetime | None: ...

    @property
    def version(self) -> int | None: ...


def in_order(rows: Iterable[Row], read_at: datetime) -> list[Row]:
    """By stamp, then by the source's number, then by position; a row without a stamp is as old as our read."""
    return sorted(rows, key=lambda row: (row.reported_at or read_at, row.version or 0, row.line))


def without_conflicts(rows: Sequence[Row]) -> tuple[list[Row], list[Problem]]:
    """Rows of one subscription and resource, less those that contradict each other: same record type, stamp
    and number."""
    groups: dict[tuple[RecordType, datetime | None, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.record_type, row.reported_at, row.version].append(row)
    fighting = [row for group in groups.values() if len({_content(row) for row in group}) > 1 for row in group]
    lines = {row.line for row in fighting}
    return [row for row in rows if row.line not in lines], [_conflict(row, fighting) for row in fighting]


def _content(row: Row) -> Row:
    """The row without its place and without what describes the customer: what makes two rows differ."""
    customer = row.customer.model_copy(update={"name": "", "tenant_id": None, "domain": None})
    return replace(row, line=0, customer=customer, last_modified=None, resource_name=None, raw_status="", payload=None)


def _conflict(row: Row, fighting: Sequence[Row]) -> Problem:
    others = ", ".join(str(other.line) for other in fighting if other.line != row.line)
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"row {row.line} contradicts row {others}: same subscription, record type and stamp, other values; "
        "none of them counts",
        "Ask the source which row is right; the next file with one row for this subscription settles it.",
        subscription=row.subscription,
        line=row.line,
    )


def overtaken(stored: Snapshot, rows: Sequence[Row], begun: int) -> bool:
    """Whether the subscription was read again (or confirmed gone) by a delivery begun after the one of ``rows``, and
    nothing but the order of our reads tells which is newer (subscription sources section 14, rule 6)."""
    if stored.begun <= begun:
        return False
    return (
        stored.gone
        or stored.version is None
        or any(row.version is None or row.version < stored.version for row in rows)
    )


def older(row: Row, stored: Stamps) -> Problem | None:
    """The source's number decides, else ``last_modified``, else the row's stamp; where one of the two is absent or both
    are equal the later one wins."""
    if stored.version is not None and row.version is not None:
        return None if row.version >= stored.version else _old_version(row, stored.version)
    column, ours, theirs = "last_modified", stored.last_modified, row.last_modified
    if ours is None or theirs is None:
        column, ours, theirs = "observed_at", stored.reported_at, row.reported_at
    if ours is None or theirs is None or theirs >= ours:
        return None
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"row {row.line} is older than what is stored: {column} {theirs:%Y-%m-%dT%H:%M:%SZ} before "
        f"{ours:%Y-%m-%dT%H:%M:%SZ}; it does not count",
        "Nothing, if an old file was delivered again; else have the source send its present state.",
        subscription=row.subscription,
        line=row.line,
        column=column,
    )


def set_back(stored: Snapshot, rows: Sequence[Row], read_at: datetime) -> SetBack | None:
    """What sweeps have shown of an older version, this one included; None where it shows none."""
    versions = [row.version for row in rows if row.version is not None]
    if stored.version is None or not versions or max(versions) >= stored.version:
        return None
    known = stored.set_back
    return known if known and known.version <= min(versions) else SetBack(version=min(versions), since=read_at)


def counts_again(shown: SetBack | None, read_at: datetime) -> bool:
    """A lagging replica is minutes behind. What is older for a day was set back: its numbers began anew."""
    return shown is not None and read_at - shown.since >= SET_BACK_AFTER


def _old_version(row: Row, stored: int) -> Problem:
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"the source shows an old state: version {row.version} after {stored}; it does not count",
        "Nothing, if the next reads are newer. Where sweeps still show it after a day the source was set back, and its "
        "state counts again.",
        subscription=row.subscription,
        column="version",
    )
