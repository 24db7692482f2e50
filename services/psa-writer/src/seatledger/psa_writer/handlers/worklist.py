"""Which books have something to do, told from two indexes without reading the books."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from seatledger.runtime.store import Documents
from seatledger.schemas.book import LineBook, OpenState
from seatledger.schemas.heads import DOUBTFUL
from seatledger.schemas.ids import ConnectionName

OPEN: Final[dict[str, Any]] = {"open.state": {"$in": [state.value for state in OpenState]}}
DRIFTED: Final[dict[str, Any]] = {"drift.since": {"$gt": ""}}
"""Not ``$exists``: books with nothing open and no drift are in the indexes too (as null), so all would be examined."""
BLOCKED = frozenset(OpenState(code.value) for code in DOUBTFUL)


@dataclass(frozen=True)
class Worklist:
    """One look at one connection's books."""

    working: tuple[str, ...]
    """Ids of the books whose intent is on its way."""
    waiting: Mapping[str, int]
    """Id and revision of each book that needs a person."""


async def worklist(books: Documents[LineBook], connection: ConnectionName) -> Worklist:
    """The books of a connection that have something to do now."""
    mine = {"at.connection": connection}
    opened = await books.collection.find(mine | OPEN, fields=["rev", "open.state"])
    drifted = await books.collection.find(mine | DRIFTED, fields=["rev"])
    blocked = [book for book in opened if book["open"]["state"] in BLOCKED]
    return Worklist(
        working=tuple(book["_id"] for book in opened if book["open"]["state"] not in BLOCKED),
        waiting={book["_id"]: book["rev"] for book in (*blocked, *drifted)},
    )
