"""Says a dead record again, byte for byte, on the topic and partition it came from (decision 0017).

The service that could not read it owns the letter, for its finding does. Whether that was done before is told by the
finding: it stands open until then. A record that still cannot be read becomes another letter with a finding of its own.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from seatledger.runtime.delivery import read_record
from seatledger.runtime.findings import Findings
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Collection
from seatledger.schemas.commands import CommandIssued, RetryDead
from seatledger.schemas.dead import DeadLetter, RecordPlace
from seatledger.schemas.envelope import Event, UnreadableEventError
from seatledger.schemas.findings import FindingCode, Subject, finding_identity

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Raw:
    """A record as it lay on the bus."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Letters(Protocol):
    """What lies on dead.v1."""

    async def at(self, place: RecordPlace) -> tuple[Event, DeadLetter] | None:
        """The letter that stands there; None where none does any more. Raises BusUnavailableError."""


class RawSink(Protocol):
    """Where raw records go."""

    async def republish(self, raw: Raw) -> None:
        """Returns once it is confirmed on the record's own topic and partition; raises as a publishing does."""


@dataclass(frozen=True)
class RetryDeadLetters:
    """The command ``retry_dead`` of one service. ``topics``: the full names of those that we write."""

    service: str
    letters: Letters
    sink: RawSink
    findings: Findings
    stored: Collection
    """The findings of this service."""
    topics: frozenset[str]

    async def __call__(self, command: CommandIssued) -> Answer:
        """Publishing comes first: where a process dies between the two, the command is run again and the record is said
        once more, which no reader minds."""
        body = command.body
        if not isinstance(body, RetryDead):
            raise TypeError(f"{body.do} retries no letter")
        found = await self.letters.at(body.place)
        if found is None or found[0].id != body.letter:
            return Answer(ok=False, message="the letter is no longer on dead.v1, which keeps them for 90 days")
        event, letter = found
        if refused := self._refused(letter):
            return Answer(ok=False, message=refused)
        subject = Subject(detail=event.subject)
        if not await self._stands_open(subject):
            return Answer(message="it was said again before", result={"again": False})
        raw = raw_of(letter)
        if body.publish:
            await self.sink.republish(raw)
        await self.findings.close(FindingCode.DEAD_LETTER, subject)
        return Answer(message=_still(raw), result={"again": True})

    def _refused(self, letter: DeadLetter) -> str:
        if not letter.reader.startswith(f"{self.service}."):
            return f"{letter.reader} met it, not {self.service}"
        if letter.place.topic not in self.topics:
            return f"{letter.place.topic} is no topic of this installation"
        if letter.bytes_base64 is None:
            return f"there are no bytes to say again: {letter.why}"
        return ""

    async def _stands_open(self, subject: Subject) -> bool:
        stored = await self.stored.get(finding_identity(FindingCode.DEAD_LETTER, subject))
        return stored is None or stored.get("closed_at") is None


def raw_of(letter: DeadLetter) -> Raw:
    """The record that a letter copied. Names of headers that were no text stay as they were written down."""
    headers = tuple((header.key, _bytes(header.value_base64)) for header in letter.headers)
    place = letter.place
    return Raw(
        place.topic, place.partition, place.offset, _bytes(letter.key_base64), _bytes(letter.bytes_base64), headers
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _still(raw: Raw) -> str:
    """Why it will come back; nothing where it can be read by now, and its reader decides."""
    try:
        read_record(raw)
    except UnreadableEventError as error:
        return f"it still cannot be read and will come back as another letter: {error.why}"
    return ""
