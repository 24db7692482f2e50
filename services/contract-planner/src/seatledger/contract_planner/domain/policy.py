"""What the configuration lets the planner do for one PSA connection, free of the configuration's own shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from seatledger.schemas.ids import CompanyId, ConnectionName


class Mode(StrEnum):
    """Who says yes to a plan: nobody, a person, or the policy (kernel.md section 8)."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    AUTO = "auto"


@dataclass(frozen=True)
class SourcePolicy:
    """A source account as the planner sees it. The lowest ``rank`` wins where two accounts show one subscription."""

    rank: int
    required: bool = True
    retired: bool = False


UNKNOWN_SOURCE = SourcePolicy(rank=1_000_000, required=False)
"""An account that is gone from the configuration: its members are frozen and yield to every other's claim to rank."""


@dataclass(frozen=True)
class Policy:
    """One PSA connection's policy. ``settle_for`` is in real seconds, ``ahead`` in days of the business calendar."""

    connection: ConnectionName
    zone: ZoneInfo
    currency: str
    mode: Mode = Mode.OBSERVE
    company_modes: Mapping[int, Mode] = field(default_factory=dict)
    first_link_asks: bool = True
    settle_for: float = 60.0
    ahead: int = 0
    sources: Mapping[str, SourcePolicy] = field(default_factory=dict)

    def mode_of(self, company: CompanyId) -> Mode:
        return self.company_modes.get(company, self.mode)

    def observes(self, company: CompanyId) -> bool:
        return self.mode_of(company) is Mode.OBSERVE

    def source(self, name: str) -> SourcePolicy:
        return self.sources.get(name, UNKNOWN_SOURCE)

    @property
    def awaited(self) -> tuple[str, ...]:
        """Source accounts without which no new line gets its first target (kernel.md section 5, *Ready*)."""
        return tuple(name for name, source in self.sources.items() if source.required and not source.retired)
