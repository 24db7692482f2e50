"""Subscriptions that leave a line: noticed, dated, noted as gone (kernel.md section 7)."""

from dataclasses import replace
from datetime import date

from seatledger.contract_planner.domain.assignments import Assignment, Holder
from seatledger.contract_planner.domain.dating import DAY, Openings
from seatledger.contract_planner.domain.facts import Facts
from seatledger.contract_planner.domain.holding import Out
from seatledger.contract_planner.domain.leaving import Known, Left
from seatledger.contract_planner.domain.lines import openings_of
from seatledger.contract_planner.domain.members import leaves, off_its_line
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.shares import contribution
from seatledger.contract_planner.domain.sightings import claim_until, held_of_all, still_held
from seatledger.contract_planner.domain.state import (
    CompanyDocument,
    Leaver,
    LineState,
    Member,
    with_leaver,
    with_line,
    with_member,
    without_leaver,
)
from seatledger.schemas.book import Trust
from seatledger.schemas.ids import CompanyKey
from seatledger.schemas.subscriptions import Unassigned


def follow(document: CompanyDocument, facts: Facts, policy: Policy) -> CompanyDocument:
    """The document after what ``assignments`` says: who is claimed elsewhere leaves, who is out is forgotten, and each
    leave that both ends allow has its date."""
    for row in facts.moves.values():
        document = _claimed_elsewhere(document, row)
    for key, subscription in _leavers(document):
        document = _looked_at(document, document.lines[key], subscription, facts, policy)
    noted = {key: revision for key, revision in document.noted.items() if key in facts.moves}
    return document if noted == document.noted else document.model_copy(update={"noted": noted})


def _leavers(document: CompanyDocument) -> list[tuple[str, str]]:
    """Line and subscription of each."""
    return [(key, one) for key in sorted(document.lines) for one in sorted(document.lines[key].leavers)]


def _claimed_elsewhere(document: CompanyDocument, row: Assignment) -> CompanyDocument:
    """A member whose assignment bears a higher revision under another company leaves, whether or not it heard why."""
    member = document.members.get(row.id)
    if member is None or member.line is None or row.company == document.id:
        return document
    heard = isinstance(member.outcome, Unassigned) and row.mapping_revision == member.mapping_revision
    if row.mapping_revision <= member.mapping_revision and not heard:
        return document
    after = off_its_line(member).model_copy(update={"superseded": row.mapping_revision})
    return with_member(leaves(document, member, after), after)


def _looked_at(
    document: CompanyDocument, line: LineState, subscription: str, facts: Facts, policy: Policy
) -> CompanyDocument:
    leaver, row = line.leavers[subscription], facts.moves.get(subscription)
    if leaver.left is None:
        return with_leaver(document, line, _dated(document, line, leaver, facts, policy))
    return document if _holder(document, line, row) is not None else _forgotten(document, line, leaver, leaver.left)


def _holder(document: CompanyDocument, line: LineState, row: Assignment | None) -> Holder | None:
    """The line's entry in an assignment that it must leave."""
    held = () if row is None else row.held_by(document.id)
    return next((holder for holder in held if holder.line == line.line), None)


def _forgotten(document: CompanyDocument, line: LineState, leaver: Leaver, left: Left) -> CompanyDocument:
    """Its assignment names this line no more. What is held of it ends on the day that was told."""
    if left.until is not None:
        line = line.model_copy(update={"left": {**line.left, leaver.id: left.until}})
    return without_leaver(with_line(document, line), line, leaver.id)


def _dated(document: CompanyDocument, line: LineState, leaver: Leaver, facts: Facts, policy: Policy) -> Leaver:
    """Whether its decrease may be planned, and from which day on: dated once, at the first planning that may, and
    never before the first date that its new line can take."""
    row = facts.moves.get(leaver.id)
    if not holds(line, leaver.id):
        return leaver.model_copy(update={"goes": True, "why": "", "on": leaver.on or facts.today})
    leaver = _seen_gone(line, leaver, facts)
    stuck = _stuck(document, line, facts, policy)
    if stuck is not None or row is None:
        return _waits(leaver, stuck or "no other line is known for it yet")
    if row.ended_on is not None and row.ended_on <= facts.today:
        return _at_its_end(leaver, row.ended_on, row)
    end = _new_end(document, row, facts, policy)
    if isinstance(end, str):
        return _waits(leaver, end)
    if leaver.on is not None and leaver.dated_under == row.mapping_revision:
        return _leaves_on(leaver, leaver.on, row)
    return _to(leaver, row, end, facts.today)


