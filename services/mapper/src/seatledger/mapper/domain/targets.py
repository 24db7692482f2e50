"""Whether a row's target can be billed on, as the mirror shows it; a refusal names what is near. Pure."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from seatledger.mapper.domain.directory import Directory
from seatledger.mapper.domain.names import fold
from seatledger.schemas.ids import CompanyId, ContractId, ServiceId
from seatledger.schemas.mappings import MappingKind
from seatledger.schemas.mirror import MirrorCompany, MirrorContract

NEAR = 3
"""How many near matches a refusal names."""


class Refused(Exception):  # noqa: N818  a refusal is an answer, not an error
    """A row that is not accepted; the text says what is wrong and what to do."""


def check_target(kind: MappingKind, target: int, directory: Directory, name: str) -> None:
    """Raises :class:`Refused` where a company or service is not there, not active, or no Customer (K33).

    ``name`` is what the customer or offer is called, to find near matches. Nothing is known before the first mirror.
    """
    if directory.generation == 0:
        return
    if kind == "company":
        _check_company(target, directory, name)
    else:
        _check_service(target, directory, name)


def _check_company(target: int, directory: Directory, name: str) -> None:
    company = directory.company.get(CompanyId(target))
    if company is None or not company.is_customer:
        what = "does not exist in Autotask" if company is None else f"({company.name!r}) {_why_no_customer(company)}"
        customers = {c.company: c.name for c in directory.companies if c.is_customer}
        raise Refused(f"company {target} {what}. Give the id of an active Customer{_near(target, name, customers)}")


def _why_no_customer(company: MirrorCompany) -> str:
    return "is not of type Customer" if company.is_active else "is not active"


def _check_service(target: int, directory: Directory, name: str) -> None:
    service = directory.service.get(ServiceId(target))
    if service is None or not service.is_active:
        what = "does not exist in Autotask" if service is None else f"({service.name!r}) is not active"
        services = {s.service: s.name for s in directory.services if s.is_active}
        raise Refused(f"service {target} {what}. Give the id of an active service{_near(target, name, services)}")


def check_contract(
    target: int,
    contracts: Mapping[ContractId, MirrorContract],
    company: CompanyId | None,
    directory: Directory,
) -> None:
    """Raises :class:`Refused` where the contract is not there, is no recurring one, or is another company's than the
    subscription's (``company``, if it is known)."""
    if directory.generation == 0:
        return
    contract = contracts.get(ContractId(target))
    recurring = {c.contract: c.name for c in contracts.values() if c.is_recurring and company in {None, c.company}}
    do = f"Give the id of a recurring-service contract of its company{_near(target, '', recurring)}"
    if contract is None:
        raise Refused(f"contract {target} does not exist in Autotask. {do}")
    if not contract.is_recurring:
        raise Refused(f"contract {target} ({contract.name!r}) is not a recurring-service contract. {do}")
    if company is not None and contract.company != company:
        raise Refused(
            f"contract {target} ({contract.name!r}) belongs to company {contract.company}, not {company}. {do}"
        )


def _near(
    target: int, name: str, known: Mapping[CompanyId, str] | Mapping[ServiceId, str] | Mapping[ContractId, str]
) -> str:
    """Up to three that are near, by name first, then by id."""
    names: dict[str, list[int]] = {}
    for key, value in known.items():
        names.setdefault(fold(value), []).append(int(key))
    by_name = [found for match in _close(fold(name), names) for found in names[match]]
    by_id = [int(found) for found in _close(str(target), [str(key) for key in known])]
    texts = {int(key): value for key, value in known.items()}
    near = list(dict.fromkeys([*by_name, *by_id]))[:NEAR]
    return f"; near: {', '.join(f'{key} {texts[key]!r}' for key in near)}" if near else ""


def _close(text: str, choices: Iterable[str]) -> list[str]:
    return get_close_matches(text, list(choices), n=NEAR, cutoff=0.6) if text else []
