"""A drift stands until the rows are as agreed at every date that can be read from its day on (kernel.md section 3)."""

from collections.abc import Sequence
from datetime import date

from seatledger.psa_writer.domain.compare import as_function, fits
from seatledger.psa_writer.domain.reading import Reading
from seatledger.psa_writer.domain.rows import Shown
from seatledger.psa_writer.domain.transitions import drift_closed, drift_seen
from seatledger.psa_writer.domain.watch import ZERO_GAP, Moment, Watch, shown_in
from seatledger.schemas.book import Confirmed, Drift, LineBook


def read_from(book: LineBook, today: date) -> date:
    """The first day that a reading of this line has to cover."""
    days = [book.drift.from_day] if book.drift else []
    if book.open:
        days.append(book.open.intent.on or today)
    return min(days, default=today)


def drift_watch(drift: Drift, seconds: float) -> Watch:
    """Nothing seen yet of this drift."""
    return Watch(intent=f"drift of {drift.since.isoformat()}", send=0, first_look=seconds)


def followed(
    book: LineBook, reading: Reading, watch: Watch, recent: Sequence[Confirmed], moment: Moment, wait: float
) -> tuple[LineBook | None, Watch]:
    """The book without its drift, or with the rows that now stand there; None where nothing changed or the reading says
    nothing. ``recent`` holds the writes confirmed within W, ``wait`` is W."""
    if book.drift is None:
        return None, watch
    day = book.drift.from_day
    shown, watch = shown_in(watch, day, reading, wait if book.agreed.units_at(day) else min(ZERO_GAP, wait))
    if not isinstance(shown, Shown):
        return None, watch
    if fits(shown, book.agreed):
        return drift_closed(book, moment.now), watch
    rows = as_function(shown)
    if rows == book.drift.rows or any(fits(shown, write.before) for write in recent):
        return None, watch
    return drift_seen(book, rows, moment.now), watch
