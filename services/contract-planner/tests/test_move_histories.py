"""Moves among everything that comes late, twice, crossed or not at all (kernel.md sections 7, 9.1 and 9.10)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any, Final

import pytest
from planner_town import A, B, C, Town, line_of
from planner_world import FIRST, SERVICE, START, day, key, mapped

from seatledger.contract_planner.domain.catching_up import catch_up
from seatledger.contract_planner.domain.members import hear
from seatledger.contract_planner.domain.policy import Mode
from seatledger.contract_planner.domain.state import with_line
from seatledger.schemas.envelope import Cause
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyId, LineId, ServiceId, SubscriptionKey
from seatledger.schemas.intents import Outcome, Refusal
from seatledger.schemas.steps import StepFunction, total
from seatledger.schemas.subscriptions import (
    Asked,
    Earlier,
    Frozen,
    Ignored,
    Mapped,
    MappingOutcome,
    SubscriptionMapped,
    Unassigned,
    Unmapped,
)

OTHER: Final = 72
PLACES: Final = tuple((company, service) for company in (A, B, C) for service in (SERVICE, OTHER))
"""Where a subscription may belong: each company has a line of either service."""
WORDS: Final = (
    ("deliver",) * 4
    + ("plan", "run") * 3
    + ("map", "settle") * 2
    + ("chain", "say", "stop", "again", "lose", "crash", "mode", "day")
)
MONEY: Final = frozenset({FindingCode.UNBILLED_DAYS, FindingCode.DATE_USED, FindingCode.PERIOD_POSTED})


def number_of(company: CompanyId, service: int) -> LineId:
    return line_of(company) if service == SERVICE else LineId(9500 + company)


@dataclass
class Source:
    """A subscription as the mapper knows it: what it asks for, where it belongs, what it told whom."""

    key: SubscriptionKey
    vendor: str | None
    asks: Asked
    truth: StepFunction
    """All that it ever asked for."""
    outcome: MappingOutcome
    named: CompanyId
    revision: int = 0
    mapping: int = 1
    counted: tuple[CompanyId, Asked] | None = None
    frozen: Frozen | None = None
    told: dict[CompanyId, SubscriptionMapped] = field(default_factory=dict)
    earlier: dict[CompanyId, tuple[Earlier, ...]] = field(default_factory=dict)
    """What was told to each company while it was mapped there (decision 0013)."""

    def place(self) -> tuple[CompanyId, int] | None:
        return (self.outcome.company, self.outcome.service) if isinstance(self.outcome, Mapped) else None

    def decide(self, outcome: MappingOutcome, today: date) -> list[SubscriptionMapped]:
        """The mapper's results (kernel.md section 5, *which company hears*)."""
        self.revision += 1
        self.mapping += int(outcome != self.outcome)
        self.outcome = outcome
        last = self.named
        self.named = outcome.company if isinstance(outcome, Mapped | Unmapped) and outcome.company else last
        stops = self.frozen or (Frozen(asks=self.counted[1], on=today) if self.counted else None)
        self.frozen = None if isinstance(outcome, Mapped) else stops
        said = [] if self.named == last else [self._event(last, Unassigned(company=self.named), stops)]
        events = [*said, self._event(self.named, outcome, self.frozen)]
        if isinstance(outcome, Mapped):
            self.counted = (outcome.company, self.asks)
            known = Earlier(revision=self.revision, asks=self.asks)
            self.earlier[outcome.company] = (*self.earlier.get(outcome.company, ()), known)
        self.told |= {event.company: event for event in events}
        return events

    def _event(self, company: CompanyId, outcome: MappingOutcome, frozen: Frozen | None) -> SubscriptionMapped:
        mine = frozen if self.counted is not None and self.counted[0] == company else None
        said = mapped(
            self.key,
            self.asks.units,
            self.asks.since,
            self.revision,
            outcome=outcome,
            frozen=mine,
            vendor=self.vendor,
            company=company,
            mapping=self.mapping,
        )
        return said.model_copy(update={"earlier": self.earlier.get(company, ())})


