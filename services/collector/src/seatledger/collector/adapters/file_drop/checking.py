"""Whether a drop folder can be read, and taken files can be moved below it. Nothing is written to find that out."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from seatledger.schemas.commands import Check

BELOW = ("processed", "failed")


@dataclass(frozen=True)
class FolderCheck:
    """One source's folder, as this process may use it."""

    source: str
    folder: Path

    async def __call__(self) -> list[Check]:
        return [await asyncio.to_thread(self._folder)]

    def _folder(self) -> Check:
        name = f"source {self.source}: folder"
        if not self.folder.is_dir():
            do = f"Create it, mount it, or correct sources.{self.source}.folder"
            return Check(name=name, ok=False, message=f"there is no folder {self.folder}", do=do)
        if not os.access(self.folder, os.R_OK | os.X_OK):
            do = "Give the collector's user the right to list it and to read its files"
            return Check(name=name, ok=False, message=f"{self.folder} cannot be read", do=do)
        for place in (self.folder, *(self.folder / below for below in BELOW)):
            if place.exists() and not os.access(place, os.W_OK | os.X_OK):
                do = "Give the collector's user the right to write there: taken files are moved"
                return Check(name=name, ok=False, message=f"files cannot be moved to {place}", do=do)
        waiting = sum(1 for entry in os.scandir(self.folder) if entry.is_file() and not entry.name.startswith("."))
        return Check(name=name, ok=True, message=f"{self.folder}: {waiting} files wait")
