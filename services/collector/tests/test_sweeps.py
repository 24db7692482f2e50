"""Deliveries through a whole sweep: what is said, what is ignored, what stands open."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seatledger.collector.domain.reading import MOST_TEXT, Problem, RecordType
from seatledger.collector.handlers.books import Count
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.heads import SweepHead, SweepState
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Change, Status
from services.collector.tests.collector_samples import GOOD, KEEP, account, at, csv_text, on, reading, row
from services.collector.tests.collector_world import GivenLease, World

TEXTS = (
    *("customer_id", "customer_name", "customer_tenant_id", "customer_domain", "subscription_id", "resource_id"),
    *("resource_name", "vendor_subscription_id", "parent_subscription_id", "offer_id", "offer_name", "term_duration"),
)


async def deliver(world: World, *rows: object, **more: object) -> None:
    world.twin.deliver(reading(*rows, **more))  # type: ignore[arg-type]  # rows are rows
    await world.sweep()


async def test_the_first_sighting_is_seen_and_invents_no_change() -> None:
    """The first event of a subscription says seen, with no former quantity, revision 1."""
    world = World()
    await deliver(world, row(10, stamp=at(9)))
    event = world.last()
    assert (event.revision, event.change, event.quantity, event.previous_quantity) == (1, Change.SEEN, 10, None)
    assert event.asks is not None
    assert (event.asks.since, event.asks.units) == (on(9), StepFunction.constant(10))


async def test_unchanged_data_says_nothing() -> None:
    """The same state under a newer stamp makes no revision."""
    world = World()
    await deliver(world, row(10, stamp=at(9)))
    await deliver(world, row(10, stamp=at(10)))
    assert len(world.events()) == 1


async def test_a_change_says_both_quantities() -> None:
    """10 → 12: one event more, with what was before."""
    world = World()
    await deliver(world, row(10, stamp=at(9)))
    await deliver(world, row(12, stamp=at(10)))
    event = world.last()
    assert (event.revision, event.change, event.quantity, event.previous_quantity) == (2, Change.CHANGED, 12, 10)


async def test_the_day_of_a_row_is_that_of_the_psas_zone() -> None:
    """23:30 UTC in March is the next day in Amsterdam."""
    world = World()
    await deliver(world, row(10, stamp=at(9, 23)))
    asks = world.last().asks
    assert asks is not None
    assert asks.since == on(10)


async def test_a_row_without_a_stamp_counts_from_our_read() -> None:
    """No stamp anywhere: the business day of the read."""
    world = World()
    await deliver(world, row(10))
    asks = world.last().asks
    assert asks is not None
    assert asks.since == on(10)


async def test_rows_apply_by_stamp_then_by_position() -> None:
    """The newest stamp wins wherever it stands; of equal stamps (of two record types) the later position."""
    world = World()
    change = RecordType.CHANGE
    await deliver(
        world,
        row(29, stamp=at(9), line=2, record_type=change, previous_quantity=27),
        row(27, stamp=at(8), line=3),
        row(30, subscription="S2", stamp=at(9), line=4),
        row(31, subscription="S2", stamp=at(9), line=5, record_type=change, previous_quantity=30),
    )
    assert [(world.last(s).quantity, len(world.said(s))) for s in ("S1", "S2")] == [(29, 1), (31, 1)]
    assert world.findings.codes() == []


async def test_several_days_in_one_file_are_one_event_with_all_steps() -> None:
    """10 on the 7th and 12 on the 9th: the function has both days."""
    world = World()
    await deliver(world, row(10, stamp=at(7), line=2), row(12, stamp=at(9), line=3))
    (event,) = world.said()
    assert event.asks is not None
    assert (event.asks.since, event.asks.units) == (on(7), StepFunction.of({on(9): 12}, initial=10))


async def test_contradicting_rows_do_not_count() -> None:
    """Same record type and stamp, other values: a finding each, none counts, another stamp's row does."""
    world = World()
    await deliver(
        world,
        row(10, stamp=at(8), line=2),
        row(11, stamp=at(9), line=3),
        row(12, stamp=at(9), line=4),
        row(5, subscription="S2", stamp=at(9), line=5),
    )
    assert (world.last().quantity, world.last("S2").quantity) == (10, 5)
    assert world.findings.rows() == [("S1", 3, None), ("S1", 4, None)]
    assert set(world.findings.codes()) == {"source_row_bad"}


async def test_a_row_that_stands_twice_alike_is_no_conflict() -> None:
    """Equal rows say one thing, also where only the customer's name is spelled otherwise."""
    world = World()
    await deliver(world, row(10, stamp=at(8), line=2), row(10, stamp=at(8), line=3))
    assert (len(world.events()), world.findings.codes()) == (1, [])


