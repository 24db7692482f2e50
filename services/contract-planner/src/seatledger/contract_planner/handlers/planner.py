"""Plans companies: read a batch, decide each, tell its findings, save it with its outbox, project its plans."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.facts import Facts, LineEnd
from seatledger.contract_planner.domain.planning import Planned, plan
from seatledger.contract_planner.domain.plans import forget_over
from seatledger.contract_planner.domain.policy import Policy
from seatledger.contract_planner.domain.quiet import Quiet
from seatledger.contract_planner.domain.ready import ReadyDocument
from seatledger.contract_planner.domain.releasing import sayings
from seatledger.contract_planner.domain.reporting import COMPANY_CODES, Seekings
from seatledger.contract_planner.domain.seeking import seek, words
from seatledger.contract_planner.domain.state import CompanyDocument, mark
from seatledger.contract_planner.domain.wanting import Freed, Wanted
from seatledger.contract_planner.ports import Assignments, Reading, Surroundings, Taken
from seatledger.runtime.clock import BusinessClock, MachineClock
from seatledger.runtime.findings import Findings
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Json
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.findings import FindingDraft
from seatledger.schemas.ids import ConnectionName, LineKey
from seatledger.schemas.planning import PlanDocument

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

T = TypeVar("T")

BATCH = 25
"""Companies read and saved together."""


@dataclass(frozen=True)
class Outside:
    """What is read once for a batch."""

    around: Mapping[str, Surroundings]
    moves: Mapping[str, Mapping[str, Assignment]]
    ends: Mapping[LineKey, LineEnd]
    generations: Mapping[ConnectionName, int]
    """The mirrors', read before everything else."""
    written: Mapping[ConnectionName, int]
    """The same, read after it."""
    ready: frozenset[str]
    days: Mapping[ConnectionName, date]
    now: datetime


@dataclass(frozen=True)
class Sought:
    """What one company is planned with, and what its members lack; ``asked``: what of that is asked of assignments."""

    facts: Facts
    wanted: Sequence[Wanted]
    asked: Sequence[Wanted]
    notices: Sequence[FindingDraft]


