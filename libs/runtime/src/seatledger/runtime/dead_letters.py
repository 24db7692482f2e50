"""Copies what cannot be read to ``dead.v1``, byte for byte, and raises the finding that says so."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from seatledger.runtime.bus import EventSink, EventTooLargeError
from seatledger.runtime.clock import BusinessClock
from seatledger.runtime.delivery import Record, Unreadable, place_of
from seatledger.runtime.findings import Findings
from seatledger.schemas.dead import DeadHeader, DeadLetter
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event, event_identity
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject, finding_identity
from seatledger.schemas.ids import join
from seatledger.schemas.topics import DEAD

LARGEST_COPY: Final = 10 * 1024 * 1024
"""Bytes; no broker that we make topics on takes the copy of a larger record."""


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _name(key: str) -> str:
    """A header's name; bytes that are no text, which reached us as lone surrogates, as ``\\xff``."""
    return key.encode(errors="surrogateescape").decode(errors="backslashreplace")


def dead_letter(unreadable: Unreadable, *, reader: str) -> DeadLetter:
    """The record as it lay on the bus. Beyond 10 MiB its bytes are left out, and ``why`` gives their hash."""
    record, why, value = unreadable.record, unreadable.why, unreadable.record.value
    if value is not None and len(value) > LARGEST_COPY:
        why, value = _not_copied(why, value), None
    return DeadLetter(
        reader=reader,
        place=place_of(record),
        why=why,
        bytes_base64=_text(value),
        key_base64=_text(record.key),
        headers=tuple(DeadHeader(key=_name(key), value_base64=_text(value)) for key, value in record.headers),
    )


def without_bytes(letter: DeadLetter) -> DeadLetter:
    """Where and why, and a hash in place of the value; key and headers are left out."""
    why = f"{letter.why}; dead.v1 takes no letter so large"
    if letter.bytes_base64 is not None:
        why = _not_copied(why, base64.b64decode(letter.bytes_base64))
    return letter.model_copy(update={"why": why, "bytes_base64": None, "key_base64": None, "headers": ()})


def _not_copied(why: str, value: bytes) -> str:
    return f"{why}; its bytes are not copied, SHA-256 {hashlib.sha256(value).hexdigest()}"


@dataclass(frozen=True)
class DeadLetterSink:
    """Where one subscription's unreadable records go. ``epoch`` tells the logs of two lives of a broker apart: the same
    offset means another record there."""

    service: str
    reader: str
    epoch: int
    sink: EventSink
    findings: Findings
    calendar: BusinessClock

    async def send(self, unreadable: Sequence[Unreadable]) -> None:
        """Idempotent: the same record is the same event and the same finding."""
        try:
            await self.sink.publish(self._outgoing(dead_letter(item, reader=self.reader), item) for item in unreadable)
        except EventTooLargeError:
            for item in unreadable:
                await self._send_alone(item)
        await self.findings.raise_(*(self._finding(item) for item in unreadable))

    async def _send_alone(self, item: Unreadable) -> None:
        """A letter that dead.v1 does not take goes without its bytes, so that it cannot stop the partition for ever."""
        letter = dead_letter(item, reader=self.reader)
        try:
            await self.sink.publish([self._outgoing(letter, item)])
        except EventTooLargeError:
            await self.sink.publish([self._outgoing(without_bytes(letter), item)])

    def _outgoing(self, letter: DeadLetter, item: Unreadable) -> Outgoing:
        event = Event.about(
            letter,
            source=f"/{self.service}",
            subject=_place_text(item.record),
            revision=self.epoch,
            time=self.calendar.now(),
        )
        return Outgoing(topic=DEAD.name, key=join(item.record.topic, item.record.partition), event=event)

    def _identity(self, item: Unreadable) -> str:
        """The letter's id: that of its event, the same for each reader of the record."""
        return event_identity(DeadLetter.event_type, _place_text(item.record), self.epoch)

    def _finding(self, item: Unreadable) -> FindingDraft:
        subject = Subject(detail=_place_text(item.record))
        return FindingDraft(
            code=FindingCode.DEAD_LETTER,
            subject=subject,
            message=f"{self.reader} could not use the record at {_place_text(item.record)}: {item.why}",
            do=f"Look at it (seatledger dead show {self._identity(item)}), mend the cause, then say it again: "
            f"seatledger dead retry {self._identity(item)}. What is no event of ours: seatledger dead ignore "
            f"{finding_identity(FindingCode.DEAD_LETTER, subject)} --reason WHY",
        )


def _place_text(record: Record) -> str:
    return join(record.topic, record.partition, record.offset)