@dataclass
class History:
    """A town whose events, plannings and answers come in any order."""

    town: Town
    sources: list[Source]
    chance: Random
    post: list[SubscriptionMapped] = field(default_factory=list)
    codes: set[FindingCode] = field(default_factory=set)
    trace: list[str] = field(default_factory=list)
    words: tuple[str, ...] = WORDS

    def act(self) -> None:
        self.do(self.chance.choice(self.words))

    def do(self, word: str) -> None:
        self.trace.append(word)
        match word:
            case "map":
                self.map(self.chance.choice(self.sources), Mapped(**self.somewhere()))
            case "chain":
                self.chain(self.chance.choice(self.sources))
            case "stop":
                self.stop(self.chance.choice(self.sources))
            case "say":
                self.say(self.chance.choice(self.sources))
            case "deliver" | "again":
                self.deliver(again=word == "again")
            case "plan" | "lose" | "crash":
                self.plan(self.chance.choice((A, B, C)), word)
            case "run":
                self.run()
            case "settle":
                self.settle(self.chance.choice((None, None, None, Refusal.BY_PSA, Refusal.DATE_TAKEN)))
            case "mode":
                self.town.with_mode(self.chance.choice((A, B, C)), self.chance.choice((*Mode, Mode.AUTO)))
            case "day":
                self.town.today += timedelta(days=self.chance.choice((1, 1, 2, 9)))

    def somewhere(self) -> dict[str, Any]:
        company, service = self.chance.choice(PLACES)
        return {"company": company, "service": ServiceId(service)}

    def map(self, source: Source, outcome: MappingOutcome) -> None:
        self.post.extend(source.decide(outcome, self.town.today))

    def chain(self, source: Source) -> None:
        """Offer and company mapped anew in one go: over the other line of its company to another company."""
        company, service = source.place() or (A, SERVICE)
        self.map(source, Mapped(company=company, service=ServiceId(OTHER if service == SERVICE else SERVICE)))
        for word in self.chance.sample(("deliver", "run", "settle", "run", "settle", "run"), self.chance.randint(0, 6)):
            self.do(word)
        self.map(source, Mapped(company=self.chance.choice((A, B, C)), service=ServiceId(OTHER)))

    def stop(self, source: Source) -> None:
        company = self.chance.choice((A, B, C))
        self.map(source, self.chance.choice((Ignored(reason="x"), Unmapped(missing="offer", company=company))))

    def say(self, source: Source) -> None:
        """Units from today on, or from a day that is past."""
        since = self.town.today - timedelta(days=self.chance.choice((0, 0, 2)))
        units = StepFunction.constant(self.chance.choice((None, 0, 3, 7, 10, 12)))
        source.asks = Asked(since=since, units=units)
        source.truth = source.truth.replaced_from(since, units)
        self.map(source, source.outcome)

    def deliver(self, *, again: bool = False) -> None:
        """The oldest event, sometimes another one; ``again``: the last one told to somebody."""
        if again:
            self.hear(self.chance.choice(list(self.chance.choice(self.sources).told.values())))
        elif self.post:
            self.hear(self.post.pop(0 if self.chance.random() < 0.7 else self.chance.randrange(len(self.post))))

    def hear(self, said: SubscriptionMapped) -> None:
        house = self.town.house(said.company)
        cause = Cause(id=f"e{said.revision}", correlation="c")
        house.document = hear(catch_up(house.document, said), said, cause, self.town.today)

    def plan(self, company: CompanyId, word: str = "plan") -> None:
        """``lose``: its save is lost after it claimed; ``crash``: it dies before assignments hear what it noted."""
        house = self.town.house(company)
        before = house.document
        self.town.crash_before_leaving = word in {"crash", "lose"}
        self.town.plan(company)
        self.town.crash_before_leaving = False
        if word == "lose":
            house.document = before.model_copy(update={"dirty": True})
        elif house.last is not None:
            self.codes |= {notice.code for notice in house.last.notices}

    def run(self) -> None:
        for house in list(self.town.houses.values()):
            if house.document.dirty:
                self.plan(house.document.company)

    def settle(self, refusal: Refusal | None = None) -> None:
        """Every answer that is owed: posted, refused, or withdrawn where it was taken back in time."""
        for house in self.town.houses.values():
            for number in house.books:
                released = house.out(number)
                if released is None:
                    continue
                intent, taken_back = released.intent, released.withdrawal is not None and self.chance.random() < 0.5
                if intent.version != house.books[number].version:
                    house.answer(Outcome.STALE, number=number)
                elif taken_back:
                    house.answer(Outcome.WITHDRAWN, number=number)
                elif refusal is not None and intent.jump:
                    house.answer(Outcome.REFUSED, refusal, number=number)
                else:
                    house.answer(Outcome.POSTED if intent.jump else Outcome.IN_PLACE, number=number)

    def calm(self) -> None:
        """All is delivered, everybody is auto, a person says yes and *retry* until nothing goes out any more."""
        while self.post:
            self.deliver()
        for company in (A, B, C):
            self.town.with_mode(company, Mode.AUTO)
        for _ in range(120):
            for company in (A, B, C):
                self.town.approve(company)
                self._retry(company)
            busy = self._sweep()
            self.settle()
            if not busy:
                return
        raise AssertionError("the town never comes to rest")

    def _sweep(self) -> bool:
        busy = False
        for company in (A, B, C):
            house = self.town.house(company)
            before = house.document
            self.plan(company)
            moved = house.document.model_copy(update={"rev": before.rev, "marks": before.marks}) != before
            busy = busy or moved or any(house.out(number) for number in house.books)
        return busy

    def _retry(self, company: CompanyId) -> None:
        house = self.town.house(company)
        for line in list(house.document.lines.values()):
            if line.blocked is not None:
                house.document = with_line(house.document, line.model_copy(update={"blocked": None}))

    def held(self, source: Source) -> dict[LineId, StepFunction]:
        """What each line holds of a subscription."""
        return {
            line.line: line.held[str(source.key)]
            for house in self.town.houses.values()
            for line in house.document.lines.values()
            if str(source.key) in line.held
        }

    def days(self) -> Iterator[date]:
        return (FIRST + timedelta(days=number) for number in range((self.town.today - FIRST).days + 40))


