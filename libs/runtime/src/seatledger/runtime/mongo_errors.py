"""What the store's failures mean: does trying again help, and what is a person told."""

from collections.abc import Mapping
from typing import Any, Final

from pymongo.errors import BulkWriteError, ConfigurationError, InvalidOperation, OperationFailure, PyMongoError

DUPLICATE: Final = 11000
PASSING_CODES: Final = frozenset({6, 7, 64, 89, 91, 112, 189, 9001, 10107, 11600, 11602, 13435, 13436, 14031, None})
"""Network, shutdown, not primary, write conflict, out of disk space."""
REFUSALS: Final = {
    13: "the user may not do this: it needs the role readWrite on the database, and a sign-in",
    18: "user or password are refused (store.username, store.password, store.auth_source)",
}
BAD_VALUE: Final = 2
NO_JOURNAL: Final = (
    "it keeps no journal, and every write demands one; start it with journaling (storage.journal.enabled) on a storage "
    "engine that keeps data on disk (wiredTiger)"
)
"""The server's code is that of any bad value; its text names the option ``j`` and journaling."""


def passing(error: PyMongoError) -> bool:
    """Whether trying again can help: the server is away, restarting, or out of disk."""
    if isinstance(error, ConfigurationError | InvalidOperation):
        return False
    return not isinstance(error, OperationFailure) or error.code in PASSING_CODES


def first_text(error: BulkWriteError) -> str:
    faults = [*error.details["writeErrors"], *error.details["writeConcernErrors"]]
    first: Mapping[str, Any] = next((fault for fault in faults if fault.get("code") != DUPLICATE), {})
    return _meaning(first.get("code"), str(first.get("errmsg", "unknown")))


def short(error: BaseException) -> str:
    """One line about it, without secrets; never empty."""
    if isinstance(error, BulkWriteError):  # its own text repeats the documents
        return first_text(error)
    code = error.code if isinstance(error, OperationFailure) else None
    return _meaning(code, str(error).split(", Timeout:")[0] or _nameless(error))


def _nameless(error: BaseException) -> str:
    return "it took too long" if isinstance(error, TimeoutError) else type(error).__name__


def _meaning(code: int | None, text: str) -> str:
    if code == BAD_VALUE and "journaling" in text:
        return NO_JOURNAL
    return REFUSALS.get(code or 0) or text[:300]
