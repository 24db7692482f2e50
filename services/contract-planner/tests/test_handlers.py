"""The planner's handlers over the memory store: what is saved, said and found."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from planner_stage import ID, Stage, received
from planner_world import COMPANY, LINE, MAIN, POLICY, at, book, contract, day, key, line, mapped

from seatledger.contract_planner.domain.policy import Mode
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.contract_planner.handlers.commands import AnswerPlans, RetryRefused
from seatledger.contract_planner.handlers.planning_loop import Watch
from seatledger.contract_planner.handlers.saying_again import Republish, SayAgain
from seatledger.contract_planner.ports import Surroundings
from seatledger.runtime.bus import MemorySink
from seatledger.runtime.memory import MemoryCollection
from seatledger.runtime.progress import read_progress
from seatledger.runtime.store import Documents
from seatledger.schemas.base import Json
from seatledger.schemas.book import LINES, Trust
from seatledger.schemas.commands import ApprovePlan, CommandIssued, Owner, RejectPlan, RetryFinding
from seatledger.schemas.heads import CompanyHead, PlannerWatchHead, ReadinessHead
from seatledger.schemas.ids import CommandId, CompanyId, FindingId, PlanId
from seatledger.schemas.intents import LineObserved, Observation, Outcome, Refusal
from seatledger.schemas.mirror import PSA_LINES, PSA_MIRRORS, MirrorContract, MirrorState
from seatledger.schemas.pending import Progress, pending
from seatledger.schemas.planning import PLANS, PlanDocument, PlanState
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Mapped

PROPOSE = replace(POLICY, mode=Mode.PROPOSE, settle_for=0.0)


def contract_of(company: int) -> MirrorContract:
    return contract(602, company=CompanyId(company))


def issued(body: ApprovePlan | RejectPlan | RetryFinding, name: str = "c1") -> CommandIssued:
    now = datetime(2026, 8, 10, tzinfo=UTC)
    return CommandIssued(id=CommandId(name), owner=Owner.PLANNER, actor="anna", issued_at=now, body=body)


async def linked(stage: Stage, units: int = 10) -> None:
    await stage.furnish(units)
    await stage.say_units(key(), units, day(9), 1)
    await stage.loop()
    await stage.settle(Outcome.IN_PLACE)
    await stage.loop()
    await stage.outgoing()


async def test_a_change_becomes_an_intent_that_is_said_once() -> None:
    """Mapped, planned, released: the intent stands in the company's outbox under the company's key."""
    stage = Stage()
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    document = await stage.company()
    assert [(entry.topic, entry.key) for entry in document.outbox] == [("adjustments.planned.v1", ID)]
    assert document.outbox[0].event.correlationid != document.outbox[0].event.id
    await stage.loop()
    assert len((await stage.company()).outbox) == 1
    await stage.settle()
    await stage.loop()
    after = await stage.company()
    assert (after.unanswered, after.due, after.dirty) == (0, 0, False)
    assert after.planned_for == day(10)


async def test_a_batch_is_one_save_per_company_and_repeats_change_nothing() -> None:
    """Duplicates and older revisions in a batch, or of a batch, leave the document as it is."""
    stage = Stage()
    await stage.furnish()
    batch = [mapped(key(), 12, day(10), 2), mapped(key(), 9, day(9), 1), mapped(key(), 12, day(10), 2)]
    await stage.say(*batch)
    first = await stage.company()
    assert (first.rev, first.seen) == (1, {str(key()): 2})
    await stage.say(*batch)
    assert await stage.company() == first


async def test_the_stored_documents_carry_the_fields_that_drain_reads() -> None:
    """drain and readiness count by heads: each head's fields stand in the stored documents, none renamed."""
    stage = Stage()
    await linked(stage)
    await stage.loop.open()
    [company] = await stage.companies.collection.find({})
    assert {field.alias or name for name, field in CompanyHead.model_fields.items()} <= company.keys()
    [watch] = await stage.loop.watches.collection.find({})
    assert {field.alias or name for name, field in PlannerWatchHead.model_fields.items()} <= watch.keys()
    [ready, _] = await stage.planner.readiness.collection.find({})
    assert {field.alias or name for name, field in ReadinessHead.model_fields.items()} <= ready.keys()


