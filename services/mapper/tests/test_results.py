"""How decisions become results and events: who hears what, when a state freezes, which revisions rise."""

from datetime import date

import pytest

from seatledger.mapper.domain.deciding import Decision, Lack
from seatledger.mapper.domain.results import MappedDocument, Moment, advance, newest
from seatledger.schemas.documents import Outgoing
from seatledger.schemas.ids import CompanyId, ServiceId
from seatledger.schemas.subscriptions import (
    Excluded,
    Frozen,
    Ignored,
    Mapped,
    MappingOutcome,
    SubscriptionChanged,
    SubscriptionMapped,
    Unassigned,
    Unmapped,
)
from services.mapper.tests.mapper_samples import NOW, TODAY, changed_event, sighting, snapshot

LATER = date(2026, 4, 2)


def mapped(company: int, service: int = 7) -> Mapped:
    return Mapped(company=CompanyId(company), service=ServiceId(service))


def after(*outcomes: MappingOutcome, today: date = TODAY) -> MappedDocument:
    """The document after these outcomes of one unchanged snapshot; the outbox holds all that was said."""
    document: MappedDocument | None = None
    for outcome in outcomes:
        document = step(document, outcome, today=today)
    assert document is not None
    return document


def step(
    document: MappedDocument | None,
    outcome: MappingOutcome,
    data: SubscriptionChanged | None = None,
    *,
    today: date = TODAY,
) -> MappedDocument:
    seen = newest(document, sighting(data or snapshot()))
    assert seen is not None
    advanced = advance(document, seen, Decision(outcome), Moment(now=NOW, today=today))
    assert advanced is not None
    return advanced


def events(document: MappedDocument) -> list[tuple[str, SubscriptionMapped]]:
    return [(entry.key, said(entry)) for entry in document.outbox]


def said(entry: Outgoing) -> SubscriptionMapped:
    return SubscriptionMapped.model_validate(entry.event.data)


def test_a_mapped_result_is_said_under_its_company_with_its_cause() -> None:
    """The event goes to connection / company, carries the snapshot, and names the event that caused it."""
    document = after(mapped(101))
    [entry] = document.outbox
    cause = changed_event(snapshot())
    assert (entry.topic, entry.key) == ("subscriptions.mapped.v1", "main/101")
    assert (entry.event.causationid, entry.event.correlationid) == (cause.id, cause.correlationid)
    assert said(entry).subscription == snapshot()
    assert (said(entry).revision, said(entry).mapping_revision, said(entry).snapshot_revision) == (1, 1, 1)


@pytest.mark.parametrize("outcome", [Unmapped(missing="company"), Ignored(reason="r"), Excluded()])
def test_what_never_named_a_company_has_no_event(outcome: MappingOutcome) -> None:
    """A subscription without any company is stored, told to nobody, and decided all the same."""
    document = after(outcome)
    assert (document.outbox, document.told, document.snapshot_revision) == ((), (), 1)


def test_an_unmapped_offer_is_said_under_the_company_it_names() -> None:
    """Unmapped for want of a service names the company, so that company hears it, with nothing frozen."""
    [(key, event)] = events(after(Unmapped(missing="offer", company=CompanyId(101))))
    assert (key, event.frozen) == ("main/101", None)


@pytest.mark.parametrize("outcome", [Unmapped(missing="company"), Ignored(reason="r"), Excluded(reason="retired")])
def test_what_names_no_company_any_more_goes_under_the_one_named_last(outcome: MappingOutcome) -> None:
    """Once company 101 was named it hears that the subscription is unmapped, ignored or excluded."""
    key, event = events(after(mapped(101), outcome))[-1]
    assert (key, event.outcome, event.revision, event.mapping_revision) == ("main/101", outcome, 2, 2)


def test_another_company_makes_two_events_of_one_revision() -> None:
    """Unassigned under the company named last and mapped under the new one, one revision, two ids, and each company
    told the revision it heard last."""
    document = after(mapped(101), mapped(202))
    (old_key, old), (new_key, new) = events(document)[1:]
    assert (old_key, old.outcome) == ("main/101", Unassigned(company=CompanyId(202)))
    assert (new_key, new.outcome) == ("main/202", mapped(202))
    assert (old.company, new.company, old.revision, new.revision) == (101, 202, 2, 2)
    assert old.mapping_revision == new.mapping_revision == 2
    assert len({entry.event.id for entry in document.outbox}) == 3
    assert {told.company: told.revision for told in document.told} == {"main/101": 2, "main/202": 2}


