"""What people, sources and the writer do between two steps of one line, in any order (kernel.md section 9)."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

import pytest
from planner_world import CONTRACT, LINE, World, book, contract, key
from planner_writer import SlowWriter

from seatledger.contract_planner.domain.policy import Mode
from seatledger.contract_planner.domain.state import with_line
from seatledger.schemas.book import Trust
from seatledger.schemas.intents import Refusal
from seatledger.schemas.steps import StepFunction, total
from seatledger.schemas.subscriptions import Asked, Frozen, Unmapped

VENDORS: Final = {"a": ("drop", "v"), "b": ("other", "v"), "c": ("drop", None)}
WORDS: Final = (
    ("say",) * 5 + ("plan", "all") * 3 + ("take_in", "work", "deliver", "days") * 2 + ("again", "map", "mode")
)
"""What may happen next, the likely more often."""
REFUSALS: Final = (None, None, None, Refusal.PERIOD_POSTED, Refusal.DATE_TAKEN, Refusal.BY_PSA)


@dataclass
class Play:
    """One line with three subscriptions, two of which are one at the vendor."""

    world: World
    writer: SlowWriter
    told: dict[str, Asked] = field(default_factory=dict)
    frozen: dict[str, Frozen] = field(default_factory=dict)

    def act(self, chance: Random) -> None:
        match chance.choice(WORDS):
            case "say":
                self.say(chance)
            case "map":
                self.map(chance.choice(sorted(VENDORS)))
            case "plan":
                self.plan()
            case "take_in":
                self.writer.take_in()
            case "work":
                self.writer.work(chance.choice(REFUSALS))
            case "deliver":
                self.writer.deliver()
            case "again":
                self.writer.deliver(twice=True)
            case "all":
                self.all(chance.choice(REFUSALS))
            case "mode":
                self.world.with_policy(mode=chance.choice((Mode.OBSERVE, Mode.PROPOSE, Mode.AUTO, Mode.AUTO)))
            case "days":
                self.days(chance.choice((1, 1, 2, 12)))

    def say(self, chance: Random) -> None:
        """Units from a day that may be past, and perhaps an end announced."""
        today = self.world.today
        ends = [(today + timedelta(days=chance.randint(1, 8)), None)] if chance.random() < 0.3 else []
        count = chance.choice((None, 0, 1, 2, 3, 4, 5))
        since = today - timedelta(days=chance.choice((0, 0, 1, 3)))
        name = chance.choice(sorted(VENDORS))
        self.told[name] = Asked(since=since, units=StepFunction.of(ends, initial=count))
        self.tell(name)

    def map(self, name: str) -> None:
        """Unmapped, or mapped again."""
        if name not in self.told:
            return
        if name in self.frozen:
            del self.frozen[name]
        else:
            self.frozen[name] = Frozen(asks=self.told[name], on=self.world.today)
        self.tell(name)

    def expected(self) -> int:
        """By hand: what ``a`` shows, or ``b`` where ``a`` has ended, and ``c``."""
        now = {name: asks.units.at(self.world.today) for name, asks in self.told.items()}
        first = now.get("a")
        return ((now.get("b") or 0) if first is None else first) + (now.get("c") or 0)

    def tell(self, name: str) -> None:
        source, vendor = VENDORS[name]
        asks, frozen = self.told[name], self.frozen.get(name)
        outcome = None if frozen is None else Unmapped(missing="company")
        sub = key(name, source)
        self.world.say(asks.units, asks.since, sub, outcome=outcome, frozen=frozen, vendor=vendor)

    def plan(self) -> None:
        self.writer.hear(self.world.plan())

    def days(self, count: int) -> None:
        self.world.today += timedelta(days=count)
        self.plan()

    def all(self, refusal: Refusal | None) -> None:
        """From the planning to the answer without anything between."""
        self.plan()
        self.writer.take_in()
        for why in (refusal, None):
            self.writer.work(why)
        self.writer.deliver()

    def calm(self) -> None:
        """A person says yes and *retry* until nothing goes out any more."""
        for _ in range(200):
            self.world.approve()
            self.retry()
            said = self.writer.said
            self.plan()
            while self.writer.inbox or self.writer.book.open or self.writer.answers:
                self.writer.take_in()
                self.writer.work()
                self.writer.deliver()
            waiting = any(plan.state.value == "proposed" for plan in self.world.document.plans.values())
            if self.writer.said == said and not waiting:
                return
        raise AssertionError("the planning never comes to rest")

    def retry(self) -> None:
        line = self.world.document.lines.get(str(LINE))
        if line is not None:
            self.world.document = with_line(self.world.document, line.model_copy(update={"blocked": None}))


def play(chance: Random) -> Play:
    contracts = {CONTRACT: contract(end=date(2029, 12, 31))}
    world = World(books={LINE: book(chance.randrange(9))}, contracts=contracts)
    world.with_policy(ahead=chance.choice((0, 0, 1, 30)))
    return Play(world, SlowWriter(world))


@pytest.mark.parametrize("seed", range(80))
def test_whatever_comes_late_twice_or_crosses_the_units_are_right_in_the_end(seed: int) -> None:
    """kernel.md section 9.1, 9.2 and 9.5: answers late and repeated, withdrawals that cross a send, refusals, freezes,
    modes and days in any order; once all is calm, units are what members ask for, held adds up, no date went twice,
    nothing went below zero."""
    chance = Random(seed)
    stage = play(chance)
    for _ in range(chance.randint(20, 60)):
        stage.act(chance)
    stage.world.with_policy(mode=Mode.AUTO)
    for name in list(stage.frozen):
        stage.map(name)
    stage.calm()
    for _ in range(3):
        stage.days(40)
        stage.calm()
    used = stage.writer.book.dates_used
    assert len(set(used)) == len(used)
    for intent in stage.writer.posted:
        assert all(intent.after.units_at(on) >= 0 for on in intent.after.days_from(intent.on or stage.world.today))
    if stage.writer.book.trust is Trust.LINKED:
        _conserved(stage)


def _conserved(stage: Play) -> None:
    document, today = stage.world.document, stage.world.today
    held = total(document.lines[str(LINE)].held.values())
    assert stage.writer.book.agreed.units_at(today) == stage.expected()
    assert stage.writer.book.agreed.equals_from(today, held)
