"""The ids by which log lines of several services are found together: ``correlationid`` of the events at hand.

A chain begins with its first event, so one id follows a change from the distributor's row to Autotask's answer.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Final

from structlog.contextvars import bound_contextvars

MOST: Final = 20
"""Ids in one line; that of a larger batch tells how many it leaves out."""


def chains(ids: Iterable[str]) -> dict[str, Any]:
    """What a log line says of these ``correlationid``."""
    known = list(dict.fromkeys(ids))
    more = {"correlation_left_out": len(known) - MOST} if len(known) > MOST else {}
    return {"correlation": known[:MOST], **more}


def about(ids: Iterable[str]) -> AbstractContextManager[Any]:
    """Every line logged inside, by whomever, says which chains it belongs to."""
    return bound_contextvars(**chains(ids))