def history(seed: int, *, linked: bool = False) -> History:
    chance = Random(seed)
    town = Town(today=day(10))
    for company in (A, B, C):
        town.add_line(company, number_of(company, OTHER), OTHER)
        house = town.house(company)
        house.contracts = {
            key: one.model_copy(update={"end": date(2030, 12, 31)}) for key, one in house.contracts.items()
        }
        for where in house.books:
            if not linked and chance.random() < 0.25:
                town.new_line(company, chance.choice((0, 3)), where)
    sources = [source("s1", 10, vendor="v1"), source("s2", 3)]
    return History(town, sources, chance)


def source(name: str, units: int, account: str = "drop", vendor: str | None = None) -> Source:
    asked = StepFunction.constant(units)
    asks = Asked(since=START, units=asked)
    return Source(key(name, account), vendor, asks, asked, Unmapped(missing="offer"), A)


def played(play: History) -> None:
    """A beginning that is billed, anything, a last mapping, and calm days at the end."""
    for one in play.sources:
        play.map(one, Mapped(company=A, service=ServiceId(SERVICE)))
    play.calm()
    for _ in range(play.chance.randint(15, 60)):
        play.act()
        _once(play)
    for one in play.sources:
        play.map(one, Mapped(**play.somewhere()))
    for _ in range(3):
        play.calm()
        play.town.today += timedelta(days=20)
    play.calm()
    _once(play)


