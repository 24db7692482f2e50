"""``resolve FINDING retry`` for an intent that was not seen."""

from collections.abc import Callable
from dataclasses import dataclass

from seatledger.psa_writer.domain.retry import Retried, retry
from seatledger.runtime.clock import BusinessClock
from seatledger.runtime.service import Answer
from seatledger.runtime.store import Collection, Documents
from seatledger.schemas.book import LineBook
from seatledger.schemas.commands import CommandIssued, RetryFinding
from seatledger.schemas.findings import Finding, FindingCode
from seatledger.schemas.ids import CommandId, ConnectionName, LineKey

ATTEMPTS = 20


@dataclass
class RetryHandler:
    books: Documents[LineBook]
    findings: Collection
    calendar: BusinessClock
    wake: Callable[[ConnectionName], None]

    async def handle(self, command: CommandIssued) -> Answer:
        """Idempotent: run again, it finds its own id with the claim and changes nothing, whatever became of that."""
        if not isinstance(command.body, RetryFinding):
            raise TypeError(f"{type(command.body).__name__} is not a retry")
        found = await self.findings.get(command.body.finding)
        if found is None:
            return Answer(ok=False, message=f"finding {command.body.finding} is not known to the PSA writer")
        finding = Finding.model_validate(found)
        subject = finding.subject
        if finding.code is not FindingCode.NOT_SEEN or subject.line is None or subject.connection is None:
            return Answer(ok=False, message=f"a finding of kind {finding.code.value} cannot be retried here")
        key = LineKey(connection=subject.connection, line=subject.line)
        retried = await self._retry(str(key), subject.detail or "", command.id)
        self.wake(subject.connection)
        return Answer(ok=retried.ok, message=retried.message)

    async def _retry(self, book_id: str, intent: str, command: CommandId) -> Retried:
        for _ in range(ATTEMPTS):
            retried = retry(await self.books.get(book_id), intent, command, self.calendar.now())
            if retried.book is None or await self.books.save(retried.book):
                return retried
        return Retried(None, "the line's book is changing all the time; try again", ok=False)
