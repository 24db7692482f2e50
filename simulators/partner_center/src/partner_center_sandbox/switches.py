"""Behaviour that is unconfirmed or that a test wants to choose; the first value of each is the default."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Switches(BaseModel):
    """One field a switch; those that end with ``_s`` are real seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    headers: Literal["required", "optional"] = "required"
    errors: Literal["mixed", "classic", "newer", "gateway"] = "mixed"
    total_count: Literal["page", "all"] = "page"
    next_link: Literal["prefixed", "unprefixed", "absolute"] = "prefixed"
    lost_relation: Literal["403", "404"] = "403"
    provisioning_status: Literal["app_user", "app_only"] = "app_user"
    renewal: Literal["on_command", "calendar"] = "on_command"
    webhooks: Literal["on_change", "on_command"] = "on_change"
    signature_header: Literal["authorization", "x_ms_signature", "both"] = "authorization"
    signature_algorithm: Literal["rsa-sha256", "rsa-sha1"] = "rsa-sha256"
    certificate: Literal["der", "pem"] = "der"
    resource_uri: Literal["webhooks", "plain"] = "webhooks"
    webhook_delay_s: Seconds = 0
    audit_delay_s: Seconds = 0
    change_window_s: Seconds = 0
    order_delay_s: Seconds = 0

    @model_validator(mode="before")
    @classmethod
    def _as_text(cls, raw: object) -> object:
        """YAML reads ``lost_relation: 403`` as a number; the switch is a word."""
        if not isinstance(raw, dict):
            return raw
        words = {name for name in cls.model_fields if not name.endswith("_s")}
        return {key: str(value) if key in words and type(value) is int else value for key, value in raw.items()}


def choices(name: str) -> tuple[str, ...]:
    """The words of a switch, default first; none for a number of seconds."""
    return () if name.endswith("_s") else get_args(Switches.model_fields[name].annotation)
