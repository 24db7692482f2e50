"""Plannings of one company, against books played by hand: the named cases of kernel.md sections 5, 6 and 8."""

from planner_world import (
    LINE,
    SERVICE,
    World,
    book,
    contract,
    day,
    key,
    line,
    linked_world,
    mapped,
    row,
)

from seatledger.contract_planner.domain.policy import Mode, SourcePolicy
from seatledger.contract_planner.domain.settling import settle
from seatledger.schemas.book import Drift, Trust
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyId, LineId, ServiceId
from seatledger.schemas.intents import Outcome, Refusal, Span
from seatledger.schemas.planning import ItemState, PlanState
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, Frozen, Mapped, Unassigned, Unmapped

AUGUST = Span(start=day(1), end=day(31))


def ending(units: int, *steps: tuple[int, int | None]) -> StepFunction:
    return StepFunction.of([(day(number), then) for number, then in steps], initial=units)


def test_a_new_line_that_stands_at_its_target_is_linked_without_a_jump() -> None:
    """Where target and agreed are equal a link goes out: no date, no plan, no jump."""
    world = World(books={LINE: book(10)})
    world.say(10)
    [event] = world.plan()
    assert (event.type, world.intent().on, world.intent().jump) == ("IntentReleased", None, 0)
    assert world.document.plans == {}
    world.answer(Outcome.IN_PLACE)
    assert world.plan() == []
    assert world.document.lines[str(LINE)].held[str(key())].units_at(day(10)) == 10


def test_an_increase_goes_out_on_its_day_and_is_not_wished_again() -> None:
    """plan(apply(plan)) = nothing: posted is posted, whatever is planned later."""
    world = linked_world()
    world.say(12)
    assert world.run() == 1
    assert world.units(day(10)) == 12
    assert world.run() == 0
    world.today = day(11)
    assert world.run() == 0
    assert world.document.plans == {}


def test_up_and_down_inside_the_settling_time_is_no_intent() -> None:
    """12 -> 10 -> 12 while the company settles: the wish vanishes unsent and is counted as not needed."""
    world = linked_world(12)
    world.settled = False
    world.say(10)
    assert world.plan() == []
    assert world.document.due == 1
    world.say(12)
    world.settled = True
    assert world.plan() == []
    assert (world.document.due, world.document.not_needed) == (0, 1)


def test_an_intent_whose_wish_changed_is_withdrawn_and_blocks_until_answered() -> None:
    """Released, then changed: its withdrawal goes out, nothing else until the writer answers."""
    world = linked_world(12)
    world.say(10)
    world.plan()
    first = world.intent().id
    world.say(12)
    [event] = world.plan()
    assert event.type == "IntentWithdrawn"
    world.say(9)
    assert world.plan() == []
    assert world.document.unanswered == 1
    world.answer(Outcome.WITHDRAWN)
    [event] = world.plan()
    assert event.type == "IntentReleased"
    assert world.intent().id != first
    assert world.intent().jump == -3


def test_a_withdrawal_answered_by_posted_counts_as_posted() -> None:
    """What had already happened has happened: the next wish starts from there, on the next day."""
    world = linked_world(12)
    world.say(10)
    world.plan()
    world.say(12)
    world.plan()
    world.answer(Outcome.POSTED)
    world.plan()
    assert world.units(day(10)) == 10
    assert world.document.lines[str(LINE)].wishes[0].on == day(11)
    world.today = day(11)
    assert world.run() == 1
    assert world.units(day(11)) == 12


def test_a_settlement_on_its_way_withdraws_nothing() -> None:
    """The book moved before its event came: the difference that the intent made takes nothing back."""
    world = linked_world()
    world.say(12)
    world.plan()
    late = world.answer(deliver=False)
    assert world.plan() == []
    world.document = settle(settle(world.document, late), late)
    assert world.plan() == []
    assert world.out() is None


def test_a_link_on_the_day_of_a_change() -> None:
    """A link uses no date: the change of the same day goes out on that day."""
    world = World(books={LINE: book(10)})
    world.say(10)
    world.plan()
    world.say(13)
    world.answer(Outcome.IN_PLACE)
    assert world.run() == 1
    assert world.units(day(10)) == 13


