"""``tail``: what ``--since`` means, which records lie behind it, and what people read of an outcome."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from seatledger.cli.bus_reading import Span, wanted
from seatledger.cli.commands.tailing import came_of_it, instant
from seatledger.cli.errors import CliError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Stamped:
    """A record as the broker's client gives it, as far as sorting looks at it."""

    timestamp: int
    key: bytes = b"main/101"
    topic: str = "t"
    partition: int = 0
    offset: int = 0


def at(seconds: int) -> Stamped:
    return Stamped(int((NOW + timedelta(seconds=seconds)).timestamp() * 1000))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("10m", 600), ("2h", 7200), ("7d", 604800), ("2026-03-02T11:00:00Z", 3600), ("1 m", 60)],
)
def test_since_is_a_span_or_an_instant(text: str, seconds: int) -> None:
    """How long ago, in seconds, minutes, hours or days, or an instant with its zone."""
    assert instant(text, NOW) == NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["yesterday", "10", "2026-03-02T11:00:00", "-5m", "99999999999d", ""])
def test_another_since_is_a_plain_no(text: str) -> None:
    """What is neither is refused with an example, an instant without a zone too: nobody knows which one was meant."""
    with pytest.raises(CliError, match="neither a span nor an instant") as caught:
        instant(text, NOW)
    assert caught.value.exit_code == 2


def test_records_before_it_and_of_other_keys_are_passed_over() -> None:
    """The broker may hand over more than was asked for; what is shown lies in the span, the oldest first."""
    batch = [at(5), at(-5), at(0), Stamped(at(1).timestamp, key=b"main/102")]
    kept = wanted(cast("Any", batch), Span(["t"], key=b"main/101", since=NOW))
    assert kept == [at(0), at(5)]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"outcome": "posted"}, "posted"),
        ({"outcome": {"kind": "mapped", "company": 101, "contract": None}}, "mapped: company 101"),
        ({"outcome": {"kind": "excluded"}}, "excluded"),
        ({"quantity": 3}, None),
        (None, None),
    ],
    ids=["word", "names", "kind", "none", "unreadable"],
)
def test_an_outcome_is_told_in_words(data: object, told: str | None) -> None:
    """A result of the mapper stands there as a kind and what it names, as a settlement does as its word."""
    assert came_of_it(data) == told
