"""Who may take an assignment or a claim, and who may give it back: kernel.md section 5."""

from datetime import datetime, timedelta

from planner_stage import StillMachine
from planner_world import COMPANY, CONTRACT, LINE, MAIN, SERVICE, day, key

from seatledger.contract_planner.domain.assignments import Assignment
from seatledger.contract_planner.domain.claims import give_back, take
from seatledger.contract_planner.domain.holding import take_part
from seatledger.contract_planner.domain.state import (
    CompanyDocument,
    LineState,
    Member,
    new_company,
    with_line,
    with_member,
)
from seatledger.contract_planner.domain.wanting import Denied, Freed, Wanted
from seatledger.schemas.envelope import Cause
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import CompanyId, CompanyKey, LineId
from seatledger.schemas.steps import StepFunction
from seatledger.schemas.subscriptions import Mapped

CLAIM = "claim/main/v1/"
OTHER_LINE = LineId(9002)
NOW: datetime = StillMachine().now()


def wanted(line: LineId = LINE, revision: int = 1, sub: str = "s1") -> Wanted:
    return Wanted(str(key(sub)), CONTRACT, line, SERVICE, revision, CLAIM)


def company(number: int = COMPANY) -> CompanyDocument:
    return new_company(CompanyKey(connection=MAIN, company=CompanyId(number)))


def naming(document: CompanyDocument, line: LineId = LINE) -> CompanyDocument:
    """The document with a member that has the assignment and the claim."""
    outcome = Mapped(company=document.company, service=SERVICE)
    cause = Cause(id="e", correlation="e")
    member = Member(key=key(), mapping_revision=1, outcome=outcome, cause=cause, line=line, claim=CLAIM)
    return with_member(document, member)


def row_of(document: CompanyDocument, line: LineId = LINE) -> Assignment:
    taken = take(None, CLAIM, wanted(line), document, None, NOW)
    assert isinstance(taken, Assignment)
    return taken


def part_of(document: CompanyDocument, revision: int = 1) -> Assignment:
    taken = take_part(None, wanted(revision=revision), document, None, NOW)
    assert isinstance(taken, Assignment)
    return taken


def given(row: Assignment, on: int | None = 12) -> Assignment:
    """The claim as its own company gives it back."""
    free = give_back(row, Freed(CLAIM, company().id, LINE, None if on is None else day(on), row.version))
    assert free is not None
    return free


def test_a_claim_taken_before_a_crash_keeps_the_day_from_which_it_counts() -> None:
    """kernel.md section 5: the second counts from the day on which the first line holds nothing, also where its planner
    died between the claim and the company document, or had it taken over."""
    taken = take(given(row_of(company())), CLAIM, wanted(OTHER_LINE), company(), None, NOW)
    assert isinstance(taken, Assignment)
    again = take(taken, CLAIM, wanted(OTHER_LINE), company(), company(), NOW)
    assert isinstance(again, Assignment)
    assert again.free_from == day(12)
    another = wanted(LineId(9003), sub="s2")
    assert isinstance(take(taken, CLAIM, another, company(), company(), NOW), Denied)
    third = take(taken, CLAIM, another, company(), company(), NOW + timedelta(minutes=1))
    assert isinstance(third, Assignment)
    assert third.free_from == day(12)


def test_a_claim_that_no_document_names_goes_with_its_subscription_at_once() -> None:
    """Decision 0015: taken, and never saved, by a line that the subscription has left since: its assignment names no
    other line, so nobody else can be billing it; who waited for the minute here was billed nowhere for that long."""
    taken = row_of(company())
    on = take(taken, CLAIM, wanted(LineId(9003), 2), company(303), company(), NOW)
    assert isinstance(on, Assignment)
    assert (on.company, on.line) == ("main/303", 9003)
    naming_it = naming(company())
    assert isinstance(take(taken, CLAIM, wanted(LineId(9003), 2), company(303), naming_it, NOW), Denied)


def test_a_claim_noted_and_not_yet_given_back_tells_its_day_by_its_company() -> None:
    """kernel.md section 5: its planner died, or is only slow, between noting that its members count no more and the
    release: whoever takes the claim over counts from the day on which that line holds nothing all the same."""
    ended = StepFunction.of([(day(9), 10), (day(12), 0)], initial=0)
    state = LineState(line=LINE, contract=CONTRACT, service=SERVICE, held={str(key()): ended})
    holder = with_line(naming(company(202)), state)
    resting = holder.members[str(key())].model_copy(update={"claim": None, "resting": True, "vendor": "v1"})
    noted = with_member(holder, resting)
    taken = take(row_of(holder), CLAIM, wanted(OTHER_LINE), company(), noted, NOW + timedelta(minutes=1))
    assert isinstance(taken, Assignment)
    assert taken.free_from == day(12)


