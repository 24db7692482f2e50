"""Behaviour that nobody has confirmed, selectable; the first value of each is the default (section 18)."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, model_validator


class Switches(BaseModel):
    """One field a switch, named as the interface names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    split_units: Literal["total", "delta"] = "total"
    first_row: Literal["cut", "cut_same_day", "kept"] = "cut"
    rows: Literal["eager", "rolling"] = "eager"
    zero_row: Literal["row", "none"] = "row"
    duplicate_date_mid: Literal["error", "merge"] = "error"
    duplicate_date_start: Literal["merge", "error"] = "merge"
    below_zero: Literal["refuse", "allow"] = "refuse"
    posted_span: Literal["extra_row", "refuse"] = "extra_row"
    adjustment_note: Literal["write", "none", "late"] = "write"
    price_by_adjustment: Literal["apply", "ignore"] = "apply"
    proration: Literal["daily", "none"] = "daily"
    grid: Literal["anchored", "drifting"] = "anchored"
    overrun: Literal["429", "429_retry_after", "500"] = "429"
    permission: Literal["403", "500", "empty"] = "403"
    next_post_without_body: Literal["refuse", "accept"] = "refuse"
    internal_description: Literal["accept", "ignore", "refuse"] = "accept"

    @model_validator(mode="before")
    @classmethod
    def _as_text(cls, raw: object) -> object:
        """YAML reads ``overrun: 429`` as a number; the switch is a word."""
        if not isinstance(raw, dict):
            return raw
        return {key: str(value) if type(value) is int else value for key, value in raw.items()}


def choices(name: str) -> tuple[str, ...]:
    """The values of a switch, default first."""
    return get_args(Switches.model_fields[name].annotation)


def no_such_value(name: str, value: object) -> str:
    """Why a switch cannot have that value, and which it can have."""
    return f"{value!r} is no value of this switch. Valid: {', '.join(choices(name))}"
