"""One PSA connection's parts, put together from ports; knows no concrete class of an adapter."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatledger.psa_writer.domain.watch import Moment
from seatledger.psa_writer.handlers.execute import Executor
from seatledger.psa_writer.handlers.gate import Gate
from seatledger.psa_writer.handlers.memory import Memory
from seatledger.psa_writer.handlers.mirror import Mirror
from seatledger.psa_writer.handlers.projection import Projection
from seatledger.psa_writer.handlers.reader import Reader
from seatledger.psa_writer.handlers.report import Reporter
from seatledger.psa_writer.handlers.send import Sender
from seatledger.psa_writer.handlers.send_log import SendLog
from seatledger.psa_writer.ports import Psa
from seatledger.psa_writer.settings import ConnectionSettings
from seatledger.runtime.clock import BusinessClock, MachineClock
from seatledger.runtime.findings import Findings
from seatledger.runtime.lease import Lease
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.store import Documents, Store
from seatledger.schemas.book import LineBook
from seatledger.schemas.mirror import PSA_LINES, MirrorLine, MirrorState

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


@dataclass(frozen=True)
class Ports:
    """What one connection works with."""

    psa: Psa
    store: Store
    books: Documents[LineBook]
    states: Documents[MirrorState]
    findings: Findings
    lease: Lease
    calendar: BusinessClock
    machine: MachineClock
    metrics: Metrics
    log: "FilteringBoundLogger"
    new_token: Callable[[], str] = lambda: secrets.token_hex(8)
    random_bits: Callable[[int], int] = secrets.randbits


@dataclass(frozen=True)
class Connection:
    executor: Executor
    mirror: Mirror

    def trouble(self) -> str | None:
        """One line while some line cannot be decided, or read."""
        return self.executor.trouble() or self.mirror.trouble()


def connection(settings: ConnectionSettings, ports: Ports) -> Connection:
    """The executor and the mirror of one connection, sharing lease, gate and PSA."""
    lines = Documents(ports.store.collection(PSA_LINES), MirrorLine)
    report = Reporter(settings, ports.findings, lines)
    gate = Gate(ports.psa, ports.machine, report)
    reader = Reader(ports.psa, ports.machine, lines)
    return Connection(_executor(settings, ports, gate, report, reader), _mirror(settings, ports, gate, report))


def _executor(settings: ConnectionSettings, ports: Ports, gate: Gate, report: Reporter, reader: Reader) -> Executor:
    def moment() -> Moment:
        return Moment(
            seconds=ports.machine.seconds(),
            machine_now=ports.machine.now(),
            now=ports.calendar.now(),
            today=ports.calendar.today(settings.zone),
        )

    memory = Memory()
    sender = Sender(
        settings=settings,
        books=ports.books,
        psa=ports.psa,
        reader=reader,
        gate=gate,
        memory=memory,
        moment=moment,
        new_token=ports.new_token,
        lease=ports.lease,
        log=SendLog(settings.name, ports.log),
    )
    return Executor(
        settings=settings,
        books=ports.books,
        reader=reader,
        sender=sender,
        gate=gate,
        report=report,
        lease=ports.lease,
        moment=moment,
        memory=memory,
        metrics=ports.metrics,
        log=ports.log,
    )


def _mirror(settings: ConnectionSettings, ports: Ports, gate: Gate, report: Reporter) -> Mirror:
    return Mirror(
        settings=settings,
        psa=ports.psa,
        books=ports.books,
        states=ports.states,
        projection=Projection(settings.name, ports.store),
        gate=gate,
        report=report,
        lease=ports.lease,
        calendar=ports.calendar,
        machine=ports.machine,
        random_bits=ports.random_bits,
        log=ports.log,
    )
