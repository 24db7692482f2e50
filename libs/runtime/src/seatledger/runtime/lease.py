"""A lease: one holder at a time, told by a beat. It spares calls; no money rests on it (kernel.md section 4.5)."""

from typing import Protocol


class Lease(Protocol):
    """Held by at most one live process as long as clocks run on. A caller may not assume that it still holds the lease
    a moment after it asked; what must not happen twice is guarded by compare-and-set."""

    token: str

    async def run(self) -> None:
        """Keep trying to take and to beat until cancelled. The lease is dead when its beat has not moved for its
        length, measured by the one who waits, on the machine's clock."""

    def held(self) -> bool:
        """Whether this process has beaten within the lease's length."""

    async def release(self) -> None:
        """Give it up at a graceful stop, so that a successor need not wait."""
