"""The mapper's triggers over the memory store: batches, commands, loops, restarts."""

from datetime import date, timedelta

import pytest

from seatledger.mapper.domain.results import MappedDocument
from seatledger.runtime.progress import read_progress
from seatledger.schemas.commands import ResetCustomer
from seatledger.schemas.heads import MappedHead
from seatledger.schemas.ids import SourceName
from seatledger.schemas.pending import pending
from seatledger.schemas.subscriptions import Asked, Frozen, Mapped, Status, SubscriptionMapped, Unmapped
from services.mapper.tests.mapper_bench import Bench, bench_config, contract_row, customer_row, kinds, offer_row
from services.mapper.tests.mapper_samples import MAIN, NOW, TODAY, company, service, snapshot


async def ready(*, automatic: bool = False) -> Bench:
    bench = await Bench(config=bench_config(automatic=automatic)).start()
    await bench.loops()
    return bench


def said(document: MappedDocument) -> list[tuple[str, str]]:
    """Every event so far: under which company, and of what kind."""
    events = [(entry.key, SubscriptionMapped.model_validate(entry.event.data)) for entry in document.outbox]
    return [(key, event.outcome.kind) for key, event in events]


async def pending_at_mapper(bench: Bench) -> int:
    """What drain counts for the mapper, published or not left aside."""
    progress = await read_progress(bench.store)
    mapped = tuple(head.model_copy(update={"has_outbox": False}) for head in progress.mapped)
    return pending(progress.model_copy(update={"mapped": mapped}), {MAIN: TODAY})["mapper"]


async def test_an_unmapped_subscription_is_parked_and_goes_on_when_mapped() -> None:
    """Seen first and mapped later, it is decided by the loop that the command's rows set going."""
    bench = await ready()
    await bench.see(snapshot())
    assert (await bench.mapped()).outcome == Unmapped(missing="company")
    answer = await bench.map(customer_row(), offer_row())
    assert answer.ok
    assert answer.result["rows"][0] == {"row": 1, "ok": True, "message": "company drop/c1 is mapped to company 101"}
    await bench.loops()
    assert (await bench.mapped()).outcome == Mapped(company=101, service=7)
    assert said(await bench.mapped()) == [("main/101", "mapped")]


async def test_a_changed_row_is_pending_until_all_it_touches_is_decided() -> None:
    """drain sees a mapping that was set and not yet applied, and nothing afterwards."""
    bench = await ready()
    await bench.see(snapshot())
    await bench.loops()
    await bench.map(customer_row(), offer_row(), contract_row())
    assert await pending_at_mapper(bench) == 3
    await bench.loops()
    assert await pending_at_mapper(bench) == 0
    assert (await bench.mapped()).outcome == Mapped(company=101, service=7, contract=55)


async def test_the_stored_document_has_the_head_that_others_count_by() -> None:
    """id, source, snapshot revision and the revision told to each company can be read by drain."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    await bench.see(snapshot(revision=4))
    stored = await bench.store.collection("mapped").get("drop/S1//all")
    head = MappedHead.model_validate(stored)
    assert (head.source, head.snapshot_revision, head.has_outbox) == ("drop", 4, True)
    assert [(told.company, told.revision) for told in head.told] == [("main/101", 1)]


async def test_only_the_newest_revision_of_a_batch_is_decided() -> None:
    """Three revisions of one subscription in one batch, in any order, make one result."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    await bench.see(snapshot(revision=2), snapshot(revision=3, units=9), snapshot(revision=1))
    document = await bench.mapped()
    assert (document.revision, document.snapshot_revision) == (1, 3)


async def test_each_result_that_a_newer_one_replaces_is_kept() -> None:
    """Every event that was said is in the document or beside it, so that what it made can be explained for good."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    for revision in (1, 2, 3):
        await bench.see(snapshot(revision=revision, units=revision))
    document = await bench.mapped()
    kept = {one["_id"]: one["event"] for one in await bench.store.collection("mapped_before").find({})}
    said = {entry.event.id for entry in document.outbox}
    assert len(said) == 3
    assert kept.keys() | {entry.event.id for entry in document.said} == said
    assert sorted(one["data"]["subscription"]["quantity"] for one in kept.values()) == [1, 2]


async def test_days_of_which_only_a_passed_over_revision_spoke_stay_said() -> None:
    """Two files of two days in one batch: the units of the first day are owed all the same."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    first, second = snapshot(revision=1, units=5), snapshot(revision=2, units=9)
    assert first.asks is not None
    earlier = Asked(since=TODAY - timedelta(days=1), units=first.asks.units)
    await bench.see(second, first.model_copy(update={"asks": earlier}))
    asks = (await bench.mapped()).sighting.snapshot.asks
    assert asks is not None
    assert (asks.since, asks.units.at(TODAY - timedelta(days=1)), asks.units.at(TODAY)) == (earlier.since, 5, 9)


