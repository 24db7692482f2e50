"""What the store's refusals say to people: one clear line each."""

import pytest
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure

from seatledger.runtime.mongo_errors import passing, short

WITHOUT_JOURNAL = "cannot use 'j' option when a host does not have journaling enabled"
CLEAR = "it keeps no journal, and every write demands one; start it with journaling"


def bulk(*faults: dict[str, object]) -> BulkWriteError:
    return BulkWriteError({"writeErrors": list(faults), "writeConcernErrors": []})


@pytest.mark.parametrize(
    "refusal",
    [
        OperationFailure(WITHOUT_JOURNAL, 2),
        bulk({"code": 2, "errmsg": WITHOUT_JOURNAL, "op": {"_id": "C-1042"}}),
    ],
    ids=["one write", "many"],
)
def test_a_store_without_a_journal_is_told_in_one_line(refusal: OperationFailure) -> None:
    """MongoDB refuses our write concern by an error of any bad value; people read what is wrong and what to do."""
    assert short(refusal).startswith(CLEAR)
    assert not passing(refusal), "waiting makes no journal"


@pytest.mark.parametrize(
    ("error", "told"),
    [(TimeoutError(), "it took too long"), (AutoReconnect(), "AutoReconnect"), (OSError("no"), "no")],
)
def test_the_reason_is_never_empty(error: Exception, told: str) -> None:
    """Some errors have no text of their own."""
    assert short(error) == told


def test_another_bad_value_keeps_its_own_words() -> None:
    """The same code stands for much else."""
    assert short(OperationFailure("$size needs an array", 2)) == "$size needs an array"


def test_a_refused_bulk_is_told_without_its_documents() -> None:
    """The driver's own text repeats each document; the first refusal that is no duplicate is what counts."""
    duplicate = {"code": 11000, "errmsg": "E11000 duplicate key", "op": {"_id": "C-1042"}}
    told = short(bulk(duplicate, {"code": 121, "errmsg": "it fails validation", "op": {"_id": "C-1043"}}))
    assert told == "it fails validation"
