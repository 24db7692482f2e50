"""Money is a decimal amount with its currency; amounts of two currencies never meet."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer

from seatledger.schemas.base import Strict


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were added."""


def _amount_text(value: Decimal) -> str:
    text = f"{value:f}"
    return text if "." in text else f"{text}.00"


Amount = Annotated[Decimal, PlainSerializer(_amount_text, return_type=str, when_used="json")]


class Money(Strict):
    """An amount in one currency (ISO 4217): ``{"amount": "12.30", "currency": "EUR"}`` in JSON."""

    amount: Amount
    """Decimal, as text."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """Three letters of ISO 4217."""

    def __add__(self, other: "Money") -> "Money":
        if self.currency != other.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency} cannot be added")
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def times(self, units: int) -> "Money":
        """The amount for a number of units; units may be negative."""
        return Money(amount=self.amount * units, currency=self.currency)

    def rounded(self) -> "Money":
        """Two decimals, for people; never for comparing."""
        return Money(amount=self.amount.quantize(Decimal("0.01")), currency=self.currency)
