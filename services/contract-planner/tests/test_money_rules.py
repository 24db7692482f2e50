"""Sentences of kernel.md sections 5 and 6 in interleavings where a shorter reading bills twice, late or not at all."""

from planner_world import LINE, World, book, day, key, linked_world

from seatledger.contract_planner.domain.policy import SourcePolicy
from seatledger.contract_planner.domain.wanting import Denied, Granted
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyId, ServiceId
from seatledger.schemas.intents import Outcome, Refusal
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Asked, Frozen, Mapped, Unmapped

ENDED = StepFunction.constant(None)
ELSEWHERE = Mapped(company=CompanyId(101), service=ServiceId(99))


def test_a_member_frozen_for_its_other_line_does_not_take_in_what_counted_there() -> None:
    """kernel.md section 5: while frozen nothing at its source counts. Mapped to another line it froze here; what the
    mapper says later of the state that counted there, and of the day it froze there, changes no unit here."""
    world = linked_world()
    world.say(4, outcome=ELSEWHERE)
    assert world.run() == 0
    world.today = day(12)
    for _ in range(2):
        there = Frozen(asks=Asked(since=day(11), units=StepFunction.constant(4)), on=day(12))
        world.say(4, outcome=Unmapped(missing="offer"), frozen=there)
        assert world.run() == 0
    assert world.units(day(12)) == 10


def test_a_member_whose_end_came_while_it_was_frozen_keeps_its_units_until_it_thaws() -> None:
    """kernel.md section 5: its end included, and absence there proves nothing."""
    world = linked_world()
    frozen = Frozen(asks=Asked(since=day(9), units=StepFunction.constant(10)), on=day(10))
    world.say(10, outcome=Unmapped(missing="company"), frozen=frozen)
    world.today = day(14)
    world.say(ENDED, outcome=Unmapped(missing="company"), frozen=frozen)
    assert world.run() == 0
    assert FindingCode.MEMBER_FROZEN in world.notices
    world.say(ENDED)
    assert world.run() == 1
    assert (world.units(day(13)), world.units(day(14))) == (10, 0)


def test_the_state_that_counted_last_is_applied_where_it_was_never_heard() -> None:
    """kernel.md section 5: a freeze that overtakes the last change brings it along; the change still counts."""
    world = linked_world()
    world.today = day(12)
    last = Asked(since=day(11), units=StepFunction.constant(13))
    world.say(99, outcome=Unmapped(missing="company"), frozen=Frozen(asks=last, on=day(12)))
    assert world.run() == 1
    assert (world.units(day(10)), world.units(day(11))) == (10, 13)


def test_a_member_that_rests_counts_only_after_it_claimed_again() -> None:
    """kernel.md section 5, vendor ids: its claim given back, and taken by another line meanwhile, a subscription that
    begins again waits with duplicate_sighting, and counts from the day on which that line holds nothing."""
    world = World(books={LINE: book(10)})
    world.today = day(9)
    world.say(10, vendor="v1")
    world.run()
    world.today = day(12)
    world.say(ENDED, vendor="v1")
    world.run()
    assert world.units(day(12)) == 0
    assert world.document.members[str(key())].resting
    world.today = day(15)
    world.denied = {str(key()): Denied(FindingCode.DUPLICATE_SIGHTING, "line 9002")}
    world.say(7, vendor="v1")
    assert world.run() == 0
    assert world.notices == (FindingCode.DUPLICATE_SIGHTING,)
    world.today = day(20)
    world.denied = {}
    world.granted = {str(key()): Granted(free_from=day(18))}
    assert world.run() == 1
    assert [world.units(day(on)) for on in (11, 12, 15, 17, 18)] == [10, 0, 0, 0, 7]


