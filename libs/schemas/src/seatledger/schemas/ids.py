"""Identities: what is billed, whom it is billed to, and on which contract line.

Texts of identities join their parts with ``/``; each part is percent-encoded, so that ids from distributors
may contain anything.
"""

import re
from functools import lru_cache
from typing import NewType
from urllib.parse import quote, unquote

from seatledger.schemas.base import Strict

SourceName = NewType("SourceName", str)
"""A source account: the name under ``sources:`` in the configuration."""
ConnectionName = NewType("ConnectionName", str)
"""A PSA connection: the name under ``psa:`` in the configuration."""
CompanyId = NewType("CompanyId", int)
"""Autotask's ``Companies.id``."""
ContractId = NewType("ContractId", int)
"""Autotask's ``Contracts.id``."""
ServiceId = NewType("ServiceId", int)
"""Autotask's ``Services.id``."""
LineId = NewType("LineId", int)
"""Autotask's ``contractServiceID``; a service may stand twice on one contract, so never contract + service."""
IntentId = NewType("IntentId", str)
"""Id of an intent, the same in all that is said of it."""
PlanId = NewType("PlanId", str)
"""Id of a plan, as ``plan list`` shows it."""
CommandId = NewType("CommandId", str)
"""Made by the client; a repeated command has it again."""
FindingId = NewType("FindingId", str)
"""Rule and subject: the same trouble is one finding."""


_NEEDS_NO_QUOTING = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch


def join(*parts: str | int) -> str:
    """Parts of an identity as one text; reversible by :func:`split`."""
    return _joined(parts)


@lru_cache(maxsize=10_000)  # a subscription that is planned asks for its own id a dozen times
def _joined(parts: tuple[str | int, ...]) -> str:
    return "/".join([text if _NEEDS_NO_QUOTING(text) else quote(text, safe="") for text in map(str, parts)])


def split(text: str) -> tuple[str, ...]:
    """The parts that :func:`join` put together."""
    return tuple(unquote(part) for part in text.split("/"))


class SubscriptionKey(Strict):
    """Identity of what is billed (design.md section 2): source account + subscription + resource + part."""

    source: SourceName
    subscription: str
    """The source's own id."""
    resource: str = ""
    """What of the subscription is meant, where it holds several things; else empty."""
    part: str = "all"
    """`all`: a subscription is not split yet."""

    def __str__(self) -> str:
        return join(self.source, self.subscription, self.resource, self.part)

    @classmethod
    def parse(cls, text: str) -> "SubscriptionKey":
        """The key behind :func:`str` of a key; ValueError where it is not one."""
        source, subscription, resource, part = split(text)
        return cls(source=SourceName(source), subscription=subscription, resource=resource, part=part)

    @property
    def bus_key(self) -> str:
        """Partition key on ``subscriptions.changed.v1``: source account / subscription / resource."""
        return join(self.source, self.subscription, self.resource)


class CompanyKey(Strict):
    """A customer company of one PSA connection: partition key of mapped, planned and settled events."""

    connection: ConnectionName
    company: CompanyId

    def __str__(self) -> str:
        return join(self.connection, self.company)

    @classmethod
    def parse(cls, text: str) -> "CompanyKey":
        connection, company = split(text)
        return cls(connection=ConnectionName(connection), company=CompanyId(int(company)))


class LineKey(Strict):
    """A contract service line of one PSA connection: the id of its line book."""

    connection: ConnectionName
    line: LineId

    def __str__(self) -> str:
        return join(self.connection, self.line)

    @classmethod
    def parse(cls, text: str) -> "LineKey":
        connection, line = split(text)
        return cls(connection=ConnectionName(connection), line=LineId(int(line)))


class OfferKey(Strict):
    """What is sold: offer id (else offer name) + term + billing cycle (+ segment)."""

    offer: str
    """The source's offer id, else the offer's name."""
    term: str = ""
    """Commitment as the source writes it (`P1Y`)."""
    billing_cycle: str = ""
    """As the source writes it (`monthly`)."""
    segment: str = ""
    """Market segment, where prices depend on it."""

    def __str__(self) -> str:
        return join(self.offer, self.term, self.billing_cycle, self.segment)