async def test_settling_waits_for_real_seconds_of_quiet() -> None:
    """Each change begins the wait anew, but never beyond ten times; a restart begins it anew."""
    stage = Stage(policy=replace(POLICY, settle_for=60.0))
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    assert (await stage.company()).due == 1
    for revision in range(3, 15):
        stage.machine.at += 50
        await stage.say_units(key(), revision + 20, day(10), revision)
        await stage.loop()
    assert (await stage.company()).unanswered == 1
    slow = Stage(policy=replace(POLICY, settle_for=60.0))
    await linked(slow)
    await slow.say_units(key(), 12, day(10), 2)
    await slow.loop()
    slow.machine.at += 59
    restarted = slow.another()
    await restarted.loop()
    slow.machine.at += 30
    await restarted.loop()
    assert (await slow.company()).unanswered == 0
    slow.machine.at += 30
    await restarted.loop()
    assert (await slow.company()).unanswered == 1


async def test_a_new_local_day_plans_every_company() -> None:
    """What waits for its day goes out when the day comes, though nobody said anything."""
    stage = Stage()
    await linked(stage)
    await stage.say_units(key(), 12, day(12), 2)
    await stage.loop()
    assert (await stage.company()).waiting_day == 1
    stage.calendar.at += timedelta(days=2)
    await stage.loop()
    assert (await stage.intent()).on == day(12)
    assert (await stage.company()).planned_for == day(12)


async def unplanned(stage: Stage) -> int:
    """What drain counts of connections whose companies were not planned under the newest mirror."""
    progress = await read_progress(stage.store)
    alone = Progress(mirrors=progress.mirrors, planner_watches=progress.planner_watches)
    return pending(alone, {})["contract-planner"]


async def test_a_new_mirror_plans_every_company() -> None:
    """A line that appears in Autotask lets its subscription join; drain waits until that was planned."""
    stage = Stage()
    await stage.furnish()
    await stage.put(PSA_LINES, line().model_copy(update={"service": 99}))
    await stage.loop.open()
    assert await unplanned(stage) == 1
    await stage.say_units(key(), 12, day(10), 1)
    await stage.loop()
    assert await stage.open_codes() == ["line_missing"]
    await stage.put(PSA_LINES, line())
    await stage.put(PSA_MIRRORS, MirrorState(id="main", connection=MAIN, generation=2))
    assert await unplanned(stage) == 1
    await stage.loop()
    assert await unplanned(stage) == 0
    assert (await stage.intent()).jump == 2
    assert await stage.open_codes() == []


async def test_plans_are_projected_before_the_company_is_clean() -> None:
    """A proposed plan can be read as soon as nothing is pending, and goes by what the document says."""
    stage = Stage(policy=PROPOSE)
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    document = await stage.company()
    assert (document.waiting_approval, document.dirty, document.unprojected) == (1, False, ())
    [plan] = await stage.planner.plans.find({})
    assert (plan.state, plan.items[0].before, plan.items[0].after) == (PlanState.PROPOSED, 10, 12)


async def test_an_approval_releases_and_repeats_without_effect() -> None:
    """Approved with the right hash the plan goes; the same command again is answered the same."""
    stage = Stage(policy=PROPOSE)
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    [plan] = await stage.planner.plans.find({})
    command = issued(ApprovePlan(plan=PlanId(plan.id), hash=plan.hash))
    approve = AnswerPlans(stage.planner)
    assert (await approve(command)).ok
    answer = await approve(command)
    assert (answer.ok, answer.result["plan"]["approved_by"]) == (True, "anna")
    assert (await stage.intent()).plan == plan.id
    assert len(await stage.outgoing()) == 1