def test_one_account_that_never_comes() -> None:
    """A new line waits for every account of its connection; a linked one goes on."""
    world = World(books={LINE: book(10)}, ready=False)
    world.say(7)
    assert world.plan() == []
    assert world.document.members[str(key())].joined_on is None
    linked = linked_world()
    linked.ready = False
    linked.say(12)
    assert linked.run() == 1


def test_cancelled_ahead_then_read_again() -> None:
    """An end posted ahead of its day and taken back comes back on the day after, with a finding and its money."""
    world = linked_world()
    world.with_policy(ahead=30)
    world.say(ending(10, (32, None)))
    assert world.run() == 1
    assert world.units(day(32)) == 0
    world.today = day(20)
    world.say(10)
    world.plan()
    assert world.intent().on == day(33)
    assert FindingCode.DATE_USED in world.notices
    money = next(n.money_per_month for n in world.last.notices if n.code is FindingCode.DATE_USED) if world.last else 0
    assert str(money) == "amount=Decimal('100.00') currency='EUR'"


def test_a_used_date_is_told_with_the_days_of_its_own_change() -> None:
    """kernel.md section 6: of two changes on the 10th the second lost that day, of two on the 13th the second that one:
    the finding of the latter speaks of the 13th, for the 10th was told then."""
    world = linked_world()
    for number, units in ((10, 12), (10, 9), (11, 9), (13, 5)):
        world.today = day(number)
        world.say(units)
        world.run()
    world.say(4)
    world.plan()
    [found] = [one for one in world.last.notices if one.code is FindingCode.DATE_USED] if world.last else []
    assert f"by -1 on {day(13)}, a day that was used already: it goes out on {day(14)}" in found.message


def test_frozen_between_an_end_and_an_announced_restart() -> None:
    """A frozen member drops steps that are neither released nor held: the announced restart does not come."""
    world = linked_world()
    world.say(ending(10, (12, None), (32, 10)), since=day(10))
    world.today = day(12)
    assert world.run() == 1
    world.today = day(15)
    asks = Asked(since=day(10), units=ending(10, (12, None), (32, 10)))
    world.say(10, outcome=Unmapped(missing="offer"), frozen=Frozen(asks=asks, on=day(15)))
    world.today = day(32)
    assert world.run() == 0
    assert world.units(day(32)) == 0


def test_a_frozen_member_keeps_its_units_until_it_is_mapped_again() -> None:
    """Freezing stops the source; the same mapping thaws it, and what changed meanwhile counts."""
    world = linked_world()
    world.say(4, outcome=Unmapped(missing="company"), frozen=Frozen(asks=None, on=day(10)))
    assert world.run() == 0
    assert FindingCode.MEMBER_FROZEN in world.notices
    world.say(4)
    assert world.run() == 1
    assert (world.units(day(10)), world.notices) == (4, ())


def test_unassigned_alone_moves_nothing() -> None:
    """kernel.md section 7: it is only a hint; while no other company has claimed the subscription it stands still where
    it is, with its finding."""
    world = linked_world()
    world.say(4, outcome=Unassigned(company=CompanyId(202)))
    assert world.run() == 0
    assert world.units(day(10)) == 10
    assert FindingCode.MEMBER_FROZEN in world.notices


def test_a_member_mapped_to_a_service_without_a_line_stays_where_it_is_held() -> None:
    """kernel.md section 7.3: a decrease is planned only where the new line is known; till then the old one holds it."""
    world = linked_world()
    world.say(4, outcome=Mapped(company=CompanyId(101), service=ServiceId(99)), mapping=2)
    assert world.run() == 0
    assert world.units(day(10)) == 10
    assert FindingCode.LINE_MISSING in world.notices