@pytest.mark.parametrize(
    ("older", "counts"),
    [
        ({"stamp": at(8), "last_modified": None}, False),
        ({"stamp": at(9, 9), "last_modified": at(7)}, False),
        ({"stamp": at(8), "last_modified": at(8)}, True),
        ({"stamp": None, "last_modified": None}, True),
        ({"stamp": at(9), "last_modified": None}, True),
    ],
)
async def test_an_older_row_is_ignored_with_a_finding(older: dict[str, object], counts: bool) -> None:
    """last_modified decides, else the stamp; where one is absent or both are equal the later file wins."""
    world = World()
    await deliver(world, row(10, stamp=at(9), last_modified=at(8) if older["last_modified"] else None))
    await deliver(world, row(12, **older))  # type: ignore[arg-type]  # stamps by name
    assert world.last().quantity == (12 if counts else 10)
    assert world.findings.codes() == ([] if counts else ["source_row_bad"])


async def test_a_former_quantity_that_is_not_the_stored_one_is_a_finding_and_the_row_counts() -> None:
    """A change from 8 to 12 on a stored 10: 12 counts, a person hears of it."""
    world = World()
    await deliver(world, row(10, stamp=at(8)))
    await deliver(world, row(12, stamp=at(9), record_type=RecordType.CHANGE, previous_quantity=8))
    assert world.last().quantity == 12
    assert world.findings.codes() == ["source_value_unknown"]
    assert world.findings.rows() == [("S1", 2, "previous_quantity")]


async def test_a_change_row_read_again_is_no_finding() -> None:
    """Its former quantity was right when it was new."""
    world = World()
    change = row(12, stamp=at(9), record_type=RecordType.CHANGE, previous_quantity=10)
    await deliver(world, row(10, stamp=at(8)))
    await deliver(world, change)
    await deliver(world, change, row(1, subscription="S2", line=3))
    assert world.findings.codes() == []


async def test_an_unknown_status_keeps_the_last_complete_state() -> None:
    """The event shows the new read as incomplete and still asks for what was asked before."""
    world = World()
    await deliver(world, row(10, stamp=at(8)))
    await deliver(world, row(3, stamp=at(9), status=Status.OTHER, missing=("status",)))
    event = world.last()
    assert (event.complete, event.missing, event.status, event.quantity) == (False, ("status",), Status.OTHER, 3)
    assert event.asks is not None
    assert event.asks.units == StepFunction.constant(10)


@pytest.mark.parametrize("status", [Status.PENDING, Status.TRIAL])
async def test_pending_and_trial_do_not_join(status: Status) -> None:
    """A first sighting that is pending or a trial asks for nothing yet; its first complete state does."""
    world = World()
    await deliver(world, row(10, stamp=at(8), status=status))
    assert (world.last().asks, world.last().complete) == (None, False)
    await deliver(world, row(10, stamp=at(9)))
    asks = world.last().asks
    assert asks is not None
    assert (asks.since, world.last().complete) == (on(9), True)


async def test_suspension_and_return_follow_the_policy() -> None:
    """zero_units asks for 0 while suspended, keep_billing goes on; both publish the change of status."""
    for policy, units in (("zero", 0), ("keep", 10)):
        world = World(account=account(**({"suspension": KEEP} if policy == "keep" else {})))
        for day, status in ((7, Status.ACTIVE), (8, Status.SUSPENDED), (9, Status.ACTIVE)):
            await deliver(world, row(10, stamp=at(day), status=status))
        asked = [event.asks.units.last for event in world.said() if event.asks]
        assert asked == [10, units, 10]


async def test_cancelled_ends_on_its_effective_date() -> None:
    """Announced for the 20th: 10 until then, none from there, and no second event when it is read again."""
    world = World()
    await deliver(world, row(10, stamp=at(7)))
    for day in (8, 9, 10):
        await deliver(world, row(10, stamp=at(day), status=Status.CANCELLED, effective_on=on(20)))
    assert [event.asks.units for event in world.said() if event.asks] == [
        StepFunction.constant(10),
        StepFunction.of({on(20): None}, initial=10),
    ]


async def test_only_business_fields_make_an_event() -> None:
    """A price does; another line, stamp, resource name spelled alike, or raw spelling of the status does not."""
    world = World()
    await deliver(world, row(10, stamp=at(7)))
    await deliver(world, row(10, stamp=at(8), line=9, raw_status="ACTIVE"))
    assert len(world.events()) == 1
    await deliver(world, row(10, stamp=at(9), term_end=on(31)))
    assert [event.revision for event in world.said()] == [1, 2]


