"""Both adapters of the store pass the one suite."""

import pytest

from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.mongo import MongoStore
from seatledger.runtime.store_conformance import StoreConformance


class TestMemoryStore(StoreConformance):
    """The twin."""

    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestMongoStore(StoreConformance):
    """The real one, on the embedded store."""

    @pytest.fixture
    def store(self, store: MongoStore) -> MongoStore:
        return store