def test_a_second_change_of_a_day_already_posted_goes_out_on_the_next_open_day() -> None:
    """The day is used: the second change waits for tomorrow, merged with what else came."""
    world = linked_world()
    world.say(12)
    world.run()
    world.say(13)
    assert world.run() == 0
    assert world.document.waiting_day == 1
    assert FindingCode.DATE_USED in world.notices
    world.today = day(11)
    world.say(15)
    assert world.run() == 1
    assert (world.units(day(10)), world.units(day(11))) == (12, 15)
    assert not world.notices


def test_a_change_in_a_posted_period_goes_to_the_first_open_day() -> None:
    """The mirror shows August posted: the change waits for 1 September, with the finding and its money."""
    world = linked_world()
    world.lines[LINE] = line(rows=(row(1, day(1), day(31), posted=True), row(2, day(32), day(61))))
    world.say(12)
    assert world.run() == 0
    assert world.notices == (FindingCode.PERIOD_POSTED,)
    world.today = day(32)
    assert world.run() == 1
    assert (world.units(day(31)), world.units(day(32))) == (10, 12)
    assert not world.notices


def test_a_refusal_for_a_posted_period_re_dates_the_wish() -> None:
    """The settlement's spans are remembered and dated by, though the mirror does not show them yet."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(AUGUST,))
    assert world.plan() == []
    [wish] = world.document.lines[str(LINE)].wishes
    assert (wish.on, wish.moves, world.document.waiting_day) == (day(32), 1, 1)


def test_a_wish_moved_a_second_time_by_a_posted_period_goes_ahead_of_its_day() -> None:
    """Who posts in advance is not chased month after month."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(AUGUST,))
    world.plan()
    world.today = day(32)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(Span(start=day(32), end=day(61)),))
    world.plan()
    assert world.intent().on == day(62)
    assert FindingCode.PERIOD_POSTED in world.notices


def test_a_date_that_autotask_called_taken_is_not_tried_again() -> None:
    """date_taken: the planner takes the next open date."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.DATE_TAKEN)
    world.plan()
    assert world.document.lines[str(LINE)].wishes[0].on == day(11)


def test_a_refused_wish_waits_for_a_change() -> None:
    """Nothing is sent each minute: the refusal stands as a finding until target or contract changes."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.BY_PSA)
    assert world.plan() == []
    assert (world.notices, world.document.due) == ((FindingCode.REFUSED,), 0)
    world.say(13)
    assert [event.type for event in world.plan()] == ["IntentReleased"]
    assert FindingCode.REFUSED not in world.notices


def test_a_refusal_is_lifted_by_a_change_of_the_mirrored_contract() -> None:
    """The contract was extended: the same wish may be tried again."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.CONTRACT_ENDED)
    assert world.plan() == []
    world.contracts = {one: found.model_copy(update={"end": day(900)}) for one, found in world.contracts.items()}
    assert len(world.plan()) == 1


def test_a_hand_over_between_two_accounts_of_one_vendor_id_moves_no_unit() -> None:
    """The second account's sighting takes over on the day the first ends: net 0, and held changes hands."""
    world = World(books={LINE: book(10)})
    world.say(10, sub=key("a", "drop"), vendor="v1")
    world.say(10, sub=key("b", "other"), vendor="v1")
    world.run()
    world.today = day(12)
    world.say(ending(10, (12, None)), since=day(12), sub=key("a", "drop"), vendor="v1")
    assert world.run() == 0
    held = world.document.lines[str(LINE)].held
    assert [held[str(one)].units_at(day(12)) for one in (key("a", "drop"), key("b", "other"))] == [0, 10]


def test_a_zero_of_the_first_account_counts_and_none_does_not() -> None:
    """0 is a number: the lower rank's 0 hides the other account's 5; its end lets the 5 count."""
    world = World(books={LINE: book(5)})
    world.say(5, sub=key("a", "drop"), vendor="v1")
    world.say(5, sub=key("b", "other"), vendor="v1")
    world.run()
    world.say(0, sub=key("a", "drop"), vendor="v1")
    world.run()
    assert world.units(day(10)) == 0
    world.today = day(11)
    world.say(StepFunction.constant(None), sub=key("a", "drop"), vendor="v1")
    world.run()
    assert world.units(day(11)) == 5


