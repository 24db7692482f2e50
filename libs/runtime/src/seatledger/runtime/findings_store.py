"""Findings in ``findings_<service>``: each a document whose outbox tells ``findings.v1`` what changed."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatledger.runtime.clock import BusinessClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Instant
from seatledger.schemas.documents import Document, Outgoing
from seatledger.schemas.envelope import Event, EventData
from seatledger.schemas.findings import (
    FindingClosed,
    FindingCode,
    FindingDraft,
    FindingRaised,
    Subject,
    finding_identity,
)
from seatledger.schemas.ids import FindingId
from seatledger.schemas.money import Money
from seatledger.schemas.topics import FINDINGS


class FindingDocument(Document):
    """A row of ``findings_<service>``; others read it as :class:`seatledger.schemas.findings.Finding`."""

    code: FindingCode
    subject: Subject
    message: str
    do: str
    money_per_month: Money | None = None
    count: int = 1
    opened_at: Instant
    closed_at: Instant | None = None
    said: int = 0
    """The revision that the last event about it carried: saying that again is the same event."""

    def says(self, draft: FindingDraft) -> bool:
        """Whether it stands open with this text and money already."""
        same = (self.message, self.do, self.money_per_month) == (draft.message, draft.do, draft.money_per_month)
        return self.closed_at is None and same


Decide = Callable[[FindingDocument | None], FindingDocument | None]


class StoredFindings:
    """The :class:`~seatledger.runtime.findings.Findings` of one service."""

    def __init__(self, service: str, documents: Documents[FindingDocument], calendar: BusinessClock) -> None:
        self._service = service
        self._documents = documents
        self._calendar = calendar

    async def prepare(self) -> None:
        """The indexes of what is asked each few seconds, and of a company's own: closed findings are never removed."""
        await self._documents.collection.ensure_index("closed_at", "code")
        await self._documents.collection.ensure_index("subject.company", "closed_at")

    async def raise_(self, *drafts: FindingDraft) -> None:
        await self._documents.change_many(
            {finding_identity(d.code, d.subject): self._raising(d, count=True) for d in drafts}
        )

    async def close(self, code: FindingCode, *subjects: Subject) -> None:
        await self._documents.change_many({finding_identity(code, subject): self._close for subject in subjects})

    async def reconcile(
        self, scope: Mapping[str, Any], codes: Sequence[FindingCode], drafts: Sequence[FindingDraft]
    ) -> None:
        where = {f"subject.{name}": _any_of(value) for name, value in scope.items()}
        wanted = {"code": {"$in": [code.value for code in codes]}, "closed_at": None, **where}
        decisions: dict[str, Decide] = {found.id: self._close for found in await self._documents.find(wanted)}
        for draft in drafts:
            decisions[finding_identity(draft.code, draft.subject)] = self._raising(draft, count=False)
        await self._documents.change_many(decisions)

    async def say_again(self) -> AsyncIterator[Outgoing]:
        """The last event about each finding that is open, with the id it had."""
        async for page in self._documents.pages({"closed_at": None}):
            for found in page:
                yield self._event(found, found.said)

    async def open_codes(self) -> Counter[FindingCode]:
        """How many findings of each code stand open."""
        found = await self._documents.collection.find({"closed_at": None}, fields=["code"])
        return Counter(FindingCode(document["code"]) for document in found)

    def _raising(self, draft: FindingDraft, *, count: bool) -> Decide:
        def decide(current: FindingDocument | None) -> FindingDocument | None:
            if current is None:
                return self._saying(self._opened(draft))
            if current.says(draft):
                return current.model_copy(update={"count": current.count + 1}) if count else None
            text = {"message": draft.message, "do": draft.do, "money_per_month": draft.money_per_month}
            met = {"count": current.count + 1} if count or current.closed_at else {}
            again = {"opened_at": self._calendar.now(), "closed_at": None} if current.closed_at else {}
            return self._saying(current.model_copy(update={**text, **met, **again}))

        return decide

    def _close(self, current: FindingDocument | None) -> FindingDocument | None:
        if current is None or current.closed_at is not None:
            return None
        return self._saying(current.model_copy(update={"closed_at": self._calendar.now()}))

    def _opened(self, draft: FindingDraft) -> FindingDocument:
        return FindingDocument(
            id=finding_identity(draft.code, draft.subject),
            code=draft.code,
            subject=draft.subject,
            message=draft.message,
            do=draft.do,
            money_per_month=draft.money_per_month,
            opened_at=self._calendar.now(),
        )

    def _saying(self, document: FindingDocument) -> FindingDocument:
        """The same with the event that says its new state in the outbox."""
        said = document.rev + 1
        outbox = (*document.outbox, self._event(document, said))
        return document.model_copy(update={"said": said, "outbox": outbox})

    def _event(self, document: FindingDocument, revision: int) -> Outgoing:
        data: EventData
        finding = FindingId(document.id)
        if document.closed_at is not None:
            data = FindingClosed(id=finding, code=document.code, subject=document.subject, closed_at=document.closed_at)
        else:
            data = FindingRaised(
                id=finding,
                code=document.code,
                subject=document.subject,
                message=document.message,
                do=document.do,
                money_per_month=document.money_per_month,
                opened_at=document.opened_at,
            )
        event = Event.about(
            data,
            source=f"/{self._service}",
            subject=f"{self._service}/{document.id}",
            revision=revision,
            time=document.closed_at or document.opened_at,
        )
        return Outgoing(topic=FINDINGS.name, key=document.id, event=event)


def _any_of(value: Any) -> Any:
    return {"$in": sorted(value)} if isinstance(value, frozenset) else value


@dataclass(frozen=True)
class CountFindings:
    """A loop's round that shows how many findings of each code stand open."""

    findings: StoredFindings
    metrics: Metrics

    async def __call__(self) -> None:
        counts = await self.findings.open_codes()
        for code in FindingCode:
            self.metrics.findings_open.labels(code.value).set(counts[code])
