"""Findings of the writer: derived from the books and the connection, so that they close when the cause is gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatledger.psa_writer.settings import ConnectionSettings
from seatledger.runtime.config import LEAST_REMOTE_WAIT
from seatledger.runtime.findings import Findings
from seatledger.runtime.store import Documents
from seatledger.schemas.book import Drift, LineBook, OpenIntent, OpenState
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.heads import BOOK_FINDINGS, book_findings
from seatledger.schemas.intents import LineRef
from seatledger.schemas.mirror import MirrorLine
from seatledger.schemas.money import Amount, Money
from seatledger.schemas.steps import StepFunction

CONNECTION_CODES = (
    FindingCode.CREDENTIALS,
    FindingCode.PERMISSION,
    FindingCode.PSA_UNREACHABLE,
    FindingCode.BUDGET_SPENT,
)


@dataclass
class Reporter:
    """Raises and closes the findings of one connection."""

    settings: ConnectionSettings
    findings: Findings
    lines: Documents[MirrorLine]

    async def books(self, books: Sequence[LineBook]) -> None:
        """Make the findings about lines equal to what these books (all that need a person) say."""
        mirrored = await self.lines.get_many([book.id for book in books])
        prices = {line.id: line.unit_price for line in mirrored.values()}
        drafts = [draft for book in books for draft in self._drafts(book, prices.get(book.id))]
        await self.findings.reconcile({"connection": self.settings.name}, BOOK_FINDINGS, _unique(drafts))

    async def unclear(self, lines: Sequence[LineRef]) -> None:
        """Lines without a book, because only split rows can be read of them."""
        drafts = [
            FindingDraft(
                FindingCode.BASELINE_UNCLEAR,
                subject_of(at),
                "the only readable unit rows of this line begin inside a period, so its units are not known",
                "wait for the next billing period; the line takes part as soon as a whole period can be read",
            )
            for at in lines
        ]
        scope = {"connection": self.settings.name}
        await self.findings.reconcile(scope, (FindingCode.BASELINE_UNCLEAR,), drafts)

    async def locked_out(self) -> None:
        await self._connection(
            FindingCode.CREDENTIALS,
            "Autotask refuses the sign-in (user name, secret or integration code)",
            f"correct the credentials under psa.{self.settings.name}; a probe a minute finds out when they work again",
        )

    async def forbidden(self, entity: str, text: str) -> None:
        await self._connection(
            FindingCode.PERMISSION,
            f"the API user lacks a right on {entity}: {text}",
            f"give the API user's security level access to {entity}",
        )

    async def unreachable(self, text: str) -> None:
        await self._connection(
            FindingCode.PSA_UNREACHABLE,
            f"Autotask does not answer: {text}",
            f"look whether this machine reaches the host under psa.{self.settings.name}.url, and at Autotask's status"
            " page; nothing is lost, what waits goes out by itself",
        )

    async def spent(self) -> None:
        await self._connection(
            FindingCode.BUDGET_SPENT,
            "the calls of this hour are used up; what waits goes out when the hour has moved on",
            f"raise psa.{self.settings.name}.budget_per_hour if the other integrations leave room below 10,000 an hour,"
            " or raise mirror_seconds",
        )

    async def admitted(self, *, blind: int = 0) -> None:
        """The connection's findings close. ``blind`` lines without one unit row among them: an API user who may not see
        them gets empty lists, no error (Autotask reference 15), and no books are opened on that."""
        draft = FindingDraft(
            FindingCode.PERMISSION,
            Subject(connection=self.settings.name),
            f"not one unit row of {blind} contract lines can be read, so no line without a book gets one",
            "give the API user's security level full visibility of contracts; if all of these lines stand at 0 indeed,"
            " let one of them have a unit",
        )
        await self.findings.reconcile({"connection": self.settings.name}, CONNECTION_CODES, [draft] if blind else [])

    async def lag(self, seconds: float) -> None:
        """Reads that lag for longer than W − 360 s could make a posted change look unseen."""
        if self.settings.loopback:
            return
        subject = Subject(connection=self.settings.name)
        allowed = self.settings.wait - LEAST_REMOTE_WAIT
        if seconds <= allowed:
            await self.findings.close(FindingCode.READ_LAG, subject)
            return
        message = f"a posted change showed only after {seconds:.0f} s; the wait of {self.settings.wait:.0f} s allows "
        draft = FindingDraft(
            FindingCode.READ_LAG,
            subject,
            f"{message}{allowed:.0f} s",
            f"raise psa.{self.settings.name}.unknown_wait_seconds to at least {LEAST_REMOTE_WAIT + seconds:.0f}",
        )
        await self.findings.raise_(draft)

    async def _connection(self, code: FindingCode, message: str, do: str) -> None:
        """One finding for the connection, however many calls met it."""
        draft = FindingDraft(code, Subject(connection=self.settings.name), message, do)
        await self.findings.reconcile({"connection": self.settings.name}, (code,), [draft])

    def _drafts(self, book: LineBook, price: Amount | None) -> Iterator[FindingDraft]:
        for code in book_findings(book.open.state if book.open else None, drifted=book.drift is not None):
            if code is FindingCode.DRIFT and book.drift is not None:
                yield self._drift(book, book.drift, price)
            elif book.open is not None:
                paid = book.open.intent.unit_price if book.open.intent.unit_price is not None else price
                yield _doubtful(book, book.open, self._money(paid, abs(book.open.intent.jump)))

    def _drift(self, book: LineBook, drift: Drift, price: Amount | None) -> FindingDraft:
        agreed = _spoken(book.agreed)
        if drift.rows is None:
            what = f"Autotask's unit rows overlap or leave a gap where {agreed} units were agreed: they cannot be told"
            do, money = "Compare the line in Autotask with what was agreed; it goes on once they are equal.", None
        else:
            shown = _spoken(drift.rows)
            what = f"Autotask shows {shown} units where {agreed} were agreed: somebody else changed this line"
            do = "Set the line in Autotask back to what was agreed, or make the subscriptions equal to what it shows."
            money = self._money(price, abs((drift.rows.last or 0) - (book.agreed.last or 0)))
        return FindingDraft(FindingCode.DRIFT, subject_of(book.at), what, do, money)

    def _money(self, price: Amount | None, seats: int) -> Money | None:
        if price is None:
            return None
        return Money(amount=price, currency=self.settings.currency).times(seats)


def _spoken(units: StepFunction) -> str:
    """``8, 9 from 2026-04-01``."""
    return ", ".join([str(units.initial), *(f"{step.units} from {step.on}" for step in units.steps)])


def subject_of(at: LineRef, intent: str | None = None) -> Subject:
    return Subject(connection=at.connection, company=at.company, contract=at.contract, line=at.line, detail=intent)


def _doubtful(book: LineBook, claim: OpenIntent, money: Money | None) -> FindingDraft:
    intent = claim.intent
    change = f"{intent.jump:+d} units from {intent.on}"
    if claim.state is OpenState.HELD:
        return FindingDraft(
            FindingCode.HELD,
            subject_of(book.at, intent.id),
            f"{change} was sent; what the line shows is neither what was there before nor what should be, or not clear",
            f"compare the line with [{intent.before}] and [{intent.after}] in Autotask and set it to one of them",
            money,
        )
    return FindingDraft(
        FindingCode.NOT_SEEN,
        subject_of(book.at, intent.id),
        f"{change} was sent and did not arrive within {claim.sends} send(s)",
        "look at the line in Autotask; `resolve FINDING retry` sends it once more",
        money,
    )


def _unique(drafts: Sequence[FindingDraft]) -> list[FindingDraft]:
    return list({(draft.code, draft.subject): draft for draft in drafts}.values())
