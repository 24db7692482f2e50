"""What is pending at each stage, from the heads alone."""

import pytest

from seatledger.schemas.findings import FindingCode
from seatledger.schemas.heads import BookHead, HintHead
from seatledger.schemas.pending import Progress, pending


@pytest.mark.parametrize(
    ("book", "code"),
    [
        (BookHead(_id="main/7", open_state="held"), FindingCode.HELD),
        (BookHead(_id="main/7", open_state="not_seen"), FindingCode.NOT_SEEN),
        (BookHead(_id="main/7", drifted=True), FindingCode.DRIFT),
    ],
)
def test_a_book_that_needs_a_person_is_pending_until_its_finding_stands(book: BookHead, code: FindingCode) -> None:
    """``drain`` cannot say that all is well between a book's change and its finding, nor before the finding closes."""
    finding = frozenset({("main/7", code)})
    calm = BookHead(_id="main/7")
    found = [
        pending(Progress(books=(head,), book_findings=open_findings), {})["psa-writer"]
        for head, open_findings in ((book, frozenset()), (book, finding), (calm, finding), (calm, frozenset()))
    ]
    assert found == [1, 0, 1, 0]


def test_a_hint_that_nobody_has_followed_is_pending_at_the_collector() -> None:
    """Asked for after the last read that answered: drain waits, as for a sweep. A read that failed has answered."""
    assert pending(Progress(hints=(HintHead(_id="pc/c/s", wanted=2, answered=1),)), {})["collector"] == 1
    assert pending(Progress(hints=(HintHead(_id="pc/c/s", wanted=2, answered=2),)), {})["collector"] == 0