def test_the_way_back_over_the_same_line_waits_for_no_day() -> None:
    """kernel.md section 5: given back and claimed again by the same line, the subscription goes on as it says."""
    taken = take(given(row_of(company())), CLAIM, wanted(), company(), None, NOW)
    assert isinstance(taken, Assignment)
    assert (taken.free_from, taken.free) == (None, False)


def test_the_day_of_a_line_before_is_not_forgotten_when_the_next_one_gives_the_claim_back() -> None:
    """kernel.md section 5: handed on from a line that held it to the 20th, taken and given back by one that never did:
    whoever comes to that line then counts from the 20th and not from an earlier day of its own."""
    told = row_of(company()).model_copy(update={"free_from": day(20)})
    free = given(told, None)
    for line in (LINE, OTHER_LINE):
        taken = take(free, CLAIM, wanted(line), company(), None, NOW)
        assert isinstance(taken, Assignment)
        assert taken.free_from == day(20)


def test_who_gives_back_late_gives_nothing() -> None:
    """kernel.md section 5: a planner that stood still between noting and releasing must not free the claim that another
    line took over meanwhile."""
    stands = row_of(company(202), OTHER_LINE)
    assert give_back(stands, Freed(CLAIM, company().id, LINE, day(12), stands.version)) is None


def test_who_gives_back_after_its_own_line_took_it_again_gives_nothing() -> None:
    """kernel.md section 5: between noting and releasing the same line claimed anew for a member that counts again; a
    release that compared only company and line would leave that member counting without a claim, beside whoever takes
    it next."""
    first = row_of(company())
    late = Freed(CLAIM, company().id, LINE, day(12), first.version)
    again = take(first, CLAIM, wanted(), company(), company(), NOW)
    assert isinstance(again, Assignment)
    assert give_back(again, late) is None


def test_each_claim_raises_the_claims_version() -> None:
    """kernel.md section 5: taking, giving back and taking again are three versions."""
    first = row_of(company())
    free = given(first, None)
    again = take(free, CLAIM, wanted(), company(), None, NOW)
    assert isinstance(again, Assignment)
    assert [first.version, free.version, again.version] == [1, 2, 3]


def test_what_a_document_names_is_never_taken_over() -> None:
    """kernel.md section 5: an assignment sticks, a claim too, however long ago it was taken."""
    holder = naming(company(202))
    later = NOW + timedelta(days=9)
    claim = take(row_of(holder), CLAIM, wanted(revision=9), company(), holder, later)
    part = take_part(part_of(holder), wanted(), company(), holder, later)
    assert isinstance(claim, Denied)
    assert claim.code is FindingCode.DUPLICATE_SIGHTING
    assert isinstance(part, Denied)
    assert part.code is FindingCode.MEMBER_FROZEN


def test_a_claim_whose_line_still_holds_units_is_never_taken_over() -> None:
    """kernel.md section 5: its member has left the document behind, its units have not left the line: whoever took the
    claim now would bill the same vendor subscription on a second line."""
    units = StepFunction.of([(day(9), 10)], initial=0)
    state = LineState(line=LINE, contract=CONTRACT, service=SERVICE, held={str(key()): units})
    holder = with_line(naming(company(202)), state)
    gone = holder.members[str(key())].model_copy(update={"claim": None, "line": None, "vendor": "v1"})
    later = NOW + timedelta(days=9)
    answer = take(row_of(holder), CLAIM, wanted(OTHER_LINE), company(), with_member(holder, gone), later)
    assert isinstance(answer, Denied)
    over = with_line(holder, state.model_copy(update={"left": {str(key()): day(15)}}))
    taken = take(row_of(holder), CLAIM, wanted(OTHER_LINE), company(), with_member(over, gone), later)
    assert isinstance(taken, Assignment)
    assert taken.free_from == day(15)


def test_what_no_document_names_is_taken_over_after_a_minute_by_an_equal_mapping_revision() -> None:
    """kernel.md section 5: not before the minute is over, and not by an older mapping."""
    holder = company(202)
    row = part_of(holder, revision=3)
    minute = NOW + timedelta(minutes=1)
    assert isinstance(take_part(row, wanted(revision=3), company(), holder, NOW), Denied)
    assert isinstance(take_part(row, wanted(revision=2), company(), holder, minute), Denied)
    assert isinstance(take_part(row, wanted(revision=3), company(), holder, minute), Assignment)
