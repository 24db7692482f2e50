"""The distributors that ship with the collector, through the suite that anybody's adapter passes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from seatledger.collector.adapters.file_drop import FileDrop
from seatledger.collector.adapters.memory import MemoryAccount, MemoryDistributor
from seatledger.collector.conformance import DistributorSuite, Seats
from seatledger.collector.domain.reading import Problem, Row
from seatledger.runtime.clock import FixedCalendar
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.subscriptions import Status
from services.collector.tests.collector_samples import NOW, csv_text, profile, reading, row
from services.collector.tests.collector_world import FakeMachine


def _row(seats: Seats) -> Row:
    return row(seats.quantity, subscription=seats.subscription, customer=seats.customer, status=Status(seats.status))


def _problem(seats: Seats) -> Problem:
    return Problem(FindingCode.SOURCE_ROW_BAD, "spoilt", "mend it", seats.subscription, 2)


@dataclass
class TwinBench:
    """The memory twin."""

    distributor: MemoryDistributor = field(default_factory=MemoryDistributor)

    async def hold(self, seats: Sequence[Seats], *, full: bool) -> None:
        rows = [_row(one) for one in seats if not one.spoilt]
        problems = [_problem(one) for one in seats if one.spoilt]
        self.distributor.deliver(replace(reading(*rows), problems=tuple(problems), full=full))

    async def break_off(self) -> None:
        self.distributor.broken = True

    async def mend(self) -> None:
        self.distributor.broken = False

    async def close(self) -> None:
        """Nothing was taken."""


@dataclass
class AccountBench(TwinBench):
    """The live twin."""

    distributor: MemoryAccount = field(default_factory=MemoryAccount)  # type: ignore[assignment]  # another twin

    async def hold(self, seats: Sequence[Seats], *, full: bool) -> None:
        self.distributor.hold(*(_row(one) for one in seats if not one.spoilt))
        self.distributor.problems = [_problem(one) for one in seats if one.spoilt]

    async def lose(self, customer: str) -> None:
        self.distributor.lost.add(customer)

    async def fail(self, customer: str) -> None:
        self.distributor.failing.add(customer)


@dataclass
class FolderBench:
    """A file drop over a folder, files as somebody would write them."""

    folder: Path
    distributor: FileDrop = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.distributor = FileDrop(self.folder, profile(), FixedCalendar(NOW), FakeMachine())

    async def hold(self, seats: Sequence[Seats], *, full: bool) -> None:
        rows = [
            {
                "subscription_id": one.subscription,
                "customer_id": one.customer,
                "status": one.status,
                "quantity": "8.0" if one.spoilt else str(one.quantity),
            }
            for one in seats
        ]
        trailer = f"# complete rows={len(rows)}" if full else None
        (self.folder / "drop.csv").write_text(csv_text(*rows, trailer=trailer))

    async def break_off(self) -> None:
        self.folder.rename(self.folder.with_suffix(".away"))

    async def close(self) -> None:
        """The folder is the test's."""

    async def mend(self) -> None:
        self.folder.with_suffix(".away").rename(self.folder)


class TestMemoryTwin(DistributorSuite):
    """The twin."""

    @pytest.fixture
    def bench(self) -> TwinBench:
        return TwinBench()


class TestLiveTwin(DistributorSuite):
    """The live twin."""

    @pytest.fixture
    def bench(self) -> AccountBench:
        return AccountBench()


class TestFileDrop(DistributorSuite):
    """The file drop."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> FolderBench:
        return FolderBench(tmp_path / "drop")
