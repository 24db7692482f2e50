"""All that decisions of one batch rest on, read together and then never changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from seatledger.mapper.domain.directory import Directory
from seatledger.mapper.domain.names import fold
from seatledger.schemas.ids import CompanyId, ConnectionName, SourceName, join
from seatledger.schemas.mappings import MappingDocument, MappingKind, MappingWord
from seatledger.schemas.subscriptions import SubscriptionChanged

Name = tuple[SourceName, str]
"""A customer's name within its source account, folded."""
Holding = tuple[SourceName, CompanyId]
"""A company as the target of customers of one source account."""


@dataclass(frozen=True)
class SourceRule:
    """What the configuration says of a source account that is in it."""

    connection: ConnectionName
    automatic: bool = False
    """``automatic_mapping: exact_name`` of its PSA."""
    include: frozenset[str] = frozenset()
    """Customer ids; empty means all."""
    exclude: frozenset[str] = frozenset()
    retired: bool = False
    offers_are_skus: bool = False
    """Offers are keyed by product:sku: the account is at Partner Center."""


@dataclass(frozen=True)
class Basis:
    """Mapping rows, names, configuration, mirror and the local day, as they stood at one look."""

    rules: Mapping[SourceName, SourceRule]
    today: Mapping[ConnectionName, date]
    rows: Mapping[MappingKind, Mapping[str, MappingDocument]] = field(default_factory=dict)
    """Per kind by document id; at least the rows about the batch's customers, offers and subscriptions."""
    namesakes: Mapping[Name, frozenset[str]] = field(default_factory=dict)
    """Customer ids per name, for accounts with automatic mapping."""
    holders: Mapping[Holding, tuple[MappingDocument, ...]] = field(default_factory=dict)
    """Company rows in state mapped per company, for accounts with automatic mapping."""
    directories: Mapping[ConnectionName, Directory] = field(default_factory=dict)

    def word(self, kind: MappingKind, document_id: str, connection: ConnectionName) -> MappingWord | None:
        """What a person said and what still holds today; None where nobody said anything, took it back, or an ignore
        has run out (after ``expires_on`` it counts as unmapped again)."""
        row = self.rows.get(kind, {}).get(document_id)
        if row is None or row.word.forgotten or has_expired(row.word, self.today[connection]):
            return None
        return row.word


def has_expired(word: MappingWord, today: date) -> bool:
    """An ignore holds to the end of its last day."""
    return word.state == "ignored" and word.expires_on is not None and today > word.expires_on


def company_row_id(snapshot: SubscriptionChanged) -> str:
    return join(snapshot.key.source, snapshot.customer.id)


def contract_row_id(snapshot: SubscriptionChanged) -> str:
    """One contract choice a subscription: it holds for each of its resources."""
    return join(snapshot.key.source, snapshot.key.subscription)


def offer_row_ids(snapshot: SubscriptionChanged) -> tuple[str, ...]:
    """The offer rows that may speak for it, the most specific first: offer + term + cycle, offer + term,
    offer + cycle, offer."""
    offer, term = snapshot.offer.offer, snapshot.offer.term
    cycle = snapshot.offer.billing_cycle or snapshot.billing_cycle.value
    keys = ((term, cycle), (term, ""), ("", cycle), ("", ""))
    return tuple(dict.fromkeys(join(snapshot.key.source, offer, part, of) for part, of in keys))


def name_of(snapshot: SubscriptionChanged) -> Name:
    return snapshot.key.source, fold(snapshot.customer.name)


def names_of(snapshots: Iterable[SubscriptionChanged]) -> set[Name]:
    return {name_of(snapshot) for snapshot in snapshots}