@dataclass
class Planner:
    """The only door to a planning. Whoever loses the compare-and-set plans again: the document is dirty then."""

    companies: Documents[CompanyDocument]
    plans: Documents[PlanDocument]
    readiness: Documents[ReadyDocument]
    reading: Reading
    assignments: Assignments
    findings: Findings
    policies: Mapping[ConnectionName, Policy]
    calendar: BusinessClock
    machine: MachineClock
    log: "FilteringBoundLogger"
    quiet: Quiet = field(default_factory=Quiet)
    _sure: set[str] = field(default_factory=set)
    """Companies whose findings are known to be what their document notes as told."""
    _troubles: dict[str, str] = field(default_factory=dict)

    async def plan(self, ids: Sequence[str]) -> None:
        """Plan these companies now, some at a time."""
        for start in range(0, len(ids), BATCH):
            found = await self.companies.get_many(ids[start : start + BATCH])
            known = [document for document in found.values() if document.connection in self.policies]
            if known:
                await self._plan(known)

    async def _plan(self, documents: Sequence[CompanyDocument]) -> None:
        outside = await self._outside(documents)
        found = {document.id: self._alone(document, partial(self._seek, document, outside)) for document in documents}
        sought = {company: one for company, one in found.items() if one is not None}
        documents = [document for document in documents if document.id in sought]
        taken = await self._take(documents, sought)
        # Before anybody's planning is saved: who must let go of what was taken now is dirty while it is not.
        await self._mark({company for one in taken.values() for company in one.stirred})
        planned: dict[str, Planned] = {}
        for document in documents:
            got = taken.get(document.id, Taken())
            decided = self._alone(document, partial(self._decide, document, sought[document.id], got))
            if decided is not None:
                planned[document.id] = decided
                self._troubles.pop(document.id, None)
        decidable = [document for document in documents if document.id in planned]
        await self._tell(decidable, planned)
        stands = await self._save(decidable, planned)
        await self._free(stands, planned)
        await self._leave([document for document in decidable if document.id in stands], planned)

    async def _mark(self, companies: Collection[str]) -> None:
        if companies:
            await self.companies.change_many(dict.fromkeys(sorted(companies), mark))

    def _alone(self, document: CompanyDocument, step: Callable[[], T]) -> T | None:
        """A company of which a step fails stays dirty and turns readiness red; everybody else goes on."""
        try:
            return step()
        except Exception as error:
            self._troubles[document.id] = f"{type(error).__name__}: {error}"
            self.log.exception("company cannot be planned", company=document.id)
            return None

    def _seek(self, document: CompanyDocument, outside: Outside) -> Sought:
        facts = self._facts(document, outside)
        wanted, notices = seek(document, facts)
        return Sought(facts, wanted, self._wanted(document, wanted), notices)

    def _decide(self, document: CompanyDocument, sought: Sought, taken: Taken) -> Planned:
        seekings = Seekings(tuple(sought.wanted), taken.granted, taken.denied, tuple(sought.notices))
        return plan(document, sought.facts, self.policies[document.connection], seekings)

    def trouble(self) -> str | None:
        """One line while some company cannot be planned."""
        return next((f"company {company}: {error}" for company, error in self._troubles.items()), None)

    def _facts(self, document: CompanyDocument, outside: Outside) -> Facts:
        policy = self.policies[document.connection]
        around = outside.around[document.id]
        return Facts(
            today=outside.days[document.connection],
            now=outside.now,
            contracts=around.contracts,
            lines=around.lines,
            books=around.books,
            moves=outside.moves.get(document.id, {}),
            ends={key.line: end for key, end in outside.ends.items() if key.connection == document.connection},
            generation=outside.generations.get(document.connection, 0),
            newest=outside.written.get(document.connection, 0) + 1,
            ready=all(name in outside.ready for name in policy.awaited),
            settled=self.quiet.settled(document.id, document.changes, self.machine.seconds(), policy.settle_for),
        )

    async def _outside(self, documents: Sequence[CompanyDocument]) -> Outside:
        # The mirror's generation first: what is read after it is at least as new. And once more last: what was read
        # before it is of the next one at most, which is written before it is counted.
        generations = await self._generations()
        ready = frozenset(row.id for row in await self.readiness.find({}))
        moves = await self.assignments.moving([document.id for document in documents])
        goals = {
            LineKey(connection=row.connection, line=row.line)
            for rows in moves.values()
            for row in rows.values()
            if row.line is not None
        }
        return Outside(
            around=await self.reading.around(documents),
            moves=moves,
            ends=await self.reading.ends(sorted(goals, key=str)) if goals else {},
            generations=generations,
            written=await self._generations(),
            ready=ready,
            days={name: self.calendar.today(policy.zone) for name, policy in self.policies.items()},
            now=self.calendar.now(),
        )

    async def _generations(self) -> Mapping[ConnectionName, int]:
        return {name: state.generation for name, state in (await self.reading.mirrors()).items()}

    async def _take(self, documents: Sequence[CompanyDocument], sought: Mapping[str, Sought]) -> Mapping[str, Taken]:
        asking = {one.id: (one, sought[one.id].asked) for one in documents if sought[one.id].asked}
        return await self.assignments.take(asking) if asking else {}

    def _wanted(self, document: CompanyDocument, wanted: Sequence[Wanted]) -> Sequence[Wanted]:
        """For a company in ``observe`` no line is taken; its word that a subscription is here now is."""
        if not self.policies[document.connection].observes(document.company):
            return wanted
        return words(document, wanted)

    async def _tell(self, documents: Sequence[CompanyDocument], planned: Mapping[str, Planned]) -> None:
        """Before the document is saved, which notes what was told: told twice is one finding, untold is none. Where a
        save was lost after the telling, or this process never told, it is told again."""
        telling: defaultdict[ConnectionName, list[CompanyDocument]] = defaultdict(list)
        for document in documents:
            after = planned[document.id]
            fresh = document.planned_for is None and not after.notices
            if after.document.told != document.told or not (fresh or document.id in self._sure):
                telling[document.connection].append(document)
        for connection, told in telling.items():
            scope = {"connection": connection, "company": frozenset(document.company for document in told)}
            notices = [notice for document in told for notice in planned[document.id].notices]
            await self.findings.reconcile(scope, COMPANY_CODES, notices)

    async def _save(self, documents: Sequence[CompanyDocument], planned: Mapping[str, Planned]) -> list[str]:
        """The companies whose planning stands: saved, or found to be what is stored already."""
        changed = [one for one in documents if planned[one.id].document != one]
        firsts = [_held_back(one, planned[one.id].document) for one in changed]
        saved = await self.companies.save_many(firsts) if firsts else []
        done = dict(zip((document.id for document in changed), saved, strict=True))
        stands = [document for document in documents if done.get(document.id, True)]
        self._sure -= {document.id for document in documents}
        self._sure |= {document.id for document in stands}
        now = self.machine.seconds()
        for one in stands:
            after = planned[one.id].document
            self.quiet.planned(one.id, after.due, sum(len(line.wishes) for line in after.lines.values()), now)
        stored = {one.id: one for one in documents} | {
            first.id: first.model_copy(update={"rev": first.rev + 1}) for first in firsts
        }
        await self._project([one for one in stands if planned[one.id].document.unprojected], planned, stored)
        return [document.id for document in stands]

    async def _project(
        self,
        documents: Sequence[CompanyDocument],
        planned: Mapping[str, Planned],
        stored: Mapping[str, CompanyDocument],
    ) -> None:
        """Plans follow the company document that says them. It stays dirty, and says nothing, until they stand: so an
        intent is published after its plan can be read, and once. ``stored``: as they stood after the save before this.
        Whoever changed one since made it dirty for a reason of its own: it is planned, and said, again, and what it
        projected meanwhile stays."""
        rows = [
            row for document in documents for row in _projection(planned[document.id].document, stored[document.id].rev)
        ]
        if not rows:
            return
        await self.plans.collection.upsert_newest(rows)
        clean = []
        for document in documents:
            before, after = stored[document.id], planned[document.id]
            outbox = (*before.outbox, *_new(document, after.document))
            clean.append(forget_over(before).model_copy(update={"dirty": after.again, "outbox": outbox}))
        await self.companies.save_many(clean)

    async def _free(self, stands: Sequence[str], planned: Mapping[str, Planned]) -> None:
        freed: list[Freed] = [one for company in stands for one in planned[company].freed]
        if freed:
            await self.assignments.free(freed)

    async def _leave(self, stands: Sequence[CompanyDocument], planned: Mapping[str, Planned]) -> None:
        """After the note of a leave is saved; who waited for it, or waits for another reason now, plans again."""
        outs = [out for document in stands for out in planned[document.id].outs]
        waiting = {one for document in stands for one in planned[document.id].stirred}
        await self._mark(waiting | (await self.assignments.leave(outs) if outs else frozenset()))


def _held_back(document: CompanyDocument, after: CompanyDocument) -> CompanyDocument:
    return after.model_copy(update={"outbox": document.outbox}) if after.unprojected else after


def _new(document: CompanyDocument, after: CompanyDocument) -> list[Outgoing]:
    """What this planning says; and all that is out, where an earlier one died before it said it."""
    known = {entry.event.id for entry in document.outbox}
    said = {entry.event.id: entry for entry in after.outbox if entry.event.id not in known}
    if document.unprojected:
        said |= {entry.event.id: entry for entry in sayings(after)}
    return list(said.values())


def _projection(document: CompanyDocument, rev: int) -> list[Json]:
    """Its plans that changed, under the revision in which the company document was stored with them."""
    rows = [document.plans[key].model_copy(update={"rev": rev}) for key in document.unprojected]
    return [row.model_dump(mode="json", by_alias=True) for row in rows]
