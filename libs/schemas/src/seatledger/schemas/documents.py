"""What every stored document shares: an id, a revision for compare-and-set, and its outbox.

State and outgoing events are saved in one atomic write; a flusher publishes them in order and clears them
(design.md section 2). So nothing is said that was not saved, and nothing saved stays unsaid.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from seatledger.schemas.base import Strict, Tolerant
from seatledger.schemas.envelope import Event


class Outgoing(Strict):
    """An event on its way to a topic. ``topic`` is a declared name without the installation's prefix."""

    topic: str
    key: str
    event: Event


class Document(Tolerant):
    """A document of the store. ``rev`` is raised by each replacement; 0 is a document never stored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: Annotated[str, Field(alias="_id")]
    rev: int = 0
    outbox: tuple[Outgoing, ...] = ()
    has_outbox: bool = False
    """Indexed twin of ``outbox``: the store keeps it; True also for a short while after the last entry left."""
