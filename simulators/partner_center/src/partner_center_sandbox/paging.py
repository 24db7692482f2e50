"""Pages by continuation token: the second address cannot be made by hand (section 2.3)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from partner_center_sandbox.calls import Call
from partner_center_sandbox.errors import bad_request
from partner_center_sandbox.shapes import collection, link
from partner_center_sandbox.switches import Switches

HEADER = "MS-ContinuationToken"
LARGEST = 500
SEEK = "seekoperation"


@dataclass(frozen=True, slots=True)
class Place:
    """The query that a token continues, and the last row that was shown: its key, and how many there were by then."""

    query: tuple[tuple[str, str], ...]
    after: str
    shown: int


class Pages:
    """All tokens given out; each may be used again, a page can be asked for twice."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._places: dict[str, Place] = {}

    def cut(
        self, call: Call, path: str, known: set[str], rows: Sequence[tuple[str, dict[str, Any]]], switches: Switches
    ) -> Any:
        """The page that ``call`` asks for out of ``rows`` (a key and a document each, in their order); of the query's
        names only ``known`` ones are taken, so that no other way of paging seems to work."""
        for name in set(call.query) - known - {SEEK, "size"}:
            raise bad_request(f"The query parameter {name} is not known.")
        asked = tuple(sorted((name, value) for name, value in call.query.items() if name != SEEK))
        start = self._start(call, asked, [key for key, _ in rows])
        page = rows[start : start + self._size(call)]
        front = {"prefixed": "/v1", "unprefixed": "", "absolute": f"{call.origin}/v1"}[switches.next_link] + path
        parts = [part for part in call.target.partition("?")[2].split("&") if part]
        links = {"self": link("?".join([front, *(["&".join(parts)] if parts else [])]))}
        if used := call.headers.get(HEADER.lower()):
            links["self"]["headers"] = [{"key": HEADER, "value": used}]
        if start + len(page) < len(rows):
            parts = [part for part in parts if not part.lower().startswith(SEEK)]
            uri = f"{front}?{'&'.join([*parts, 'seekOperation=Next'])}"
            links["next"] = self._next(uri, Place(asked, page[-1][0], start + len(page)))
        total = len(rows) if switches.total_count == "all" else len(page)
        return collection([document for _, document in page], links, total)

    def _size(self, call: Call) -> int:
        text = call.query.get("size", str(self._largest))
        if not text.isdigit() or not 1 <= int(text) <= LARGEST:
            raise bad_request(f"The page size has to be between 1 and {LARGEST}.")
        return min(int(text), self._largest)

    def _start(self, call: Call, asked: tuple[tuple[str, str], ...], keys: list[str]) -> int:
        """Where the page begins; without the header that the link names there is no further page."""
        token, seek = call.headers.get(HEADER.lower()), call.query.get(SEEK)
        if not token and seek is None:
            return 0
        place = self._places.get(token or "")
        if place is None or seek is None or seek.lower() != "next" or place.query != asked:
            raise bad_request("The continuation token is missing or does not belong to this request.")
        return keys.index(place.after) + 1 if place.after in keys else min(place.shown, len(keys))

    def _next(self, uri: str, place: Place) -> dict[str, Any]:
        token = base64.b64encode(hashlib.sha256(repr(place).encode()).digest()[:16]).decode()
        self._places[token] = place
        return {**link(uri), "headers": [{"key": HEADER, "value": token}]}
