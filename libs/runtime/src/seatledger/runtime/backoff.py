"""Pauses between attempts: doubled each time, capped."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from seatledger.runtime.bus import BusUnavailableError
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.store import ConflictError, StoreUnavailableError

T = TypeVar("T")

PASSING = (StoreUnavailableError, BusUnavailableError, ConflictError)
"""Troubles that no record causes: tried again for as long as they last."""


def pause(failures: int, *, first: float = 0.1, cap: float = 5.0) -> float:
    """Seconds to wait after the n-th failure in a row (n from 1)."""
    return min(cap, first * 2.0 ** min(failures - 1, 16))


async def insist(
    call: Callable[[], Awaitable[T]], machine: MachineClock, *, trouble: Callable[[str | None], None], patience: float
) -> T:
    """Repeat a call while broker or store are away, at most ``patience`` seconds, then raise what it raised last.

    ``trouble`` is told each failure, and None at the success.
    """
    end = machine.seconds() + patience
    failures = 0
    while True:
        try:
            result = await call()
        except PASSING as error:
            failures += 1
            trouble(f"{type(error).__name__}: {error}")
            if machine.seconds() > end:
                raise
            await machine.sleep(pause(failures))
        else:
            trouble(None)
            return result
