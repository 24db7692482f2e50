"""The PSA writer in a few lines (kernel.md sections 2 and 3), slow on purpose: it takes, sends and answers when told,
so that a test can let everything else happen between."""

from dataclasses import dataclass, field

from planner_world import LINE, World

from seatledger.contract_planner.domain.settling import settle
from seatledger.schemas.book import LineBook, OpenIntent, OpenState, Trust
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import IntentId
from seatledger.schemas.intents import AdjustmentSettled, IntentReleased, IntentWithdrawn, Outcome, Refusal, Span


@dataclass
class SlowWriter:
    """``inbox`` is what was said and not yet taken in, ``answers`` what was decided and not yet delivered."""

    world: World
    inbox: list[Event] = field(default_factory=list)
    answers: list[AdjustmentSettled] = field(default_factory=list)
    known: dict[IntentId, IntentReleased] = field(default_factory=dict)
    ended: dict[IntentId, AdjustmentSettled] = field(default_factory=dict)
    posted: list[IntentReleased] = field(default_factory=list)
    said: int = 0

    @property
    def book(self) -> LineBook:
        return self.world.books[LINE]

    def write(self, **changes: object) -> None:
        self.world.books[LINE] = self.book.model_copy(update=changes)

    def hear(self, events: list[Event]) -> None:
        for event in events:
            self.inbox.append(event)
            if event.type == "IntentReleased":
                intent = IntentReleased.model_validate(event.data)
                self.known[intent.id] = intent

    def take_in(self) -> None:
        """The next of what was said: taken, stale, refused, withdrawn, or the recorded outcome again."""
        if not self.inbox:
            return
        event = self.inbox.pop(0)
        if event.type == "IntentReleased":
            self._released(IntentReleased.model_validate(event.data))
        else:
            self._withdrawn(IntentWithdrawn.model_validate(event.data))

    def _released(self, intent: IntentReleased) -> None:
        if intent.id in self.ended:
            self.answers.append(self.ended[intent.id])
        elif self.book.open is not None or intent.version != self.book.version:
            self._say(intent, Outcome.STALE)
        elif intent.on in self.book.dates_used:
            self._say(intent, Outcome.REFUSED, Refusal.DATE_USED)
        else:
            self.write(open=OpenIntent(intent=intent, state=OpenState.TAKEN))

    def _withdrawn(self, said: IntentWithdrawn) -> None:
        stands = self.book.open
        if said.intent in self.ended:
            self.answers.append(self.ended[said.intent])
        elif stands is None or (stands.intent.id, stands.state) == (said.intent, OpenState.TAKEN):
            self._end(self.known[said.intent], Outcome.WITHDRAWN)

    def work(self, refusal: Refusal | None = None) -> None:
        """One step of what is open: refused before it is sent, sent, or found to be posted."""
        stands = self.book.open
        if stands is None:
            return
        intent = stands.intent
        if stands.state is OpenState.SENT:
            assert intent.before == self.book.agreed
            self.posted.append(intent)
            self._end(intent, Outcome.POSTED if intent.on else Outcome.IN_PLACE, agreed=intent.after)
        elif refusal is None or intent.on is None:
            assert intent.on not in self.book.dates_used
            used = self.book.dates_used if intent.on is None else (*self.book.dates_used, intent.on)
            self.write(open=stands.model_copy(update={"state": OpenState.SENT}), dates_used=used)
            self.write(version=self.book.version + 1)
        else:
            taken = (intent.on,) if refusal is Refusal.DATE_TAKEN else ()
            self.write(dates_used=(*self.book.dates_used, *taken))
            self._end(intent, Outcome.REFUSED, refusal)

    def _end(self, intent: IntentReleased, outcome: Outcome, refusal: Refusal | None = None, **changes: object) -> None:
        trust = Trust.LINKED if changes else self.book.trust
        self.write(open=None, version=self.book.version + 1, trust=trust, **changes)
        self._say(intent, outcome, refusal)

    def _say(self, intent: IntentReleased, outcome: Outcome, refusal: Refusal | None = None) -> None:
        self.said += 1
        spans = (month_of(intent),) if refusal is Refusal.PERIOD_POSTED else ()
        said = AdjustmentSettled(
            intent=intent.id,
            sequence=self.said,
            at=intent.at,
            outcome=outcome,
            refusal=refusal,
            on=intent.on,
            before=intent.before,
            after=intent.after,
            jump=intent.jump,
            version=self.book.version,
            agreed=self.book.agreed,
            dates_used=self.book.dates_used,
            posted_spans=spans,
            settled_at=self.world.facts.now,
        )
        self.ended[intent.id] = said
        self.answers.append(said)

    def deliver(self, *, twice: bool = False) -> None:
        """The oldest answer; ``twice``: it comes again later, behind all others."""
        if not self.answers:
            return
        said = self.answers.pop(0)
        self.world.document = settle(self.world.document, said)
        if twice:
            self.answers.append(said)


def month_of(intent: IntentReleased) -> Span:
    """A posted period around the intent's date."""
    assert intent.on is not None
    return Span(start=intent.on.replace(day=1), end=intent.on.replace(day=28))