def test_a_retired_source_yields_to_the_account_that_comes_after_it() -> None:
    """Its frozen member counts until another account's member of this vendor id begins."""
    world = linked_world()
    world = World(books={LINE: book(10)})
    world.say(10, sub=key("a", "drop"), vendor="v1")
    world.run()
    world.with_policy(sources={"drop": SourcePolicy(rank=1, retired=True), "other": SourcePolicy(rank=2)})
    frozen = Frozen(asks=None, on=day(10))
    world.say(10, sub=key("a", "drop"), vendor="v1", outcome=Unmapped(missing="company"), frozen=frozen)
    assert world.run() == 0
    world.today = day(12)
    world.say(8, sub=key("b", "other"), vendor="v1")
    world.run()
    assert (world.units(day(11)), world.units(day(12))) == (10, 8)


def test_two_subscriptions_that_cross_on_one_day_are_one_intent() -> None:
    """One up, one down: the line moves once, by the sum."""
    world = World(books={LINE: book(10)})
    world.say(6, sub=key("a"))
    world.say(4, sub=key("b"))
    world.run()
    world.today = day(11)
    world.say(9, sub=key("a"))
    world.say(3, sub=key("b"))
    world.plan()
    assert world.intent().jump == 2
    assert set(world.intent().causes) == {"event-3", "event-4"}


def test_a_first_decrease_asks_even_where_first_links_go_by_themselves() -> None:
    """Automation never takes away units that it did not put there: a plan asks, with the finding and its money."""
    world = World(books={LINE: book(10)})
    world.say(7)
    assert world.plan() == []
    assert (world.notices, world.document.waiting_approval) == ((FindingCode.FIRST_DECREASE,), 1)
    [plan] = world.document.plans.values()
    assert (plan.state, plan.asks) == (PlanState.PROPOSED, "first_decrease")
    world.approve()
    assert world.run() == 1
    assert (world.units(day(10)), world.notices) == (7, ())
    world.today = day(11)
    world.say(5)
    assert world.run() == 1


def test_a_first_increase_asks_where_the_policy_says_so() -> None:
    """first_link: ask holds the first difference of a new line for a person."""
    world = World(books={LINE: book(10)})
    world.with_policy(first_link_asks=True)
    world.say(12)
    assert world.plan() == []
    assert world.notices == (FindingCode.FIRST_LINK,)


def test_leaving_observe_is_a_join() -> None:
    """In observe plans are listed and nothing goes out; what changed meanwhile counts from the day it is left."""
    world = linked_world()
    world.with_policy(mode=Mode.OBSERVE)
    world.say(12)
    assert world.plan() == []
    assert (world.document.waiting_approval, world.document.due) == (0, 0)
    [plan] = world.document.plans.values()
    assert (plan.state, plan.items[0].before, plan.items[0].after) == (PlanState.PROPOSED, 10, 12)
    world.today = day(14)
    world.plan()
    world.with_policy(mode=Mode.AUTO)
    assert world.run() == 1
    assert (world.units(day(13)), world.units(day(14))) == (10, 12)


def test_a_plan_says_for_what_it_waits_now() -> None:
    """A plan that stood in observe and may be approved since its company is in propose says so."""
    world = linked_world()
    world.with_policy(mode=Mode.OBSERVE)
    world.say(12)
    world.plan()
    [seen] = world.document.plans.values()
    world.with_policy(mode=Mode.PROPOSE)
    world.plan()
    [plan] = world.document.plans.values()
    assert (seen.asks, plan.asks, plan.id) == ("observe", "propose", seen.id)


def test_observe_assigns_and_joins_nothing() -> None:
    """A company seen in observe alone keeps no line, but its plan shows what would be done."""
    world = World(books={LINE: book(10)})
    world.with_policy(mode=Mode.OBSERVE)
    world.say(7)
    world.plan()
    assert world.document.lines == {}
    assert world.document.members[str(key())].line is None
    assert len(world.document.plans) == 1