async def test_an_approval_of_what_moved_is_refused_with_the_new_difference() -> None:
    """The basis moved between look and yes: nothing goes, the answer shows what is asked now."""
    stage = Stage(policy=PROPOSE)
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    [plan] = await stage.planner.plans.find({})
    await stage.say_units(key(), 15, day(10), 3)
    answer = await AnswerPlans(stage.planner)(issued(ApprovePlan(plan=PlanId(plan.id), hash=plan.hash)))
    assert not answer.ok
    assert answer.result["now"][0]["items"][0]["after"] == 15
    assert await stage.outgoing() == []
    wrong = await AnswerPlans(stage.planner)(issued(ApprovePlan(plan=PlanId("none"), hash="x")))
    assert not wrong.ok


async def test_approving_in_observe_is_refused() -> None:
    """observe releases nothing, whatever is said."""
    stage = Stage(policy=replace(PROPOSE, mode=Mode.OBSERVE))
    await stage.furnish()
    await stage.say_units(key(), 12, day(10), 1)
    await stage.loop()
    [plan] = await stage.planner.plans.find({})
    answer = await AnswerPlans(stage.planner)(issued(ApprovePlan(plan=PlanId(plan.id), hash=plan.hash)))
    assert not answer.ok
    assert "observed" in answer.message
    assert (await stage.company()).waiting_approval == 0


async def test_a_rejected_plan_is_a_finding_until_the_difference_changes() -> None:
    """No is remembered by the item's hash."""
    stage = Stage(policy=PROPOSE)
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    [plan] = await stage.planner.plans.find({})
    reject = AnswerPlans(stage.planner)
    assert (await reject(issued(RejectPlan(plan=PlanId(plan.id), reason="not yet")))).ok
    assert (await stage.company()).waiting_approval == 0
    assert await stage.open_codes() == ["plan_rejected"]
    await stage.say_units(key(), 13, day(10), 3)
    await stage.loop()
    assert await stage.open_codes() == []
    assert (await stage.company()).waiting_approval == 1


async def test_a_no_is_taken_back_by_a_yes_to_the_same_plan() -> None:
    """The finding says how; with the hash that was shown the plan goes out after all, with another one it does not.
    The no's reason goes with it."""
    stage = Stage(policy=PROPOSE)
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    [plan] = await stage.planner.plans.find({})
    answer = AnswerPlans(stage.planner)
    assert (await answer(issued(RejectPlan(plan=PlanId(plan.id), reason="not yet")))).ok
    [finding] = await stage.found.find({"closed_at": None})
    assert finding.do.endswith(f"seatledger plan approve {plan.id} --hash {plan.hash}")
    assert not (await answer(issued(ApprovePlan(plan=PlanId(plan.id), hash="another")))).ok
    assert (await answer(issued(ApprovePlan(plan=PlanId(plan.id), hash=plan.hash)))).ok
    assert (await stage.intent()).plan == plan.id
    assert (await stage.planner.plans.get(plan.id) or plan).asks == ""
    assert await stage.open_codes() == []


async def test_a_no_to_what_moved_since_is_not_taken_back() -> None:
    """A yes to a rejected plan whose wish changed would be a yes to what nobody saw."""
    stage = Stage(policy=PROPOSE)
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    [plan] = await stage.planner.plans.find({})
    answer = AnswerPlans(stage.planner)
    assert (await answer(issued(RejectPlan(plan=PlanId(plan.id), reason="not yet")))).ok
    await stage.say_units(key(), 13, day(10), 3)
    refused = await answer(issued(ApprovePlan(plan=PlanId(plan.id), hash=plan.hash)))
    assert not refused.ok
    assert refused.result["now"][0]["items"][0]["after"] == 13


async def test_nobody_says_yes_to_a_plan_that_expired() -> None:
    """After 14 days of the business calendar its yes exits with no, and the plan that asks the same again is named."""
    stage = Stage(policy=PROPOSE)
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    [old] = await stage.planner.plans.find({})
    stage.calendar.at += timedelta(days=14)
    answer = await AnswerPlans(stage.planner)(issued(ApprovePlan(plan=PlanId(old.id), hash=old.hash)))
    [new] = await stage.planner.plans.find({"state": "proposed"})
    assert not answer.ok
    assert answer.message == f"plan {old.id} expired on 2026-08-24 without an answer; {new.id} asks for the same again"
    assert (await stage.planner.plans.get(old.id) or old).state is PlanState.EXPIRED
    assert (new.again_for, new.items[0].effective_on) == (old.id, day(10))