async def test_a_row_refused_leaves_the_others_and_answers_no() -> None:
    """A company that is not in the mirror is refused, the row after it stands, and the answer is no."""
    bench = await ready()
    await bench.mirrored(company(101), service(7))
    answer = await bench.map(customer_row(target=999), offer_row())
    assert not answer.ok
    assert [row["ok"] for row in answer.result["rows"]] == [False, True]
    assert await bench.store.collection("company_mappings").get("drop/c1") is None


async def test_a_second_customer_on_one_company_is_refused_across_commands() -> None:
    """C27 holds between commands, names the first customer, and --also allows it."""
    bench = await ready()
    await bench.see(snapshot())
    await bench.map(customer_row())
    refused = await bench.map(customer_row("c2"))
    assert not refused.ok
    assert "'Contoso' (c1)" in refused.result["rows"][0]["message"]
    assert (await bench.map(customer_row("c2", also=True))).ok


async def test_unset_freezes_what_was_mapped_and_mapping_again_thaws_it() -> None:
    """After unset the company hears unmapped with the state that counted last; mapped again nothing is frozen."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    await bench.see(snapshot())
    await bench.map(customer_row(target=None, state="unmapped"))
    await bench.loops()
    document = await bench.mapped()
    assert said(document)[-1] == ("main/101", "unmapped")
    assert document.frozen == Frozen(asks=snapshot().asks, on=TODAY)
    await bench.map(customer_row())
    await bench.loops()
    assert (await bench.mapped()).frozen is None


async def test_the_day_of_a_freeze_is_the_psas() -> None:
    """Half past eleven at night UTC is the next day in Amsterdam, and that day freezes."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    await bench.see(snapshot())
    bench.calendar.at = NOW.replace(hour=23, minute=30)
    await bench.map(customer_row(target=None, state="unmapped"))
    await bench.loops()
    frozen = (await bench.mapped()).frozen
    assert frozen is not None
    assert frozen.on == TODAY + timedelta(days=1)


async def test_reset_forgets_company_and_contracts_of_the_customer_alone() -> None:
    """map reset takes back the customer's company and its subscriptions' contracts, not the offers, not others'."""
    bench = await ready()
    await bench.map(customer_row(), customer_row("c2", 102), offer_row(), contract_row(), contract_row("S2", 56))
    await bench.see(snapshot(), snapshot("S2", customer="c2", name="Fabrikam"))
    for _ in range(2):
        answer = await bench.say(ResetCustomer(source=SourceName("drop"), customer="c1"))
        assert (answer.ok, answer.result) == (True, {"forgotten": 2})
        await bench.loops()
    assert (await bench.mapped()).outcome == Unmapped(missing="company")
    assert (await bench.mapped("S2")).outcome == Mapped(company=102, service=7, contract=56)
    assert len((await bench.row("company", "drop/c1")).history) == 2
    assert said(await bench.mapped()) == [("main/101", "mapped"), ("main/101", "unmapped")]


