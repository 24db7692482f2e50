"""What an operator would have written down before the history: ``seatledger.yaml``, and the tenant in Autotask."""

from typing import Any

from scenarios import files
from tests.simulation import sources
from tests.simulation.estate import ACCOUNTS, CLOUD, CONTRACT_END, CONTRACT_START, SERVICES, Estate, Family


def configuration(accounts: tuple[str, ...]) -> dict[str, Any]:
    """Without the sandboxes' addresses."""
    psa = {
        "kind": "autotask", "username": "api@demo.example", "secret": "${env:DEMO_SECRET}",
        "integration_code": "${env:DEMO_CODE}", "timezone": "Europe/Amsterdam", "currency": "EUR", "mode": "auto",
        "first_link": "auto", "settle_for_seconds": 0, "unknown_wait_seconds": 6, "mirror_seconds": 5,
    }  # fmt: skip
    return {
        "state_dir": "st",
        "clock": {"file": "clock"},
        "psa": {"main": psa},
        "sources": {account: _source(account) for account in accounts},
    }


def _source(account: str) -> dict[str, Any]:
    terms = ACCOUNTS[account]
    common = {
        "psa": "main", "rank": terms.rank, "poll_seconds": 3600, "mass_decrease_percent": 100,
        "suspension": "keep_billing" if terms.keeps_billing else "zero_units",
    }  # fmt: skip
    if account == CLOUD:
        sign_in = {"tenant": sources.TENANT, "client_id": sources.CLIENT, "client_secret": sources.SECRET_REFERENCE}
        return {**common, **sign_in, "kind": "partner-center"}
    return {**common, "kind": "file-drop", "folder": account, "complete": terms.full}


def autotask_seed(estate: Estate) -> dict[str, Any]:
    """Users, companies, services and contracts."""
    user = {"username": "api@demo.example", "secret": files.SECRET, "integrationCode": files.CODE, "resourceID": 5}
    companies = sorted({company for family in estate.families for company in family.contracts.values()})
    return {
        "users": [user],
        "companies": [{"id": company, "companyName": f"Company {company}"} for company in companies],
        "services": [{"id": service, "name": f"Service {service}", "unitPrice": 0.01} for service in SERVICES],
        "contracts": [
            _contract(estate, family, contract) for family in estate.families for contract in family.contracts
        ],
    }


def _contract(estate: Estate, family: Family, contract: int) -> dict[str, Any]:
    return {
        "id": contract,
        "companyID": family.contracts[contract],
        "contractName": f"services {contract}",
        "startDate": CONTRACT_START.isoformat(),
        "endDate": family.ends.get(contract, CONTRACT_END).isoformat(),
        "services": [
            {"id": line, "serviceID": service, "unitPrice": 0.01, "units": estate.before[line]}
            for line, (its_contract, service) in family.lines.items()
            if its_contract == contract
        ],
    }
