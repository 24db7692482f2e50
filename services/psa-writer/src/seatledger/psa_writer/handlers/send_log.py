"""What the log says of each send: the ids of the chains that asked for it, and what Autotask answered.

Intent by intent the same ids stand on the distributor's row, on the plan and on the outcome, so a change is followed
through the logs of all services by one of them. Texts of answers are left to the outcomes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

from seatledger.psa_writer.ports import NoByteLeft, Posted200, PostOutcome, Refused, ThreadLimit, Unauthorized, Unknown
from seatledger.runtime.chains import MOST, chains
from seatledger.schemas.book import LineBook
from seatledger.schemas.ids import ConnectionName

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


@dataclass(frozen=True)
class SendLog:
    """One connection's sends. A line tells so many at once that none of their ids is left out."""

    connection: ConnectionName
    log: "FilteringBoundLogger"

    def sending(self, marked: Sequence[LineBook]) -> None:
        """These are marked *sent* on disk, and their bytes go out next."""
        self._say("sending", marked)

    def answered(self, told: Sequence[tuple[LineBook, PostOutcome]]) -> None:
        """What came back, one line for those that were answered alike."""
        alike: dict[str, list[LineBook]] = defaultdict(list)
        for book, outcome in told:
            alike[_spoken(outcome)].append(book)
        for answer, books in alike.items():
            self._say("answered", books, answer=answer)

    def _say(self, event: str, books: Sequence[LineBook], **more: str) -> None:
        for start in range(0, len(books), MOST):
            part = books[start : start + MOST]
            lines = [book.id for book in part]
            self.log.info(event, connection=self.connection, sends=len(part), lines=lines, **more, **whose(part))


def whose(books: Sequence[LineBook]) -> dict[str, Any]:
    """What a log line about these books says of the chains that their open intents belong to."""
    return chains(book.open.cause.correlation for book in books if book.open and book.open.cause)


def _spoken(outcome: PostOutcome) -> str:
    match outcome:
        case Posted200():
            return "200"
        case Refused(kind=kind):
            return f"refused: {kind.value}"
        case NoByteLeft(cause=cause):
            return f"no byte left: {cause.value}"
        case ThreadLimit():
            return "thread limit"
        case Unauthorized():
            return "unauthorized"
        case Unknown(status=status):
            return "unknown" if status is None else f"unknown: {status}"
        case _:
            assert_never(outcome)
