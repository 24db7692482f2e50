"""All metrics of Seatledger, declared here and nowhere else: name, kind, help, unit, labels, and who feeds it.

Counted per batch, per round, per sweep or per call, never per event: per event they cost a quarter of the throughput. A
label's values come from the code or from the configuration, never from a customer: see :data:`LABELS`. Figures that
stand in the store (findings, outboxes, quotas) are read by each replica alike: take their ``max`` over replicas, and
the ``sum`` of everything else. ``docs/metrics.md`` is made from this module.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from seatledger.schemas.flow import COLLECTOR, MAPPER, PLANNER, WRITER
from seatledger.schemas.heads import SERVICES

SIZES: Final = (1, 3, 10, 30, 100, 300, 1000)
SECONDS: Final = (0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
LONG_SECONDS: Final = (0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)

FIGURES_SECONDS: Final = 15.0
"""How often a service reads from the store what its gauges show: about as often as Prometheus asks for them."""

LABELS: Final = {
    "topic": "a declared topic, without the installation's prefix",
    "collection": "a collection of this service that has outboxes",
    "loop": "a repeating work of this service, with the source account or connection that it is for",
    "verb": "a verb of the store",
    "route": "a path of the service's own HTTP server",
    "status": "HTTP status, `none` where no answer came",
    "check": "a check of /readyz: store, broker, bus, outbox, service, a loop by its name",
    "code": "code of a finding",
    "do": "what a command asks for",
    "ok": "`true` where the answer is yes",
    "source": "source account, as configured",
    "connection": "PSA connection, as configured",
    "entity": "Autotask entity",
    "result": "`complete` or `incomplete` of a sweep; what the mapper made of a subscription",
    "outcome": "outcome of an intent (`posted`, `in_place`, `refused`, `held` …)",
    "state": "state of an open intent, of a plan, or of what waits at the planner",
    "waits_for": "`approval` (a person) or `release` (its day has come, nobody has to say yes)",
}
"""Every label, and where its values come from."""


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Declared:
    """A metric as declared. ``fed_by`` are the services that set it."""

    name: str
    kind: Kind
    help: str
    unit: str
    labels: tuple[str, ...]
    fed_by: tuple[str, ...]
    from_store: bool
    """A gauge of what stands in the store, the same on each replica."""

    @property
    def series(self) -> tuple[str, ...]:
        """The names under which Prometheus stores it."""
        match self.kind:
            case Kind.COUNTER:
                return (f"{self.name}_total",)
            case Kind.GAUGE:
                return (self.name,)
            case Kind.HISTOGRAM:
                return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")


class Metrics:
    """Prometheus metrics of one process, in a registry of their own. Durations are seconds of machine time."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.declared: list[Declared] = []
        self._handlers()
        self._process()
        self._store()
        self._people()
        self._collector()
        self._mapper()
        self._planner()
        self._writer()

    def text(self) -> bytes:
        """What /metrics answers."""
        return generate_latest(self.registry)

    def _handlers(self) -> None:
        topic = ("topic",)
        self.lag = self._gauge("lag", "Records on the bus not yet taken", "records", topic)
        self.batches = self._counter("batches", "Batches handled and committed", "batches", topic)
        self.events = self._counter("events", "Events handed to a handler", "events", topic)
        self.batch_size = self._histogram("batch_size", "Records in a batch", "records", topic, buckets=SIZES)
        self.batch_seconds = self._histogram("batch_seconds", "From a batch's arrival to its end", "seconds", topic)
        self.handler_failures = self._counter("handler_failures", "Attempts at a batch that raised", "attempts", topic)
        self.dead_letters = self._counter("dead_letters", "Records copied to dead.v1", "records", topic)
        self.last_progress = self._gauge(
            "last_progress_timestamp_seconds",
            "When records were last handled, or events last published from outboxes; 0 until then",
            "seconds since 1970",
        )

    def _process(self) -> None:
        self.ready = self._gauge("ready", "1 while /readyz is green, else 0", "1 or 0")
        self.check_red = self._gauge(
            "check_red", "1 while a check of /readyz gives a reason, else 0", "1 or 0", ("check",)
        )
        self.loop_seconds = self._histogram("loop_seconds", "A round of a loop that ended well", "seconds", ("loop",))
        self.loop_failures = self._counter("loop_failures", "Rounds of a loop that raised", "rounds", ("loop",))
        self.requests = self._counter(
            "requests", "Requests to routes of the service's own", "requests", ("route", "status")
        )
        self.said_again = self._counter("said_again", "Events said again", "events")

    def _store(self) -> None:
        self.store_seconds = self._histogram(
            "store_seconds", "A verb of the store, waits included", "seconds", ("verb",)
        )
        self.outbox_published = self._counter(
            "outbox_published", "Events published from outboxes", "events", ("collection",)
        )
        self.outbox_waiting = self._figure(
            "outbox_waiting",
            "Documents with events not yet published, at the last look (every 2 s); 2000 means that many or more",
            "documents",
            ("collection",),
        )

    def _people(self) -> None:
        self.findings_open = self._figure("findings_open", "Findings that stand open", "findings", ("code",))
        self.commands = self._counter("commands", "Commands answered", "commands", ("do", "ok"))
        self.command_seconds = self._histogram(
            "command_seconds", "From a command's start to its stored answer", "seconds", ("do",), buckets=LONG_SECONDS
        )

    def _collector(self) -> None:
        source = ("source",)
        self.sweeps = self._counter("sweeps", "Sweeps that ended", "sweeps", ("source", "result"), COLLECTOR)
        self.sweep_seconds = self._histogram(
            "sweep_seconds", "A sweep from its start to its end", "seconds", source, COLLECTOR, LONG_SECONDS
        )
        self.last_complete_sweep = self._figure(
            "last_complete_sweep_timestamp_seconds",
            "End of the last sweep that read everything; 0 until there was one. `time()` less this is the sweep's age",
            "seconds since 1970",
            source,
            COLLECTOR,
        )
        self.brake_held = self._figure(
            "brake_held", "Subscriptions that the brake on mass decreases holds", "subscriptions", source, COLLECTOR
        )
        self.changes = self._counter(
            "changes",
            "Subscriptions whose state differed from what was stored, in sweeps",
            "changes",
            source,
            COLLECTOR,
        )
        self.hint_seconds = self._histogram(
            "hint_seconds",
            "From a source's hint of a change until it was read",
            "seconds",
            source,
            COLLECTOR,
            (*SECONDS, 100, 300, 1000),
        )

    def _mapper(self) -> None:
        self.decisions = self._counter(
            "decisions", "Results of the mapper that were stored", "results", ("source", "result"), MAPPER
        )

    def _planner(self) -> None:
        self.companies_waiting = self._figure(
            "companies_waiting",
            "Companies to be planned (`dirty`), and companies with intents that have no answer (`unanswered`)",
            "companies",
            ("state",),
            PLANNER,
        )
        self.plans_open = self._figure(
            "plans_open", "Plans that are not over", "plans", ("connection", "state"), PLANNER
        )
        self.oldest_wish = self._figure(
            "oldest_wish_age_seconds",
            "Age of the oldest plan with a wish that is not released, since it took its present form; 0 where none is",
            "seconds",
            ("connection", "waits_for"),
            PLANNER,
        )

    def _writer(self) -> None:
        connection, entity = ("connection",), ("connection", "entity")
        self.outcomes = self._counter(
            "outcomes", "Outcomes of intents, each as it was stored", "outcomes", ("connection", "outcome"), WRITER
        )
        self.open_intents = self._figure(
            "open_intents", "Intents that hold their line", "intents", ("connection", "state"), WRITER
        )
        self.psa_calls = self._counter(
            "psa_calls", "Calls to Autotask, by what came back", "calls", (*entity, "status"), WRITER
        )
        self.psa_call_seconds = self._histogram("psa_call_seconds", "A call to Autotask", "seconds", entity, WRITER)
        self.psa_in_flight = self._gauge(
            "psa_in_flight", "Calls to Autotask under way; 3 at most", "calls", entity, WRITER
        )
        self.psa_budget = self._figure(
            "psa_budget", "Calls an hour that the configuration allows", "calls", connection, WRITER
        )
        self.psa_budget_used = self._figure(
            "psa_budget_used",
            "Calls counted in the last 60 minutes, all replicas together",
            "calls",
            connection,
            WRITER,
        )
        self.read_lag = self._histogram(
            "read_lag_seconds",
            "From Autotask's 200 to the first reading whose unit rows show the change",
            "seconds",
            connection,
            WRITER,
            LONG_SECONDS,
        )
        self.mirrored = self._figure(
            "mirrored_timestamp_seconds",
            "End of the last full reading of Autotask; 0 until there was one",
            "seconds since 1970",
            connection,
            WRITER,
        )

    def _counter(
        self, name: str, text: str, unit: str, labels: tuple[str, ...] = (), fed_by: tuple[str, ...] = SERVICES
    ) -> Counter:
        known = self._declare(Kind.COUNTER, name, text, unit, labels, fed_by)
        return Counter(known.name, text, labels, registry=self.registry)

    def _gauge(
        self, name: str, text: str, unit: str, labels: tuple[str, ...] = (), fed_by: tuple[str, ...] = SERVICES
    ) -> Gauge:
        known = self._declare(Kind.GAUGE, name, text, unit, labels, fed_by)
        return Gauge(known.name, text, labels, registry=self.registry)

    def _figure(
        self, name: str, text: str, unit: str, labels: tuple[str, ...], fed_by: tuple[str, ...] = SERVICES
    ) -> Gauge:
        """A gauge that a service reads from the store."""
        known = self._declare(Kind.GAUGE, name, text, unit, labels, fed_by, from_store=True)
        return Gauge(known.name, text, labels, registry=self.registry)

    def _histogram(
        self,
        name: str,
        text: str,
        unit: str,
        labels: tuple[str, ...] = (),
        fed_by: tuple[str, ...] = SERVICES,
        buckets: tuple[float, ...] = SECONDS,
    ) -> Histogram:
        known = self._declare(Kind.HISTOGRAM, name, text, unit, labels, fed_by)
        return Histogram(known.name, text, labels, buckets=buckets, registry=self.registry)

    def _declare(
        self,
        kind: Kind,
        name: str,
        text: str,
        unit: str,
        labels: tuple[str, ...],
        fed_by: tuple[str, ...],
        *,
        from_store: bool = False,
    ) -> Declared:
        known = Declared(f"seatledger_{name}", kind, text, unit, labels, fed_by, from_store)
        self.declared.append(known)
        return known
