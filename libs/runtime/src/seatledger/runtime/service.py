"""What a service hands to the runtime, and what it gets. Only ``app.py`` of each service builds it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seatledger.runtime.bus import EventSink, Subscription
from seatledger.runtime.clock import BusinessClock, MachineClock
from seatledger.runtime.store import D, Documents, Store
from seatledger.schemas.base import Strict
from seatledger.schemas.commands import CommandIssued
from seatledger.schemas.documents import Outgoing

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from seatledger.runtime.config import Config
    from seatledger.runtime.findings import Findings
    from seatledger.runtime.lease import Lease
    from seatledger.runtime.metrics import Metrics


class Answer(Strict):
    """What a command handler answers: ``ok`` False means done, and the answer is no."""

    ok: bool = True
    message: str = ""
    result: dict[str, Any] = {}


CommandHandler = Callable[[CommandIssued], Awaitable[Answer]]
"""Handles one command idempotently: it may run again after a crash, or on two replicas at once."""


@dataclass(frozen=True)
class Loop:
    """Work that repeats: ``run`` is called, then again ``every`` seconds of machine time after it returned, sooner when
    ``wake`` is set by the service (``asyncio.Event``). An exception is logged, backed off, and turns readiness red
    while it lasts; it never ends the process."""

    name: str
    run: Callable[[], Awaitable[None]]
    every: float
    wake: Any = None


@dataclass(frozen=True)
class Request:
    """What somebody POSTed to a route. Header names are in lower case; ``body`` is what came over the wire."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """``status`` is HTTP's; ``text`` tells a machine's owner what was wrong, and no secret."""

    status: int
    text: str = ""


@dataclass(frozen=True)
class Route:
    """A path of the service's own beside /healthz, for POSTs of other systems. A body above ``limit`` bytes is answered
    413 without being read; what ``reply`` raises is answered 500 and logged."""

    path: str
    reply: Callable[[Request], Awaitable[Reply]]
    limit: int = 64 * 1024


@dataclass(frozen=True)
class Parts:
    """All that a service is made of."""

    subscriptions: Sequence[Subscription] = ()
    loops: Sequence[Loop] = ()
    routes: Sequence[Route] = ()
    """Answered from the moment the service has joined the bus until it stops."""
    commands: Mapping[type[Strict], CommandHandler] = field(default_factory=dict)
    """By the command's body class."""
    say_again: Callable[[], AsyncIterator[Outgoing]] | None = None
    """Everything that the service holds, with the ids it had: for ``resync`` and a new bus epoch."""
    unready: Callable[[], str | None] | None = None
    """One line why the service is not ready, or None."""
    close: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True)
class Runtime:
    """What the runtime gives to a service's ``build``."""

    name: str
    replica: str
    """Unique per process."""
    config: "Config"
    store: Store
    sink: EventSink
    calendar: BusinessClock
    machine: MachineClock
    log: "FilteringBoundLogger"
    metrics: "Metrics"
    findings: "Findings"
    documents: Callable[..., Any]
    """``documents("snapshots", Snapshot)`` → :class:`Documents` whose outbox the runtime flushes;
    ``before_publish=`` is :data:`seatledger.runtime.outbox.BeforePublish`."""
    lease: Callable[..., "Lease"]
    """``lease("drop", length=10.0)`` → a lease in ``leases_<service>``."""


Build = Callable[[Runtime], Awaitable[Parts]]

__all__ = [
    "Answer",
    "Build",
    "CommandHandler",
    "D",
    "Documents",
    "Loop",
    "Parts",
    "Reply",
    "Request",
    "Route",
    "Runtime",
]
