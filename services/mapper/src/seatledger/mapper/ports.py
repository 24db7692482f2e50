"""What the mapper asks of the world: its own documents, Autotask as last read, the day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from seatledger.mapper.domain.basis import Holding, Name
from seatledger.mapper.domain.directory import Directory
from seatledger.mapper.domain.results import MappedDocument
from seatledger.mapper.domain.setting import Standing
from seatledger.mapper.domain.waiting import Waiting
from seatledger.mapper.domain.watching import Watch
from seatledger.runtime.store import Documents
from seatledger.schemas.ids import ConnectionName, ContractId, SourceName
from seatledger.schemas.mappings import MappingDocument, MappingKind
from seatledger.schemas.mirror import MirrorContract
from seatledger.schemas.shapes import ReplacedResult
from seatledger.schemas.subscriptions import SubscriptionChanged


class Mirror(Protocol):
    """Autotask as last read by the writer. A caller may not assume that it is current, nor that two calls see the
    same generation; it may assume that a generation is a whole mirror, and that 0 means none was read yet."""

    async def generations(self) -> dict[ConnectionName, int]:
        """Full mirrors per connection; cheap, asked twice a second."""

    async def directory(self, connection: ConnectionName) -> Directory:
        """Companies and services at the newest generation; kept until the generation changes."""

    async def contracts(self, connection: ConnectionName) -> Mapping[ContractId, MirrorContract]:
        """All contracts of a connection, read anew."""


class Days(Protocol):
    """The business calendar. A caller may not assume that the day of one connection is that of another."""

    def now(self) -> datetime:
        """The business instant."""

    def today(self, connection: ConnectionName) -> date:
        """The local day of a connection."""


class Repository(Protocol):
    """The mapper's documents, which it alone writes, and what it asks of them, each in few round trips however many are
    asked about. A caller may not assume that two questions see the same: another replica writes too."""

    @property
    def mapped(self) -> Documents[MappedDocument]:
        """One a subscription."""

    @property
    def rows(self) -> Mapping[MappingKind, Documents[MappingDocument]]:
        """What people said."""

    @property
    def watches(self) -> Documents[Watch]:
        """One a connection."""

    async def keep(self, results: Sequence[ReplacedResult]) -> None:
        """Results that are about to be replaced: whoever asks later why units are there finds them."""

    async def rows_for(self, snapshots: Iterable[SubscriptionChanged]) -> dict[MappingKind, dict[str, MappingDocument]]:
        """The mapping rows that may speak about these subscriptions."""

    async def namesakes(self, names: Iterable[Name], but: Collection[str]) -> dict[Name, set[str]]:
        """Stored customers per name, documents ``but`` left out (the caller knows newer of them)."""

    async def named(self, names: Iterable[Name]) -> set[str]:
        """Ids of the mapped documents whose customer has one of the names."""

    async def holders(self, companies: Iterable[Holding]) -> dict[Holding, tuple[MappingDocument, ...]]:
        """Company rows in state mapped, per source account and target."""

    async def flagged(self) -> dict[MappingKind, list[MappingDocument]]:
        """Rows of which not all that they touch is decided anew."""

    async def expired(self, today: date) -> list[MappingDocument]:
        """Ignoring rows whose last day is before ``today``."""

    async def targeting(self, source: SourceName) -> list[MappingDocument]:
        """Rows of a source account that map to a company or a service."""

    async def touched_by(self, rows: Iterable[MappingDocument]) -> set[str]:
        """Ids of the mapped documents that rows are about."""

    async def waiting(self, source: SourceName) -> list[Waiting]:
        """What lacks a company or a service."""

    async def reported(self, source: SourceName, waiting: Iterable[Waiting]) -> None:
        """The findings of a source account are those of ``waiting``; ``drain`` compares."""

    async def on_connection(self, connection: ConnectionName) -> set[str]:
        """Ids of the mapped documents of a connection."""

    async def everything(self) -> set[str]:
        """Ids of all mapped documents."""

    async def sources(self) -> set[SourceName]:
        """Every source account that a mapped document is of, in the configuration or not."""

    async def called(
        self, kind: MappingKind, keys: Iterable[tuple[SourceName, str]]
    ) -> dict[tuple[SourceName, str], str]:
        """What customers or offers are called, by source account and id."""

    async def placed(self, companies: Iterable[Holding]) -> dict[Holding, frozenset[str]]:
        """Customers with a subscription on a company now."""

    async def standing(self, keys: Iterable[tuple[SourceName, str]]) -> dict[tuple[SourceName, str], Standing]:
        """Customer and company of subscriptions, by source account and subscription id."""

    async def subscriptions_of(self, source: SourceName, customer: str) -> set[str]:
        """Subscription ids of a customer."""
