"""What a finding costs a month."""

from decimal import Decimal

from seatledger.schemas.mirror import PERIOD_MONTHS, MirrorLine
from seatledger.schemas.money import Money


def monthly(line: MirrorLine | None, period_type: int | None, seats: int, currency: str) -> Money | None:
    """Seats × the line's price a month; None where price or period is unknown, never 0 for that reason."""
    months = PERIOD_MONTHS.get(period_type or 0)
    if line is None or line.unit_price is None or months is None:
        return None
    return Money(amount=line.unit_price / Decimal(months), currency=currency).times(abs(seats)).rounded()