def _seen_gone(line: LineState, leaver: Leaver, facts: Facts) -> Leaver:
    """The mirror that first missed its line, and the day. It may be a gap, and may be seen before it is counted: only
    what is surely another mirror confirms it."""
    if not _is_gone(line, facts):
        return leaver.model_copy(update={"gone_since": None})
    return (
        leaver
        if leaver.gone_since is not None
        else leaver.model_copy(update={"gone_since": facts.newest, "on": leaver.on or facts.today})
    )


def _is_gone(line: LineState, facts: Facts) -> bool:
    return facts.mirrored and (line.line not in facts.lines or line.contract not in facts.contracts)


def _to(leaver: Leaver, row: Assignment, end: Openings, today: date) -> Leaver:
    first = end.search(leaver.on or today)
    if first is None:
        return _waits(leaver, f"contract {row.contract} takes no date any more")
    return _leaves_on(leaver, min(first.on, row.ended_on or first.on), row)


def _at_its_end(leaver: Leaver, ended: date, row: Assignment) -> Leaver:
    """Nobody owes anything after its end; the days before it the new line takes from the leave on, where it is known.
    Should it go on all the same, it is dated anew."""
    on = ended if row.line is None else min(leaver.on or ended, ended)
    return leaver.model_copy(update={"goes": True, "why": "", "on": on, "dated_under": 0})


def _waits(leaver: Leaver, why: str) -> Leaver:
    return leaver.model_copy(update={"goes": False, "why": why})


def _leaves_on(leaver: Leaver, on: date, row: Assignment) -> Leaver:
    return leaver.model_copy(update={"goes": True, "why": "", "on": on, "dated_under": row.mapping_revision})


def holds(line: LineState, subscription: str) -> bool:
    """Whether the line holds units of it for good; what ends on a day ahead is over from there on."""
    return (line.held_of(subscription).last or 0) > 0


def _stuck(document: CompanyDocument, line: LineState, facts: Facts, policy: Policy) -> str | None:
    """Why this line itself can take no decrease. Where its contract is over none is needed."""
    contract, mirrored, book = (
        facts.contracts.get(line.contract),
        facts.lines.get(line.line),
        facts.books.get(line.line),
    )
    if policy.observes(document.company):
        return f"company {document.company} is observed"
    if contract is None or mirrored is None or book is None:
        return f"line {line.line} is not in Autotask any more"
    if not contract.in_effect:
        return f"contract {line.contract} is not in effect"
    if openings_of(line, book, mirrored, contract, facts.today).search(facts.today) is None:
        return f"contract {line.contract} takes no date before it ends on {contract.end}"
    return None


def _new_end(document: CompanyDocument, row: Assignment, facts: Facts, policy: Policy) -> Openings | str:
    """The dates of the line to which it goes, or why it cannot go there yet."""
    company = CompanyKey.parse(row.company).company
    if policy.observes(company):
        return f"company {company} is observed"
    if row.line is None:
        return f"company {company} has no line for it"
    end = facts.ends.get(row.line)
    if end is None or end.contract is None or end.book is None:
        return f"line {row.line} of company {company} is not known yet"
    if not end.contract.in_effect or end.contract.end < facts.today:
        return f"contract {row.contract} is not in effect"
    own = document.lines.get(str(row.line)) if row.company == document.id else None
    return replace(openings_of(own, end.book, end.line, end.contract, facts.today), kept={})


def finish(document: CompanyDocument, facts: Facts) -> tuple[CompanyDocument, list[Out]]:
    """Notes who has left under the revision of its assignment; the lines are taken out of it once this is saved."""
    outs: list[Out] = []
    for key, subscription in _leavers(document):
        line, row = document.lines[key], facts.moves.get(subscription)
        holder = _holder(document, line, row)
        if row is None or holder is None:
            continue
        leaver = _noted(line, line.leavers[subscription], row, facts)
        if leaver.left is not None:
            document = _unowned(document, line, leaver, facts)
            along = _goes_along(document, document.lines[key], leaver)
            document = _without_sightings(document, line, leaver) if along else document
            out = _out(document, document.lines[key], leaver, leaver.left, holder, facts)
            outs.append(_with_claim(document, document.lines[key], leaver, out) if along else out)
    for row in facts.moves.values():
        for holder in row.held_by(document.id):
            if not _is_here(document, row.id, holder):
                document = document.model_copy(update={"noted": {**document.noted, row.id: row.mapping_revision}})
                known = _known(document.members.get(row.id))
                outs.append(Out(row.id, holder, row.mapping_revision, None, facts.today, known=known))
    return document, outs