def test_a_resting_member_that_claims_again_at_once_counts_from_its_own_day() -> None:
    """kernel.md section 5: the way back over the same line costs no day."""
    world = World(books={LINE: book(10)})
    world.today = day(9)
    world.say(10, vendor="v1")
    world.run()
    world.today = day(12)
    world.say(ENDED, vendor="v1")
    world.run()
    world.today = day(15)
    world.say(7, since=day(14), vendor="v1")
    assert world.run() == 1
    assert [world.units(day(on)) for on in (13, 14)] == [0, 7]


def test_a_claim_of_a_member_that_ended_before_it_joined_is_given_back() -> None:
    """kernel.md section 5: no member alive, nothing held: the claim does not keep the other sighting waiting."""
    world = World(books={LINE: book(10)}, ready=False)
    world.say(10, vendor="v1")
    world.plan()
    assert world.document.members[str(key())].claim is not None
    world.say(ENDED, vendor="v1")
    world.plan()
    assert world.last is not None
    assert [(freed.claim, freed.on) for freed in world.last.freed] == [("claim/main/v1/", None)]


def test_a_file_without_the_vendor_id_does_not_double_the_units() -> None:
    """kernel.md section 5: a vendor id is never needed; two sightings known to be one stay one."""
    world = World(books={LINE: book(10)})
    world.say(10, sub=key("a", "drop"), vendor="v1")
    world.say(10, sub=key("b", "other"), vendor="v1")
    world.run()
    world.today = day(11)
    world.say(10, sub=key("b", "other"))
    assert world.run() == 0


def test_a_retired_source_yields_from_the_day_it_froze_not_from_the_other_ones_first_day() -> None:
    """kernel.md section 5: a frozen member of a retired source gives up its rank; before it froze it had it."""
    world = World(books={LINE: book(10)})
    world.today = day(2)
    world.say(10, sub=key("a", "drop"), vendor="v1")
    world.say(8, sub=key("b", "other"), vendor="v1")
    world.run()
    world.today = day(10)
    world.with_policy(sources={"drop": SourcePolicy(rank=1, retired=True), "other": SourcePolicy(rank=2)})
    frozen = Frozen(asks=None, on=day(10))
    world.say(10, sub=key("a", "drop"), vendor="v1", outcome=Unmapped(missing="company"), frozen=frozen)
    world.run()
    assert [world.units(day(on)) for on in (9, 10)] == [10, 8]


def test_what_lost_a_race_for_its_line_is_asked_for_again() -> None:
    """kernel.md section 8: neither granted nor denied is no answer; the company stays dirty, so that drain waits."""
    world = World(books={LINE: book(10)})
    world.say(10)
    still_dirty = []
    for world.lost in ({str(key())}, set()):
        world.plan()
        still_dirty += [world.last.document.dirty] if world.last else []
    assert still_dirty == [True, False]
    assert world.intent().on is None


def test_a_refused_wish_stays_refused_over_a_gap_in_the_mirror() -> None:
    """kernel.md section 3: a refused wish goes out again after its mirrored contract changed; a mirror that misses it
    once says nothing of it."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.BY_PSA)
    contracts, lines = world.contracts, world.lines
    for gap in ("contracts", "lines"):
        world.contracts, world.lines = ({}, lines) if gap == "contracts" else (contracts, {})
        assert world.plan() == []
        world.contracts, world.lines = contracts, lines
        assert world.plan() == []
        assert FindingCode.REFUSED in world.notices


def test_a_refused_wish_goes_out_again_after_a_mapping_of_its_line_changed() -> None:
    """kernel.md section 3: after its mapping changed; a new state under the same mapping, asking for the same, is no
    reason."""
    world = linked_world()
    world.say(12)
    world.plan()
    world.answer(Outcome.REFUSED, Refusal.BY_PSA)
    world.say(12)
    assert world.plan() == []
    frozen = Frozen(asks=Asked(since=day(10), units=StepFunction.constant(12)), on=day(10))
    world.say(12, outcome=Unmapped(missing="offer"), frozen=frozen, mapping=2)
    world.say(12, mapping=3)
    assert [event.type for event in world.plan()] == ["IntentReleased"]