@pytest.mark.parametrize("seed", range(60))
def test_wherever_a_subscription_goes_each_day_is_billed_on_one_line_and_the_last_one_has_it(seed: int) -> None:
    """kernel.md section 9.1 and 9.10: mappings that change while decreases wait, events late, twice and crossed, saves
    lost after a claim, processes dead between a note and its telling, refusals, modes and days: no day of a
    subscription stands on two lines, and in the end the line of its mapping bears exactly what it asks for."""
    play = history(seed)
    played(play)
    _in_the_end(play)


@pytest.mark.parametrize("seed", range(100, 130))
def test_a_day_that_no_line_bills_is_a_finding(seed: int) -> None:
    """kernel.md section 9.10: where a subscription that is billed asks for units and no line of any company has them,
    people were told of unbilled days, or of a used date that took them."""
    play = history(seed, linked=True)
    play.words = tuple(word for word in WORDS if word != "stop")
    played(play)
    for one in play.sources:
        held = play.held(one)
        first = min((on for units in held.values() for on in units.days), default=play.town.today)
        owed = [on for on in play.days() if first <= on <= play.town.today and one.truth.units_at(on)]
        lost = [on for on in owed if not any(units.units_at(on) for units in held.values())]
        assert not lost or play.codes & {FindingCode.UNBILLED_DAYS, FindingCode.DATE_USED}, (one.key, lost)


def _once(play: History) -> None:
    """No day of any subscription on two lines, and what lines hold adds up to what is agreed."""
    for source in play.sources:
        held = play.held(source)
        for on in play.days():
            lines = [number for number, units in held.items() if units.units_at(on)]
            assert len(lines) <= 1, (source.key, on, lines, play.trace)


def _in_the_end(play: History) -> None:
    today = play.town.today
    for source in play.sources:
        place = source.place()
        assert place is not None
        held = {number: units for number, units in play.held(source).items() if units.units_at(today)}
        wanted = source.asks.units.units_at(today)
        assert {number: units.units_at(today) for number, units in held.items()} == (
            {number_of(*place): wanted} if wanted else {}
        ), play.trace
        row = play.town.rows[str(source.key)]
        assert (row.company, row.others) == (f"main/{place[0]}", ())
    for house in play.town.houses.values():
        for line in house.document.lines.values():
            assert not line.leavers
            book = house.books[line.line]
            if book.trust.value == "linked" and line.held:
                assert book.agreed.equals_from(today, total(line.held.values())) or line.not_ours


SIGHTINGS: Final = (("s1", 10, "drop"), ("p1", 10, "other"))
"""One vendor subscription as two accounts show it; ``drop`` has the higher rank."""


@pytest.mark.parametrize("seed", range(200, 230))
def test_a_vendor_subscription_that_two_accounts_show_is_billed_on_one_line(seed: int) -> None:
    """kernel.md section 5 and 7: mapped account by account, in any order and among anything else, the two sightings of
    one vendor subscription never stand on two lines, and once both are mapped to one place it bears the first one's."""
    play = history(seed, linked=True)
    play.sources = [source(name, units, account, "v1") for name, units, account in SIGHTINGS]
    for one in play.sources:
        play.map(one, Mapped(company=A, service=ServiceId(SERVICE)))
    play.calm()
    for _ in range(play.chance.randint(15, 60)):
        play.act()
        _never_twice(play)
    place = play.somewhere()
    for one in play.sources:
        play.map(one, Mapped(**place))
    for _ in range(4):
        play.calm()
        play.town.today += timedelta(days=20)
        play.town.now += timedelta(minutes=2)
    play.calm()
    _never_twice(play)
    today = play.town.today
    shown = [one.asks.units.at(today) for one in play.sources]
    wanted = (shown[1] if shown[0] is None else shown[0]) or 0
    where = number_of(place["company"], place["service"])
    stands = {
        number: units for one in play.sources for number, units in play.held(one).items() if units.units_at(today)
    }
    assert {number: units.units_at(today) for number, units in stands.items()} == ({where: wanted} if wanted else {})


def _never_twice(play: History) -> None:
    for on in play.days():
        lines = {number for one in play.sources for number, units in play.held(one).items() if units.units_at(on)}
        assert len(lines) <= 1, (on, lines, play.trace)
