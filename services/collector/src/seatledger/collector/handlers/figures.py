"""What the collector's gauges show, read from the rows of ``sweeps``: so it outlives a restart."""

from collections.abc import Sequence
from dataclasses import dataclass

from seatledger.collector.domain.sweeps import Sweep
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents
from seatledger.schemas.ids import SourceName


@dataclass(frozen=True)
class Figures:
    """A loop's round over the configured accounts; one that was never swept shows 0."""

    sources: Sequence[SourceName]
    sweeps: Documents[Sweep]
    metrics: Metrics

    async def __call__(self) -> None:
        found = await self.sweeps.get_many(self.sources)
        for source in self.sources:
            sweep = found.get(source)
            last = None if sweep is None else sweep.last_complete_at
            self.metrics.last_complete_sweep.labels(source).set(0 if last is None else last.timestamp())
            self.metrics.brake_held.labels(source).set(0 if sweep is None else sweep.held)