def test_the_old_company_hears_the_state_that_counted_there_last() -> None:
    """Unassigned carries the frozen state for the company that loses the member; the new company's is not frozen."""
    document = after(mapped(101), mapped(202))
    (_, old), (_, new) = events(document)[1:]
    assert old.frozen == Frozen(asks=snapshot().asks, on=TODAY)
    assert new.frozen is None


def test_a_later_result_of_the_new_company_leaves_the_old_ones_last_word() -> None:
    """What is said again holds one event per company ever named, each the newest that it was told."""
    document = step(after(mapped(101), mapped(202)), mapped(202), snapshot(revision=2))
    assert {entry.key: (said(entry).revision, said(entry).outcome.kind) for entry in document.said} == {
        "main/101": (2, "unassigned"),
        "main/202": (3, "mapped"),
    }


def test_a_frozen_state_stays_the_one_that_counted_last() -> None:
    """Frozen on the day it stopped counting, with the state of then, whatever comes and whatever the day."""
    document = step(after(mapped(101)), Unmapped(missing="company"))
    document = step(document, Unmapped(missing="company"), snapshot(revision=2, units=99), today=LATER)
    document = step(document, Ignored(reason="r"), today=LATER)
    assert events(document)[-1][1].frozen == Frozen(asks=snapshot(units=5).asks, on=TODAY)


def test_mapped_again_it_thaws_and_freezes_anew_with_the_new_state() -> None:
    """Mapped again nothing is frozen; the next freeze has the state and the day of then."""
    document = step(after(mapped(101), Excluded()), mapped(101), snapshot(revision=2, units=9))
    assert events(document)[-1][1].frozen is None
    document = step(document, Excluded(), today=LATER)
    assert events(document)[-1][1].frozen == Frozen(asks=snapshot(units=9).asks, on=LATER)


def test_what_was_never_mapped_is_never_frozen() -> None:
    """A subscription that only waited for its offer has no state that counted, so nothing freezes."""
    document = after(Unmapped(missing="offer", company=CompanyId(101)), Ignored(reason="r"))
    assert events(document)[-1][1].frozen is None
    assert document.frozen is None


def test_a_company_where_it_never_was_a_member_hears_no_frozen_state() -> None:
    """Mapped at 101, then unmapped under 202 for want of a service: only 101 has something to freeze."""
    document = after(mapped(101), Unmapped(missing="offer", company=CompanyId(202)))
    assert [(key, event.frozen is None) for key, event in events(document)[1:]] == [
        ("main/101", False),
        ("main/202", True),
    ]
    back = step(document, Unmapped(missing="offer", company=CompanyId(101)), today=LATER)
    assert events(back)[-1][1].frozen == Frozen(asks=snapshot().asks, on=TODAY)


@pytest.mark.parametrize("revision", [1, 2])
def test_lower_and_equal_revisions_change_nothing(revision: int) -> None:
    """A snapshot revision that is not above the stored one is ignored, whatever it says."""
    document = step(None, mapped(101), snapshot(revision=2))
    seen = newest(document, sighting(snapshot(revision=revision, units=77)))
    assert seen is not None
    assert advance(document, seen, Decision(mapped(101)), Moment(now=NOW, today=LATER)) is None


def test_a_new_snapshot_raises_the_revision_but_not_the_mappings() -> None:
    """mapping_revision rises with what decides the subscription alone; revision with each result."""
    document = step(after(mapped(101)), mapped(101), snapshot(revision=2, units=6))
    assert (document.revision, document.mapping_revision, document.snapshot_revision) == (2, 1, 2)
    changed = step(document, mapped(101, service=8))
    assert (changed.revision, changed.mapping_revision, changed.snapshot_revision) == (3, 2, 2)


def test_a_new_reason_for_people_is_no_news_for_anybody_else() -> None:
    """Where only the reason of a lack changes, the document says so to people and no event goes out."""
    document = after(Unmapped(missing="offer", company=CompanyId(101)))
    decision = Decision(document.outcome, (Lack(what="offer", why="two services"),))
    advanced = advance(document, document.sighting, decision, Moment(now=NOW, today=TODAY))
    assert advanced is not None
    assert (advanced.lacking, advanced.revision, advanced.outbox) == (True, 1, document.outbox)


def test_a_document_survives_the_store() -> None:
    """Written as JSON and read back, the document is the same, its events byte for byte."""
    document = after(mapped(101), mapped(202), Excluded())
    stored = document.model_dump(mode="json", by_alias=True)
    assert MappedDocument.model_validate(stored) == document
    assert [e.event.to_bytes() for e in MappedDocument.model_validate(stored).said] == [
        e.event.to_bytes() for e in document.said
    ]