def test_going_to_observe_takes_back_what_is_unsent() -> None:
    """observe is the stop switch: what is out is withdrawn."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.with_policy(company_modes={101: Mode.OBSERVE})
    assert [event.type for event in world.plan()] == ["IntentWithdrawn"]


def test_propose_waits_for_a_yes_and_keeps_the_date() -> None:
    """Approved five days later, the change still goes out on its own day."""
    world = linked_world()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(12)
    assert world.plan() == []
    assert world.document.waiting_approval == 1
    world.today = day(15)
    assert world.plan() == []
    world.approve()
    world.plan()
    assert world.intent().on == day(10)
    [plan] = world.document.plans.values()
    assert (plan.state, plan.items[0].state) == (PlanState.EXECUTING, ItemState.RELEASED)


def test_an_approved_item_whose_wish_changes_asks_anew() -> None:
    """An approval is of a hash: another number needs another yes."""
    world = linked_world()
    world.with_policy(mode=Mode.PROPOSE)
    world.say(12)
    world.plan()
    world.approve()
    world.say(13)
    assert world.plan() == []
    assert world.document.waiting_approval == 1
    states = sorted(plan.state for plan in world.last.document.plans.values()) if world.last else []
    assert states == [PlanState.PROPOSED, PlanState.SUPERSEDED]


def test_leaving_auto_asks_for_what_the_policy_had_approved() -> None:
    """The policy's yes ends with the mode: what is not yet out asks a person."""
    world = linked_world()
    world.say(12, since=day(12))
    world.plan()
    assert world.document.waiting_day == 1
    world.with_policy(mode=Mode.PROPOSE)
    world.plan()
    assert (world.document.waiting_day, world.document.waiting_approval) == (0, 1)


def test_a_target_with_two_steps_goes_out_one_after_the_other() -> None:
    """Each step is an intent of its own; the second is released after the first has settled."""
    world = linked_world()
    world.today = day(14)
    world.say(ending(10, (11, 12), (13, 7)), since=day(11))
    world.plan()
    assert (world.intent().on, world.intent().jump) == (day(11), 2)
    world.answer()
    world.plan()
    assert (world.intent().on, world.intent().jump) == (day(13), -5)


def test_a_drifted_line_takes_only_what_equals_its_rows() -> None:
    """Somebody edited the line: nothing goes out until target and rows agree, and that settles in place."""
    world = linked_world()
    drift = Drift(since=world.facts.now, from_day=day(10), rows=StepFunction.constant(15))
    world.books[LINE] = world.books[LINE].model_copy(update={"drift": drift})
    world.say(12)
    assert world.plan() == []
    assert world.document.due == 0
    world.say(15)
    world.plan()
    assert world.intent().after.units_at(day(10)) == 15


def test_a_held_intent_is_not_awaited() -> None:
    """held and not_seen wait for a person: they block the line and are not pending."""
    for outcome in (Outcome.HELD, Outcome.NOT_SEEN):
        world = linked_world()
        world.say(12)
        world.plan()
        world.take()
        assert world.document.unanswered == 1
        said = world.answer(outcome, deliver=False)
        world.document = settle(world.document, said)
        assert (world.document.unanswered, world.out() is None) == (0, False)


def test_outcomes_out_of_order_end_the_intent_once() -> None:
    """An older word after the end, or the end twice, changes nothing."""
    world = linked_world()
    world.say(12)
    world.plan()
    taken = world.answer(Outcome.TAKEN, deliver=False)
    ended = world.answer(Outcome.POSTED, deliver=False)
    after = settle(world.document, ended)
    assert after.lines[str(LINE)].released is None
    assert settle(after, taken) == after
    assert settle(after, ended) == after


def test_a_stale_intent_goes_out_again_as_another() -> None:
    """The baseline moved: the wish is planned again at the book's version, under a new id."""
    world = linked_world()
    world.say(12)
    world.plan()
    first = world.intent()
    world.books[LINE] = world.books[LINE].model_copy(update={"version": 900})
    world.answer(Outcome.STALE)
    world.plan()
    assert world.intent().id != first.id
    assert world.intent().version == world.books[LINE].version


