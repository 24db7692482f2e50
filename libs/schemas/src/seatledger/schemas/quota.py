"""What the PSA writer used of each connection's hourly budget (collection ``quota``, id = connection).

Calls are reserved before they are made, so that the count is never too low; a reservation that a killed process did not
use stays counted.
"""

from datetime import datetime

from seatledger.schemas.documents import Document
from seatledger.schemas.ids import ConnectionName

QUOTA = "quota"
MINUTES = 60


class QuotaUse(Document):
    """Calls by minute of machine time (minutes since 1970), the last hour of them."""

    connection: ConnectionName
    budget: int
    by_minute: dict[str, int] = {}
    in_flight: int = 0
    """As last noted: a figure for people."""

    def last_hour(self, now: datetime) -> int:
        """Calls of the rolling hour that ends at ``now``, rounded up to whole minutes."""
        oldest = minute_of(now) - MINUTES
        return sum(calls for minute, calls in self.by_minute.items() if int(minute) >= oldest)


def minute_of(now: datetime) -> int:
    return int(now.timestamp()) // 60
