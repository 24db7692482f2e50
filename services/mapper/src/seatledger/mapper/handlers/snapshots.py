"""A batch of ``subscriptions.changed.v1``: decide what was seen; what waits for a person is said once a round."""

from collections.abc import Sequence
from dataclasses import dataclass

from seatledger.mapper.domain.sightings import Sighting
from seatledger.mapper.handlers.report import Reporter
from seatledger.mapper.handlers.settle import Settler
from seatledger.runtime.bus import Received
from seatledger.schemas.subscriptions import SubscriptionChanged


@dataclass(frozen=True)
class TakeSnapshots:
    """Takes in the highest revision of each subscription in the batch, with the days of which only a lower one spoke.

    A repeated batch changes nothing, but is decided again, so that a crash between two writes leaves nothing half done.
    """

    settler: Settler
    reporter: Reporter

    async def __call__(self, batch: Sequence[Received]) -> None:
        said = [Sighting.of(r.event, r.data) for r in batch if isinstance(r.data, SubscriptionChanged)]
        sightings: dict[str, Sighting] = {}
        for sighting in sorted(said, key=lambda one: one.snapshot.revision):
            key = str(sighting.snapshot.key)
            earlier = sightings.get(key)
            sightings[key] = sighting if earlier is None else sighting.after(earlier.snapshot)
        await self.settler.settle(sightings, sightings)
        self.reporter.due.update(sighting.snapshot.key.source for sighting in sightings.values())
