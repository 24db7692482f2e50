"""What could not be read, byte for byte, with where it stood and why (topic ``dead.v1``)."""

from typing import ClassVar

from seatledger.schemas.base import Strict
from seatledger.schemas.envelope import EventData


class RecordPlace(Strict):
    """Where a record stands on the bus."""

    topic: str
    """With the installation's prefix."""
    partition: int
    """Number of the partition."""
    offset: int
    """Number of the record in it."""


class DeadHeader(Strict):
    """A header of the dead record; its value may be any bytes."""

    key: str
    """Its name."""
    value_base64: str | None
    """Its bytes."""


class DeadLetter(EventData):
    """A record that a subscriber could not read. ``bytes_base64`` is its value, ``key_base64`` its key."""

    event_type: ClassVar[str] = "DeadLetter"

    reader: str
    """The service and subscriber that met it."""
    place: RecordPlace
    why: str
    """What is wrong with it, in one sentence."""
    bytes_base64: str | None
    """The record's value; null where it had none, or was too large to be copied (above 10 MiB)."""
    key_base64: str | None = None
    """The record's key."""
    headers: tuple[DeadHeader, ...] = ()
