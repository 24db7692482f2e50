"""The twins of a distributor, for tests and the conformance suite: deliveries put in by hand, and a live account."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from seatledger.collector.domain.reading import CustomerTrouble, Parcel, Problem, Reading, Row
from seatledger.collector.ports import Progress, SourceUnreachableError, Walked, untold

ASK_AGAIN = "Look at the source; it is asked again."


@dataclass
class MemoryDistributor:
    """Hands over the readings that :meth:`deliver` was given, in that order. ``broken``: nothing answers."""

    broken: bool = False
    put_away_failed: list[str] = field(default_factory=list)
    put_away_done: list[str] = field(default_factory=list)
    _waiting: list[tuple[Parcel, Reading]] = field(default_factory=list)
    _delivered: int = 0

    def deliver(self, reading: Reading) -> None:
        """Put one in; without a digest it gets that of its content."""
        self._delivered += 1
        content = replace(reading, name="")
        digest = reading.digest or hashlib.sha256(repr(content).encode()).hexdigest()
        parcel = Parcel(name=reading.name, identity=str(self._delivered))
        self._waiting.append((parcel, replace(reading, digest=digest)))

    async def waiting(self) -> Sequence[Parcel]:
        self._answer()
        return [parcel for parcel, _ in self._waiting]

    async def read(self, parcel: Parcel, progress: Progress = untold) -> Reading:  # noqa: ARG002 - read at once
        self._answer()
        for waiting, reading in self._waiting:
            if waiting == parcel:
                return reading
        raise SourceUnreachableError(f"{parcel.name} is gone", "Nothing: the next sweep sees what is there.")

    async def put_away(self, parcel: Parcel, *, failed: bool) -> None:
        self._answer()
        if any(waiting == parcel for waiting, _ in self._waiting):
            (self.put_away_failed if failed else self.put_away_done).append(parcel.name)
        self._waiting = [entry for entry in self._waiting if entry[0] != parcel]

    async def reread(self, customer: str, subscription: str | None = None) -> Reading | None:  # noqa: ARG002 - the port
        """Deliveries cannot be asked for one subscription."""
        return None

    def _answer(self) -> None:
        if self.broken:
            raise SourceUnreachableError("the source does not answer", ASK_AGAIN)


@dataclass
class MemoryAccount:
    """A live account: what it holds now, and how it fails. ``calls`` are those that it answered, in order.

    ``unlisted``: customers, subscriptions or both that lists leave out though a direct read shows them.
    """

    name: str = "account"
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """By customer; a customer without a row is one without subscriptions."""
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False
    lost: set[str] = field(default_factory=set)
    """Customers that answer 403."""
    failing: set[str] = field(default_factory=set)
    """Customers whose part fails."""
    cut_after: int | None = None
    """Customers after which the walk breaks off."""
    unlisted: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    _looks: int = 0

    def hold(self, *rows: Row) -> None:
        """Exactly these from now on; customers known before stay, without a subscription."""
        self.rows = {customer: [] for customer in self.rows}
        for row in rows:
            self.rows.setdefault(row.customer.id, []).append(row)

    async def waiting(self) -> Sequence[Parcel]:
        self._answer("waiting")
        self._looks += 1
        return [Parcel(name=self.name, identity=f"look {self._looks}")]

    async def read(self, parcel: Parcel, progress: Progress = untold) -> Reading:
        self._answer("read")
        listed = [customer for customer in self.rows if customer not in self.unlisted]
        walked = listed if self.cut_after is None else listed[: self.cut_after]
        for number, _ in enumerate(walked, 1):
            await progress(Walked(number, len(listed)))
        cut = None if len(walked) == len(listed) else "the list of customers broke off: it answered 500"
        whole = replace(self._of(walked, listing=True), name=parcel.name, full=True, cut_short=cut)
        return replace(whole, problems=tuple(self.problems), whole=all(p.subscription for p in self.problems))

    async def put_away(self, parcel: Parcel, *, failed: bool) -> None:
        """Nothing lies there that could be in the way."""

    async def reread(self, customer: str, subscription: str | None = None) -> Reading | None:
        self._answer(f"reread {customer} {subscription or '*'}")
        if customer not in self.rows:
            lost = CustomerTrouble(customer, "it answers 404: it is no customer of ours", "Ask it for the relation.")
            return Reading(self.name, "", full=False, live=True, silent=(lost,))
        shown = self._of([customer], listing=subscription is None)
        if subscription is None or shown.silent or shown.unread:
            return shown
        rows = tuple(row for row in shown.rows if row.subscription == subscription)
        problems = tuple(problem for problem in self.problems if problem.subscription == subscription)
        gone = frozenset() if rows or problems else frozenset({subscription})
        return replace(shown, rows=rows, problems=problems, gone=gone)

    def _of(self, customers: Sequence[str], *, listing: bool) -> Reading:
        """What these customers show; ``listing``: of what is not left out of lists."""
        hidden = self.unlisted if listing else set()
        readable = [one for one in customers if one not in self.lost | self.failing]
        rows = tuple(row for one in readable for row in self.rows[one] if row.subscription not in hidden)
        return Reading(
            self.name,
            hashlib.sha256(repr(rows).encode()).hexdigest(),
            rows,
            full=False,
            live=True,
            customers=frozenset(readable),
            silent=tuple(
                _trouble(one, "it answers 403: the relation is lost") for one in customers if one in self.lost
            ),
            unread=tuple(_trouble(one, "it answers 500") for one in customers if one in self.failing),
        )

    def _answer(self, call: str) -> None:
        if self.broken:
            raise SourceUnreachableError(f"{self.name} does not answer", ASK_AGAIN)
        self.calls.append(call)


def _trouble(customer: str, message: str) -> CustomerTrouble:
    return CustomerTrouble(customer, message, ASK_AGAIN)