async def test_retry_sends_a_refused_wish_again_as_another_intent() -> None:
    """A person's retry lifts the refusal; a second word of the same command does nothing more."""
    stage = Stage()
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    first = await stage.intent()
    await stage.settle(Outcome.REFUSED, Refusal.BY_PSA)
    await stage.loop()
    assert await stage.open_codes() == ["refused"]
    [finding] = await stage.found.find({"code": "refused"})
    retry = RetryRefused(stage.planner, stage.found.collection)
    command = issued(RetryFinding(finding=FindingId(finding.id)))
    assert (await retry(command)).ok
    second = await stage.intent()
    assert second.id != first.id
    assert (await retry(command)).ok
    assert (await stage.intent()).id == second.id
    assert await stage.open_codes() == []


async def refused(stage: Stage) -> None:
    """What is out is refused, and the planning that follows blocks its line."""
    await stage.settle(Outcome.REFUSED, Refusal.OTHER)
    await stage.loop()


async def test_a_retry_of_a_refusal_that_is_run_again_after_a_crash_releases_nothing() -> None:
    """Its process died before the answer was stored. What it released is refused too: another word has to lift that,
    be it one that found the line released already."""
    stage = Stage()
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    await refused(stage)
    [finding] = await stage.found.find({"code": "refused"})
    retry = RetryRefused(stage.planner, stage.found.collection)
    words = [issued(RetryFinding(finding=FindingId(finding.id)), name) for name in ("c1", "c2", "c3")]
    assert [(await retry(word)).ok for word in words[:2]] == [True, True]
    await refused(stage)
    assert [(await retry(word)).ok for word in words[:2]] == [True, True]
    assert (await stage.company()).lines[str(LINE)].released is None
    assert await stage.open_codes() == ["refused"]
    assert (await retry(words[2])).ok
    assert (await stage.company()).lines[str(LINE)].released is not None


async def test_what_is_out_is_said_again_with_the_same_id_and_withdrawn_only_as_withdrawal() -> None:
    """Each minute, and on resync: the intent; once it is withdrawn its withdrawal and never the intent."""
    stage = Stage()
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.loop()
    [said] = await stage.outgoing()
    sink = MemorySink()
    await Republish(stage.companies, sink)()
    again = [outgoing async for outgoing in SayAgain(stage.companies)()]
    assert [one.event.id for one in (*sink.published, *again)] == [said.id, said.id]
    await stage.say_units(key(), 10, day(10), 3)
    await stage.loop()
    sink = MemorySink()
    await Republish(stage.companies, sink)()
    assert [one.event.type for one in sink.published] == ["IntentWithdrawn"]
    await stage.settle(Outcome.WITHDRAWN)
    sink = MemorySink()
    await Republish(stage.companies, sink)()
    assert sink.published == []


async def test_an_observed_line_makes_its_company_dirty() -> None:
    """LineObserved only marks: the next planning reads the moved baseline from the book."""
    stage = Stage()
    await stage.furnish(10)
    await stage.say_units(key(), 12, day(10), 1)
    await stage.loop()
    await stage.settle(Outcome.STALE)
    await stage.put(LINES, book(12, version=500))
    units = StepFunction.constant(12)
    now = stage.calendar.now()
    said = LineObserved(at=at(), observation=Observation.BASELINE, version=500, agreed=units, observed_at=now)
    await stage.take_settled([received(said, str(LINE), 1)])
    assert (await stage.company()).dirty
    await stage.loop()
    assert ((await stage.intent()).jump, (await stage.intent()).version) == (0, 500)


async def test_a_line_observed_while_its_company_is_planned_is_planned_again() -> None:
    """The planning read the book before it moved; the company was dirty already, and stays dirty all the same."""
    stage = Stage()
    await stage.furnish(10)
    await stage.say_units(key(), 12, day(9), 1)
    units = StepFunction.constant(11)
    now = datetime(2026, 8, 10, tzinfo=UTC)
    said = LineObserved(at=at(), observation=Observation.BASELINE, version=500, agreed=units, observed_at=now)
    read = stage.planner.reading.around

    async def and_meanwhile(documents: Sequence[CompanyDocument]) -> Mapping[str, Surroundings]:
        found = await read(documents)
        stage.planner.reading.around = read  # type: ignore[method-assign]  # once
        await stage.take_settled([received(said, str(LINE), 1)])
        return found

    stage.planner.reading.around = and_meanwhile  # type: ignore[method-assign]  # the interleaving under test
    await stage.planner.plan([ID])
    assert (await stage.company()).dirty


