"""A folder watched: files in name order once they stand still, then moved to ``processed/`` or ``failed/``."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seatledger.collector.adapters.file_drop.parse import parse
from seatledger.collector.adapters.file_drop.values import Profile
from seatledger.collector.domain.reading import Parcel, Reading
from seatledger.collector.ports import Progress, SourceUnreachableError, untold
from seatledger.runtime.clock import BusinessClock, MachineClock

STILL_SECONDS: Final = 1.0
"""Real seconds for which size and mtime of a file must not move (interface.md, file drop)."""
PATIENCE_SECONDS: Final = 30.0
"""A file that moves for longer waits for the next sweep, and those behind it with it: their order means something."""


@dataclass
class FileDrop:
    """One drop folder. ``now`` of the calendar only bounds stamps in the future."""

    folder: Path
    profile: Profile
    calendar: BusinessClock
    machine: MachineClock
    _still: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def waiting(self) -> Sequence[Parcel]:
        """The files present now, in name order, as soon as all of them stand still."""
        present = await self._list()
        names = [parcel.name for parcel in present]
        started = self.machine.seconds()
        while not self._all_still(present):
            if self.machine.seconds() - started > PATIENCE_SECONDS:
                return self._before_the_first_moving(present)
            await self.machine.sleep(self._rest(present))
            present = [parcel for parcel in await self._list() if parcel.name in names]
        return present

    async def read(self, parcel: Parcel, progress: Progress = untold) -> Reading:  # noqa: ARG002 - a file is read at once
        content = await asyncio.to_thread(self._content, parcel)
        return await asyncio.to_thread(parse, parcel.name, content, self.profile, self.calendar.now())

    async def put_away(self, parcel: Parcel, *, failed: bool) -> None:
        await asyncio.to_thread(self._move, parcel, "failed" if failed else "processed")

    async def reread(self, customer: str, subscription: str | None = None) -> Reading | None:  # noqa: ARG002 - the port
        """A folder cannot be asked for one subscription."""
        return None

    async def _list(self) -> list[Parcel]:
        try:
            return await asyncio.to_thread(_files, self.folder)
        except OSError as error:
            raise SourceUnreachableError(
                f"the folder {self.folder} cannot be read: {error.strerror}",
                "Create it, mount it, or give this service the right to read it; collecting goes on by itself.",
            ) from error

    def _all_still(self, present: Sequence[Parcel]) -> bool:
        """Notes since when each file stands as it does; forgets files that are gone."""
        now = self.machine.seconds()
        self._still = {
            parcel.name: seen
            if (seen := self._still.get(parcel.name)) and seen[0] == parcel.identity
            else (parcel.identity, now)
            for parcel in present
        }
        return all(now - since >= STILL_SECONDS for _, since in self._still.values())

    def _rest(self, present: Sequence[Parcel]) -> float:
        """Seconds until the file that moved last may stand still."""
        newest = max(self._still[parcel.name][1] for parcel in present)
        return max(0.01, newest + STILL_SECONDS - self.machine.seconds())

    def _before_the_first_moving(self, present: Sequence[Parcel]) -> list[Parcel]:
        now = self.machine.seconds()
        moving = [parcel.name for parcel in present if now - self._still[parcel.name][1] < STILL_SECONDS]
        if present and moving[0] == present[0].name:
            raise SourceUnreachableError(
                f"{moving[0]} is still being written",
                "Let the writer finish, or write to a name that ends in .part and rename it.",
            )
        return [parcel for parcel in present if parcel.name < moving[0]]

    def _content(self, parcel: Parcel) -> bytes:
        path = self.folder / parcel.name
        try:
            content = path.read_bytes()
            if _identity(path) == parcel.identity:
                return content
        except OSError as error:
            raise SourceUnreachableError(
                f"{parcel.name} cannot be read: {error.strerror}",
                "Give this service the right to read and move it; it is tried again by itself.",
            ) from error
        raise SourceUnreachableError(
            f"{parcel.name} was changed while it was read",
            "Nothing: the next sweep reads it anew. Writers should use a name that ends in .part and rename it.",
        )

    def _move(self, parcel: Parcel, below: str) -> None:
        path = self.folder / parcel.name
        try:
            if _identity(path) != parcel.identity:
                return
            target = self.folder / below
            target.mkdir(exist_ok=True)
            path.rename(_free(target, parcel.name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise SourceUnreachableError(
                f"{parcel.name} cannot be moved to {below}/: {error.strerror}",
                "Give this service the right to write there; it is tried again by itself.",
            ) from error


def _files(folder: Path) -> list[Parcel]:
    """Files that wait, in name order; names that are no UTF-8 are none that we could show or store."""
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and _wanted(entry.name))
    return [Parcel(name=name, identity=identity) for name in names if (identity := _identity(folder / name))]


def _wanted(name: str) -> bool:
    return not name.startswith(".") and not name.lower().endswith(".part") and name.isprintable()


def _identity(path: Path) -> str:
    """Tells this file from another of its name, and from itself once it was written to; ``""`` if it is gone."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return ""
    return f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}"


def _free(folder: Path, name: str) -> Path:
    """``name`` in ``folder``, or with a number before its suffix where that is taken: both are kept."""
    path, number = folder / name, 1
    while path.exists():
        path = folder / f"{Path(name).stem}.{number}{Path(name).suffix}"
        number += 1
    return path
