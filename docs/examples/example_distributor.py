"""The smallest whole distributor: a folder into which JSON files come, ``{"full": true, "seats": [{…}]}``."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatledger.collector.domain.reading import Parcel, Problem, Reading, Row
from seatledger.collector.ports import Progress, SourceUnreachableError, untold
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import OfferKey
from seatledger.schemas.subscriptions import BillingCycle, Customer, Status


@dataclass
class SeatFiles:
    folder: Path

    async def waiting(self) -> list[Parcel]:
        try:
            paths = sorted(path for path in self.folder.iterdir() if path.suffix == ".json")
        except OSError as error:
            raise SourceUnreachableError(f"{self.folder}: {error.strerror}", "Create or mount the folder.") from error
        return [Parcel(name=path.name, identity=_identity(path)) for path in paths]

    async def read(self, parcel: Parcel, progress: Progress = untold) -> Reading:  # noqa: ARG002 - one file, read at once
        try:
            digest = hashlib.sha256(content := (self.folder / parcel.name).read_bytes()).hexdigest()
            told = json.loads(content)
            read = [_row(line, seat) for line, seat in enumerate(told["seats"], 1)]
        except OSError as error:
            raise SourceUnreachableError(f"{parcel.name}: {error.strerror}", "Nothing: it is tried again.") from error
        except (ValueError, KeyError, TypeError, AttributeError):
            bad = Problem(FindingCode.SOURCE_ROW_BAD, "this is no list of seats", "Ask for the file once more.")
            return Reading(parcel.name, digest, failure=bad)
        rows = tuple(one for one in read if isinstance(one, Row))
        problems = tuple(one for one in read if isinstance(one, Problem))
        return Reading(parcel.name, digest, rows, problems, full=told.get("full") is True)

    async def put_away(self, parcel: Parcel, *, failed: bool) -> None:
        path, below = self.folder / parcel.name, self.folder / ("failed" if failed else "processed")
        if path.exists() and _identity(path) == parcel.identity:
            below.mkdir(exist_ok=True)
            path.rename(below / f"{parcel.identity}-{parcel.name}")

    async def reread(self, customer: str, subscription: str | None = None) -> None:
        """A folder cannot be asked for one subscription."""


def _identity(path: Path) -> str:
    return f"{path.stat().st_ino}-{path.stat().st_mtime_ns}"


def _row(line: int, seat: dict[str, Any]) -> Row | Problem:
    if type(seat.get("quantity")) is not int or seat["quantity"] < 0:
        return Problem(FindingCode.SOURCE_ROW_BAD, "this is no quantity", "Ask for the file again.", seat["id"], line)
    who, offer, word = Customer(id=seat["customer"], name=seat["customer"]), seat["offer"], seat["status"]
    key, quantity, cycle = OfferKey(offer=offer), seat["quantity"], BillingCycle.MONTHLY
    return Row(line, who, seat["id"], key, offer, Status(word), word, quantity, cycle)
