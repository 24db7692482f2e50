"""What the stack tells the one who runs it, for progress lines and ``run.json``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """The moments in a child's life, and the recovery after a lost broker."""

    STARTED = "started"  # the process exists; it may not answer yet
    READY = "ready"  # it answers
    RESTARTED = "restarted"  # it answers again after a death
    DIED = "died"  # it ended although nobody asked for it
    FAILED = "failed"  # an attempt to bring it back did not succeed; another follows
    DISK_FULL = "disk_full"  # the store cannot write; it is restarted until there is room again
    STOPPED = "stopped"  # it ended because it was asked to
    RECOVERED = "recovered"  # the hook after a lost broker has run to its end
    RECOVERY_FAILED = "recovery_failed"  # the hook raised; it is called again


@dataclass(frozen=True)
class DevstackEvent:
    """One moment of one child. ``detail`` is for people: exit status, last lines of the log, error text."""

    kind: EventKind
    name: str
    pid: int | None = None
    detail: str = ""


Listener = Callable[[DevstackEvent], None]
"""Called in the event loop; must return at once and must not raise."""


def ignore(_event: DevstackEvent) -> None:
    """The listener of somebody who does not care."""