async def test_a_company_that_changes_is_said_to_both() -> None:
    """Mapping the customer to 202 tells 101 that it lost the subscription and 202 that it has it."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    await bench.see(snapshot())
    await bench.map(customer_row(target=202))
    await bench.loops()
    assert said(await bench.mapped())[1:] == [("main/101", "unassigned"), ("main/202", "mapped")]


async def test_an_ignore_runs_out_with_its_day() -> None:
    """Ignored until the 12th: on the 13th, without any event or command, the customer is unmapped with its finding."""
    bench = await ready()
    await bench.see(snapshot())
    ignored = customer_row(target=None, state="ignored", reason="trial", expires_on=date(2026, 3, 12))
    await bench.map(ignored, offer_row())
    await bench.loops()
    assert (await bench.mapped()).outcome.kind == "ignored"
    assert bench.findings.open == {}
    await bench.on(NOW + timedelta(days=2))
    assert (await bench.mapped()).outcome.kind == "ignored"
    await bench.on(NOW + timedelta(days=3))
    assert (await bench.mapped()).outcome == Unmapped(missing="company")
    assert list(bench.findings.messages()) == ["company_unmapped"]


async def test_a_new_day_and_a_new_mirror_are_pending_until_looked_at() -> None:
    """drain waits for the mapper to look at a new local day, and at each new generation of the mirror."""
    bench = await ready()
    assert await pending_at_mapper(bench) == 0
    await bench.mirrored(company(101))
    assert await pending_at_mapper(bench) == 1
    await bench.loops()
    assert await pending_at_mapper(bench) == 0
    await bench.on(NOW + timedelta(days=1))
    assert await pending_at_mapper(bench) == 1


async def test_one_finding_a_customer_and_an_offer_counts_what_waits() -> None:
    """Three subscriptions of one customer are one finding with their number and seats; it closes by itself."""
    bench = await ready()
    await bench.see(*(snapshot(f"S{n}", units=n, offer="O1" if n < 3 else "O2") for n in (1, 2, 3)))
    await bench.loops()
    assert "3 subscriptions wait, 6 seats" in bench.findings.messages()["company_unmapped"]
    assert len(bench.findings.open) == 3
    await bench.map(customer_row(), offer_row(), offer_row("O2"))
    await bench.loops()
    assert bench.findings.open == {}


async def test_what_lacks_a_mapping_is_read_once_a_round_however_many_batches_came() -> None:
    """A first day is hundreds of batches of an account of which nothing is mapped: reading all that waits after each
    would cost with the square of their number. What is read has no event that was said before in it."""
    bench = await ready()
    bench.store.reads.clear()
    for number in range(5):
        await bench.see(snapshot(f"S{number}"))
    for _ in range(2):
        await bench.loops()
    (read,) = [read for read in bench.store.reads if read.where.get("lacking")]
    assert read.found == 5
    assert read.fields is not None
    assert not {"said", "outbox"} & set(read.fields)


@pytest.mark.parametrize("automatic", [False, True])
async def test_whatever_a_batch_asks_of_the_mappers_documents_has_an_index(automatic: bool) -> None:
    """Else each batch reads the whole account, and the first day costs with the square of what comes in."""
    bench = await ready(automatic=automatic)
    await bench.mirrored(company(101), service(7))
    await bench.map(customer_row("c9"), offer_row())
    await bench.loops()
    bench.store.reads.clear()
    await bench.see(snapshot(), snapshot("S2", customer="c2"))
    ours = [read for read in bench.store.reads if not read.collection.startswith("psa_")]
    assert {read.collection for read in ours} >= {"mapped", "company_mappings", "offer_mappings"}
    for read in ours:
        indexes = [("_id",), *bench.store.indexes[read.collection]]
        assert set(read.where) in [set(index[: len(read.where)]) for index in indexes], read


async def test_what_was_decided_is_pending_until_its_findings_stand() -> None:
    """drain does not say that all is well while a finding is still to be opened or closed, a crash between included:
    the next process reports what the one before had only decided."""
    bench = await ready()
    await bench.see(snapshot())
    assert await pending_at_mapper(bench) == 1
    await bench.loops()
    assert (await pending_at_mapper(bench), len(bench.findings.open)) == (0, 2)
    await bench.see(snapshot("S2", customer="c2", name="Fabrikam"))
    bench = await bench.again()
    assert await pending_at_mapper(bench) == 2  # and the new process has not looked at its connection yet
    await bench.loops()
    assert (await pending_at_mapper(bench), len(bench.findings.open)) == (0, 3)


async def test_what_has_ended_waits_for_nobody() -> None:
    """A cancelled subscription that nobody mapped raises no finding: nothing is asked for any more."""
    bench = await ready()
    await bench.see(snapshot(units=None, status=Status.CANCELLED))
    await bench.loops()
    assert bench.findings.open == {}


async def test_targets_are_checked_after_the_first_mirror() -> None:
    """Rows accepted before Autotask was read are found wanting by the mirror, and stay; the findings close."""
    bench = await ready()
    await bench.map(customer_row(), customer_row("c2", 102), offer_row())
    await bench.see(snapshot())
    await bench.mirrored(company(102, "Fabrikam", active=False), service(7, active=False))
    await bench.loops()
    assert set(bench.findings.messages()) == {"company_missing", "company_inactive", "service_inactive"}
    assert (await bench.mapped()).outcome == Mapped(company=101, service=7)
    await bench.mirrored(company(101), company(102), service(7), generation=2)
    await bench.loops()
    assert bench.findings.open == {}


async def test_exact_name_follows_the_mirror() -> None:
    """A company that appears in the mirror maps its customer, one that is renamed unmaps it."""
    bench = await ready(automatic=True)
    await bench.see(snapshot())
    await bench.loops()
    assert "has not been read yet" in bench.findings.messages()["company_unmapped"]
    await bench.mirrored(company(101), service(7))
    await bench.loops()
    assert (await bench.mapped()).outcome == Mapped(company=101, service=7)
    await bench.mirrored(company(101, "Other"), service(7), generation=2)
    await bench.loops()
    assert (await bench.mapped()).outcome == Unmapped(missing="company")
    assert (await bench.mapped()).frozen is not None


async def test_a_second_customer_of_the_same_name_unmaps_the_first() -> None:
    """When another customer of that name appears, neither has it by name; renamed away, the first has it again."""
    bench = await ready(automatic=True)
    await bench.mirrored(company(101), service(7))
    await bench.see(snapshot())
    await bench.see(snapshot("S2", customer="c2", name="contoso"))
    assert kinds(await bench.all_mapped()) == {"S1": "unmapped", "S2": "unmapped"}
    await bench.loops()
    assert "has the same name" in bench.findings.messages()["company_unmapped"]
    await bench.see(snapshot("S2", customer="c2", name="Contoso Two", revision=2))
    assert kinds(await bench.all_mapped()) == {"S1": "mapped", "S2": "unmapped"}


async def test_a_company_given_by_hand_leaves_the_name_and_comes_back_to_it() -> None:
    """Under exact_name, c2 gets 101 by hand where nobody holds it; then c1 of that name is refused it, until unset."""
    bench = await ready(automatic=True)
    await bench.mirrored(company(101), service(7))
    await bench.map(customer_row("c2"))
    await bench.loops()
    await bench.see(snapshot())
    assert (await bench.mapped()).outcome == Unmapped(missing="company")
    await bench.map(customer_row("c2", None, state="unmapped"))
    await bench.loops()
    assert (await bench.mapped()).outcome == Mapped(company=101, service=7)


async def test_a_changed_configuration_is_noticed_at_the_start() -> None:
    """Excluding the customer freezes what was mapped with the next process; included again it thaws."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    await bench.see(snapshot())
    await bench.loops()
    bench = await bench.again(bench_config(exclude=["c1"]))
    assert await pending_at_mapper(bench) == 1
    await bench.loops()
    document = await bench.mapped()
    assert (document.outcome.kind, document.frozen is not None) == ("excluded", True)
    bench = await bench.again(bench_config())
    await bench.loops()
    assert (await bench.mapped()).outcome == Mapped(company=101, service=7)


async def test_a_retired_source_freezes_and_asks_for_nothing() -> None:
    """retired: true excludes every subscription of the account and closes its findings."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    await bench.see(snapshot(), snapshot("S2", customer="c2", name="Fabrikam"))
    await bench.loops()
    assert bench.findings.open
    bench = await bench.again(bench_config(retired=True))
    await bench.loops()
    assert kinds(await bench.all_mapped()) == {"S1": "excluded", "S2": "excluded"}
    assert (await bench.mapped()).frozen is not None
    assert bench.findings.open == {}


async def test_saying_again_repeats_the_last_events_with_their_ids() -> None:
    """resync says, per subscription and company, the newest event with the id it had, and no other."""
    bench = await ready()
    await bench.map(customer_row(), offer_row())
    await bench.see(snapshot(), snapshot("S2", customer="c9", name="Parked"))
    await bench.map(customer_row(target=202))
    await bench.loops()
    said_first = [entry.event.id for entry in (await bench.mapped()).outbox]
    assert bench.parts.say_again is not None
    again = [entry.event.id async for entry in bench.parts.say_again()]
    assert sorted(again) == sorted(said_first[1:])
