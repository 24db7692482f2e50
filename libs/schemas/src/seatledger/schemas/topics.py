"""The topics, declared once: key, partitions, retention (design.md section 2).

``seatledger topics apply`` creates them; a service that finds a mismatch stops with a clear line.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

PARTITIONS: Final = 12


@dataclass(frozen=True)
class Topic:
    """A topic as declared. ``retention`` None means for ever; ``name`` is without the installation's prefix."""

    name: str
    key: str
    meaning: str
    retention: timedelta | None = None

    def named(self, prefix: str) -> str:
        return f"{prefix}{self.name}"

    @property
    def config(self) -> dict[str, str]:
        """Kafka's topic settings."""
        milliseconds = -1 if self.retention is None else int(self.retention.total_seconds() * 1000)
        return {"cleanup.policy": "delete", "retention.ms": str(milliseconds)}


CHANGED: Final = Topic(
    "subscriptions.changed.v1",
    key="source account / subscription / resource",
    meaning="what a distributor says of a subscription, one event a revision",
    retention=timedelta(days=30),
)
USAGE: Final = Topic(
    "subscriptions.usage.v1",
    key="source account / subscription / resource",
    meaning="what a plan without seats has cost so far this month, one event a revision",
    retention=timedelta(days=30),
)
MAPPED: Final = Topic(
    "subscriptions.mapped.v1",
    key="connection / company",
    meaning="the subscription with its company and service, or why it has none",
    retention=timedelta(days=30),
)
PLANNED: Final = Topic(
    "adjustments.planned.v1",
    key="connection / company",
    meaning="intents that the planner released or withdrew",
)
SETTLED: Final = Topic(
    "adjustments.settled.v1",
    key="connection / company",
    meaning="what became of intents, and what was observed on lines",
)
FINDINGS: Final = Topic(
    "findings.v1",
    key="finding id",
    meaning="all that needs a person, from every service",
)
COMMANDS: Final = Topic(
    "commands.v1",
    key="owner / connection",
    meaning="what people asked for, and what came of it",
)
DEAD: Final = Topic(
    "dead.v1",
    key="source topic / partition",
    meaning="records that could not be read, byte for byte, with where and why",
    retention=timedelta(days=90),
)

TOPICS: Final = (CHANGED, USAGE, MAPPED, PLANNED, SETTLED, FINDINGS, COMMANDS, DEAD)