def test_a_date_under_way_does_not_look_used_to_its_own_wish() -> None:
    """The book notes a date as used when it is sent: the wish that uses it must not move away from it."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.take()
    world.books[LINE] = world.books[LINE].model_copy(update={"dates_used": (day(10),), "version": 102})
    assert world.plan() == []
    assert world.document.lines[str(LINE)].wishes[0].on == day(10)


def test_a_member_that_has_ended_needs_no_line() -> None:
    """A subscription first seen as ended asks for nothing: no line is sought, no finding raised."""
    world = World(lines={})
    world.say(StepFunction.constant(None))
    assert world.plan() == []
    assert world.notices == ()


def test_a_resting_claim_is_given_back_once_the_line_holds_nothing() -> None:
    """First the document notes that the members count no more; the claim is freed with the day."""
    world = World(books={LINE: book(10)})
    world.say(10, vendor="v1")
    world.run()
    world.today = day(12)
    world.say(StepFunction.constant(None), vendor="v1")
    world.plan()
    assert world.last is not None
    assert not world.last.freed
    world.answer()
    world.plan()
    assert [(freed.claim, freed.on) for freed in world.last.freed] == [("claim/main/v1/", day(12))]
    assert world.document.members[str(key())].claim is None


def test_an_end_before_the_day_of_the_join_takes_the_units_away() -> None:
    """Joined and linked on the 9th, then found to have ended on the 8th: what the line holds of it goes."""
    world = linked_world()
    world.say(StepFunction.constant(None), since=day(8))
    assert world.run() == 1
    assert world.units(day(9)) == 0


def test_a_new_line_whose_only_member_ended_asks_for_nothing() -> None:
    """It never held anything of ours: no decrease is made out of an end."""
    world = World(books={LINE: book(10)}, ready=False)
    world.say(7)
    world.plan()
    world.say(StepFunction.constant(None), since=day(10))
    world.ready = True
    assert world.plan() == []
    assert world.document.waiting_approval == 0


def test_a_contract_out_of_effect_stops_its_lines() -> None:
    """Nothing is released there; the finding says which contract."""
    world = linked_world()
    world.contracts = {one: found.model_copy(update={"status": 0}) for one, found in world.contracts.items()}
    world.say(12)
    assert world.plan() == []
    assert world.notices == (FindingCode.CONTRACT_ENDED,)


def test_an_older_revision_changes_nothing() -> None:
    """Events arrive twice and out of order: what is not newer is ignored."""
    world = linked_world()
    world.say(12)
    before = world.document
    world._revision = 0
    world.say(99)
    assert world.document == before


def test_two_lines_are_planned_apart() -> None:
    """A poisoned line waits alone: the rest of its company goes on."""
    second = LineId(9002)
    world = World(
        lines={LINE: line(), second: line(9002, service=72)}, books={LINE: book(10), second: book(3, number=9002)}
    )
    other = Mapped(company=CompanyId(101), service=ServiceId(72))
    world.say(10, sub=key("a"))
    world.say(3, sub=key("b"), outcome=other)
    world.run()
    world.today = day(11)
    world.say(12, sub=key("a"))
    world.say(5, sub=key("b"), outcome=other)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.BY_PSA)
    world.answer(number=second)
    world.plan()
    assert (world.units(day(11)), world.units(day(11), second)) == (10, 5)
    assert world.notices == (FindingCode.REFUSED,)


def test_trust_is_read_from_the_book() -> None:
    """A book born again is new: its first difference asks again."""
    world = linked_world()
    world.books[LINE] = world.books[LINE].model_copy(update={"trust": Trust.NEW, "version": 5})
    world.say(8)
    assert world.plan() == []
    assert world.notices == (FindingCode.FIRST_DECREASE,)


def test_helpers_build_what_they_say() -> None:
    """The hand-made events name the service and contract of the hand-made mirror."""
    said = mapped(key(), 1, day(1), 1)
    assert said.outcome == Mapped(company=CompanyId(101), service=SERVICE)
    assert contract().in_effect