async def test_a_bad_rows_finding_closes_with_the_next_good_row_of_its_subscription() -> None:
    """Another subscription's good row leaves it open."""
    world = World()
    bad = Problem(FindingCode.SOURCE_ROW_BAD, "bad", "mend", "S1", 2, "quantity")
    await deliver(world, row(5, subscription="S2", line=3), problems=(bad,))
    await deliver(world, row(6, subscription="S2"), name="b.csv")
    assert world.findings.rows() == [("S1", 2, "quantity")]
    await deliver(world, row(10), name="c.csv")
    assert world.findings.rows() == []


async def test_findings_that_close_together_close_in_one_call() -> None:
    """A delivery that mends thousands of rows holds the account's intake for a few round trips, not for two a row."""
    world = World()
    bad = [Problem(FindingCode.SOURCE_ROW_BAD, "bad", "mend", f"S{line}", line, "quantity") for line in range(2, 22)]
    await deliver(world, row(5), problems=tuple(bad))
    assert len(world.findings.open) == 20
    before = world.findings.closings
    good = [row(5, subscription=f"S{line}", line=line) for line in range(2, 22)]
    await deliver(world, *good, name="b.csv")
    assert world.findings.rows() == []
    assert world.findings.closings - before <= 3


async def test_a_finding_without_a_subscription_closes_with_the_next_delivery_without_problems() -> None:
    """Nobody knows whose row it was, so a delivery has to be wholly good."""
    world = World()
    unplaced = Problem(FindingCode.SOURCE_ROW_BAD, "bad", "mend", None, 4)
    other = Problem(FindingCode.SOURCE_ROW_BAD, "bad", "mend", "S2", 3, "quantity")
    await deliver(world, row(5), problems=(unplaced,), whole=False)
    await deliver(world, row(6), problems=(other,), name="b.csv")
    assert (None, 4, None) in world.findings.rows()
    await deliver(world, row(7), row(1, subscription="S2", line=3), name="c.csv")
    assert world.findings.rows() == []


async def test_excluded_customers_do_not_begin_and_members_go_on() -> None:
    """A new subscription of an excluded customer is not published; one published before still is."""
    world = World()
    await deliver(world, row(10, customer="c1"))
    world.account = account(exclude=("c1",))
    await deliver(world, row(11, customer="c1"), row(5, subscription="S2", customer="c1", line=3))
    assert ([event.quantity for event in world.said()], world.said("S2")) == ([10, 11], [])


async def test_include_names_those_who_begin() -> None:
    """With include only its customers are collected."""
    world = World(account=account(include=("c2",)))
    await deliver(world, row(10, customer="c1"), row(5, subscription="S2", customer="c2", line=3))
    assert {event.key.subscription for event in world.events()} == {"S2"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{2A3B4C5D-0000-4000-8000-00000000000F}", "2a3b4c5d-0000-4000-8000-00000000000f"),
        (" 2A3B4C5D-0000-4000-8000-00000000000F ", "2a3b4c5d-0000-4000-8000-00000000000f"),
        ("SUB-Ab7", "SUB-Ab7"),
        (None, None),
    ],
)
async def test_a_vendors_guid_is_one_however_it_is_written(written: str | None, said: str | None) -> None:
    """Claims are for one text: with capitals in a file the subscription would be billed beside Partner Center's."""
    world = World()
    world.twin.deliver(reading(row(10, vendor_subscription_id=written)))
    await world.sweep()
    assert world.last().vendor_subscription_id == said


async def test_resources_of_one_subscription_stand_apart() -> None:
    """One subscription with two products is two snapshots."""
    world = World()
    await deliver(world, row(1, resource="R1", line=2), row(2, resource="R2", line=3))
    assert [(event.key.resource, event.quantity) for event in world.events()] == [("R1", 1), ("R2", 2)]


async def test_an_empty_folder_is_a_complete_sweep_that_makes_nobody_ready(tmp_path: Path) -> None:
    """collect on an empty folder is fine; `ended` rises only once a file was taken."""
    world = World(folder=tmp_path)
    result = await world.sweep()
    assert (result.ok, result.subscriptions, world.sweep_row().ended) == (True, 0, 0)
    world.put("a.csv", csv_text({}))
    await world.sweep()
    head = SweepHead.model_validate(world.documents("sweeps")[0])
    assert (head.ended, head.state) == (1, SweepState.ENDED)
    await world.sweep()
    assert world.sweep_row().ended == 1


async def test_an_unreadable_file_makes_the_sweep_incomplete_and_nobody_ready(tmp_path: Path) -> None:
    """It goes to failed/, its finding names it, the files behind it are taken."""
    world = World(folder=tmp_path)
    world.put("a.csv", "hello\n")
    result = await world.sweep()
    assert (result.complete, result.ok, world.sweep_row().ended) == (False, False, 0)
    assert "a.csv" in (result.error or "")
    assert ((tmp_path / "failed" / "a.csv").exists(), world.findings.codes()) == (True, ["source_row_bad"])
    world.put("b.csv", csv_text({}))
    assert (await world.sweep()).ok
    assert world.findings.codes() == []


