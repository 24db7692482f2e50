"""Metrics: one declaration, documented, and fed by what every service shares."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from aiokafka import TopicPartition

from libs.runtime.tests.samples import CALENDAR, LOG, Note, issued, outgoing, record, until
from seatledger.runtime.bus import MemorySink, Received, Subscription
from seatledger.runtime.clock import SystemMachine
from seatledger.runtime.commands import CommandDocument, Commands
from seatledger.runtime.config import BrokerConfig
from seatledger.runtime.delivery import Delivery, Unreadable
from seatledger.runtime.findings_store import CountFindings, FindingDocument, StoredFindings
from seatledger.runtime.health import Readiness
from seatledger.runtime.kafka import BATCH, Consumer
from seatledger.runtime.kafka_client import Connection
from seatledger.runtime.loops import LoopRunner
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.metrics import LABELS, SIZES, Kind, Metrics
from seatledger.runtime.metrics_page import page
from seatledger.runtime.outbox import Outboxes
from seatledger.runtime.service import Answer, Loop
from seatledger.runtime.store import Documents
from seatledger.runtime.testing import FakeRecord, JumpingMachine
from seatledger.schemas.commands import CommandIssued, ReadMirror
from seatledger.schemas.findings import FindingCode, FindingDraft, Subject
from seatledger.schemas.heads import SERVICES
from seatledger.schemas.topics import COMMANDS

if TYPE_CHECKING:
    from faststream.kafka.subscriber.usecase import BatchSubscriber


ROOT = Path(__file__).parents[3]


def read(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A series as Prometheus would store it; None where there is none."""
    return metrics.registry.get_sample_value(f"seatledger_{name}", labels)


async def send_dead(_unreadable: Sequence[Unreadable]) -> None:
    return None


def test_the_page_of_metrics_is_todays() -> None:
    """Whoever changes a metric commits its page: ``python -m seatledger.runtime.metrics_page`` writes it."""
    assert (ROOT / "docs" / "metrics.md").read_text() == page()


def test_a_declaration_is_what_prometheus_sees() -> None:
    """Names and kinds of the declaration are those of the registry: nothing is registered beside it."""
    metrics = Metrics()
    declared = {(one.name, one.kind.value, one.help) for one in metrics.declared}
    assert declared == {(one.name, one.type, one.documentation) for one in metrics.registry.collect()}
    assert len(declared) == len(metrics.declared)


def test_every_metric_says_what_an_operator_must_know() -> None:
    """A sentence, a unit, known labels and a service that feeds it; no label is described in vain."""
    declared = Metrics().declared
    for one in declared:
        assert one.help[0].isupper() or one.help[0].isdigit(), one.name
        assert one.unit, one.name
        assert set(one.fed_by) <= set(SERVICES), one.name
        assert one.name.endswith("seconds") == one.unit.startswith("seconds"), one.name
    assert {label for one in declared for label in one.labels} == set(LABELS)


def test_no_label_is_a_customers() -> None:
    """The number of series must not grow with customers, subscriptions, lines or intents."""
    assert not set(LABELS) & {"customer", "tenant", "company", "subscription", "contract", "line", "intent", "id"}


def test_the_largest_batch_has_a_bucket() -> None:
    """A full poll is told from a larger one that cannot be."""
    assert SIZES[-2] < BATCH <= SIZES[-1]


async def test_batches_are_measured_per_topic() -> None:
    """Rate, errors and duration of a handler, and what it buried."""
    metrics, failures = Metrics(), [ValueError("no")]

    async def handle(_batch: Sequence[Received]) -> None:
        if failures:
            raise failures.pop()

    subscription = Subscription(COMMANDS, handle, accepts=(CommandIssued,))
    delivery = Delivery(subscription, send_dead, JumpingMachine(), metrics, LOG)
    await delivery.take([record(1), record(2), FakeRecord(b"x", offset=3)])
    topic = {"topic": COMMANDS.name}
    assert read(metrics, "batches_total", **topic) == 1
    assert read(metrics, "events_total", **topic) == 2
    assert read(metrics, "batch_size_sum", **topic) == 3
    assert read(metrics, "batch_seconds_count", **topic) == 1
    assert read(metrics, "handler_failures_total", **topic) == 1
    assert read(metrics, "dead_letters_total", **topic) == 1
    assert read(metrics, "last_progress_timestamp_seconds") == delivery.machine.now().timestamp()


class Positions:
    """As much of a subscriber of FastStream's, and of its consumer, as tells where it stands in its partitions."""

    def __init__(self, **partitions: tuple[int, int | None]) -> None:
        self.partitions = {TopicPartition(COMMANDS.name, int(name[1:])): found for name, found in partitions.items()}
        self.consumer = self
        self.tasks = [asyncio.get_running_loop().create_future()]

    def assignment(self) -> set[TopicPartition]:
        return set(self.partitions)

    def highwater(self, partition: TopicPartition) -> int | None:
        return self.partitions[partition][1]

    async def position(self, partition: TopicPartition) -> int:
        return self.partitions[partition][0]

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {one.partition for one in self.partitions if one.topic == topic} or None


