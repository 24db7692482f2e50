"""Assignments and claims in the store, taken by compare-and-set."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.claims import give_back, hand_over, overtakes, take
from seatledger.contract_planner.domain.holding import Out, granted, take_out, take_part, unaware
from seatledger.contract_planner.domain.state import CompanyDocument, mark
from seatledger.contract_planner.domain.wanting import Denied, Freed, Granted, Wanted
from seatledger.contract_planner.ports import Taken
from seatledger.runtime.clock import MachineClock
from seatledger.runtime.store import Documents

Place = tuple[str, str]
"""Company document and member."""


@dataclass(frozen=True)
class _Asked:
    """One row that one member needs."""

    row: str
    want: Wanted
    asking: CompanyDocument

    @property
    def place(self) -> Place:
        return self.asking.id, self.want.member


@dataclass(frozen=True)
class _Answers:
    """Rows that stand as wanted, and refusals, by who asked. ``stored``: the rows that were written for it."""

    rows: Mapping[Place, Assignment]
    denied: Mapping[Place, Denied]
    stored: frozenset[Place]
    holders: Mapping[str, CompanyDocument]


@dataclass(frozen=True)
class _Decided:
    """What is to be stored for whom, and what needs no writing. ``overtaken``: companies that lose a claim which they
    did not let go."""

    rows: Mapping[Place, Assignment]
    denied: Mapping[Place, Denied]
    wanted: Mapping[str, tuple[Assignment, Sequence[Place]]]
    holders: Mapping[str, CompanyDocument]
    overtaken: frozenset[str]


class StoreAssignments:
    """Takes rows by compare-and-set, a batch at a time. What loses a race is neither granted nor denied: it is asked
    for again at the next planning."""

    def __init__(
        self, rows: Documents[Assignment], companies: Documents[CompanyDocument], machine: MachineClock
    ) -> None:
        self._rows = rows
        self._companies = companies
        self._machine = machine

    async def prepare(self) -> None:
        await self._rows.collection.ensure_index("leaving")

    async def take(self, wanted: Mapping[str, tuple[CompanyDocument, Sequence[Wanted]]]) -> Mapping[str, Taken]:
        asked = [_Asked(want.member, want, document) for document, wants in wanted.values() for want in wants]
        parts = await self._answers(asked)
        ready = [one for one in asked if one.place in parts.rows and not parts.rows[one.place].others]
        claims = await self._answers([replace(one, row=one.want.claim) for one in ready if one.want.claim])
        return {document.id: _taken(document, wants, parts, claims) for document, wants in wanted.values()}

    async def _answers(self, asked: Sequence[_Asked]) -> _Answers:
        decided = await self._decide(asked, {one.asking.id: one.asking for one in asked})
        if decided.overtaken:
            await self._companies.change_many(dict.fromkeys(sorted(decided.overtaken), mark))
            decided = await self._decide(asked, {})
        wanted = decided.wanted.values()
        saved = await self._rows.save_many([row for row, _ in wanted])
        stored = {place: row for (row, takers), done in zip(wanted, saved, strict=True) if done for place in takers}
        return _Answers({**decided.rows, **stored}, decided.denied, frozenset(stored), decided.holders)

    async def _decide(self, asked: Sequence[_Asked], read: Mapping[str, CompanyDocument]) -> _Decided:
        """Of several that want one row in one batch only the first that may have it is answered, and who wants it for
        the same line; the others find it taken next time. ``read``: documents that need not be read again."""
        current = await self._rows.get_many(sorted({one.row for one in asked}))
        holders = await self._holders(current, read)
        rows: dict[Place, Assignment] = {}
        denied: dict[Place, Denied] = {}
        wanted: dict[str, tuple[Assignment, list[Place]]] = {}
        verdicts = [(one, self._verdict(one, current.get(one.row), holders)) for one in asked]
        for one, verdict in sorted(verdicts, key=lambda found: isinstance(found[1], Denied)):
            taken = wanted.get(one.row)
            if taken is not None and (taken[0].company, taken[0].line) == (one.asking.id, one.want.line):
                taken[1].append(one.place)
            elif isinstance(verdict, Denied):
                denied[one.place] = verdict
            elif verdict is None:
                rows[one.place] = current[one.row]
            elif taken is None:
                wanted[one.row] = (verdict, [one.place])
        claims = [(current[key], after) for key, (after, _) in wanted.items() if after.is_claim and key in current]
        overtaken = frozenset(before.company for before, after in claims if overtakes(before, after))
        return _Decided(rows, denied, wanted, holders, overtaken)

    def _verdict(
        self, one: _Asked, found: Assignment | None, holders: Mapping[str, CompanyDocument]
    ) -> Assignment | Denied | None:
        holder = holders.get(found.company) if found is not None else None
        if one.row == one.want.member:
            return take_part(found, one.want, one.asking, holder, self._machine.now())
        return take(found, one.row, one.want, one.asking, holder, self._machine.now())

    async def _holders(
        self, current: Mapping[str, Assignment], read: Mapping[str, CompanyDocument]
    ) -> Mapping[str, CompanyDocument]:
        named = {row.company for row in current.values()}
        named |= {holder.company for row in current.values() for holder in row.holders}
        return {**read, **await self._companies.get_many(sorted(named - read.keys()))}

    async def moving(self, companies: Sequence[str]) -> Mapping[str, Mapping[str, Assignment]]:
        found: defaultdict[str, dict[str, Assignment]] = defaultdict(dict)
        for row in await self._rows.find({"leaving": {"$in": sorted(companies)}}):
            for company in row.leaving:
                found[company][row.id] = row
        return found

    async def leave(self, outs: Sequence[Out]) -> frozenset[str]:
        current = await self._rows.get_many(sorted({out.subscription for out in outs}))
        rows: dict[str, Assignment] = {}
        gone: list[Out] = []
        for out in outs:
            before = rows.get(out.subscription) or current.get(out.subscription)
            after = None if before is None else take_out(before, out)
            if after is not None:
                rows[out.subscription] = after
                gone.append(out)
        # Before the lines are out: who waits for them takes its claim the moment they are.
        await self._hand_over(gone, rows)
        saved = await self._rows.save_many(list(rows.values()))
        return frozenset(row.company for row, done in zip(rows.values(), saved, strict=True) if done)

    async def _hand_over(self, outs: Sequence[Out], goals: Mapping[str, Assignment]) -> None:
        claims = await self._rows.get_many(sorted({out.claim for out in outs if out.claim is not None}))
        rows = {
            after.id: after
            for out in outs
            if out.claim in claims
            if (after := hand_over(claims[out.claim], out, goals[out.subscription], self._machine.now()))
        }
        await self._rows.save_many(list(rows.values()))

    async def free(self, given: Sequence[Freed]) -> None:
        current = await self._rows.get_many([one.claim for one in given])
        rows = [row for one in given if one.claim in current and (row := give_back(current[one.claim], one))]
        await self._rows.save_many(rows)


def _taken(document: CompanyDocument, wants: Sequence[Wanted], parts: _Answers, claims: _Answers) -> Taken:
    answers = {want.member: _answer((document.id, want.member), want, parts, claims) for want in wants}
    return Taken(
        {member: one for member, one in answers.items() if isinstance(one, Granted)},
        {member: one for member, one in answers.items() if isinstance(one, Denied)},
        frozenset(company for want in wants for company in _to_wake((document.id, want.member), parts)),
    )


def _to_wake(place: Place, parts: _Answers) -> frozenset[str]:
    """Companies that must let it go: those that were named now, and those that do not know it yet."""
    row = parts.rows.get(place)
    if row is None:
        return frozenset()
    return frozenset(row.leaving) if place in parts.stored else unaware(row, parts.holders)


def _answer(place: Place, want: Wanted, parts: _Answers, claims: _Answers) -> Granted | Denied | None:
    part = parts.rows.get(place)
    if part is None:
        return parts.denied.get(place)
    grant = granted(part, parts.holders)
    if want.claim is None or part.others:
        return grant
    claim = claims.rows.get(place)
    if claim is None:
        return claims.denied.get(place)
    days = [day for day in (grant.free_from, claim.free_from) if day is not None]
    return replace(grant, free_from=max(days, default=None), claim_version=claim.version)