async def test_an_account_is_ready_once_its_results_are_stored_and_then_for_good() -> None:
    """Swept, decided, stored: the account is noted, its companies are planned, and their lines get a target."""
    stage = Stage()
    await stage.furnish(10, ready=False)
    await stage.say_units(key(), 12, day(10), 1)
    await stage.loop()
    assert (await stage.company()).lines[str(LINE)].released is None
    for source in ("drop", "other"):
        sweep = {"_id": source, "source": source, "connection": "main", "state": "ended", "ended": 1}
        await stage.store.collection("sweeps").upsert_many([sweep])
    told = {"_id": str(key()), "source": "drop", "revision": 1, "snapshot_revision": 1, "rev": 1}
    told |= {"told": [{"company": ID, "revision": 2}]}
    await stage.store.collection("snapshots").upsert_many([told])
    await stage.store.collection("mapped").upsert_many([told])
    await stage.readiness()
    assert {row.id for row in await stage.planner.readiness.find({})} == {"other"}
    await stage.say_units(key(), 12, day(10), 2)
    await stage.readiness()
    assert {row.id for row in await stage.planner.readiness.find({"ready_at": {"$ne": None}})} == {"drop", "other"}
    assert (await stage.company()).dirty
    await stage.loop()
    assert (await stage.intent()).jump == 2


async def test_a_readiness_noted_and_not_finished_is_finished_after_a_restart() -> None:
    """Killed between the note and the dirty marks: the next process marks them and only then says ready."""
    stage = Stage()
    await stage.furnish(10)
    await stage.say_units(key(), 12, day(10), 1)
    await stage.loop()
    await stage.planner.readiness.change("drop", lambda found: found and found.model_copy(update={"ready_at": None}))
    await stage.another().readiness()
    assert (await stage.company()).dirty
    assert await stage.planner.readiness.find({"ready_at": None}) == []


async def test_an_account_that_never_comes_is_a_finding_after_an_hour() -> None:
    """source_incomplete, once, an hour of machine time after the first mirror."""
    stage = Stage()
    await stage.furnish(ready=False)
    await stage.readiness()
    assert await stage.open_codes() == []
    stage.machine.at += 3601
    await stage.readiness()
    await stage.readiness()
    assert await stage.open_codes() == ["source_incomplete", "source_incomplete"]
    assert [one.count for one in await stage.found.find({})] == [1, 1]


async def test_a_subscription_of_another_company_is_not_counted_twice() -> None:
    """Its assignment belongs to the first company that named it; the second waits with member_frozen."""
    stage = Stage()
    await linked(stage)
    other = CompanyId(202)
    moved = mapped(key(), 10, day(10), 2, company=other, outcome=Mapped(company=other, service=line().service))
    await stage.put("psa_contracts", contract_of(other))
    await stage.put("psa_lines", line(9100, contract=602, company=other).model_copy(update={"id": "main/9100"}))
    await stage.put(LINES, book(10, number=9100))
    await stage.say(moved)
    await stage.loop()
    waiting = await stage.company("main/202")
    assert waiting.members[str(key())].line is None
    assert await stage.open_codes() == ["member_frozen"]


async def test_an_assignment_that_no_document_names_is_taken_over_after_a_minute() -> None:
    """Killed between assignment and company document: the next one takes it, after a minute of machine time."""
    stage = Stage()
    await stage.furnish()
    other = CompanyId(202)
    await stage.put("psa_contracts", contract_of(other))
    await stage.put("psa_lines", line(9100, contract=602, company=other).model_copy(update={"id": "main/9100"}))
    await stage.put(LINES, book(10, number=9100))
    await stage.say_units(key(), 10, day(10), 1)
    await stage.loop()
    await stage.companies.collection.delete_many({"_id": ID})
    await stage.say(mapped(key(), 10, day(10), 2, company=other, outcome=Mapped(company=other, service=line().service)))
    await stage.loop()
    assert (await stage.company("main/202")).members[str(key())].line is None
    stage.machine.at += 61
    await stage.loop()
    assert (await stage.company("main/202")).members[str(key())].line == 9100


