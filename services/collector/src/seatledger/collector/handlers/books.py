"""The collections that a sweep writes, and what it counts."""

from dataclasses import dataclass, field

from seatledger.collector.domain.reading import Reading
from seatledger.collector.domain.snapshots import Snapshot
from seatledger.collector.domain.sweeps import Cursor, Sweep
from seatledger.collector.domain.taking import Taken
from seatledger.collector.domain.usage import UsageDocument
from seatledger.runtime.store import Documents
from seatledger.schemas.ids import SourceName


@dataclass(frozen=True)
class Books:
    """The collections that the collector alone writes."""

    snapshots: Documents[Snapshot]
    sweeps: Documents[Sweep]
    cursors: Documents[Cursor]
    usages: Documents[UsageDocument]

    async def prepare(self) -> None:
        """Indexes for what every direct read and every sweep asks. A question's equalities are the first fields of one:
        the embedded store takes an index for nothing less."""
        snapshots = self.snapshots.collection
        await snapshots.ensure_index("source", "state.customer.id")
        await snapshots.ensure_index("source", "state.complete")

    async def of_customer(self, source: SourceName, customer: str) -> list[Snapshot]:
        return await self.snapshots.find({"source": source, "state.customer.id": customer})


@dataclass
class Count:
    """What one sweep did so far."""

    customers: set[str] = field(default_factory=set)
    subscriptions: set[str] = field(default_factory=set)
    changed: int = 0
    bad_rows: int = 0
    read: int = 0
    error: str | None = None
    failed: bool = False
    """The error is that of a delivery that makes no sense, of which a finding of its own tells."""

    def add(self, taken: Taken, reading: Reading) -> None:
        self.customers |= taken.customers
        self.subscriptions |= taken.subscriptions
        self.changed += taken.changed
        self.bad_rows += taken.bad_rows
        self.read += reading.incomplete is None
        self.failed = self.failed or (reading.failure is not None and self.error is None)
        self.error = self.error or reading.incomplete
