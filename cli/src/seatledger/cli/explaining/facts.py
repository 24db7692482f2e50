"""What is known of one subscription or intent, as the stores have it; no decision yet."""

from dataclasses import dataclass, field
from datetime import date
from typing import Self

from seatledger.schemas.base import Json
from seatledger.schemas.book import OpenIntent
from seatledger.schemas.envelope import Cause, Event
from seatledger.schemas.findings import Finding
from seatledger.schemas.ids import IntentId, PlanId, SubscriptionKey
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, LineRef
from seatledger.schemas.mappings import MappingDocument
from seatledger.schemas.planning import PlanDocument, PlanItem, PlanState
from seatledger.schemas.shapes import CompanyShape, LineShape, MappedShape, SnapshotShape, WishShape
from seatledger.schemas.steps import StepFunction


@dataclass(frozen=True)
class Said:
    """A result that the mapper told to a company. ``event`` is None where a newer one has replaced it."""

    id: str
    key: SubscriptionKey
    company: str
    event: Event | None = None


@dataclass(frozen=True)
class Life:
    """An intent with all that became of it. ``released`` is None where only its withdrawal reached the writer."""

    id: IntentId
    at: LineRef
    on: date | None
    before: StepFunction
    after: StepFunction
    jump: int
    plan: PlanId | None
    causes: tuple[str, ...]
    released: IntentReleased | None = None
    history: tuple[AdjustmentSettled, ...] = ()
    open: OpenIntent | None = None
    cause: Cause | None = None
    """The event that released it, as the writer has it."""

    @classmethod
    def of(
        cls,
        said: IntentReleased | AdjustmentSettled,
        released: IntentReleased | None = None,
        history: tuple[AdjustmentSettled, ...] = (),
        opened: OpenIntent | None = None,
        cause: Cause | None = None,
    ) -> Self:
        """From the intent itself, or from an outcome, which repeats what it was."""
        return cls(
            id=said.id if isinstance(said, IntentReleased) else said.intent,
            at=said.at,
            on=said.on,
            before=said.before,
            after=said.after,
            jump=said.jump,
            plan=said.plan,
            causes=said.causes,
            released=released,
            history=history,
            open=opened,
            cause=opened.cause if opened else cause,
        )

    @property
    def item(self) -> str | None:
        """Hash of the plan's item that it carries out."""
        return self.released.item if self.released else None

    @property
    def over(self) -> bool:
        """Whether it has ended: nothing more will come of it."""
        return self.open is None and bool(self.history) and self.history[-1].outcome.ends

    @property
    def order(self) -> tuple[str, str]:
        """Lives in the order in which they began."""
        began = self.released.released_at if self.released else self.history[0].settled_at
        return (began.isoformat(), self.id)


@dataclass
class Facts:
    """All that :mod:`.gathering` found. Documents are kept by the subscription's id."""

    snapshots: dict[str, SnapshotShape] = field(default_factory=dict)
    mapped: dict[str, MappedShape] = field(default_factory=dict)
    companies: dict[str, CompanyShape] = field(default_factory=dict)
    events: frozenset[str] = frozenset()
    """Ids of every result that the mapper can have told of the subscriptions that were asked for."""
    lives: list[Life] = field(default_factory=list)
    said: dict[str, Event] = field(default_factory=dict)
    """The mapper's results that made wishes, by their ids."""
    plans: dict[str, PlanDocument] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    rows: list[MappingDocument] = field(default_factory=list)
    """What people mapped of the customers, offers and subscriptions that are spoken of."""
    raw: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    """Content by :func:`seatledger.cli.explaining.raw.evidence`."""
    unread: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """Why there is no content, by the same."""
    names: dict[str, str] = field(default_factory=dict)
    """Of companies and services in Autotask, by ``company/connection/id`` and ``service/connection/id``."""

    def wishes(self) -> list[tuple[LineShape, WishShape]]:
        """What the subscriptions that were asked for still want of their lines, and is not out."""
        out = {life.item for life in self.lives if life.item and not life.over}
        return [
            (line, wish)
            for company in self.companies.values()
            for line in company.lines.values()
            for wish in line.wishes
            if self.events & set(wish.causes) and wish.hash not in out
        ]

    def observed(self, plan: PlanDocument) -> list[PlanItem]:
        """What would be done for the subscriptions that were asked for. In `observe` they are taken onto no line, so
        that no wish says it."""
        shown = plan.state is PlanState.PROPOSED and plan.asks == "observe"
        return [item for item in plan.items if shown and self.events & set(item.causes)]
