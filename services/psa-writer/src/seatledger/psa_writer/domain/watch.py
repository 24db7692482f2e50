"""What the holder of the lease has seen of one send, on its own clock (kernel.md section 4.4).

Never stored: whoever takes over, or starts again, begins anew, so that W is waited in full by one clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from seatledger.psa_writer.domain.compare import Sight, compared_from, sight, zero_from
from seatledger.psa_writer.domain.reading import Reading
from seatledger.psa_writer.domain.rows import Shown, Unclear, shown_from
from seatledger.schemas.book import Confirmed, OpenIntent

ZERO_GAP: Final = 60.0
"""Seconds between two readings without a row that together mean 0, where 0 is what may be there."""
READ_VALID: Final = 30.0
"""Seconds for which a reading is a ground for a send."""
CLOCK_SLACK: Final = timedelta(hours=1)
"""A wall clock that was set back must not keep a confirmed write recent for longer than W plus this."""


@dataclass(frozen=True)
class Moment:
    """The clocks of one decision: machine seconds measure, ``now`` and ``today`` are the business calendar's."""

    seconds: float
    machine_now: datetime
    now: datetime
    today: date


@dataclass(frozen=True)
class Watch:
    """One send of one intent, or one drift (``send`` 0). All times are machine seconds."""

    intent: str
    send: int
    first_look: float
    rows: int = 0
    """Most rows seen from the compared day on: fewer is no information."""
    silent_since: float | None = None
    no_row_at: float | None = None
    before_at: float | None = None
    """When the first reading after W began that showed ``before``."""


@dataclass(frozen=True)
class RecentWrites:
    """When this process first met each confirmed write; W runs from there."""

    met: dict[datetime, float] = field(default_factory=dict)

    def live(self, writes: Sequence[Confirmed], moment: Moment, wait: float) -> tuple[Confirmed, ...]:
        """Those confirmed within the last W. Asked as soon as a write is stored, so that its W begins there."""
        return tuple(write for write in writes if self._is_live(write, moment, wait))

    def _is_live(self, write: Confirmed, moment: Moment, wait: float) -> bool:
        """The wall clock has a say only over writes that this process did not see: a jump of it ends no W."""
        met = self.met.get(write.confirmed_at)
        if met is not None:
            return moment.seconds - met < wait
        if moment.machine_now - write.confirmed_at > timedelta(seconds=wait) + CLOCK_SLACK:
            return False
        self.met[write.confirmed_at] = moment.seconds
        return True

    def tidy(self, seconds: float, wait: float) -> None:
        """Forget what the wall clock alone tells by now to be older than W."""
        kept = wait + 2 * CLOCK_SLACK.total_seconds()
        for at in [at for at, met in self.met.items() if seconds - met >= kept]:
            del self.met[at]


def first_look(claim: OpenIntent, seconds: float, earlier: Watch | None = None) -> Watch:
    """A watch for this send; what an earlier send of the same intent saw of the rows is kept."""
    rows = earlier.rows if earlier and earlier.intent == claim.intent.id else 0
    return Watch(intent=claim.intent.id, send=claim.sends, first_look=seconds, rows=rows)


def look(
    watch: Watch, claim: OpenIntent, reading: Reading, recent: Sequence[Confirmed], moment: Moment, wait: float
) -> tuple[Sight, Shown | None, Watch]:
    """One reading of the line of one intent: what it says, what it showed, and what to remember of it.

    Readings without information become a mismatch once they have lasted W.
    """
    day = compared_from(claim.intent, moment.today)
    seen, watch = shown_in(watch, day, reading, min(ZERO_GAP, wait) if _may_be_empty(claim, day) else wait)
    answer = claim.answer
    acknowledged = answer is not None and answer.status == 200 and not answer.text
    result = sight(claim.intent, seen, recent, acknowledged=acknowledged)
    if result is not Sight.NOTHING:
        watch = replace(watch, silent_since=None)
        return result, seen if isinstance(seen, Shown) else None, watch
    since = reading.read_at if watch.silent_since is None else watch.silent_since
    lasted = reading.read_at - since >= wait
    return (Sight.OTHER if lasted else Sight.NOTHING), None, replace(watch, silent_since=since)


def _may_be_empty(claim: OpenIntent, day: date) -> bool:
    """Whether the line stood at 0, or our own request took its last unit. Everywhere else missing rows are a gap in
    what Autotask shows until they have been missing for W (docs/decisions/0030-where-nothing-is-shown.md)."""
    emptied = claim.ever_unknown and claim.intent.after.units_at(day) == 0
    return emptied or claim.intent.before.units_at(day) == 0


def shown_in(watch: Watch, day: date, reading: Reading, empty_after: float) -> tuple[Shown | Unclear, Watch]:
    """What a reading shows from ``day`` on, beside what earlier ones showed: fewer rows say nothing, and none mean 0
    once that has lasted ``empty_after`` seconds."""
    if reading.contract is None:
        return Unclear("no_row"), watch
    count = sum(row.end >= day for row in reading.rows)
    seen = shown_from(day, reading.contract, reading.rows)
    if isinstance(seen, Unclear) and seen.why == "no_row":
        return _without_a_row(watch, day, reading, empty_after)
    watch = replace(watch, no_row_at=None, rows=max(watch.rows, count))
    return (Unclear("gap") if count < watch.rows else seen), watch


def _without_a_row(watch: Watch, day: date, reading: Reading, empty_after: float) -> tuple[Shown | Unclear, Watch]:
    """Two readings far enough apart, of a line that can itself be read, mean 0."""
    if not reading.readable:
        return Unclear("no_row"), replace(watch, no_row_at=None)
    since = reading.read_at if watch.no_row_at is None else watch.no_row_at
    watch = replace(watch, no_row_at=since)
    if reading.read_at - since < empty_after:
        return Unclear("no_row"), watch
    return zero_from(day), watch
