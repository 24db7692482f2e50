"""Releasing intents and taking them back (kernel.md sections 2, 3 and 6). At most one a line is out."""

import hashlib
from datetime import date, datetime
from typing import Final

from seatledger.contract_planner.domain.dating import Dated
from seatledger.contract_planner.domain.lines import View
from seatledger.contract_planner.domain.state import CompanyDocument, Released, Wish
from seatledger.schemas.book import LineBook
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.envelope import Event
from seatledger.schemas.ids import IntentId, PlanId
from seatledger.schemas.intents import IntentReleased, IntentWithdrawn, LineRef
from seatledger.schemas.planning import PlanDocument
from seatledger.schemas.topics import PLANNED

SOURCE: Final = "/contract-planner"
LINK: Final = "link"
"""Stands for the wish of a link, which has no date."""


def intent_id(document: CompanyDocument, book: LineBook) -> IntentId:
    """Made once, at release, from line, version and this document's version: a later release has another."""
    text = f"{book.key}\n{book.version}\n{document.id}\n{document.rev}"
    return IntentId("intent-" + hashlib.sha256(text.encode()).hexdigest()[:24])


def release_wish(
    document: CompanyDocument, seen: View, step: Dated, wish: Wish, plan: PlanDocument, now: datetime
) -> Released | None:
    """The head of the chain as an intent: ``after`` is ``before`` shifted by the jump from its date on."""
    if seen.book is None:
        return None
    intent = IntentReleased(
        id=intent_id(document, seen.book),
        at=_place(document, seen),
        version=seen.book.version,
        on=step.on,
        before=step.before,
        after=step.after,
        jump=step.jump,
        plan=PlanId(plan.id),
        item=wish.hash,
        causes=wish.causes,
        released_at=now,
    )
    return _released(intent, seen, step.on, now)


def release_link(document: CompanyDocument, seen: View, today: date, now: datetime) -> Released | None:
    """An intent without a jump: it needs no plan, has no date, and is answered from a read."""
    if seen.book is None:
        return None
    intent = IntentReleased(
        id=intent_id(document, seen.book),
        at=_place(document, seen),
        version=seen.book.version,
        on=None,
        before=seen.book.agreed,
        after=seen.book.agreed,
        jump=0,
        causes=tuple(sorted({member.cause.id for member in seen.members})),
        released_at=now,
    )
    return _released(intent, seen, today, now)


def _place(document: CompanyDocument, seen: View) -> LineRef:
    return LineRef(
        connection=document.connection,
        company=document.company,
        contract=seen.state.contract,
        line=seen.state.line,
        service=seen.state.service,
    )


def _released(intent: IntentReleased, seen: View, day: date, now: datetime) -> Released:
    causes = [member.cause for member in seen.members if member.cause.id in intent.causes]
    first = min(causes, key=lambda cause: cause.id, default=None)
    return Released(
        intent=intent,
        event=Event.about(intent, source=SOURCE, subject=intent.id, revision=1, time=now, cause=first),
        item=intent.item,
        from_day=day,
        shares={key: share.units_at(day) for key, share in seen.shares.items()},
        contract=seen.fingerprint,
    )


def withdraw(released: Released, reason: str, now: datetime) -> Released:
    """The intent with its withdrawal; it stays out until the writer answers."""
    intent = released.intent
    said = IntentWithdrawn(intent=intent.id, at=intent.at, version=intent.version, reason=reason, withdrawn_at=now)
    event = Event.about(said, source=SOURCE, subject=intent.id, revision=1, time=now, cause=released.event)
    return released.model_copy(update={"withdrawal": event, "heard_after_withdrawal": False})


def saying(document: CompanyDocument, released: Released) -> Outgoing:
    """What is to be said of it, now and again: the intent, or once it is withdrawn its withdrawal and never itself."""
    return Outgoing(topic=PLANNED.name, key=str(document.key), event=released.withdrawal or released.event)


def sayings(document: CompanyDocument) -> list[Outgoing]:
    """All that is out and has no end."""
    return [saying(document, line.released) for line in document.lines.values() if line.released is not None]


def in_flight(released: Released, book: LineBook | None) -> bool:
    """Whether the book still stands where it stood for this intent. Where it does not, the intent has ended and its
    settlement is on the way: nothing must be taken back for a difference that the intent itself made."""
    if book is None:
        return True
    if book.open is not None:
        return book.open.intent.id == released.intent.id
    return book.version == released.intent.version


def still_wished(released: Released, seen: View) -> bool:
    """Whether the line's first wish is still this intent."""
    intent = released.intent
    if intent.on is None:
        return seen.linking
    head = next(iter(seen.chain.steps), None)
    return head is not None and (head.on, head.jump) == (intent.on, intent.jump)


def wish_of(intent: IntentReleased) -> str:
    """What a refusal refuses: with another of these it may go out again."""
    if intent.on is None:
        return LINK
    return f"{intent.on}/{intent.before.units_at(intent.on)}/{intent.after.units_at(intent.on)}"


def first_wish(seen: View) -> str | None:
    """The same text for what the line wishes first now; None where it wishes nothing."""
    head = next(iter(seen.chain.steps), None)
    if head is None:
        return LINK if seen.linking else None
    return f"{head.on}/{head.before.units_at(head.on)}/{head.after.units_at(head.on)}"
