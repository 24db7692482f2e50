"""Measures calls: how many, how long, how many at once, what came back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from seatledger.psa_writer.adapters.autotask.http import Answer
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.metrics import Metrics
from seatledger.schemas.ids import ConnectionName

NO_ANSWER: Final = "none"


Meter = Callable[[str, Awaitable[Answer]], Awaitable[Answer]]
"""Awaits a call at an entity and gives back, or raises, what it does."""


async def unmetered(_entity: str, call: Awaitable[Answer]) -> Answer:
    """For suites that look at no metrics."""
    return await call


@dataclass(frozen=True)
class CallMeter:
    """One connection's. A call that the deadline stopped before its first byte counts as one without an answer."""

    connection: ConnectionName
    metrics: Metrics
    machine: MachineClock

    async def __call__(self, entity: str, call: Awaitable[Answer]) -> Answer:
        started, status = self.machine.seconds(), NO_ANSWER
        with self.metrics.psa_in_flight.labels(self.connection, entity).track_inprogress():
            try:
                answer = await call
                status = str(answer.status)
            finally:
                seconds = self.machine.seconds() - started
                self.metrics.psa_calls.labels(self.connection, entity, status).inc()
                self.metrics.psa_call_seconds.labels(self.connection, entity).observe(seconds)
        return answer
