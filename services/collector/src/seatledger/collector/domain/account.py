"""What the configuration says of one source account, as far as decisions need it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from seatledger.collector.domain.asks import Suspension
from seatledger.schemas.ids import ConnectionName, SourceName


@dataclass(frozen=True)
class Account:
    """``zone`` is that of the PSA: there an instant becomes the day on which money changes."""

    source: SourceName
    connection: ConnectionName
    zone: ZoneInfo
    suspension: Suspension = Suspension.ZERO_UNITS
    complete: bool = False
    """Every delivery is the full list, where it does not say itself."""
    mass_decrease_percent: Decimal = Decimal(10)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    form: str = ""
    """How cells are written, where that is configured: dates and decimal mark."""

    @property
    def rules(self) -> str:
        """A digest of the settings that decide what a row becomes: under others the same file says something else.

        What only tells what its absence means (``complete``, the brake) is not among them.
        """
        customers = (sorted(set(self.include)), sorted(set(self.exclude)))
        parts = (self.connection, str(self.zone), self.form, self.suspension, *customers)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def takes(self, customer: str) -> bool:
        """Whether a subscription of ``customer`` may begin to be collected."""
        return customer not in self.exclude and (not self.include or customer in self.include)
