"""Random histories of subscriptions against books played by hand: conservation and order (kernel.md section 9)."""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from planner_world import LINE, POLICY, World, book, day, key, mapped

from seatledger.contract_planner.domain.members import hear
from seatledger.contract_planner.domain.reporting import Seekings
from seatledger.contract_planner.domain.shares import first_day, shares
from seatledger.contract_planner.domain.state import CompanyDocument
from seatledger.schemas.envelope import Cause, Event
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.intents import Outcome, Refusal, Span
from seatledger.schemas.steps import StepFunction, total

NAMES = ("a", "b", "c")
SOURCES = ("drop", "other")
AUGUST = Span(start=day(1), end=day(31))
LOST = {FindingCode.DATE_USED, FindingCode.PERIOD_POSTED}
DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Said:
    """One state of one subscription: units (None: ended) from today, and perhaps an announced change later."""

    name: str
    units: int | None
    announced: tuple[int, int | None] | None


units = st.none() | st.integers(0, 9)
sayings = st.builds(Said, st.sampled_from(NAMES), units, st.none() | st.tuples(st.integers(1, 9), units))
rounds = st.lists(st.lists(sayings, max_size=4), min_size=1, max_size=6)


def say(world: World, said: Said, since: date | None = None) -> None:
    since = since or world.today
    steps = [] if said.announced is None else [(since + timedelta(days=said.announced[0]), said.announced[1])]
    asked = StepFunction.of(steps, initial=said.units)
    vendor = "shared" if said.name in {"a", "b"} else None
    source = "other" if said.name == "b" else "drop"
    world.say(asked, since, key(said.name, source), vendor=vendor)


def asked_of(world: World) -> StepFunction:
    """What the members ask for, summed from their shares."""
    line = world.document.lines[str(LINE)]
    members = [one for one in world.document.on_line(line.line) if one.joined_on is not None]
    parts = shares(members, world.policy)
    return total(parts.values())


@dataclass
class Told(World):
    """Remembers every finding that named lost days."""

    days: set[date] = field(default_factory=set)

    def decide(self, seekings: Seekings) -> list[Event]:
        said = super().decide(seekings)
        for one in [] if self.last is None else self.last.notices:
            named = [date.fromisoformat(text) for text in DATE.findall(one.message)]
            if one.code in LOST and len(named) == 2:
                self.days |= {named[0] + timedelta(days=number) for number in range((named[1] - named[0]).days)}
        return said


def settle_all(world: World) -> None:
    world.run()
    world.approve()
    world.run()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rounds, st.integers(0, 20))
@example([[Said("a", None, (7, 1))], [], [], [Said("a", 0, (2, 1))]], 1)
def test_a_quiet_day_ends_at_what_the_members_ask_for(history: list[list[Said]], baseline: int) -> None:
    """Conservation: after each round and a quiet day the linked line stands at what its members ask for today, held
    shares add up to what is agreed, and planning again wishes nothing."""
    world = World(books={LINE: book(baseline)})
    for said in history:
        for one in said:
            say(world, one)
        settle_all(world)
        world.today += timedelta(days=1)
        settle_all(world)
        assert world.run() == 0
        line = world.document.lines.get(str(LINE))
        begun = None if line is None else first_day(asked_of(world))
        if line is not None and line.held and begun is not None and begun <= world.today:
            assert world.units(world.today) == asked_of(world).units_at(world.today)
            held = sum(part.units_at(world.today) for part in line.held.values())
            assert held == world.units(world.today)
        world.today += timedelta(days=1)
    assert len(set(world.books[LINE].dates_used)) == len(world.books[LINE].dates_used)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rounds, st.integers(0, 20), st.booleans())
def test_a_day_that_does_not_stand_at_its_target_was_told(
    history: list[list[Said]], baseline: int, posted: bool
) -> None:
    """kernel.md sections 6 and 9.3: whatever is learnt at once, of past days too, each day on which a linked line ends
    up at another number than its members ask for was named by a finding."""
    world = Told(books={LINE: book(baseline)})
    world.say(baseline)
    world.run()
    for said in history:
        world.today += timedelta(days=3)
        for one in said:
            say(world, one, since=world.today - timedelta(days=2))
        world.plan()
        if posted and world.out() is not None:
            world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(AUGUST,))
        settle_all(world)
    wanted, agreed = asked_of(world), world.books[LINE].agreed
    past = [day(10) + timedelta(days=number) for number in range((world.today - day(10)).days + 1)]
    assert [on for on in past if wanted.units_at(on) != agreed.units_at(on) and on not in world.days] == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(sayings, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_order_and_repetition_of_events_do_not_change_the_units(said: list[Said], chance: object) -> None:
    """Kernel 9.6: whatever the order and number of deliveries, from the newest day on the same units come out."""
    assert hasattr(chance, "shuffle")
    events = []
    for number, one in enumerate(said):
        on = day(10 + number)
        steps = [] if one.announced is None else [(on + timedelta(days=one.announced[0]), one.announced[1])]
        asked = StepFunction.of(steps, initial=one.units)
        events.append((mapped(key(one.name), asked, on, number + 1), on))
    mixed = [*events, *events]
    chance.shuffle(mixed)
    straight, shuffled = World(), World()
    for world, order in ((straight, events), (shuffled, mixed)):
        for event, on in order:
            world.document = hear(world.document, event, Cause(id=str(event.revision), correlation="c"), on)
    newest = day(10 + len(said))
    for name in {one.name for one in said}:
        first, second = (_asked(world.document, name) for world in (straight, shuffled))
        assert first.equals_from(newest, second)


def _asked(document: CompanyDocument, name: str) -> StepFunction:
    return document.members[str(key(name))].asked


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_a_writer_that_refuses_posted_periods_is_chased_to_the_first_open_day(states: list[int]) -> None:
    """Whatever is asked in a posted August, 1 September stands at the newest state, and no day of August moves."""
    world = World(books={LINE: book(5)}, policy=POLICY)
    world.say(5)
    world.run()
    for count in states:
        world.say(count)
        world.plan()
        if world.out() is not None:
            world.answer(Outcome.REFUSED, Refusal.PERIOD_POSTED, spans=(AUGUST,))
            world.plan()
            assert world.out() is None
    world.today = day(32)
    world.run()
    assert world.units(day(31)) == 5
    assert world.units(day(32)) == states[-1]
