"""Who has a subscription part, and who may still hold it: claims by mapping revision (kernel.md section 7).

A higher mapping revision takes it at once and the line that had it stays a *holder*; a lower one is refused, so that an
event that comes late claims nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from seatledger.contract_planner.domain.assignments import Assignment, Holder
from seatledger.contract_planner.domain.leaving import Awaited, Known, MoveYes
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.contract_planner.domain.wanting import Denied, Granted, Wanted
from seatledger.schemas.findings import FindingCode

UNNAMED_FOR = timedelta(minutes=1)
"""After this long (machine time) what no company document names may be taken over by an equal mapping revision."""


@dataclass(frozen=True)
class Out:
    """A company takes its line out of a subscription's holders, after its document noted the leave of ``revision``.

    ``until``: the day from which the line holds nothing of it, None where it never held anything; ``leave``: the day
    of the leave, which counts where no line of the chain ever held it. ``claim``: its vendor id goes along.
    """

    subscription: str
    holder: Holder
    revision: int
    until: date | None
    leave: date
    lost_from: date | None = None
    yes: MoveYes | None = None
    known: Known | None = None
    claim: str | None = None
    claim_version: int = 0
    claim_until: date | None = None
    """The day from which the line holds nothing of any sighting of it."""


def take_part(
    current: Assignment | None, want: Wanted, asking: CompanyDocument, holder: CompanyDocument | None, now: datetime
) -> Assignment | Denied | None:
    """The row to store, None where it stands as wanted, or why it is denied."""
    if current is None:
        return _claimed(None, want, asking, now)
    if want.mapping_revision < current.mapping_revision or not _may(current, want, asking, holder, now):
        return Denied(FindingCode.MEMBER_FROZEN, f"company {current.company}")
    wanted = _claimed(current, want, asking, now)
    same = wanted.model_copy(update={"taken_at": current.taken_at, "version": current.version}) == current
    return None if same else wanted


def _may(
    current: Assignment, want: Wanted, asking: CompanyDocument, holder: CompanyDocument | None, now: datetime
) -> bool:
    """Of equal mapping revisions the company that has it keeps it while its document names it."""
    if current.company == asking.id or want.mapping_revision > current.mapping_revision:
        return True
    member = None if holder is None else holder.members.get(current.id)
    named = member is not None and member.line is not None and member.line == current.line
    return not named and now - current.taken_at >= UNNAMED_FOR


def _claimed(current: Assignment | None, want: Wanted, asking: CompanyDocument, now: datetime) -> Assignment:
    """The row as this claim leaves it. A company that knows no line now may still hold it on one that it had."""
    row = Assignment(
        id=want.member,
        connection=asking.connection,
        company=asking.id,
        contract=want.contract,
        line=want.line,
        mapping_revision=want.mapping_revision,
        taken_at=now,
        ended_on=want.ended_on,
    )
    holders = current.holders if current is not None else ()
    if want.line is not None and want.contract is not None:
        own = Holder(company=asking.id, contract=want.contract, line=want.line)
        holders = holders if own in holders else (*holders, own)
    if current is not None:
        stays = {name: getattr(current, name) for name in ("rev", "told", "lost_from", "yes", "known")}
        row = row.model_copy(update={**stays, "version": current.version + 1})
    return with_holders(row, holders)


def with_holders(row: Assignment, holders: tuple[Holder, ...]) -> Assignment:
    leaving = {one.company for one in holders if not row.is_at(one)}
    return row.model_copy(update={"holders": holders, "leaving": tuple(sorted(leaving))})


def granted(row: Assignment, holders: Mapping[str, CompanyDocument]) -> Granted:
    """What the company that has the row now may know: who must leave first, and from which day on it counts."""
    awaits = tuple(
        Awaited(company=one.company, line=one.line, why=_why_it_waits(row.id, one, holders.get(one.company)))
        for one in row.others
    )
    return Granted(
        free_from=None if awaits else row.told,
        awaits=awaits,
        arriving=bool(awaits) or row.told is not None,
        lost_from=row.lost_from,
        yes=row.yes,
        known=() if awaits else row.known,
    )


def unaware(row: Assignment, holders: Mapping[str, CompanyDocument]) -> frozenset[str]:
    """Companies of its holders that would not come to let it go: nobody told them, or not in time."""
    known = {one.company: holders.get(one.company) for one in row.others}
    return frozenset(
        one.company
        for one in row.others
        if (document := known[one.company]) is not None
        and not document.dirty
        and row.id not in (line.leavers if (line := document.lines.get(str(one.line))) is not None else {})
    )


def _why_it_waits(subscription: str, holder: Holder, document: CompanyDocument | None) -> str:
    line = None if document is None else document.lines.get(str(holder.line))
    leaver = None if line is None else line.leavers.get(subscription)
    return "" if leaver is None else leaver.why


def take_out(current: Assignment, out: Out) -> Assignment | None:
    """The row without this holder. None where it is out already, has come back to it, or was claimed under another
    revision than the noted one: since then the company may hold it again."""
    if out.holder not in current.holders or current.is_at(out.holder) or current.mapping_revision != out.revision:
        return None
    rest = tuple(one for one in current.holders if one != out.holder)
    told = {**_told(current, out), "known": _known(current, out)}
    return with_holders(current.model_copy(update=told), rest)


def _known(current: Assignment, out: Out) -> tuple[Known, ...]:
    """A line that held it had taken in all that earlier ones knew."""
    if out.known is None:
        return current.known
    kept = [one for one in current.known if one.revision != out.known.revision]
    newer = [one for one in kept if out.until is None or one.revision > out.known.revision]
    return tuple(sorted([*newer, out.known], key=lambda one: one.revision))


def _told(current: Assignment, out: Out) -> dict[str, object]:
    """The latest day that any of them told. A line that never held it tells its leave only where it was the first of
    its chain: else an earlier one tells, and days before the leave of a line that only waited are not lost."""
    if out.until is not None:
        latest = current.told is None or out.until >= current.told
        yes = out.yes if latest else current.yes
        told = max(out.until, current.told or out.until)
        return {"told": told, "yes": yes, "lost_from": out.lost_from}
    first = current.told is None and current.holders[0] == out.holder
    return {"told": out.leave, "lost_from": out.lost_from} if first else {}
