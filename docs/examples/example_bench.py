"""How the suite is told to work with :mod:`example_distributor`: a source that it can fill, break and mend."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docs.examples.example_distributor import SeatFiles
from seatledger.collector.conformance import Seats


@dataclass
class FolderBench:
    """A new folder; files are written as the distributor writes them."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp()) / "in")

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.distributor = SeatFiles(self.folder)

    async def hold(self, seats: Sequence[Seats], *, full: bool) -> None:
        """``spoilt`` is a quantity that is none."""
        told = [
            {
                "id": one.subscription,
                "customer": one.customer,
                "offer": "SEAT",
                "status": one.status,
                "quantity": "many" if one.spoilt else one.quantity,
            }
            for one in seats
        ]
        (self.folder / "seats.json").write_text(json.dumps({"full": full, "seats": told}))

    async def break_off(self) -> None:
        self.folder.rename(self.folder.with_name("away"))

    async def mend(self) -> None:
        self.folder.with_name("away").rename(self.folder)

    async def close(self) -> None:
        shutil.rmtree(self.folder.parent)


def bench() -> FolderBench:
    """The factory that the command is given."""
    return FolderBench()
