"""The ports behind which each distributor stands."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from seatledger.collector.domain.reading import Parcel, Reading
from seatledger.schemas.findings import FindingCode


class SourceUnreachableError(Exception):
    """The account cannot be read now; it is asked again later. ``message`` names it, ``do`` says what helps, ``code``
    is the finding that it becomes (``credentials`` where the source does not know us any more)."""

    def __init__(self, message: str, do: str, code: FindingCode = FindingCode.SOURCE_INCOMPLETE) -> None:
        super().__init__(message)
        self.message = message
        self.do = do
        self.code = code


@dataclass(frozen=True)
class Walked:
    """How far a reading has come: customers read, of those known so far."""

    customers: int
    of: int


Progress = Callable[[Walked], Awaitable[None]]
"""Told now and then while a long reading goes on; a reading may be cut off wherever it is awaited."""


async def untold(_walked: Walked) -> None:
    """Nobody wants to know."""


class Distributor(Protocol):
    """One source account. Adapters: :mod:`.adapters.file_drop`, :mod:`.adapters.partner_center`, and the twins in
    :mod:`.adapters.memory`; all pass :mod:`.conformance`, which is also how you prove yours.

    A caller may not assume

    - that two calls see the same source: between them deliveries come, go and change;
    - that a delivery is told once: after a crash the same one waits again, under the same identity;
    - that a subscription which is not in a reading is gone: :class:`Reading` says what it proves;
    - that rows come in order, or that a subscription has one row only;
    - that a reading is newer than one which was begun earlier: :attr:`Row.version` tells, where the source has one;
    - that calls do not overlap: direct reads go on while an account is read.

    An adapter never decides: it neither compares with what was read before nor drops a row silently; a row that it
    cannot read is a :class:`Problem`, whatever is wrong with it; so is one with an id longer than
    :data:`~.domain.reading.MOST_TEXT`, while a name may be cut there. It logs and tells no secrets.
    """

    async def waiting(self) -> Sequence[Parcel]:
        """What is there to be read now, oldest first; empty if nothing. May take seconds (until a file stands still).

        Raises :class:`SourceUnreachableError` where the account cannot be asked. An API without deliveries returns
        one parcel a call, with an identity that no other call gave: its whole account, as of now.
        """

    async def read(self, parcel: Parcel, progress: Progress = untold) -> Reading:
        """The parcel's content, read to its end. Content that makes no sense is a ``failure`` of the reading, never
        an exception. Reading changes nothing at the source, and reading a delivery again gives the same.

        A live account is walked customer by customer. One that is refused is ``silent``, one that fails after its
        retries is ``unread``, a walk that breaks off is ``cut_short``: what was read until then is returned all the
        same. Raises :class:`SourceUnreachableError` where nothing can be read now, the parcel's disappearance included.
        """

    async def put_away(self, parcel: Parcel, *, failed: bool) -> None:
        """The parcel was taken over (or, ``failed``, could not be read): it is not to wait any more. Nothing happens
        where this very parcel is not there any longer; another of the same name stays. Nothing is ever deleted.

        Raises :class:`SourceUnreachableError` where that does not work now; it will be asked again.
        """

    async def reread(self, customer: str, subscription: str | None = None) -> Reading | None:
        """One subscription as it is now, or all of one customer; None where the source has no direct read (a drop).

        The reading is ``live`` and never ``full``. A subscription that the source, asked for it by id, does not have
        is in ``gone``; one whose customer does not show itself is ``silent``, which says nothing of it; one that
        cannot be read now is ``unread``. Raises :class:`SourceUnreachableError` where the account cannot be asked.
        May have a budget of its own: a sweep under way must not make a hint wait.
        """


@dataclass(frozen=True)
class Signal:
    """The source says that something happened to a subscription, or (None) somewhere at a customer. It carries no
    state: it only leads to a direct read."""

    customer: str
    subscription: str | None
    at: datetime


class ForgedError(Exception):
    """What came is not from the source. The text says why, without a word of what came."""


class Receiver(Protocol):
    """Reads what a source POSTs to us. Anybody can POST there: nothing that came is believed, followed or called before
    it is known to be the source's own, and even then it only says where to look."""

    async def signals(self, headers: Mapping[str, str], body: bytes) -> Sequence[Signal]:
        """What the message points at; nothing where it is authentic and of no interest. ``headers`` by lower-case name,
        ``body`` as it came over the wire. Raises :class:`ForgedError` where it is not authentic, and
        :class:`SourceUnreachableError` where that cannot be found out now."""


class Registrar(Protocol):
    """Tells a source where to POST its messages."""

    async def ensure(self) -> bool:
        """Whether something had to be changed at the source. Asking twice changes nothing twice. Raises
        :class:`SourceUnreachableError`, with ``permission`` as its code where we may not."""


class ChangeFeed(Protocol):
    """A cheap list of changes that some sources have (Partner Center: audit records). What is not in it may have
    changed all the same: the sweep stays the authority."""

    async def signals(self, since: datetime) -> Sequence[Signal]:
        """All that the source recorded from ``since`` (aware UTC, the source's own time) on, in any order; the same
        ones may come again. Raises :class:`SourceUnreachableError` where it cannot be asked.
        """
