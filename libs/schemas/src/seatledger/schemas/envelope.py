"""CloudEvents 1.0 in structured JSON: the whole envelope stands in the record's value, readable with any tool.

``id`` is a hash of type, subject and revision: saying an event again is the same event.
"""

import hashlib
from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from seatledger.schemas.base import Instant, Strict, Tolerant

DATASCHEMA = "urn:seatledger:schema:{name}:{major}"


class EventData(Tolerant):
    """The payload of one type of event. Subclasses say their name, their topic and their major version."""

    event_type: ClassVar[str]
    event_major: ClassVar[int] = 1


class EventHead(BaseModel):
    """What a CloudEvent says beside its data.

    ``correlationid`` is the id of the first event of the chain, ``causationid`` that of the event before.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: str
    """A hash of type, subject and revision: said again it is the same."""
    source: str
    """The service that says it: `/collector`, `/psa-writer`."""
    type: str
    """The event's name."""
    subject: str
    """What it is about."""
    time: Instant
    """The instant of the business calendar."""
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    """Name and major version of the data's schema."""
    correlationid: str
    """Id of the first event of the chain."""
    causationid: str | None = None
    """Id of the event before; absent in the first."""

    @property
    def correlation(self) -> str:
        return self.correlationid

    @property
    def major(self) -> int:
        """The major version of the data's schema; ValueError where ``dataschema`` is not one of ours."""
        return int(self.dataschema.rpartition(":")[2])


class Cause(Strict):
    """The event that last changed something, and the first event of its chain."""

    id: str
    correlation: str

    @classmethod
    def of(cls, event: EventHead) -> Self:
        return cls(id=event.id, correlation=event.correlationid)


class Event(EventHead):
    """One CloudEvent around its data."""

    data: dict[str, Any]
    """What happened, by the event's type."""

    @property
    def cause(self) -> Cause | None:
        """The event before; None in the first of a chain."""
        return Cause(id=self.causationid, correlation=self.correlationid) if self.causationid else None

    @classmethod
    def about(
        cls,
        data: EventData,
        *,
        source: str,
        subject: str,
        revision: str | int,
        time: datetime,
        cause: EventHead | Cause | None = None,
    ) -> Self:
        """The event that says ``data`` of ``subject`` at ``revision``; without a cause it begins a chain.

        ``source`` is the producer (``/collector``, ``/psa-writer``), ``time`` the business instant.
        """
        event_id = event_identity(data.event_type, subject, revision)
        return cls(
            id=event_id,
            source=source,
            type=data.event_type,
            subject=subject,
            time=time,
            dataschema=DATASCHEMA.format(name=data.event_type, major=data.event_major),
            correlationid=cause.correlation if cause else event_id,
            causationid=cause.id if cause else None,
            data=data.model_dump(mode="json"),
        )

    def to_bytes(self) -> bytes:
        return to_json(self, exclude_none=True)


def event_identity(event_type: str, subject: str, revision: str | int) -> str:
    """The id of an event: the same for the same type, subject and revision, whoever says it and how often."""
    return hashlib.sha256(f"{event_type}\n{subject}\n{revision}".encode()).hexdigest()[:32]


class UnreadableEventError(ValueError):
    """A record that is no event of ours: ``why`` is one line for a person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
