"""Sentences of kernel.md section 4 about the wire, the budget and the sign-in, in the order that would break them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from writer_world import MAIN, TODAY, WAIT, HandClock, World

from seatledger.psa_writer.adapters.autotask.client import Client, Credentials
from seatledger.psa_writer.adapters.autotask.http import Http, NoAnswerError, TooLateError, _FirstByte
from seatledger.psa_writer.adapters.autotask.psa import AutotaskPsa
from seatledger.psa_writer.adapters.autotask.quota import Quota
from seatledger.psa_writer.domain.reading import Reading
from seatledger.psa_writer.domain.verdict import is_duplicate
from seatledger.psa_writer.handlers import send
from seatledger.psa_writer.ports import (
    Adjustment,
    Cause,
    Deadline,
    NoByteLeft,
    PostOutcome,
    PsaBudgetSpentError,
    PsaUnreachableError,
)
from seatledger.psa_writer.settings import ConnectionSettings
from seatledger.runtime.memory import MemoryStore
from seatledger.runtime.store import Documents, StoreUnavailableError
from seatledger.schemas.book import OpenIntent, OpenState
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.intents import PsaAnswer
from seatledger.schemas.quota import QUOTA, QuotaUse


@dataclass
class Listener:
    """Answers every connection with the same bytes and remembers what it was sent, by connection."""

    answer: bytes
    heard: list[bytes] = field(default_factory=list)
    url: str = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(self.heard)
        self.heard.append(b"")
        while b"\r\n\r\n{}" not in self.heard[number] and (more := await reader.read(4096)):
            self.heard[number] += more
        if self.heard[number]:
            writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[Listener]:
    listener = Listener(answer)
    server = await asyncio.start_server(listener.talk, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        yield listener


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}"
MOVED = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"


async def test_the_deadline_is_asked_again_when_the_connection_is_open() -> None:
    """Section 4.3: in time before, too late then: the connection was made and not one byte went out."""
    async with listening(OK) as there:
        http, asked = Http(write_timeout=5), [False, True]
        with pytest.raises(TooLateError):
            await http.write(there.url, {}, {}, asked.pop)
        assert not asked
        await http.close()
        assert there.heard in ([], [b""])


async def test_each_write_has_a_connection_of_its_own() -> None:
    """Section 4.3: fresh connections, also where the other side would keep them."""
    async with listening(OK) as there:
        http = Http(write_timeout=5)
        answers = [await http.write(there.url, {}, {}, lambda: True) for _ in range(2)]
        await http.close()
        assert ([answer.status for answer in answers], len(there.heard)) == ([200, 200], 2)


async def test_a_write_follows_no_redirect() -> None:
    """Section 4.3: a 307 would post a second time; it is an answer like another, and that is *unknown*."""
    async with listening(MOVED) as there:
        http = Http(write_timeout=5)
        assert (await http.write(there.url, {}, {}, lambda: True)).status == 307
        await http.close()
        assert len(there.heard) == 1


async def test_a_lost_answer_is_not_repeated_by_the_transport() -> None:
    """Section 4.3: the bytes left, the connection ended: once, and nobody knows."""
    async with listening(b"") as there:
        http = Http(write_timeout=5)
        with pytest.raises(NoAnswerError) as lost:
            await http.write(there.url, {}, {}, lambda: True)
        await http.close()
        assert (lost.value.bytes_left, len(there.heard)) == (True, 1)


async def test_a_refused_connection_had_no_effect() -> None:
    """Section 4.3: a failure before the first byte."""
    async with listening(OK) as there:
        url = there.url
    http = Http(write_timeout=5)
    with pytest.raises(NoAnswerError) as failed:
        await http.write(url, {}, {}, lambda: True)
    await http.close()
    assert not failed.value.bytes_left


async def test_a_step_of_the_transport_that_nobody_knows_counts_as_bytes_that_left() -> None:
    """Section 4.3: only what certainly failed before the first byte had no effect; an unknown name is no certainty."""
    watch = _FirstByte(lambda: True)
    seen = []
    for step in ("connection.connect_tcp.started", "http4.push.started"):
        await watch.trace(step, {})
        seen.append(watch.may_have_left)
    assert seen == [False, True]
    late = _FirstByte(lambda: False)
    with pytest.raises(TooLateError):
        await late.trace("http4.push.started", {})


async def test_a_fault_of_the_adapter_is_one_lines_unknown_and_nobody_elses() -> None:
    """Sections 4.3 and 9.7: all else is unknown; the neighbours of the same batch are posted."""
    world = World()
    lines = [world.psa.add_line(n, 10) for n in (1, 2)]
    replica = await world.linked(*lines)
    post = world.psa.post

    async def faulty(adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        if adjustment.line == lines[0]:
            raise KeyError("secret of the adapter")
        return await post(adjustment, deadline)

    world.psa.post = faulty  # type: ignore[method-assign]
    intents = [await world.release(replica, line, TODAY, 2) for line in lines]
    await replica.one()
    assert [world.outcomes(intent)[-1] for intent in intents] == ["unknown", "posted"]
    answer = world.said(intents[0])[-1].answer
    assert answer is not None
    assert "secret" not in answer.text


async def test_a_replica_that_lost_its_lease_in_a_batch_begins_no_further_claim(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sections 4.5 and 9.9: somebody else calls now; both together would be more than three in flight."""
    monkeypatch.setattr(send, "CHUNK", 2)
    world = World()
    lines = [world.psa.add_line(n, 10) for n in range(1, 6)]
    replica = await world.linked(*lines)
    post = world.psa.post

    async def paused(adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        replica.lease.mine = False
        return await post(adjustment, deadline)

    world.psa.post = paused  # type: ignore[method-assign]
    intents = [await world.release(replica, line, TODAY, 2) for line in lines]
    await replica.one()
    assert world.psa.posts == 2
    await world.replica().one()
    assert {world.outcomes(intent)[-1] for intent in intents} == {"posted"}
    assert world.psa.posts == 5


@pytest.mark.parametrize(("wait", "claim", "lease"), [(900.0, 30.0, 10.0), (60.0, 20.0, 10.0), (6.0, 2.0, 2.0)])
def test_claim_and_lease_are_shorter_than_w(wait: float, claim: float, lease: float) -> None:
    """Sections 4.3 and 4.5: min(30 s, W/3) and min(10 s, W/3)."""
    settings = ConnectionSettings(MAIN, World().settings.zone, "EUR", wait, 300.0, lambda _company: False)
    assert (settings.claim_seconds, settings.lease_seconds) == (claim, lease)


async def test_the_deadline_covers_the_stores_acknowledgement() -> None:
    """Section 4.3: it runs from before the mark; a store that takes longer leaves nothing to send."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    books = replica.parts.executor.sender.books
    save_many = books.save_many

    async def slow(documents: Sequence[Any]) -> list[bool]:
        saved = await save_many(documents)
        if any(one.open and one.open.state is OpenState.SENT for one in documents):
            world.hand.at += 31
        return saved

    books.save_many = slow  # type: ignore[method-assign]
    intent = await world.release(replica, line, TODAY, 2)
    await replica.one()
    book = await world.book(line)
    assert (world.psa.posts, world.outcomes(intent), book.dates_used) == (0, ["taken"], ())


async def test_a_reading_older_than_30_seconds_is_no_ground_for_a_post() -> None:
    """Section 4.2: a pass that took that long reads again before it marks anything."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    read, slow = world.psa.read_rows, [31.0]

    async def read_rows(*args: Any) -> Any:
        world.hand.at += slow.pop() if slow else 0.0
        return await read(*args)

    world.psa.read_rows = read_rows  # type: ignore[method-assign,assignment]
    intent = await world.release(replica, line, TODAY, 2)
    await replica.one()
    assert world.psa.posts == 0
    await replica.passes(5, step=1)
    assert world.outcomes(intent) == ["taken", "posted"]


# ------------------------------------------------------------------------------------------------- 4.6: the budget


async def test_a_budget_that_ends_in_the_middle_of_a_batch_leaves_the_rest_taken() -> None:
    """Section 4.6: at its end calls stop; what was not marked has its date free and goes out when there is room."""
    world = World()
    lines = [world.psa.add_line(n, 10) for n in range(1, 6)]
    replica = await world.linked(*lines)
    room = [2]

    async def prepare(calls: int) -> int:
        return min(calls, room[0])

    async def post(adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        room[0] -= 1
        return await real(adjustment, deadline)

    real, world.psa.post = world.psa.post, post  # type: ignore[method-assign]
    world.psa.prepare = prepare  # type: ignore[method-assign]
    intents = [await world.release(replica, line, TODAY, 2) for line in lines]
    await replica.passes(30)
    books = [await world.book(line) for line in lines]
    assert sorted(world.outcomes(intent)[-1] for intent in intents) == ["posted"] * 2 + ["taken"] * 3
    assert sum(TODAY in book.dates_used for book in books) == 2
    room[0] = 100
    await replica.passes(60)
    assert {world.outcomes(intent)[-1] for intent in intents} == {"posted"}
    assert world.psa.posts == 5


async def test_a_budget_that_is_gone_when_the_rows_are_read_back_loses_no_answer() -> None:
    """Sections 3 and 4.6: the 200 is kept in the book; the gate opens with the hour and rows settle it."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    read, spent = world.psa.read_rows, [False]
    post = world.psa.post

    async def read_rows(*args: Any) -> Any:
        if spent[0]:
            raise PsaBudgetSpentError(600)
        return await read(*args)

    async def posted(*args: Any) -> PostOutcome:
        spent[0] = True
        return await post(*args)

    world.psa.read_rows, world.psa.post = read_rows, posted  # type: ignore[method-assign,assignment]
    intent = await world.release(replica, line, TODAY, 2)
    await replica.passes(60)
    claim = (await world.book(line)).open
    assert claim is not None
    assert claim.answer == PsaAnswer(status=200)
    spent[0] = False
    await replica.passes(300)
    assert world.outcomes(intent)[-1] == "unknown"
    assert world.findings.codes == ["budget_spent"]
    await replica.passes(330)
    assert world.outcomes(intent) == ["taken", "unknown", "posted"]
    await replica.parts.mirror.run()
    assert world.findings.codes == []


async def test_calls_reserved_and_not_used_are_not_carried_into_another_minute() -> None:
    """Section 9.9: a call counts in the minute in which it is made: no rolling hour holds more than was given."""
    store, clock = MemoryStore(), HandClock(at=1000.0)
    uses = Documents(store.collection(QUOTA), QuotaUse)
    counted = Quota(MAIN, 100, uses, clock)
    await counted.prepare(30)
    clock.at += 59
    await counted.take()
    clock.at += 59
    await counted.take()
    use = await uses.get(MAIN)
    assert use is not None
    assert list(use.by_minute.values()) == [30, 1, 1]


@dataclass
class LostStore:
    """A store that is away."""

    async def get(self, document_id: str) -> None:
        raise StoreUnavailableError(document_id)


async def test_a_call_that_cannot_be_counted_is_not_made() -> None:
    """Sections 4.3 and 9.9: no byte left, and a post says so instead of taking its neighbours down with it."""
    async with listening(OK) as there:
        uses: Documents[QuotaUse] = Documents(LostStore(), QuotaUse)  # type: ignore[arg-type]
        clock = HandClock()
        client = Client(there.url, Credentials("u", "s", "c"), Http(write_timeout=5), Quota(MAIN, 9, uses, clock), _any)
        psa = AutotaskPsa(client, clock)
        outcome = await psa.post(Adjustment(ContractId(1), LineId(1), TODAY, 2), Deadline(clock.at + 30))
        await psa.close()
        assert isinstance(outcome, NoByteLeft)
        assert (outcome.cause, there.heard) == (Cause.CONNECTION, [])


def _any(_zone: str) -> None:
    return None


async def test_a_thread_limit_that_lasts_is_met_more_and_more_rarely() -> None:
    """Section 3: nothing is POSTed without end; each answer of this kind doubles the pause, up to a minute."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.script.extend(["thread_limit"] * 1000)
    await world.release(replica, line, TODAY, 2)
    await replica.passes(600, step=0.5)
    assert 8 <= world.psa.posts <= 17


# ------------------------------------------------------------------------------------------------ the sign-in


async def test_executor_and_mirror_together_probe_once_a_minute() -> None:
    """Bad input: credentials that stop working cost a probe a minute, whoever makes it, and resume by themselves."""
    world = World()
    line = world.psa.add_line(1, 10)
    replica = await world.linked(line)
    world.psa.locked_out = True
    intent = await world.release(replica, line, TODAY, 2)
    probes, probe = [], world.psa.probe

    async def counted() -> None:
        probes.append(world.hand.at)
        await asyncio.sleep(0)
        await probe()

    world.psa.probe = counted  # type: ignore[method-assign]
    for _ in range(600):
        await asyncio.gather(replica.parts.executor.run(), replica.parts.mirror.run())
        world.hand.at += 1
    assert world.findings.codes == ["credentials"]
    assert len(probes) <= 10
    world.psa.locked_out = False
    for _ in range(70):
        await asyncio.gather(replica.parts.executor.run(), replica.parts.mirror.run())
        world.hand.at += 1
    await replica.flush()
    assert (world.outcomes(intent)[-1], world.findings.codes) == ("posted", [])


async def test_an_autotask_that_does_not_answer_for_a_minute_is_told() -> None:
    """A short silence mends itself; a long one is a finding, which closes once Autotask was read again."""
    world = World()
    gate = (await world.linked(world.psa.add_line(1, 10))).parts.executor.gate
    silent = PsaUnreachableError("no answer")
    for seconds, told in ((0, []), (59, []), (2, ["psa_unreachable"])):
        world.hand.at += seconds
        with pytest.raises(PsaUnreachableError):
            await gate.failed(silent)
        assert world.findings.codes == told
    await gate.succeeded()
    assert world.findings.codes == []


# -------------------------------------------------------------------------------------------- 4.1, 4.3: what is read


async def test_a_line_without_a_row_from_d_on_is_asked_for_itself() -> None:
    """Section 4.1: earlier rows do not show that the ContractServices row can be read."""
    world = World()
    line, other = world.psa.add_line(1, 10), world.psa.add_line(2, 10)
    replica = await world.linked(line, other)
    world.psa.zero_rows = False
    await world.release(replica, line, date(2026, 4, 1), -10)
    await replica.passes(180)
    asked: list[Any] = []
    read_lines = world.psa.read_lines

    async def hidden(only: Any = None) -> Any:
        asked.append(only)
        return [row for row in await read_lines(only) if row.line != line]

    world.psa.read_lines = hidden  # type: ignore[method-assign]
    intent = await world.release(replica, line, date(2026, 5, 1), 4)
    await world.release(replica, other, TODAY, 1)
    books = [await world.book(line), await world.book(other)]
    reading: dict[str, Reading] = await replica.parts.executor.reader.read(books, TODAY)
    assert [(one.readable, bool(one.rows)) for one in reading.values()] == [(False, True), (True, True)]
    await replica.passes(WAIT - 60)
    assert asked
    assert (world.outcomes(intent), len(world.psa.effects)) == (["taken"], 2)


@pytest.mark.parametrize("text", ["Attempt to insert Duplicate Data into contract_service_period", "… DUPLICATE data"])
def test_the_duplicate_text_is_recognised_in_any_case(text: str) -> None:
    """Section 4.3: as everywhere, texts are compared without case."""
    world = World()
    at = {"connection": "main", "company": 1, "contract": 1, "line": 1, "service": 1}
    zero = {"initial": 0, "steps": ()}
    intent = {"id": "i", "at": at, "version": 1, "on": None, "before": zero, "after": zero, "jump": 0}
    claim = OpenIntent.model_validate(
        {
            "intent": {**intent, "released_at": world.calendar.now()},
            "state": "unknown",
            "answer": {"status": 500, "text": text},
        }
    )
    assert is_duplicate(claim) is ("contract_service_period" in text)


# ------------------------------------------------------------------------------------- 4.4, 4.5: two who hold the lease


async def test_two_replicas_that_both_believe_they_hold_the_lease_have_one_effect_a_line() -> None:
    """Section 4.5: money does not rest on the lease: the mark *sent* is one compare-and-set."""
    world = World()
    lines = [world.psa.add_line(n, 10) for n in range(1, 6)]
    one = await world.linked(*lines)
    other = world.replica()
    intents = [await world.release(one, line, TODAY, 2) for line in lines]
    post = world.psa.post

    async def slow(adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        for _ in range(20):
            await asyncio.sleep(0)
        return await post(adjustment, deadline)

    world.psa.post = slow  # type: ignore[method-assign]
    for _ in range(4):
        await asyncio.gather(one.one(), other.one())
        world.hand.at += 15
    assert sorted(effect.line for effect in world.psa.effects) == lines
    assert {world.outcomes(intent)[-1] for intent in intents} == {"posted"}
