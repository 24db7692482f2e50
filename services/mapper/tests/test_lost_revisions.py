"""Revisions that never came: the bus lost them, and only the newest is said again (decision 0013)."""

from datetime import date, timedelta

from seatledger.mapper.domain.deciding import Decision
from seatledger.mapper.domain.results import MappedDocument, Moment, advance, newest
from seatledger.schemas.ids import CompanyId, ServiceId
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import (
    Asked,
    Earlier,
    Mapped,
    MappingOutcome,
    SubscriptionChanged,
    SubscriptionMapped,
    Unassigned,
    Unmapped,
    caught_up,
)
from services.mapper.tests.mapper_samples import NOW, TODAY, sighting, snapshot

A = Mapped(company=CompanyId(101), service=ServiceId(7))
B = Mapped(company=CompanyId(202), service=ServiceId(7))
LOST = Unmapped(missing="company")


def on(day: int) -> date:
    return TODAY + timedelta(days=day)


def asked(day: int, units: int) -> Asked:
    return Asked(since=on(day), units=StepFunction.constant(units))


def state(revision: int, asks: Asked, *earlier: tuple[int, Asked]) -> SubscriptionChanged:
    told = tuple(Earlier(revision=number, asks=before) for number, before in earlier)
    return snapshot(revision=revision).model_copy(update={"asks": asks, "earlier": told})


FIRST, SECOND, THIRD = asked(0, 10), asked(1, 12), asked(2, 10)
NEWEST = state(3, THIRD, (1, FIRST), (2, SECOND))


def step(document: MappedDocument | None, outcome: MappingOutcome, data: SubscriptionChanged) -> MappedDocument:
    seen = newest(document, sighting(data))
    assert seen is not None
    advanced = advance(document, seen, Decision(outcome), Moment(now=NOW, today=TODAY))
    assert advanced is not None
    return advanced


def told(document: MappedDocument, company: int) -> SubscriptionMapped:
    """What is said again under a company's key."""
    (entry,) = [entry for entry in document.said if entry.key == f"main/{company}"]
    return SubscriptionMapped.model_validate(entry.event.data)


def test_days_of_revisions_that_never_came_count() -> None:
    """Revision 1 was read, 2 is lost, 3 tells of it: 12 on the second day, 10 from the third on."""
    document = step(step(None, A, state(1, FIRST)), A, NEWEST)
    asks = told(document, 101).subscription.asks
    assert asks is not None
    assert (asks.since, asks.units.at(on(1)), asks.units.at(on(2))) == (on(1), 12, 10)


def test_a_revision_dated_to_year_1_is_decided_like_any_other() -> None:
    """An event that a collector of an older release dated so blocks nobody behind it."""
    beginning = Asked(since=date.min, units=StepFunction.constant(12))
    document = step(step(None, A, state(1, FIRST)), A, state(2, beginning, (1, FIRST)))
    assert told(document, 101).subscription.asks == beginning


def test_whoever_read_all_counts_the_newest_alone() -> None:
    """Nothing is told twice, and the event does not carry on what was weighed."""
    document = step(step(step(None, A, state(1, FIRST)), A, state(2, SECOND, (1, FIRST))), A, NEWEST)
    said = told(document, 101).subscription
    assert (said.asks, said.earlier) == (THIRD, ())


def test_what_changed_while_it_was_frozen_does_not_count() -> None:
    """Unmapped meanwhile: the lost revision was of no account, as it would have been had it come."""
    document = step(step(None, A, state(1, FIRST)), LOST, state(1, FIRST))
    document = step(document, LOST, state(2, SECOND, (1, FIRST)))
    assert step(document, A, NEWEST).sighting.snapshot.asks == THIRD
    frozen = step(step(None, A, state(1, FIRST)), LOST, state(1, FIRST))
    assert step(frozen, A, NEWEST).sighting.snapshot.asks == THIRD


def test_revisions_of_one_batch_count_as_if_they_had_come_one_by_one() -> None:
    """The mapper takes the newest of a batch: mapped, the day of the one passed over counts; frozen, it does not."""
    batch = sighting(NEWEST).after(state(2, SECOND, (1, FIRST)))
    mapped = step(None, A, state(1, FIRST))
    frozen = step(mapped, LOST, state(1, FIRST))
    for document, since in ((mapped, on(1)), (frozen, on(2))):
        seen = newest(document, batch)
        assert seen is not None
        assert seen.snapshot.asks is not None
        assert seen.snapshot.asks.since == since


def test_a_first_sighting_asks_for_the_newest_state() -> None:
    """It joins from now on; of former days nobody is billed."""
    assert step(None, A, NEWEST).sighting.snapshot.asks == THIRD


def test_a_result_tells_the_company_what_the_ones_before_asked_for() -> None:
    """Who heard result 1 alone learns of result 2's day from result 3."""
    document = step(None, A, state(1, FIRST))
    document = step(document, A, state(2, SECOND, (1, FIRST)))
    document = step(document, A, NEWEST)
    said = told(document, 101)
    assert [one.revision for one in said.earlier] == [1, 2]
    asks = caught_up(said.subscription.asks, said.earlier, 1)
    assert asks is not None
    assert (asks.since, asks.units.at(on(1)), asks.units.at(on(2))) == (on(1), 12, 10)


def test_the_company_that_loses_it_learns_of_results_that_it_never_heard() -> None:
    """12 on the second day at A, then mapped to B: A's last word tells of the 12; B is told of nothing before it."""
    document = step(step(None, A, state(1, FIRST)), A, state(2, SECOND, (1, FIRST)))
    document = step(document, B, NEWEST)
    left, came = told(document, 101), told(document, 202)
    assert (left.outcome, [one.asks for one in left.earlier]) == (Unassigned(company=CompanyId(202)), [FIRST, SECOND])
    assert came.earlier == ()


def test_a_state_that_did_not_count_is_told_to_nobody_later() -> None:
    """Unmapped results ask for nothing: mapped again, the company hears of those that counted."""
    document = step(step(None, A, state(1, FIRST)), LOST, state(2, SECOND, (1, FIRST)))
    document = step(document, A, NEWEST)
    assert [one.asks for one in told(document, 101).earlier] == [FIRST]