async def test_two_lines_of_one_batch_that_want_one_vendor_id_are_both_answered() -> None:
    """kernel.md section 5: the one that lost the race is asked again at once, and its finding stands when nothing is
    pending any more."""
    stage = Stage()
    await stage.furnish(10)
    second = line(9002).model_copy(update={"service": 72, "id": "main/9002"})
    await stage.put(PSA_LINES, second)
    await stage.put(LINES, book(0, number=9002))
    elsewhere = Mapped(company=COMPANY, service=second.service)
    await stage.say(
        mapped(key("a", "drop"), 10, day(10), 1, vendor="v1"),
        mapped(key("b", "other"), 7, day(10), 1, vendor="v1", outcome=elsewhere),
    )
    dirty = []
    for _ in range(2):
        await stage.planner.plan([ID])
        dirty.append((await stage.company()).dirty)
    assert dirty == [True, False]
    assert await stage.open_codes() == ["duplicate_sighting"]


async def test_a_vendor_id_on_two_lines_counts_once() -> None:
    """The second line waits with duplicate_sighting until the first holds nothing, and counts from that day."""
    stage = Stage()
    await stage.furnish(10)
    second = line(9002).model_copy(update={"service": 72, "id": "main/9002"})
    await stage.put(PSA_LINES, second)
    await stage.put(LINES, book(0, number=9002))
    await stage.say_units(key("a", "drop"), 10, day(9), 1, vendor="v1")
    await stage.loop()
    await stage.settle(Outcome.IN_PLACE)
    elsewhere = Mapped(company=COMPANY, service=second.service)
    await stage.say_units(key("b", "other"), 7, day(10), 1, vendor="v1", outcome=elsewhere)
    await stage.loop()
    assert await stage.open_codes() == ["duplicate_sighting"]
    await stage.say(mapped(key("a", "drop"), StepFunction.constant(None), day(10), 2, vendor="v1"))
    await stage.loop()
    await stage.settle()
    for _ in range(2):
        await stage.loop()
        stage.machine.at += 61
    await stage.loop()
    document = await stage.company()
    assert document.members[str(key("b", "other"))].joined_on == day(10)
    assert document.lines["9002"].released is not None
    assert await stage.open_codes() == []


async def test_two_replicas_release_once() -> None:
    """Both plan the same dirty company: compare-and-set lets one of them release."""
    stage = Stage()
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    twin = stage.another()
    await stage.loop()
    first = (await stage.intent()).id
    await twin.loop()
    await twin.loop()
    assert (await stage.intent()).id == first
    assert len(await stage.outgoing()) == 1


async def test_opening_the_loop_forgets_what_was_planned_under_which_mirror() -> None:
    """A restart may bring another policy: nothing counts as planned until a whole round is over."""
    stage = Stage()
    await stage.furnish()
    await stage.loop.open()
    await stage.loop()
    assert (await stage.loop.watches.get("main")) == Watch(id="main", rev=2, generation=1)
    await stage.another().loop.open()
    found = await stage.loop.watches.get("main")
    assert found is not None
    assert found.generation == -1


async def test_trust_new_with_a_decrease_waits_for_a_yes() -> None:
    """End to end over the store: the finding names the money, drain counts the approval, nothing is said."""
    stage = Stage()
    await stage.furnish(10, trust=Trust.NEW)
    await stage.say_units(key(), 4, day(10), 1)
    await stage.loop()
    [finding] = await stage.found.find({"closed_at": None})
    assert (finding.code.value, str(finding.money_per_month and finding.money_per_month.amount)) == (
        "first_decrease",
        "60.00",
    )
    assert (await stage.company()).waiting_approval == 1
    assert await stage.outgoing() == []


