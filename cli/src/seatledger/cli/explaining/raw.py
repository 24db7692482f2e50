"""The raw payload behind a snapshot: the collector's stored one, or the row of a delivered file where it still lies.

What names or reaches a person is left out here too: a file is a distributor's, and may hold anything.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from seatledger.schemas.base import Json
from seatledger.schemas.personal import without_people
from seatledger.schemas.subscriptions import RawRef, SubscriptionChanged

if TYPE_CHECKING:
    from seatledger.runtime.config import Source

LARGEST = 64 * 1024 * 1024
"""Bytes of a file that is opened for one row."""


def reference(raw: RawRef) -> str:
    """``file:row``, or a stored payload's id."""
    return f"{raw.file}:{raw.row}" if raw.file else raw.payload or ""


def evidence(snapshot: SubscriptionChanged, raw: RawRef) -> tuple[str, str, str]:
    """Whose content stands where: rows of several subscriptions may stand on one line."""
    return snapshot.key.source, snapshot.key.subscription, reference(raw)


def row_in_file(source: "Source", raw: RawRef, subscription: str) -> Json | str:
    """The row as it was delivered, or why it cannot be shown: a text for people."""
    if source.kind != "file-drop" or raw.file is None or raw.row is None:
        return "its source delivers no files any more"
    name, there = Path(raw.file).name, False
    for path in _candidates(source.folder, name):
        there = there or path.exists()
        content = _content(path)
        if content is not None and hashlib.sha256(content).hexdigest().startswith(raw.payload or "-"):
            row = _row(content.decode("utf-8-sig", errors="replace"), raw.row, subscription)
            return without_people(row) if row is not None else f"row {raw.row} of {name} does not name {subscription}"
    if there:
        return f"the file {name} below {source.folder} cannot be read, or is another one by now"
    return f"the file {name} does not lie below {source.folder} here; the collector's machine or container may have it"


def _candidates(folder: Path, name: str) -> Iterator[Path]:
    """A file of this name, where it was dropped and where taken files go; a second of its name has a number."""
    plain = Path(name).name
    yield folder / plain
    for below in ("processed", "failed"):
        yield folder / below / plain
        stem, suffix = Path(plain).stem, Path(plain).suffix
        yield from sorted((folder / below).glob(f"{_escaped(stem)}.[0-9]*{_escaped(suffix)}"))


def _escaped(text: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", text)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size <= LARGEST else None
    except OSError:
        return None


def _row(text: str, line: int, subscription: str) -> Json | None:
    """The row that begins on this line, where it is the subscription's."""
    if text.lstrip()[:1] in ("{", "["):
        return _json_row(text, line, subscription)
    lines = list(io.StringIO(text, newline=""))
    header = next((one for one in lines if one.strip()), "")
    delimiter = max(",;\t", key=header.count)
    names = next(csv.reader([header], delimiter=delimiter), [])
    cells = [cell.strip() for cell in next(csv.reader(lines[line - 1 :], delimiter=delimiter), [])]
    return {name.strip(): cell for name, cell in zip(names, cells, strict=False)} if subscription in cells else None


def _json_row(text: str, line: int, subscription: str) -> Json | None:
    """The object on or after this line that names the subscription: rows may stand on one line."""
    at = sum(len(one) for one in islice(io.StringIO(text, newline="\n"), line - 1))
    decoder = json.JSONDecoder(strict=False)
    while (at := text.find("{", at)) >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError:
            return None
        if isinstance(found.get("rows"), list):  # the whole file on one line
            at += 1
            continue
        if subscription in (str(value).strip() for value in found.values()):
            row: Json = found
            return row
        at = end
    return None
