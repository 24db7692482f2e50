"""The mirror as it stands in the store, behind :class:`seatledger.mapper.ports.Mirror`."""

from collections.abc import Mapping

from seatledger.mapper.domain.directory import Directory
from seatledger.runtime.store import Documents, Store
from seatledger.schemas.ids import ConnectionName, ContractId
from seatledger.schemas.mirror import (
    PSA_COMPANIES,
    PSA_CONTRACTS,
    PSA_MIRRORS,
    PSA_SERVICES,
    MirrorCompany,
    MirrorContract,
    MirrorService,
    MirrorState,
)


class StoreMirror:
    """Reads the writer's ``psa_`` collections; one directory a connection is kept in memory."""

    def __init__(self, store: Store) -> None:
        self._states = Documents(store.collection(PSA_MIRRORS), MirrorState)
        self._companies = Documents(store.collection(PSA_COMPANIES), MirrorCompany)
        self._services = Documents(store.collection(PSA_SERVICES), MirrorService)
        self._contracts = Documents(store.collection(PSA_CONTRACTS), MirrorContract)
        self._kept: dict[ConnectionName, Directory] = {}

    async def generations(self) -> dict[ConnectionName, int]:
        found = await self._states.collection.find({}, fields=["connection", "generation"])
        return {ConnectionName(state["connection"]): int(state["generation"]) for state in found}

    async def directory(self, connection: ConnectionName) -> Directory:
        generation = (await self.generations()).get(connection, 0)
        kept = self._kept.get(connection)
        if kept is None or kept.generation != generation:
            kept = self._kept[connection] = await self._read(connection, generation)
        return kept

    async def _read(self, connection: ConnectionName, generation: int) -> Directory:
        """Before the first whole mirror the collections may be half filled: then nothing is known."""
        if generation == 0:
            return Directory()
        where = {"connection": connection}
        return Directory(
            generation=generation,
            companies=tuple(await self._companies.find(where)),
            services=tuple(await self._services.find(where)),
        )

    async def contracts(self, connection: ConnectionName) -> Mapping[ContractId, MirrorContract]:
        return {found.contract: found for found in await self._contracts.find({"connection": connection})}