async def test_a_planning_that_died_before_it_spoke_is_spoken_by_the_next() -> None:
    """Killed between the company document and its plans: the next planning projects them and says what is out."""
    stage = Stage()
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)

    async def dies(_: object) -> None:
        raise RuntimeError("killed")

    plans = stage.planner.plans.collection
    stage.planner.plans = replace_collection(stage, dies)
    with pytest.raises(RuntimeError, match="killed"):
        await stage.loop()
    document = await stage.company()
    assert (document.dirty, document.outbox, document.unanswered) == (True, (), 1)
    await stage.another().loop()
    assert [event.type for event in await stage.outgoing()] == ["IntentReleased"]
    assert [plan["state"] for plan in await plans.find({})] == ["executing"]
    assert (await stage.company()).dirty is False


def replace_collection(stage: Stage, dies: Callable[[object], Awaitable[None]]) -> Documents[PlanDocument]:
    """The plans, in a collection whose bulk write dies."""
    dying = Documents(stage.store.collection("elsewhere"), PlanDocument)
    dying.collection.upsert_newest = dies  # type: ignore[method-assign, assignment]  # the one verb that this test breaks
    return dying


class LateCollection(MemoryCollection):
    """What another collection holds, by a store in which the first projection waits until ``go``."""

    def __init__(self, documents: dict[str, Json]) -> None:
        super().__init__()
        self.documents = documents
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def upsert_newest(self, documents: Sequence[Json]) -> None:
        self.asked.set()
        await self.go.wait()
        await super().upsert_newest(documents)


async def test_a_projection_that_comes_late_leaves_the_newer_row() -> None:
    """Two replicas: what one has superseded is not proposed again by the other's slow write, for nobody could ever
    say yes or no to it."""
    stage = Stage(policy=PROPOSE)
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    other = stage.another()
    late = LateCollection(stage.store.collection(PLANS).documents)
    stage.planner.plans = Documents(late, PlanDocument)
    slow = asyncio.create_task(stage.loop())
    await late.asked.wait()
    await other.say_units(key(), 15, day(10), 3)
    await other.loop()
    late.go.set()
    await slow
    await other.loop()
    rows = await other.planner.plans.find({})
    assert sorted(plan.state for plan in rows) == [PlanState.PROPOSED, PlanState.SUPERSEDED]
    assert [plan.id for plan in rows if plan.state is PlanState.PROPOSED] == list((await other.company()).plans)


async def test_a_finding_told_by_a_planning_that_lost_its_save_is_put_right() -> None:
    """Told, then beaten by another change: the next planning tells again, though its own words are the stored ones."""
    stage = Stage()
    await linked(stage)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.settle_race()
    assert await stage.open_codes() == []
    assert (await stage.company()).dirty is False


def poisoned_line(company: CompanyDocument) -> CompanyDocument:
    """What its line holds cannot be added up: it cannot be decided."""
    line_state = company.lines[str(LINE)].model_copy(update={"held": {"x": "poison"}})
    return company.model_copy(update={"lines": {str(LINE): line_state}})


def poisoned_member(company: CompanyDocument) -> CompanyDocument:
    """What its member asks for is no step function: not even a line can be sought for it."""
    [member] = company.members.values()
    broken = member.model_copy(update={"asked": "poison", "line": None})
    return company.model_copy(update={"members": {member.id: broken}})


@pytest.mark.parametrize("poison", [poisoned_line, poisoned_member])
async def test_a_company_that_cannot_be_planned_stops_nobody_else(
    poison: Callable[[CompanyDocument], CompanyDocument],
) -> None:
    """A poisoned document stays dirty and is named by readiness, whatever of it is poison; the others are planned."""
    stage = Stage()
    await linked(stage)
    others = {"id": "main/202", "company": CompanyId(202), "rev": 0, "dirty": True}
    broken = poison(await stage.company()).model_copy(update=others)
    await stage.say_units(key(), 12, day(10), 2)
    await stage.planner._plan([broken, await stage.company()])
    assert "main/202" in (stage.planner.trouble() or "")
    assert (await stage.intent()).jump == 2
