"""Dead letters as people see them: one a record, whoever met it, with whether it was said again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seatledger.cli.context import Row
from seatledger.cli.errors import usage
from seatledger.schemas.base import instant_text
from seatledger.schemas.dead import DeadLetter, RecordPlace
from seatledger.schemas.envelope import Event
from seatledger.schemas.findings import FindingCode, Subject, finding_identity

if TYPE_CHECKING:
    from seatledger.runtime.store import Store


@dataclass(frozen=True)
class Met:
    """One reader's letter, and where it stands on dead.v1."""

    place: RecordPlace
    event: Event
    letter: DeadLetter

    @property
    def service(self) -> str:
        return self.letter.reader.partition(".")[0]


@dataclass
class Dead:
    """A record that could not be read. Letters of its readers bear one id."""

    met: list[Met] = field(default_factory=list)
    retried: bool = False

    @property
    def id(self) -> str:
        return self.met[0].event.id

    @property
    def first(self) -> DeadLetter:
        return self.met[0].letter

    def row(self) -> Row:
        """As interface.md has it, and who met it, when, and whether it was said again."""
        letter = self.first
        return {
            "id": self.id,
            "at": instant_text(self.met[0].event.time),
            "from": letter.place.model_dump(),
            "readers": [one.letter.reader for one in self.met],
            "why": letter.why,
            "retried": self.retried,
            "key_base64": letter.key_base64,
            "headers": [header.model_dump() for header in letter.headers],
            "bytes_base64": letter.bytes_base64,
        }


def gathered(met: Sequence[Met]) -> list[Dead]:
    """One for each place, in the order in which they were met. A record that died again under a new bus epoch has
    another id, and the newest counts; so does a reader's newest letter."""
    places: dict[str, dict[str, dict[str, Met]]] = {}
    for one in met:
        by_id = places.setdefault(one.event.subject, {})
        by_id.setdefault(one.event.id, {})[one.letter.reader] = one
    return [Dead(list(list(by_id.values())[-1].values())) for by_id in places.values()]


def finding_of(dead: Dead) -> str:
    """Id of the finding that each of its readers raised."""
    return finding_identity(FindingCode.DEAD_LETTER, Subject(detail=dead.met[0].event.subject))


async def raised_by(store: "Store", finding: str) -> list[str]:
    """The services that raised a finding of this id."""
    from seatledger.schemas.heads import SERVICES

    return [service for service in SERVICES if await store.collection(f"findings_{service}").get(finding)]


async def judged(store: "Store", found: Sequence[Dead]) -> list[Dead]:
    """With whether each was said again, or ignored: then no reader's finding stands open any more."""
    for dead in found:
        finding = finding_of(dead)
        stored = [await store.collection(f"findings_{one.service}").get(finding) for one in dead.met]
        dead.retried = all(row is not None and row.get("closed_at") is not None for row in stored)
    return list(found)


def chosen(found: Sequence[Dead], word: str) -> Dead:
    """The one with this id, or the beginning of it; exit 2 where there is none, or several."""
    meant = [dead for dead in found if dead.id.startswith(word)]
    if len(meant) == 1:
        return meant[0]
    what = "several begin so" if meant else "there is none with this id"
    raise usage(f"dead letter {word!r}", what, "`seatledger dead list` lists them")