async def test_a_missing_folder_is_a_finding_and_resumes_by_itself(tmp_path: Path) -> None:
    """Incomplete with source_incomplete while it is missing; closed by the first sweep that finds it."""
    world = World(folder=tmp_path / "drop")
    result = await world.sweep()
    assert (result.complete, world.findings.codes()) == (False, ["source_incomplete"])
    assert world.sweep_row().state is SweepState.ENDED
    (tmp_path / "drop").mkdir()
    assert (await world.sweep()).ok
    assert world.findings.codes() == []


@pytest.mark.parametrize("name", ["effective_date", "observed_at", "last_modified", "term_start", "term_end"])
@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00:00Z", "1900-01-01", "9999-12-31"])
async def test_no_date_of_one_row_stops_the_account(tmp_path: Path, name: str, text: str) -> None:
    """Whatever date stands in one row, file after file: its neighbours count, and the files are put away."""
    world = World(folder=tmp_path)
    for day, seats in ((10, "10"), (11, "12"), (12, "13")):
        world.calendar.at = at(day)
        odd = {"observed_at": "", "quantity": seats, name: text}
        world.put(f"{day}.csv", csv_text(odd, {"subscription_id": "S2", "observed_at": "", "quantity": seats}))
        assert (await world.sweep()).complete
    assert [event.quantity for event in world.said("S2")] == [10, 12, 13]
    assert len(list((tmp_path / "processed").iterdir())) == 3


async def test_a_delivery_that_nobody_can_take_in_is_told_while_it_waits() -> None:
    """Whatever goes wrong in one: the sweep ends and answers, a person hears of the delivery by its name and of the
    reason, what came after it waits too; once it is out of the way all goes on and the finding closes."""
    world = World()
    world.twin.deliver(reading(row(10, stamp=datetime.max.replace(tzinfo=UTC)), name="odd.csv", digest="1"))
    world.twin.deliver(reading(row(12, stamp=at(9)), name="next.csv", digest="2"))
    turns = world.turns(GivenLease())
    number = await turns.want()
    for _ in range(2):
        result = await world.sweep()
        assert (result.complete, world.events(), world.twin.put_away_done) == (False, [], [])
    assert not (await turns.result(number)).complete
    ((code, _),), (draft,) = world.findings.open, world.findings.open.values()
    assert code is FindingCode.SOURCE_INCOMPLETE
    assert "odd.csv cannot be taken in (OverflowError: date value out of range)" in draft.message
    world.twin._waiting.pop(0)
    assert (await world.sweep()).complete
    assert ([event.quantity for event in world.events()], world.findings.codes()) == ([12], [])


async def test_the_longest_row_is_an_event_that_a_broker_takes(tmp_path: Path) -> None:
    """Each text of a row as long as it may be, in characters of four bytes: far below the 1 MiB of a broker."""
    world = World(folder=tmp_path)
    world.put("1.json", json.dumps([{**GOOD, **dict.fromkeys(TEXTS, "\N{SEEDLING}" * MOST_TEXT)}]))
    await world.sweep()
    assert (len(world.events()), world.findings.codes()) == (1, [])
    (document,) = world.documents("snapshots")
    assert len(json.dumps(document["outbox"][0], ensure_ascii=False).encode()) < 2**20 / 8


async def test_counts_are_of_what_the_sweep_read(tmp_path: Path) -> None:
    """Customers, subscriptions, changes and bad rows over all files of one sweep."""
    world = World(folder=tmp_path)
    world.put("a.csv", csv_text({}, {"subscription_id": "S2", "customer_id": "c2"}, {"quantity": "8.0"}))
    world.put("b.csv", csv_text({"quantity": "11"}))
    result = await world.sweep()
    assert (result.customers, result.subscriptions, result.changed, result.bad_rows) == (2, 2, 3, 1)


async def test_a_sweep_wanted_while_one_runs_is_answered_by_the_next() -> None:
    """`done` is the number wanted when the sweep began."""
    world = World()
    turns = world.turns(lease=None)
    sweeper = world.sweeper()
    begun, turn = await sweeper._begun()
    number = await turns.want()
    await sweeper._end(begun, turn, Count())
    assert world.sweep_row().done < number
    await world.sweep()
    assert world.sweep_row().done == number


async def test_the_event_is_stamped_with_the_instant_of_the_read() -> None:
    """observed_at is the business instant at which the delivery was begun, occurred_at the source's."""
    world = World()
    world.calendar.at += timedelta(hours=1)
    await deliver(world, row(10, stamp=at(9), last_modified=at(7)))
    event = world.last()
    assert (event.observed_at, event.reported_at, event.occurred_at) == (at(10, 9), at(9), at(7))
