"""The life of an intent as one table (kernel.md section 3): which state may follow which, and nothing else.

Every change of state in this service passes :func:`check`; the README's table is compared with this one by a test.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """States of an intent. ``released`` is the planner's; those after ``not_seen`` are ends."""

    RELEASED = "released"
    TAKEN = "taken"
    SENT = "sent"
    UNKNOWN = "unknown"
    HELD = "held"
    NOT_SEEN = "not_seen"
    POSTED = "posted"
    IN_PLACE = "in_place"
    REFUSED = "refused"
    DRIFTED = "drifted"
    WITHDRAWN = "withdrawn"
    STALE = "stale"


TABLE: Final[dict[State, frozenset[State]]] = {
    State.RELEASED: frozenset({State.TAKEN, State.STALE, State.DRIFTED, State.REFUSED, State.WITHDRAWN}),
    State.TAKEN: frozenset(
        {
            State.SENT,
            State.IN_PLACE,
            State.POSTED,
            State.STALE,
            State.DRIFTED,
            State.HELD,
            State.REFUSED,
            State.WITHDRAWN,
        }
    ),
    State.SENT: frozenset({State.POSTED, State.REFUSED, State.UNKNOWN, State.TAKEN}),
    State.UNKNOWN: frozenset({State.POSTED, State.NOT_SEEN, State.REFUSED, State.HELD}),
    State.HELD: frozenset({State.POSTED, State.NOT_SEEN}),
    State.NOT_SEEN: frozenset({State.POSTED, State.TAKEN, State.WITHDRAWN, State.REFUSED}),
    State.POSTED: frozenset(),
    State.IN_PLACE: frozenset(),
    State.REFUSED: frozenset(),
    State.DRIFTED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.STALE: frozenset(),
}


class ImpossibleStepError(AssertionError):
    """A decision asked for a change of state that the table does not know: a bug, never a condition."""


def check(current: State, following: State) -> None:
    """Raises :class:`ImpossibleStepError` where the table has no such step."""
    if following not in TABLE[current]:
        raise ImpossibleStepError(f"an intent that is {current} cannot become {following}")
