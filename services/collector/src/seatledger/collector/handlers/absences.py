"""What full lists no longer had: asked for by id where the source can be asked, braked, and only then gone."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from seatledger.collector.domain.absence import judge, to_confirm, withdraw
from seatledger.collector.domain.reading import Reading
from seatledger.collector.domain.snapshots import Snapshot, gone
from seatledger.collector.domain.sweeps import Absence
from seatledger.collector.handlers.books import Count
from seatledger.collector.handlers.intake import Intake
from seatledger.collector.ports import Distributor, SourceUnreachableError
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject


@dataclass(frozen=True)
class Asked:
    """What direct reads made of absences, by key. What is in neither was not asked for, and waits."""

    borne_out: frozenset[str] = frozenset()
    refuted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Absences:
    """The end of a sweep (design.md section 2, *absence is not zero*)."""

    intake: Intake
    distributor: Distributor

    async def settle(self, count: Count, turn: int) -> None:
        """What is gone ends, or waits for a yes; then the cursor forgets it. What could not be asked for waits.
        ``turn``: the number of the sweep that ends."""
        cursor = await self.intake.cursor(turn)
        candidates = to_confirm(cursor)
        if not candidates:
            return
        asked = await self._ask(candidates, count)
        async with self.intake.lock:
            await self._end(asked, count, turn)

    async def _end(self, asked: Asked, count: Count, turn: int) -> None:
        """Decided on what is absent now, which may be other than what was asked for: asking takes long, and nothing is
        gone that no direct read denies."""
        before = await self.intake.cursor(turn)
        cursor = withdraw(before, asked.refuted)
        account, now = self.intake.account, self.intake.calendar.now()
        stored = await self.intake.all()
        unsure = frozenset(absence.key for absence in to_confirm(cursor)) - asked.borne_out
        verdict = judge(cursor, stored, account, account.day(now), unsure=unsure)
        leaving = _gone(stored, verdict.gone, now, before.begun)
        await self.intake.save_snapshots(leaving)
        count.changed += len(leaving)
        if verdict.held:
            await self.intake.findings.raise_(self._brake(len(verdict.held), verdict.seats_held, verdict.seats))
        accepting = tuple(key for key in cursor.accepting if key in unsure)
        settled = {"confirmed": verdict.unsure, "held": verdict.held, "accepting": accepting}
        await self.intake.save(cursor.model_copy(update=settled), before)

    async def _ask(self, candidates: Iterable[Absence], count: Count) -> Asked:
        """Ask for each by its id, customer by customer; where one cannot be asked, the others wait for another sweep
        too: what was refused once is not asked a thousand times."""
        stored = {snapshot.id: snapshot for snapshot in await self.intake.all()}
        wanted: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for absence in candidates:
            if absence.key in stored:
                key = stored[absence.key].state
                wanted[key.customer.id][key.key.subscription].add(absence.key)
        borne_out, refuted = {a.key for a in candidates if a.key not in stored}, set[str]()
        try:
            for customer, subscriptions in sorted(wanted.items()):
                await self._ask_customer(customer, subscriptions, borne_out, refuted, count)
        except SourceUnreachableError as error:
            count.error = count.error or error.message
        return Asked(frozenset(borne_out), frozenset(refuted))

    async def _ask_customer(
        self,
        customer: str,
        subscriptions: dict[str, set[str]],
        borne_out: set[str],
        refuted: set[str],
        count: Count,
    ) -> None:
        """Stops at the first answer that speaks against the lists: the customer's other absences wait."""
        for subscription, keys in sorted(subscriptions.items()):
            reading = await self._read(customer, subscription)
            if reading is None or subscription in reading.gone:
                borne_out |= keys
            elif reading.silent:
                refuted |= {key for of in subscriptions.values() for key in of}
                return
            elif reading.incomplete is not None or self._contradicts(reading):
                count.error = count.error or reading.incomplete or self._doubt(subscription)
                refuted |= keys if reading.incomplete is None else set()
                return
            else:
                refuted |= keys

    async def _read(self, customer: str, subscription: str) -> Reading | None:
        taking = await self.intake.begin(f"{customer}/{subscription}")
        with self.intake.attempt(taking.parcel.name):
            reading = await self.distributor.reread(customer, subscription)
            if reading is not None:
                await self.intake.take(reading, taking)
        return reading

    @staticmethod
    def _contradicts(reading: Reading) -> bool:
        """A list that leaves out what is there is not to be trusted with the others either; one that leaves out what
        ended by its own word only tidies up."""
        return any(not row.status.ended for row in reading.rows)

    def _doubt(self, subscription: str) -> str:
        return f"the lists of {self.intake.account.source} leave out {subscription}, which it shows when asked for it"

    def _brake(self, subscriptions: int, seats: int, of: int) -> FindingDraft:
        account = self.intake.account
        return FindingDraft(
            FindingCode.SOURCE_MASS_DECREASE,
            Subject(source=account.source),
            f"{subscriptions} subscriptions with {seats} of {of} seats are gone from {account.source}: more than "
            f"{account.mass_decrease_percent} %; they wait",
            f"If they are gone indeed: seatledger collect {account.source} --accept. Else have the source send a full "
            "list.",
        )


def _gone(stored: Iterable[Snapshot], absences: Sequence[Absence], now: datetime, begun: int) -> list[Snapshot]:
    """The snapshots that end; one that is gone already was ended before a crash."""
    by_key = {absence.key: absence for absence in absences}
    leaving = (snapshot for snapshot in stored if snapshot.id in by_key and snapshot.live)
    return [gone(snapshot, by_key[snapshot.id], now, begun) for snapshot in leaving]
