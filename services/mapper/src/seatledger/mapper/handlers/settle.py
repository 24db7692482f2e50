"""Decide subscriptions until nothing changes any more: what every trigger of the mapper ends in."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from types import MappingProxyType

from seatledger.mapper.domain.basis import Basis, Holding, Name, SourceRule, name_of, names_of
from seatledger.mapper.domain.deciding import decide
from seatledger.mapper.domain.directory import Directory
from seatledger.mapper.domain.names import fold
from seatledger.mapper.domain.results import MappedDocument, Moment, advance, newest, replaced
from seatledger.mapper.domain.sightings import Sighting
from seatledger.mapper.ports import Days, Mirror, Repository
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import ConflictError
from seatledger.schemas.ids import ConnectionName, SourceName
from seatledger.schemas.subscriptions import SubscriptionChanged

PASSES = 50
"""Passes after which something else than other writers must be wrong."""
CHUNK = 300
"""Documents decided together: a few round trips, well below the bus's patience."""

Sightings = Mapping[str, Sighting]
NOTHING_SEEN: Sightings = MappingProxyType({})


@dataclass(frozen=True)
class Settler:
    """Loads, decides, saves, and looks again, until a whole look finds nothing to change.

    The last look is the proof: it saw every mapping row *after* the results were stored, so that a row that changed
    meanwhile, on this replica or another, cannot leave a result decided under its former revision behind.
    """

    repository: Repository
    mirror: Mirror
    rules: Mapping[SourceName, SourceRule]
    days: Days
    metrics: Metrics
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One settling at a time in this process: two would only lose compare-and-set to each other."""

    async def settle(self, ids: Iterable[str], sightings: Sightings = NOTHING_SEEN) -> None:
        """Decide the documents ``ids`` anew, taking in what was just seen of them.

        :class:`ConflictError` where other writers were faster again and again; nothing is lost, call again.
        """
        wanted = sorted(ids)
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            async with self.lock:
                await self._settle(chunk, {key: sightings[key] for key in chunk if key in sightings})

    async def _settle(self, ids: Sequence[str], sightings: Sightings) -> None:
        working, names = set(ids), set[Name]()
        own: dict[str, MappedDocument] = {}  # stored by the pass before: who changes one meanwhile looks in turn
        for _ in range(PASSES):
            stored = own | await self.repository.mapped.get_many(sorted(working - own.keys()))
            names |= self._moved_names(stored, sightings)
            working |= await self.repository.named(names)  # each pass: another replica may just have stored a namesake
            stored |= await self.repository.mapped.get_many(sorted(working - stored.keys()))
            changed = await self._decide(working, stored, sightings)
            if not changed:
                return
            await self.repository.keep([one for new in changed for one in replaced(stored.get(new.id), new)])
            own = await self._save(changed, sightings)
        raise ConflictError(f"{len(working)} subscriptions were not settled in {PASSES} passes")

    async def _save(self, changed: Sequence[MappedDocument], sightings: Sightings) -> dict[str, MappedDocument]:
        """The documents as they stand where somebody else was not faster. What was seen goes last: a crash before it
        leaves news that comes again, and brings its peers along."""
        peers = await self._save_all([document for document in changed if document.id not in sightings])
        return peers | await self._save_all([document for document in changed if document.id in sightings])

    async def _save_all(self, changed: Sequence[MappedDocument]) -> dict[str, MappedDocument]:
        saved = list(compress(changed, await self.repository.mapped.save_many(changed)))
        for document in saved:
            self.metrics.decisions.labels(document.source, document.outcome.kind).inc()
        return {document.id: document.model_copy(update={"rev": document.rev + 1}) for document in saved}

    def _moved_names(self, stored: Mapping[str, MappedDocument], sightings: Sightings) -> set[Name]:
        """Names that cease to be unique, or become so, by what was just seen: all their bearers are decided anew."""
        automatic = ((key, seen) for key, seen in sightings.items() if self._is_automatic(seen.snapshot))
        return {name for key, seen in automatic for name in _moved_names(stored.get(key), seen) if name[1]}

    async def _decide(
        self, working: Iterable[str], stored: Mapping[str, MappedDocument], sightings: Sightings
    ) -> list[MappedDocument]:
        found = {key: newest(stored.get(key), sightings.get(key)) for key in sorted(working)}
        seen = {key: sighting for key, sighting in found.items() if sighting is not None}
        basis = await self._basis({key: sighting.snapshot for key, sighting in seen.items()})
        now = self.days.now()
        results = (
            advance(
                stored.get(key),
                sighting,
                decide(sighting.snapshot, basis),
                Moment(now=now, today=basis.today[sighting.snapshot.connection]),
            )
            for key, sighting in seen.items()
        )
        return [result for result in results if result is not None]

    async def _basis(self, snapshots: Mapping[str, SubscriptionChanged]) -> Basis:
        automatic = {key: found for key, found in snapshots.items() if self._is_automatic(found)}
        connections = {snapshot.connection for snapshot in snapshots.values()}
        directories = {
            connection: await self.mirror.directory(connection)
            for connection in {snapshot.connection for snapshot in automatic.values()}
        }
        return Basis(
            rules=self.rules,
            today={connection: self.days.today(connection) for connection in connections},
            rows=await self.repository.rows_for(snapshots.values()),
            namesakes=await self._namesakes(automatic),
            holders=await self.repository.holders(_candidates(automatic.values(), directories)),
            directories=directories,
        )

    def _is_automatic(self, snapshot: SubscriptionChanged) -> bool:
        rule = self.rules.get(snapshot.key.source)
        return rule is not None and rule.automatic

    async def _namesakes(self, snapshots: Mapping[str, SubscriptionChanged]) -> dict[Name, frozenset[str]]:
        found = defaultdict(set, await self.repository.namesakes(names_of(snapshots.values()), snapshots.keys()))
        for snapshot in snapshots.values():
            found[name_of(snapshot)].add(snapshot.customer.id)
        return {name: frozenset(customers) for name, customers in found.items()}


def _moved_names(document: MappedDocument | None, sighting: Sighting) -> set[Name]:
    """The names whose bearers change if this is taken in; none where the customer is called as before."""
    snapshot = sighting.snapshot
    if document is None:
        return {name_of(snapshot)}
    if document.snapshot_revision >= snapshot.revision:
        return set()
    if (document.customer, document.name_key) == (snapshot.customer.id, fold(snapshot.customer.name)):
        return set()
    return {(document.source, document.name_key), name_of(snapshot)}


def _candidates(
    snapshots: Iterable[SubscriptionChanged], directories: Mapping[ConnectionName, Directory]
) -> set[Holding]:
    return {
        (snapshot.key.source, company.company)
        for snapshot in snapshots
        for company in directories[snapshot.connection].customers_named(snapshot.customer.name)
    }
