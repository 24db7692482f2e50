"""Days of a line that no adjustment reaches any more, told once (kernel.md section 6, decision 0029)."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from types import MappingProxyType

from seatledger.contract_planner.domain.costs import monthly
from seatledger.contract_planner.domain.dating import Loss
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.lines import View, due_day, line_subject
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.state import CompanyDocument, Wish
from seatledger.schemas.findings import FindingCode, FindingDraft


def losses(seen: View, chosen: Iterable[Wish], today: date) -> tuple[Loss, ...]:
    """The line's losses with the day on which each was told: by the finding of the wish that loses it, else by one of
    its own, which stands for that day."""
    known = seen.state.losses
    if not seen.plannable:
        return known
    dues = [(due_day(wish, seen), wish.on) for wish in chosen if wish.moved is not None]
    wished = [(due, on) for due, on in dues if due is not None]
    edges = {edge for one in known for edge in (one.first, one.until)} | {due for due, _ in wished}
    pieces = [piece for loss in seen.chain.losses for piece in _cut(loss, edges)]
    told = []
    for piece in pieces:
        by_wish = any(due <= piece.first < on for due, on in wished)
        told.append(piece if by_wish else _told(piece, known, seen, today))
    return tuple(_joined(told))


def _cut(loss: Loss, edges: Iterable[date]) -> list[Loss]:
    days = sorted({loss.first, loss.until, *(day for day in edges if loss.first < day < loss.until)})
    return [loss.model_copy(update={"first": first, "until": until}) for first, until in pairwise(days)]


def _told(piece: Loss, known: Iterable[Loss], seen: View, today: date) -> Loss:
    """What was lost already, in whole or with more seats, is not told again. Units above the target are no loss while
    a subscription leaves: those are its own until they are out."""
    before = next((one for one in known if one.first <= piece.first < one.until and _within(piece, one)), None)
    if before is not None:
        return piece.model_copy(update={"told_on": before.told_on})
    leaving = piece.seats < 0 and seen.state.leavers
    return piece if leaving else piece.model_copy(update={"told_on": today})


def _within(piece: Loss, one: Loss) -> bool:
    return min(one.seats, 0) <= piece.seats <= max(one.seats, 0)


def _joined(pieces: Iterable[Loss]) -> list[Loss]:
    """Neighbours that differ in nothing are one."""
    found: list[Loss] = []
    for piece in pieces:
        before = found[-1] if found and found[-1].until == piece.first else None
        longer = None if before is None else piece.model_copy(update={"first": before.first})
        if longer is not None and longer == found[-1].model_copy(update={"until": piece.until}):
            found[-1] = longer
        else:
            found.append(piece)
    return found


def loss_notices(document: CompanyDocument, seen: View, facts: Facts, policy: Policy) -> Iterator[FindingDraft]:
    """One finding a loss, for the day on which it was found."""
    line = document.lines[str(seen.state.line)]
    period = seen.contract.period_type if seen.contract is not None else None
    for loss in line.losses:
        if loss.told_on != facts.today:
            continue
        side = "higher" if loss.seats > 0 else "lower"
        yield FindingDraft(
            loss.why,
            line_subject(document, line, f"{loss.first} to {loss.until}"),
            f"line {line.line} should have stood {abs(loss.seats)} units {side} from {loss.first} until {loss.until}, "
            f"{_WHY[loss.why]}: nothing goes out for these days",
            "Bill or credit them by hand if they matter.",
            monthly(seen.mirrored, period, loss.seats, policy.currency),
        )


_WHY = MappingProxyType(
    {
        FindingCode.PERIOD_POSTED: "days of a period that is posted",
        FindingCode.DATE_USED: "days before one that was used already",
        FindingCode.DATE_OUTSIDE_CONTRACT: "days before the contract begins",
    }
)
