"""What the executor does with one book after one reading: pure, the heart of *once* (kernel.md sections 3 and 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never

from seatledger.psa_writer.domain import transitions
from seatledger.psa_writer.domain.baseline import Baseline, baseline_of, differs
from seatledger.psa_writer.domain.compare import Sight, as_function, compared_from, fits
from seatledger.psa_writer.domain.reading import ContractFacts, Reading
from seatledger.psa_writer.domain.rows import Shown
from seatledger.psa_writer.domain.transitions import Said
from seatledger.psa_writer.domain.watch import READ_VALID, Moment, Watch, look
from seatledger.schemas.book import Confirmed, LineBook, OpenIntent, OpenState, Trust
from seatledger.schemas.intents import IntentReleased, Refusal
from seatledger.schemas.steps import StepFunction

DUPLICATE: Final = "duplicate data into contract_service_period"
"""Autotask's text where a row already begins on that day: perhaps our own lost request's."""


@dataclass(frozen=True)
class Wait:
    """Read again later."""

    why: str


@dataclass(frozen=True)
class Send:
    """Post the jump at D: the rows are ``before``, and nothing forbids it."""


@dataclass(frozen=True)
class Save:
    """The book after this decision."""

    book: LineBook


Verdict = Wait | Send | Save


@dataclass(frozen=True)
class Policy:
    """``wait`` is W in seconds of machine time."""

    wait: float


def decide(
    book: LineBook, reading: Reading, watch: Watch, recent: Sequence[Confirmed], moment: Moment, policy: Policy
) -> tuple[Verdict, Watch]:
    """The next step of the open intent. ``recent`` holds the writes confirmed within W."""
    claim = transitions.opened(book)
    case = _Case(transitions.pruned(book, recent), claim, reading, moment, policy)
    seen, shown, watch = look(watch, claim, reading, recent, moment, policy.wait)
    seen = _doubted(claim, seen, shown)
    match claim.state:
        case OpenState.TAKEN:
            return _taken(case, seen, shown), watch
        case OpenState.SENT:
            return Wait("a send is under way"), watch
        case OpenState.UNKNOWN:
            return _unknown(case, seen, shown, watch)
        case OpenState.HELD | OpenState.NOT_SEEN:
            return _blocked(case, seen, shown), watch
        case _:
            assert_never(claim.state)


def _doubted(claim: OpenIntent, seen: Sight, shown: Shown | None) -> Sight:
    """In a contract's last period a split row is all that can be read. One that begins on D may be our own jump, shown
    as a delta that happens to equal ``before``: once a request has left, that is no sight of ``before``, and no ground
    to send again (docs/decisions/0009-what-the-rules-left-open.md)."""
    refused = is_duplicate(claim) and claim.sends == 1
    if seen is not Sight.BEFORE or shown is None or not claim.ever_unknown or refused:
        return seen
    return Sight.OTHER if shown.split_on is not None and shown.split_on == claim.intent.on else seen


@dataclass(frozen=True)
class _Case:
    book: LineBook
    claim: OpenIntent
    reading: Reading
    moment: Moment
    policy: Policy

    @property
    def intent(self) -> IntentReleased:
        return self.claim.intent

    def said(self, message: str = "", shown: Shown | None = None, refusal: Refusal | None = None) -> Said:
        rows = as_function(shown) if shown else None
        return Said(refusal=refusal, message=message, rows=rows, posted_spans=self.reading.posted_spans)

    def refuse(self, refusal: Refusal, message: str) -> Save:
        return Save(transitions.refused(self.book, self.said(message, refusal=refusal), self.moment.now))

    def confirm(self, shown: Shown | None) -> Save:
        said = self.said(shown=shown)
        return Save(transitions.confirmed(self.book, said, self.moment.now, self.moment.machine_now))

    def block(self, state: OpenState, message: str, shown: Shown | None) -> Save:
        return Save(transitions.blocked(self.book, state, self.said(message, shown), self.moment.now))


def _taken(case: _Case, seen: Sight, shown: Shown | None) -> Verdict:
    contract = case.reading.contract
    if contract is not None and (case.intent.on or case.moment.today) > contract.end:
        return case.refuse(Refusal.CONTRACT_ENDED, _outside_text(case, contract))
    if seen is Sight.NOTHING or seen is Sight.STALE:
        return Wait("the line gave no fresh information")
    if shown is None and _is_unreadable(case.reading):
        if case.reading.mirrored:
            return Wait("the line or its contract cannot be read, and the mirror still has it")
        return case.refuse(Refusal.LINE_GONE, "the line or its contract can no longer be read")
    return _informed(case, seen, shown)


def _informed(case: _Case, seen: Literal[Sight.AFTER, Sight.BEFORE, Sight.OTHER], shown: Shown | None) -> Verdict:
    moved = _moved_baseline(case, shown)
    if moved is not None:
        return Save(transitions.stale(case.book, moved, case.moment.now))
    match seen:
        case Sight.AFTER:
            return _already(case, shown, case.reading.contract)
        case Sight.BEFORE:
            return _send_or_refuse(case, case.reading.contract)
        case Sight.OTHER:
            return _mismatch(case, shown)
        case _:
            assert_never(seen)


def _outside_text(case: _Case, contract: ContractFacts) -> str:
    day = case.intent.on or case.moment.today
    return f"{day} is outside the contract, which runs from {contract.start} to {contract.end}"


def _is_unreadable(reading: Reading) -> bool:
    """Gone, or out of the API user's sight, whose lists are empty then (reference 15): a full mirror takes nothing from
    those, so it tells the two apart."""
    return reading.contract is None or (not reading.rows and not reading.readable)


def _moved_baseline(case: _Case, shown: Shown | None) -> StepFunction | None:
    """Where the whole reading of a line that is still ``new`` differs from its baseline: what it says instead."""
    contract, book = case.reading.contract, case.book
    if book.trust is not Trust.NEW or case.claim.ever_unknown or contract is None:
        return None
    whole = baseline_of(contract, case.reading.rows, case.reading.since or contract.start)
    if not isinstance(whole, Baseline):
        return None
    if whole.days:
        return whole.units if differs(book, whole) else None
    empty = shown is not None and not fits(shown, book.agreed)
    return book.agreed.before(compared_from(case.intent, case.moment.today), 0) if empty else None


def _already(case: _Case, shown: Shown | None, contract: ContractFacts | None) -> Verdict:
    """The rows are as wished. A link is refused where its contract is over; a jump that is there is simply there."""
    is_link = case.intent.on is None
    if is_link and contract is not None and not contract.in_effect:
        return case.refuse(Refusal.CONTRACT_ENDED, f"contract {contract.contract} is not in effect")
    return case.confirm(shown)


def _send_or_refuse(case: _Case, contract: ContractFacts | None) -> Verdict:
    day = case.intent.on
    if day is None or contract is None or not case.intent.jump:
        return Wait("what has no jump is never sent")
    if day not in contract or not contract.in_effect:
        is_outside = day not in contract
        text = _outside_text(case, contract) if is_outside else f"contract {contract.contract} is not in effect"
        return case.refuse(Refusal.CONTRACT_ENDED, text)
    if case.reading.is_posted(day):
        return case.refuse(Refusal.PERIOD_POSTED, f"the period that contains {day} is approved and posted")
    if any(case.intent.after.units_at(on) < 0 for on in case.intent.after.days_from(day)):
        return case.refuse(Refusal.BELOW_ZERO, "the line would stand below zero")
    if case.moment.seconds - case.reading.read_at > READ_VALID:
        return Wait("the reading is too old to send on")
    return Send()


def _mismatch(case: _Case, shown: Shown | None) -> Verdict:
    if case.claim.ever_unknown:
        return case.block(OpenState.HELD, "before it was sent again the line showed somebody else's units", shown)
    said = case.said("the line shows neither what was agreed nor what is wished", shown)
    day = compared_from(case.intent, case.moment.today)
    return Save(transitions.drifted(case.book, day, said, case.moment.now))


def _unknown(case: _Case, seen: Sight, shown: Shown | None, watch: Watch) -> tuple[Verdict, Watch]:
    if seen is Sight.AFTER:
        return case.confirm(shown), watch
    if case.reading.read_at - watch.first_look < case.policy.wait:
        return Wait("Autotask may still carry the request out"), watch
    match seen:
        case Sight.BEFORE:
            return _twice_before(case, shown, watch)
        case Sight.OTHER:
            return case.block(OpenState.HELD, "after the wait the line shows somebody else's units", shown), watch
        case Sight.STALE | Sight.NOTHING:
            return Wait("the line gave no fresh information"), replace(watch, before_at=None)
        case _:
            assert_never(seen)


def _twice_before(case: _Case, shown: Shown | None, watch: Watch) -> tuple[Verdict, Watch]:
    if watch.before_at is None or case.reading.read_at <= watch.before_at:
        return Wait("before, once: read again"), replace(watch, before_at=case.reading.read_at)
    if is_duplicate(case.claim) and case.claim.sends == 1:
        return case.refuse(Refusal.DATE_TAKEN, taken_text(case.intent)), watch
    return case.block(OpenState.NOT_SEEN, "after the wait the line still shows what was there before", shown), watch


def _blocked(case: _Case, seen: Sight, shown: Shown | None) -> Verdict:
    if seen is Sight.AFTER:
        return case.confirm(shown)
    if seen is Sight.BEFORE and case.claim.state is OpenState.HELD:
        return case.block(OpenState.NOT_SEEN, "the line shows again what was there before", shown)
    return Wait("nothing has changed")


def is_duplicate(claim: OpenIntent) -> bool:
    """Whether Autotask's last answer to this intent was the duplicate text."""
    return claim.answer is not None and DUPLICATE in claim.answer.text.lower()


def taken_text(intent: IntentReleased) -> str:
    return f"somebody else's change of this line begins on {intent.on}"
