"""What customers answered, as one reading."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from seatledger.collector.adapters.partner_center.parts import Part
from seatledger.collector.adapters.partner_center.payloads import Payload, payload_of
from seatledger.collector.adapters.partner_center.translation import (
    doubled,
    id_of,
    translate,
    unreadable,
)
from seatledger.collector.adapters.partner_center.usage import usage_of
from seatledger.collector.domain.reading import Problem, Row, Usage


@dataclass
class Gathered:
    """Rows without prices, and all that was wrong."""

    rows: list[Row] = field(default_factory=list)
    usage: list[Usage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    payloads: list[Payload] = field(default_factory=list)
    whole: bool = True


def gather(parts: Iterable[Part], read_at: datetime) -> Gathered:
    """In the order of customers and subscriptions, however the answers came in."""
    gathered = Gathered()
    ordered = sorted(parts, key=lambda part: part.customer.id)
    twice = _twice(ordered)
    gathered.problems += [doubled(subscription, customers) for subscription, customers in sorted(twice.items())]
    for part in ordered:
        gathered.problems += part.problems
        for item in sorted(part.items, key=lambda item: id_of(item) or ""):
            _take(item, part, gathered, read_at, twice)
        for record in part.usage:
            _take_usage(record, part, gathered, read_at)
    return gathered


def _twice(parts: Sequence[Part]) -> dict[str, set[str]]:
    """Subscriptions that more than one customer has."""
    owners: dict[str, set[str]] = defaultdict(set)
    for part in parts:
        for item in part.items:
            if (found := id_of(item)) is not None:
                owners[found].add(part.customer.id)
    return {found: customers for found, customers in owners.items() if len(customers) > 1}


def _take(item: Any, part: Part, gathered: Gathered, read_at: datetime, twice: dict[str, set[str]]) -> None:
    found = id_of(item)
    if found is None:
        gathered.whole = False
        gathered.problems.append(unreadable(part.customer))
    elif found not in twice:
        translated = translate(item, part.customer, read_at, part.provisioning.get(found, ""))
        gathered.problems += translated.problems
        if translated.row is not None:
            payload = payload_of(item)
            gathered.payloads.append(payload)
            gathered.rows.append(replace(translated.row, payload=payload.id))


def _take_usage(record: Any, part: Part, gathered: Gathered, read_at: datetime) -> None:
    if not isinstance(record, dict):
        return
    payload = payload_of(record)
    found = usage_of(record, part.customer, payload.id, read_at)
    if isinstance(found, Problem):
        gathered.problems.append(found)
    elif found is not None:
        gathered.usage.append(found)
        gathered.payloads.append(payload)


def digest(rows: Sequence[Row], problems: Sequence[Problem]) -> str:
    """Equal for equal content."""
    return hashlib.sha256(repr((rows, problems)).encode()).hexdigest()
