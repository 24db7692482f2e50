"""The business calendar's day, read in each PSA tenant's zone, behind :class:`seatledger.mapper.ports.Days`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from seatledger.runtime.clock import BusinessClock
from seatledger.schemas.ids import ConnectionName


@dataclass(frozen=True)
class LocalDays:
    """Of a connection that is no longer in the configuration, UTC's day."""

    calendar: BusinessClock
    zones: Mapping[ConnectionName, ZoneInfo]

    def now(self) -> datetime:
        return self.calendar.now()

    def today(self, connection: ConnectionName) -> date:
        zone = self.zones.get(connection)
        return self.calendar.today(zone) if zone else self.calendar.now().astimezone(UTC).date()
