"""Who says which event on which topic, and who reads it. A test compares what is written here with the code.

``cli`` is a person at the command line. What no service reads is there for people, and for whoever comes later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from seatledger.schemas import topics
from seatledger.schemas.commands import CommandAnswered, CommandIssued
from seatledger.schemas.dead import DeadLetter
from seatledger.schemas.envelope import EventData
from seatledger.schemas.findings import FindingClosed, FindingRaised
from seatledger.schemas.heads import SERVICES
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, IntentWithdrawn, LineObserved
from seatledger.schemas.subscriptions import SubscriptionChanged, SubscriptionMapped
from seatledger.schemas.usage import UsageObserved

COLLECTOR, MAPPER, PLANNER, WRITER = ((service,) for service in SERVICES)
CLI: Final = ("cli",)


@dataclass(frozen=True)
class Saying:
    """One type of event on its topic."""

    data: type[EventData]
    said_by: tuple[str, ...]
    read_by: tuple[str, ...] = ()


FLOW: Final[Mapping[topics.Topic, tuple[Saying, ...]]] = {
    topics.CHANGED: (Saying(SubscriptionChanged, COLLECTOR, MAPPER),),
    topics.USAGE: (Saying(UsageObserved, COLLECTOR),),
    topics.MAPPED: (Saying(SubscriptionMapped, MAPPER, PLANNER),),
    topics.PLANNED: (Saying(IntentReleased, PLANNER, WRITER), Saying(IntentWithdrawn, PLANNER, WRITER)),
    topics.SETTLED: (Saying(AdjustmentSettled, WRITER, PLANNER), Saying(LineObserved, WRITER, PLANNER)),
    topics.FINDINGS: (Saying(FindingRaised, SERVICES), Saying(FindingClosed, SERVICES)),
    topics.COMMANDS: (Saying(CommandIssued, CLI, SERVICES), Saying(CommandAnswered, SERVICES)),
    topics.DEAD: (Saying(DeadLetter, SERVICES, CLI),),
}
