"""The two ways a model of the published language treats what it does not know.

Events are *written strictly and read tolerantly*: a newer release may add fields, an older one ignores them.
Inner values, commands and settings forbid extras: there an unknown key is a typing error by somebody.
"""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer


def instant_text(value: AwareDatetime) -> str:
    """UTC with a trailing Z, seconds or milliseconds: ``2026-03-01T08:00:00Z``."""
    text = value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


Instant = Annotated[AwareDatetime, PlainSerializer(instant_text, return_type=str, when_used="json")]
"""An aware UTC instant; never a calendar date (design.md section 4)."""


class Frozen(BaseModel):
    """What is changed by copying alone; a planning copies dozens of times for each subscription."""

    model_config = ConfigDict(frozen=True)

    def __copy__(self) -> Self:
        """As pydantic's own, less what only a model with extra fields or private attributes needs."""
        copied = type(self).__new__(type(self))
        _set(copied, "__dict__", self.__dict__.copy())
        _set(copied, "__pydantic_extra__", None)
        _set(copied, "__pydantic_fields_set__", self.__pydantic_fields_set__.copy())
        _set(copied, "__pydantic_private__", None)
        return copied


_set = object.__setattr__


class Strict(Frozen):
    """A frozen value that forbids unknown fields."""

    model_config = ConfigDict(extra="forbid")


class Tolerant(Frozen):
    """A frozen record that ignores unknown fields, so that older readers survive newer writers."""

    model_config = ConfigDict(extra="ignore")


class OpenEnum(StrEnum):
    """An enum that reads unknown values as ``other``; the reader raises a finding, nothing crashes.

    Every subclass defines ``OTHER = "other"``.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("other") if isinstance(value, str) and value != "other" else None


Json = dict[str, Any]
"""A JSON object as the store and the bus carry it."""
