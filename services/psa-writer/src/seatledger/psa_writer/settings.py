"""What the writer derives from a connection's configuration (kernel.md section 4)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from seatledger.schemas.ids import CompanyId, ConnectionName

LONGEST_CLAIM: Final = 30.0
LONGEST_LEASE: Final = 10.0


@dataclass(frozen=True)
class ConnectionSettings:
    """One connection. ``wait`` is W in machine seconds, ``observes`` the stop switch by company."""

    name: ConnectionName
    zone: ZoneInfo
    currency: str
    wait: float
    mirror_seconds: float
    observes: Callable[[CompanyId], bool]
    loopback: bool = True

    @property
    def claim_seconds(self) -> float:
        """From before the mark *sent* to the first byte."""
        return min(LONGEST_CLAIM, self.wait / 3)

    @property
    def lease_seconds(self) -> float:
        return min(LONGEST_LEASE, self.wait / 3)

    @property
    def slowest_read(self) -> float:
        """The longest pause between two readings of an intent whose outcome is unknown."""
        return max(0.3, min(60.0, self.wait / 12))
