"""The bytes of one file as a reading."""

import hashlib
from datetime import datetime

from seatledger.collector.adapters.file_drop import csv_file, json_file, values
from seatledger.collector.adapters.file_drop.rows import CLOCK, Context, in_the_future, rows_of
from seatledger.collector.adapters.file_drop.values import CellError, Profile
from seatledger.collector.domain.reading import Problem, Reading
from seatledger.schemas.findings import FindingCode


def parse(name: str, content: bytes, profile: Profile, read_at: datetime) -> Reading:
    """CSV or JSON by what stands in it; nothing in a file raises.

    Bytes that are no UTF-8 stay in their cells as lone surrogates, so that only their rows are bad.
    """
    digest = hashlib.sha256(content).hexdigest()
    text = content.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    if text.lstrip()[:1] in {"{", "["}:
        return _json(name, digest, text, profile, read_at)
    return _csv(name, digest, text, Context(profile, read_at))


def _csv(name: str, digest: str, text: str, context: Context) -> Reading:
    table = csv_file.parse(text)
    if table.failure is not None:
        return Reading(name, digest, failure=table.failure)
    rows, problems = rows_of(table.records, context)
    return Reading(
        name,
        digest,
        rows,
        (*table.problems, *problems),
        full=table.full,
        whole=table.whole and _all_known(problems),
    )


def _json(name: str, digest: str, text: str, profile: Profile, read_at: datetime) -> Reading:
    listing = json_file.parse(text)
    if listing.failure is not None:
        return Reading(name, digest, failure=listing.failure)
    stamp, unclear = _generated_at(listing.generated_at, profile, read_at)
    rows, problems = rows_of(listing.records, Context(profile, read_at, stamp))
    return Reading(
        name,
        digest,
        rows,
        (*listing.problems, *unclear, *problems),
        full=listing.full,
        whole=listing.whole and _all_known(problems),
        stamp=stamp,
    )


def _all_known(problems: list[Problem]) -> bool:
    return all(problem.subscription is not None for problem in problems if problem.stops)


def _generated_at(text: str, profile: Profile, read_at: datetime) -> tuple[datetime | None, list[Problem]]:
    """The stamp of a file. One in the future is none: every row without its own would be newer than all to come."""
    if not text:
        return None, []
    try:
        stamp = values.instant(text, profile)
        if stamp is not None and in_the_future(stamp, read_at):
            raise CellError(f"{text[:40]!r} lies in the future", CLOCK)
        return stamp, []
    except CellError as error:
        message = f"generated_at: {error.what}; rows without a stamp count from our read"
        problem = Problem(FindingCode.SOURCE_VALUE_UNKNOWN, message, error.do, None, 1, "generated_at", stops=False)
        return None, [problem]
