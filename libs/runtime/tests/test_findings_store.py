"""Findings: raised, counted, closed, reconciled, and told on findings.v1."""

import pytest

from libs.runtime.tests.samples import CALENDAR
from seatledger.runtime.findings_store import FindingDocument, StoredFindings
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.store import Documents
from seatledger.schemas.findings import Finding, FindingCode, FindingDraft, Subject, finding_identity
from seatledger.schemas.ids import CompanyId, LineId

HELD, DRIFT = FindingCode.HELD, FindingCode.DRIFT


def subject(line: int, company: int = 1) -> Subject:
    return Subject(company=CompanyId(company), line=LineId(line))


def draft(line: int, text: str = "m", code: FindingCode = HELD, company: int = 1) -> FindingDraft:
    return FindingDraft(code, subject(line, company), text, "do")


class World:
    """A service's findings and its collection."""

    def __init__(self) -> None:
        self.documents = Documents(MemoryStore().collection("findings_mapper"), FindingDocument)
        self.findings = StoredFindings("mapper", self.documents, CALENDAR)

    async def of(self, line: int, code: FindingCode = HELD, company: int = 1) -> FindingDocument:
        found = await self.documents.get(finding_identity(code, subject(line, company)))
        assert found is not None
        return found

    async def said(self) -> list[tuple[str, int]]:
        """Type and line of all events in outboxes."""
        found = await self.documents.find({})
        return sorted((o.event.type, o.event.data["subject"]["line"]) for f in found for o in f.outbox)


@pytest.fixture
def world() -> World:
    return World()


async def test_raise_and_count(world: World) -> None:
    """The same trouble met again is counted and not told again; another text is told."""
    await world.findings.raise_(draft(1))
    await world.findings.raise_(draft(1))
    assert ((await world.of(1)).count, await world.said()) == (2, [("FindingRaised", 1)])
    await world.findings.raise_(draft(1, "other"))
    found = await world.of(1)
    assert (found.count, found.message, len(found.outbox)) == (3, "other", 2)
    assert found.outbox[0].event.id != found.outbox[1].event.id


async def test_close_and_reopen(world: World) -> None:
    """A closed finding is told closed, opened again it is the same finding; closing what is not open does nothing."""
    await world.findings.close(HELD, subject(1))
    await world.findings.raise_(draft(1))
    await world.findings.close(HELD, subject(1))
    await world.findings.close(HELD, subject(1))
    assert (await world.of(1)).closed_at == CALENDAR.now()
    await world.findings.raise_(draft(1))
    found = await world.of(1)
    assert (found.closed_at, found.count, len(found.outbox)) == (None, 2, 3)


async def test_reconcile(world: World) -> None:
    """Inside scope and codes what is new opens, what is gone closes, what stands stays uncounted; all else stays."""
    await world.findings.raise_(draft(1), draft(2), draft(3, company=2), draft(4, code=DRIFT))
    await world.findings.reconcile({"company": 1}, [HELD], [draft(2), draft(5)])
    open_ = {(f.subject.line, f.code) for f in await world.documents.find({"closed_at": None})}
    assert open_ == {(2, HELD), (5, HELD), (3, HELD), (4, DRIFT)}
    assert (await world.of(2)).count == 1
    rev = (await world.of(2)).rev
    await world.findings.reconcile({"company": 1}, [HELD], [draft(2), draft(5)])
    assert (await world.of(2)).rev == rev


async def test_one_reconciling_for_many_companies(world: World) -> None:
    """A batch of companies is one question: each of its companies ends with its own drafts, and no other is touched."""
    await world.findings.raise_(draft(1), draft(2, company=2), draft(3, company=3))
    await world.findings.reconcile({"company": frozenset({1, 2})}, [HELD], [draft(1), draft(4, company=2)])
    open_ = {(f.subject.company, f.subject.line) for f in await world.documents.find({"closed_at": None})}
    assert open_ == {(1, 1), (2, 4), (3, 3)}


async def test_said_again_with_the_same_id(world: World) -> None:
    """What is open is said again as the event that it was, counting in between or not."""
    await world.findings.raise_(draft(1), draft(2))
    await world.findings.raise_(draft(1))
    await world.findings.close(HELD, subject(2))
    again = [outgoing async for outgoing in world.findings.say_again()]
    assert [o.event for o in again] == [(await world.of(1)).outbox[0].event]


async def test_row_is_read_by_others(world: World) -> None:
    """The stored row is what the published language says a finding is."""
    await world.findings.raise_(draft(1))
    stored = await world.documents.collection.get(finding_identity(HELD, subject(1)))
    assert Finding.model_validate(stored).subject == subject(1)


async def test_nothing_to_do(world: World) -> None:
    """No drafts, no writes."""
    await world.findings.raise_()
    await world.findings.reconcile({}, [HELD], [])
    assert await world.documents.find({}) == []
