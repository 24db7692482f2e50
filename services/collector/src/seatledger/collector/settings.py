"""What the configuration says of each source account, in the collector's own words."""

from decimal import Decimal
from typing import TYPE_CHECKING

from seatledger.collector.domain.account import Account
from seatledger.collector.domain.asks import Suspension
from seatledger.schemas.ids import ConnectionName, SourceName

if TYPE_CHECKING:
    from seatledger.runtime.config import Config


def accounts(config: "Config") -> list[Account]:
    """The accounts that are swept: all but the retired ones."""
    return [account(config, SourceName(name)) for name, source in config.accounts.items() if not source.retired]


def account(config: "Config", name: SourceName) -> Account:
    source = config.accounts[name]
    return Account(
        source=name,
        connection=ConnectionName(source.psa),
        zone=config.psa[source.psa].zone,
        suspension=Suspension(source.suspension),
        complete=source.kind == "file-drop" and source.complete,
        mass_decrease_percent=Decimal(str(source.mass_decrease_percent)),
        include=tuple(source.include or ()),
        exclude=tuple(source.exclude or ()),
        form=f"{source.dates} {source.decimal}" if source.kind == "file-drop" else "",
    )