async def check(metrics: Metrics, positions: Positions) -> str | None:
    """What readiness hears of a subscription that stands there."""

    async def handle(_batch: Sequence[Received]) -> None:
        return None

    subscription = Subscription(COMMANDS, handle, accepts=(CommandIssued,))
    delivery = Delivery(subscription, send_dead, JumpingMachine(), metrics, LOG)
    connection = Connection("broker:9092", embedded=False, prefix="", settings=BrokerConfig())
    consumer = Consumer(connection, delivery, "group")
    consumer._subscriber = cast("BatchSubscriber", positions)
    return await consumer.check()


async def test_lag_is_what_is_not_yet_taken() -> None:
    """Over all partitions whose end is known, measured where readiness asks."""
    metrics = Metrics()
    assert await check(metrics, Positions(p0=(3, 10), p1=(5, 5), p2=(0, None))) is None
    assert read(metrics, "lag", topic=COMMANDS.name) == 7


async def test_a_member_whose_topic_is_gone_is_red() -> None:
    """It has no partitions, and so no lag: nobody would see that it reads nothing."""
    red = await check(Metrics(), Positions())
    assert red == "commands.v1: the broker knows no such topic; seatledger topics apply makes it"


async def test_readiness_is_a_metric() -> None:
    """Green is 1; a reason makes it 0 and names the check."""
    metrics = Metrics()
    readiness = Readiness(SystemMachine(), metrics)
    reasons: list[str | None] = ["away", None]

    async def store() -> str | None:
        return reasons.pop()

    readiness.add("store", store)
    await readiness.look()
    assert (read(metrics, "ready"), read(metrics, "check_red", check="store")) == (1, 0)
    await readiness.look()
    assert (read(metrics, "ready"), read(metrics, "check_red", check="store")) == (0, 1)


async def test_waiting_outboxes_are_counted() -> None:
    """What a dead process left in outboxes is counted before it is published, and the events that were."""
    metrics, store = Metrics(), MemoryStore()
    outboxes = Outboxes(store, MemorySink(), SystemMachine(), metrics, LOG)
    notes = outboxes.documents("notes", Note)
    await notes.save_many([Note(id=str(n), outbox=(outgoing(n), outgoing(n + 10))) for n in range(3)])
    outboxes.start()
    await until(lambda: read(metrics, "outbox_published_total", collection="notes") == 6)
    assert read(metrics, "outbox_waiting", collection="notes") == 3
    await outboxes.stop()


async def test_open_findings_are_counted_by_code() -> None:
    """Two open and one closed of a code are two; a code without any shows 0."""
    documents = Documents(MemoryStore().collection("findings_mapper"), FindingDocument)
    findings, metrics = StoredFindings("mapper", documents, CALENDAR), Metrics()
    subjects = [Subject(detail=str(n)) for n in range(3)]
    await findings.raise_(*(FindingDraft(FindingCode.OFFER_UNMAPPED, one, "m", "d") for one in subjects))
    await findings.close(FindingCode.OFFER_UNMAPPED, subjects[0])
    await CountFindings(findings, metrics)()
    assert read(metrics, "findings_open", code="offer_unmapped") == 2
    assert read(metrics, "findings_open", code="held") == 0


@pytest.mark.parametrize("ok", [True, False])
async def test_commands_are_counted_with_their_answer(*, ok: bool) -> None:
    """One more command of this kind, with a yes or a no, and how long it took."""
    metrics, documents = Metrics(), Documents(MemoryStore().collection("commands_psa-writer"), CommandDocument)
    commands = Commands(
        "psa-writer",
        documents,
        sink=MemorySink(),
        calendar=CALENDAR,
        machine=JumpingMachine(),
        metrics=metrics,
        log=LOG,
    )

    async def read_mirror(_command: CommandIssued) -> Answer:
        return Answer(ok=ok)

    commands.use({ReadMirror: read_mirror}, None)
    await documents.save(CommandDocument(id="c1", command=issued(1), correlationid="c1"))
    await commands.resume()
    await until(lambda: read(metrics, "command_seconds_count", do="read_mirror") == 1)
    assert read(metrics, "commands_total", do="read_mirror", ok=str(ok).lower()) == 1


async def test_rounds_of_loops_are_measured() -> None:
    """Good rounds with their time, failed ones by themselves."""
    metrics, rounds = Metrics(), iter([None, ValueError("no"), None, SystemExit()])

    async def run() -> None:
        if (error := next(rounds)) is not None:
            raise error

    with pytest.raises(SystemExit):
        await LoopRunner(Loop("it", run, every=1.0), JumpingMachine(), metrics, LOG).run()
    assert read(metrics, "loop_seconds_count", loop="it") == 2
    assert read(metrics, "loop_failures_total", loop="it") == 1


def test_counters_and_histograms_have_the_names_that_prometheus_gives_them() -> None:
    """Dashboards and alerts ask for ``_total``, ``_bucket``, ``_sum``, ``_count``."""
    series = {one.name: one.series for one in Metrics().declared}
    assert series["seatledger_events"] == ("seatledger_events_total",)
    assert series["seatledger_lag"] == ("seatledger_lag",)
    assert series["seatledger_batch_size"][0] == "seatledger_batch_size_bucket"
    assert {one.kind for one in Metrics().declared} == set(Kind)
