"""The planner's policies out of ``seatledger.yaml``."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from seatledger.contract_planner.domain.policy import Mode, Policy, SourcePolicy
from seatledger.runtime.config import AutotaskConfig, Config
from seatledger.schemas.ids import ConnectionName


def policies(config: Config) -> Mapping[ConnectionName, Policy]:
    """One policy per PSA connection, with the source accounts that feed it."""
    return {name: _policy(name, psa, config) for name, psa in config.psa.items()}


def _policy(name: ConnectionName, psa: AutotaskConfig, config: Config) -> Policy:
    return Policy(
        connection=name,
        zone=ZoneInfo(psa.timezone),
        currency=psa.currency,
        mode=Mode(psa.mode),
        company_modes={company: Mode(mode) for company, mode in psa.company_modes.items()},
        first_link_asks=psa.first_link == "ask",
        settle_for=psa.settle_for_seconds,
        ahead=psa.release_days_ahead,
        sources={
            account: SourcePolicy(rank=source.rank, required=source.required, retired=source.retired)
            for account, source in config.accounts.items()
            if source.psa == name
        },
    )
