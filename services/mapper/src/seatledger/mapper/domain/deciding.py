"""Where a subscription belongs: configuration, then a person's word, then the exact name. Pure."""

from dataclasses import dataclass
from typing import Literal

from seatledger.mapper.domain.basis import (
    Basis,
    SourceRule,
    company_row_id,
    contract_row_id,
    name_of,
    offer_row_ids,
)
from seatledger.mapper.domain.directory import Directory
from seatledger.schemas.base import Strict
from seatledger.schemas.ids import CompanyId, ContractId, ServiceId
from seatledger.schemas.mappings import MappingWord
from seatledger.schemas.subscriptions import (
    Excluded,
    Ignored,
    Mapped,
    MappingOutcome,
    SubscriptionChanged,
    Unmapped,
)


class Lack(Strict):
    """What is missing, and why it could not be found without a person ("" where nobody was to look)."""

    what: Literal["company", "offer"]
    why: str = ""


@dataclass(frozen=True)
class Decision:
    """The outcome, and for an unmapped one everything that is missing, not only the first."""

    outcome: MappingOutcome
    lacks: tuple[Lack, ...] = ()


def decide(snapshot: SubscriptionChanged, basis: Basis) -> Decision:
    """The decision for one snapshot: the same inputs always give the same answer (kernel.md section 5)."""
    rule = basis.rules.get(snapshot.key.source)
    excluded = _excluded(snapshot, rule)
    if rule is None or excluded is not None:
        return Decision(excluded or Excluded())
    contract = basis.word("contract", contract_row_id(snapshot), snapshot.connection)
    company = _company(snapshot, rule, basis)
    service = _service(snapshot, rule, basis)
    for word in (_ignored(contract), company, service):
        if isinstance(word, Ignored):
            return Decision(word)
    return _placed(company, service, ContractId(contract.target) if contract and contract.target else None)


def _placed(company: int | Lack | Ignored, service: int | Lack | Ignored, contract: ContractId | None) -> Decision:
    lacks = tuple(found for found in (company, service) if isinstance(found, Lack))
    if not isinstance(company, int):
        return Decision(Unmapped(missing="company"), lacks)
    if not isinstance(service, int):
        return Decision(Unmapped(missing="offer", company=CompanyId(company)), lacks)
    return Decision(Mapped(company=CompanyId(company), service=ServiceId(service), contract=contract))


def _excluded(snapshot: SubscriptionChanged, rule: SourceRule | None) -> Excluded | None:
    customer = snapshot.customer.id
    if rule is None:
        return Excluded(reason=f"source {snapshot.key.source} is not in the configuration")
    if rule.retired:
        return Excluded(reason=f"source {snapshot.key.source} is retired")
    if customer in rule.exclude or (rule.include and customer not in rule.include):
        return Excluded(reason=f"customer {customer} is excluded in the configuration")
    return None


def _ignored(word: MappingWord | None) -> Ignored | None:
    if word is None or word.state != "ignored":
        return None
    return Ignored(reason=word.reason, expires_on=word.expires_on)


def _company(snapshot: SubscriptionChanged, rule: SourceRule, basis: Basis) -> int | Lack | Ignored:
    word = basis.word("company", company_row_id(snapshot), snapshot.connection)
    if word is None:
        return _company_by_name(snapshot, basis) if rule.automatic else Lack(what="company")
    if word.state == "mapped" and word.target is not None:
        return word.target
    return _ignored(word) or Lack(what="company", why="somebody unmapped it")


def _company_by_name(snapshot: SubscriptionChanged, basis: Basis) -> int | Lack:
    """The one active company of type Customer with the customer's name, if the name is unique on both sides and
    nobody gave the company to another customer of the account (C27, K33)."""
    directory = basis.directories.get(snapshot.connection, Directory())
    found = directory.customers_named(snapshot.customer.name)
    rivals = sorted(basis.namesakes.get(name_of(snapshot), frozenset()) - {snapshot.customer.id})
    why = _why_not_one(directory, "an active company of type Customer", [company.company for company in found])
    if not why and rivals:
        why = f"{', '.join(rivals)} of this source account has the same name"
    if not why:
        why = _taken(snapshot, basis, found[0].company)
    return Lack(what="company", why=why) if why else found[0].company


def _taken(snapshot: SubscriptionChanged, basis: Basis, company: CompanyId) -> str:
    rows = basis.holders.get((snapshot.key.source, company), ())
    others = [row.key for row in rows if row.key != snapshot.customer.id and not row.word.also]
    return f"company {company} of this name is mapped to customer {others[0]}" if others else ""


def _service(snapshot: SubscriptionChanged, rule: SourceRule, basis: Basis) -> int | Lack | Ignored:
    ids = offer_row_ids(snapshot)
    words = [word for found in ids if (word := basis.word("offer", found, snapshot.connection)) is not None]
    for word in words:
        if word.state == "mapped" and word.target is not None:
            return word.target
        if ignored := _ignored(word):
            return ignored
    if words:
        return Lack(what="offer", why="somebody unmapped it")
    return _service_by_name(snapshot, basis) if rule.automatic else Lack(what="offer")


def _service_by_name(snapshot: SubscriptionChanged, basis: Basis) -> int | Lack:
    """The one active service with the offer's name whose period type is the billing cycle's."""
    directory = basis.directories.get(snapshot.connection, Directory())
    found = directory.services_named(snapshot.offer_name, snapshot.billing_cycle)
    kind = f"an active service with billing cycle {snapshot.billing_cycle.value}"
    why = _why_not_one(directory, kind, [service.service for service in found])
    return Lack(what="offer", why=why) if why else found[0].service


def _why_not_one(directory: Directory, kind: str, found: list[CompanyId] | list[ServiceId]) -> str:
    if directory.generation == 0:
        return "Autotask has not been read yet"
    if not found:
        return f"{kind} with exactly this name does not exist in Autotask"
    if len(found) > 1:
        return f"{kind} with this name exists {len(found)} times in Autotask ({', '.join(map(str, sorted(found)))})"
    return ""