def _is_here(document: CompanyDocument, subscription: str, holder: Holder) -> bool:
    """Whether this document has it on that line, as a member or on its way out."""
    line, member = document.lines.get(str(holder.line)), document.members.get(subscription)
    return (line is not None and subscription in line.leavers) or (member is not None and member.line == holder.line)


def _noted(line: LineState, leaver: Leaver, row: Assignment, facts: Facts) -> Leaver:
    """The leaver with the note of this revision, where nothing is under way and the line holds nothing from some day
    on, or to the last day of a contract that is over."""
    if leaver.left is not None:
        noted = leaver.left.model_copy(update={"revision": row.mapping_revision})
        return leaver.model_copy(update={"left": noted})
    book, contract = facts.books.get(line.line), facts.contracts.get(line.contract)
    if line.released is not None or (book is not None and book.open is not None):
        return leaver
    held = line.held_of(leaver.id)
    if not holds(line, leaver.id):
        until = held.days[-1] if held.days else None
    elif contract is not None and contract.end < facts.today:
        until = contract.end + DAY
    elif leaver.gone_since is not None and _is_gone(line, facts) and facts.generation > leaver.gone_since:
        until = leaver.on or facts.today
    else:
        return leaver
    return leaver.model_copy(update={"left": Left(revision=row.mapping_revision, until=until)})


def _unowned(document: CompanyDocument, line: LineState, leaver: Leaver, facts: Facts) -> CompanyDocument:
    """The line with the note; and with the units that nobody here takes away, where it was never linked."""
    book = facts.books.get(line.line)
    units = book.agreed.units_at(facts.today) if book is not None and book.trust is Trust.NEW else 0
    if units and leaver.left is not None and leaver.left.until is None:
        line = line.model_copy(update={"not_ours": {**line.not_ours, leaver.id: units}})
    return with_leaver(document, line, leaver)


def _goes_along(document: CompanyDocument, line: LineState, leaver: Leaver) -> bool:
    """Whether the claim on its vendor id goes along; not where the line came to hold units of another sighting."""
    claim = leaver.member.claim
    if not leaver.with_claim or claim is None:
        return False
    return not [key for key in still_held(document, line, claim) if key != leaver.id]


def _with_claim(document: CompanyDocument, line: LineState, leaver: Leaver, out: Out) -> Out:
    claim = leaver.member.claim or ""
    over = line.model_copy(update={"left": {**line.left, **({leaver.id: out.until} if out.until else {})}})
    version, until = leaver.member.claim_version, claim_until(document, over, claim)
    return replace(out, claim=claim, claim_version=version, claim_until=until)


def _without_sightings(document: CompanyDocument, line: LineState, leaver: Leaver) -> CompanyDocument:
    """Other sightings of its vendor id count here no more: the claim goes along. They wait, and join anew; those too
    that are about to leave and may come back."""
    for member in document.on_line(line.line):
        if member.claim == leaver.member.claim:
            document = with_member(document, _unclaimed(member))
    for other in document.lines[str(line.line)].leavers.values():
        if other.member.claim == leaver.member.claim and other.id != leaver.id:
            going = other.model_copy(update={"member": _unclaimed(other.member)})
            document = with_leaver(document, document.lines[str(line.line)], going)
    return document


def _unclaimed(member: Member) -> Member:
    return member.model_copy(update={"claim": None, "joined_on": None, "free_from": None, "rests_from": None})


def _out(document: CompanyDocument, line: LineState, leaver: Leaver, left: Left, holder: Holder, facts: Facts) -> Out:
    leave = leaver.on or facts.today
    return Out(
        leaver.id,
        holder,
        left.revision,
        left.until,
        leave,
        lost_from=_lost_from(document, line, leaver, leave) if left.until is None else None,
        yes=leaver.yes if leaver.yes is not None and leaver.yes.on == left.until else None,
        known=_known(leaver.member),
    )


def _known(member: Member | None) -> Known | None:
    if member is None or member.known_from is None:
        return None
    return Known(revision=member.claimed, since=member.known_from, asked=member.asked)


def _lost_from(document: CompanyDocument, line: LineState, leaver: Leaver, leave: date) -> date | None:
    """The first day on which a linked line should have billed it, by whichever sighting, and never did. Where the line
    was new, units stand there that are not ours."""
    joined = leaver.member.joined_on
    if joined is None or leaver.id in line.not_ours:
        return None
    asked, held = contribution(leaver.member), held_of_all(document, line, leaver.member)
    days = sorted({*asked.days_from(joined), *held.days_from(joined)})
    return next((day for day in days if day < leave and asked.units_at(day) and not held.units_at(day)), None)
