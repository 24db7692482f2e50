"""Notes that Autotask has promised and not written yet (switch ``adjustment_note: late``; section 11.10, U)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any


class LateNotes:
    """Rows of ContractNotes on their way; they get their ids when they are written, so that ids keep growing."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._waiting: deque[tuple[float, dict[str, Any]]] = deque()

    def put(self, note: dict[str, Any]) -> None:
        """Due after the seed's ``limits.late_note_seconds`` of real time."""
        self._waiting.append((self._monotonic() + self._seconds, note))

    def due(self) -> list[dict[str, Any]]:
        """The notes whose time has come, oldest first; each is given out once."""
        found = []
        while self._waiting and self._waiting[0][0] <= self._monotonic():
            found.append(self._waiting.popleft()[1])
        return found
