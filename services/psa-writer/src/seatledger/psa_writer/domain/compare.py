"""Is what was read what was there before, what the intent wants, or neither? (kernel.md sections 4.1 and 4.2)."""

from collections.abc import Sequence
from datetime import date
from enum import Enum

from seatledger.psa_writer.domain.rows import Shown, Unclear
from seatledger.schemas.book import Confirmed
from seatledger.schemas.intents import IntentReleased
from seatledger.schemas.steps import StepFunction


class Sight(Enum):
    """What one reading says about one intent."""

    AFTER = "after"
    BEFORE = "before"
    OTHER = "other"
    STALE = "stale"
    """What was there before one of our own recent writes: an old read, or somebody's undoing; wait to know which."""
    NOTHING = "nothing"
    """Rows with a gap, or none: no information."""


def compared_from(intent: IntentReleased, today: date) -> date:
    """The day from which rows are compared: D, or today for a link without a jump."""
    return intent.on or today


def fits(shown: Shown, function: StepFunction) -> bool:
    """Whether every date that can be read shows the function's units."""
    return all(function.units_at(day) == units for day, units in shown.units)


def sight(
    intent: IntentReleased, shown: Shown | Unclear, recent: Sequence[Confirmed], *, acknowledged: bool = False
) -> Sight:
    """``recent`` holds only what was confirmed within the last W. ``acknowledged``: Autotask answered this very send
    with a recognised 200, so that rows equal to ``after`` need not be fresh."""
    if isinstance(shown, Unclear):
        return Sight.OTHER if shown.why == "overlap" else Sight.NOTHING
    if acknowledged and fits(shown, intent.after):
        return Sight.AFTER
    is_before = fits(shown, intent.before)
    if not is_before and any(fits(shown, write.before) for write in recent):
        return Sight.STALE
    if fits(shown, intent.after):
        return Sight.AFTER
    return Sight.BEFORE if is_before else Sight.OTHER


def as_function(shown: Shown) -> StepFunction:
    """What was shown, as units over dates; before the first date the first units hold."""
    return StepFunction.of(shown.units, initial=shown.units[0][1])


def zero_from(day: date) -> Shown:
    """A line that can itself be read and twice showed no row stands at 0 from ``day`` on."""
    return Shown(((day, 0),))
