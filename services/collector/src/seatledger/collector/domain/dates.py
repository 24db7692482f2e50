"""Dates that stand at sources and mean none."""

from datetime import date
from typing import Final

EARLIEST: Final = date(1990, 1, 1)
"""Nobody sold a seat before. An earlier date is mistyped, or is the zero of some calendar (1899, 1900, 1970): taken for
true, it would date a change to where no contract ever was."""
LATEST: Final = date(9999, 12, 30)
"""The last day that has another one after it."""

_YEAR_ONE: Final = "0001-"


def never_set(text: str) -> bool:
    """Whether it is what .NET writes for a date that nobody set: an empty cell, and no error of the source."""
    return text.startswith(_YEAR_ONE)
