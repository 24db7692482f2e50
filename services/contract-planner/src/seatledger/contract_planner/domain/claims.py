"""Who may take the claim on a vendor id, who gives it back, and where it goes (kernel.md section 5, *Vendor ids*)."""

from datetime import date, datetime

from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.holding import UNNAMED_FOR, Out
from seatledger.contract_planner.domain.sightings import claim_until, still_held
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.contract_planner.domain.wanting import Denied, Freed, Wanted
from seatledger.schemas.findings import FindingCode


def take(
    current: Assignment | None,
    row_id: str,
    want: Wanted,
    asking: CompanyDocument,
    holder: CompanyDocument | None,
    now: datetime,
) -> Assignment | Denied:
    """The row to store, or who has it. ``holder``: the company of the row, perhaps ``asking`` itself. What is taken
    over from it (see :func:`overtakes`) must be decided on its document as it stands after it was marked."""
    if current is None:
        return _row(row_id, want, asking, now)
    if not current.free and (current.company, current.line) == (asking.id, want.line):
        # Its line may be about to give it back: the raised version lets that come too late.
        return current.model_copy(update={"version": current.version + 1, "taken_at": now, "goes_with": want.member})
    if not _may(current, want, holder, now):
        return Denied(FindingCode.DUPLICATE_SIGHTING, f"line {current.line} of company {current.company}")
    if current.free:
        return _again(current, want, asking, now)
    days = [day for day in (current.free_from, _noted_until(current, holder)) if day is not None]
    return _again(current.model_copy(update={"free_from": max(days, default=None)}), want, asking, now)


def overtakes(current: Assignment, after: Assignment) -> bool:
    """Whether the claim is taken from a line that did not let it go: a planning of its company may have claimed it and
    stand still before its save. Marking the company makes that save lost."""
    return not current.free and (current.company, current.line) != (after.company, after.line)


def _may(current: Assignment, want: Wanted, holder: CompanyDocument | None, now: datetime) -> bool:
    """What its company's document names is never taken over. Else the subscription with which it goes has it at once,
    for its own assignment names no other line any more; anybody else once that one did not come."""
    if not current.free and holder is not None and names(holder, current):
        return False
    if current.goes_with == want.member or (current.free and current.goes_with is None):
        return True
    return now - current.taken_at >= UNNAMED_FOR


def _noted_until(current: Assignment, holder: CompanyDocument | None) -> date | None:
    """From when the line of a claim that its company did not come to give back, or to hand over, holds nothing."""
    line = None if holder is None else holder.lines.get(str(current.line))
    return None if line is None or holder is None else claim_until(holder, line, current.id)


def names(document: CompanyDocument, row: Assignment) -> bool:
    """Whether a company document has a member, or one that is about to leave, behind this claim; or units of one."""
    line = document.lines.get(str(row.line))
    leavers = [] if line is None else [leaver.member for leaver in line.leavers.values()]
    members = [member for member in document.members.values() if member.line == row.line]
    if any(member.claim == row.id for member in (*members, *leavers)):
        return True
    return line is not None and bool(still_held(document, line, row.id))


def _row(row_id: str, want: Wanted, asking: CompanyDocument, now: datetime) -> Assignment:
    return Assignment(
        id=row_id,
        connection=asking.connection,
        company=asking.id,
        contract=want.contract,
        line=want.line,
        mapping_revision=want.mapping_revision,
        taken_at=now,
        goes_with=want.member,
    )


def _again(current: Assignment, want: Wanted, asking: CompanyDocument, now: datetime) -> Assignment:
    fresh = _row(current.id, want, asking, now)
    # Its own units on this line hinder nobody who comes back to it; those of a line before still do.
    from_day = current.told_before if current.line == want.line else current.free_from
    return fresh.model_copy(update={"rev": current.rev, "version": current.version + 1, "free_from": from_day})


def give_back(current: Assignment, given: Freed) -> Assignment | None:
    """The claim as free; None where somebody else has it by now, or its own line took it again: who gives back late
    gives nothing."""
    if (current.company, current.line, current.version) != (given.company, given.line, given.version):
        return None
    return current.model_copy(update={**_told(current, given.on), "free": True, "goes_with": None})


def hand_over(current: Assignment, out: Out, goal: Assignment, now: datetime) -> Assignment | None:
    """The claim as free, kept for the subscription that goes on to another line; None where the line that lets it go
    has it no more."""
    had = (out.holder.company, out.holder.line, out.claim_version)
    if (current.company, current.line, current.version) != had:
        return None
    goes_with = None if goal.line is None else goal.id
    kept = {"free": True, "goes_with": goes_with, "taken_at": now}
    return current.model_copy(update={**_told(current, out.claim_until), **kept})


def _told(current: Assignment, until: date | None) -> dict[str, object]:
    """The latest day of all lines that had it, and what the last of them was told itself."""
    days = [day for day in (current.free_from, until) if day is not None]
    latest = max(days, default=None)
    return {"free_from": latest, "told_before": current.free_from, "version": current.version + 1}
