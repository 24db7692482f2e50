"""Sources that are gone from the configuration while they have members (docs/interface.md, ``sources``)."""

from collections import Counter
from typing import TYPE_CHECKING

from seatledger.cli.errors import CliError

if TYPE_CHECKING:
    from seatledger.runtime.config import Config
    from seatledger.runtime.store import Store


async def refuse_departed(store: "Store", config: "Config") -> None:
    """Exit 2 naming each account that has members and no entry. A subscription that any company was told of is counted:
    its member stays, even frozen, until the source is back, has its new name, or is said to be retired."""
    from seatledger.schemas.heads import MAPPED

    found = await store.collection(MAPPED).find({}, fields=["source", "told.company"])
    members = Counter(row["source"] for row in found if row.get("told"))
    gone = {account: number for account, number in members.items() if account not in config.accounts}
    if not gone:
        return
    for account in sorted(gone):
        _refuse_new_name(config, account, gone[account])
    _refuse_intermediate(config, min(gone), known={row["source"] for row in found})
    listed = ", ".join(f"{account} ({number} subscriptions)" for account, number in sorted(gone.items()))
    raise CliError(
        "source_gone",
        f"sources.{min(gone)}",
        f"gone from the configuration while it has members: {listed}",
        f"Put it back; if it has another name now, write `renamed_from: {min(gone)}` there; or let it stand there with"
        " `retired: true`: its members then stay frozen",
    )


def _refuse_new_name(config: "Config", account: str, number: int) -> None:
    """The new name has members of its own: it would leave them behind."""
    for name, source in config.sources.items():
        if name == account:
            raise CliError(
                "source_gone",
                f"sources.{name}.renamed_from",
                f"{name} has {number} subscriptions of its own, so it cannot take over those of {source.renamed_from}",
                f"Put {source.renamed_from} under a name that was never used",
            )


def _refuse_intermediate(config: "Config", account: str, known: set[str]) -> None:
    """A chain of renamings names its first name: whoever names one between gets nothing."""
    for name, source in config.sources.items():
        if source.renamed_from is not None and source.renamed_from not in known:
            raise CliError(
                "source_gone",
                f"sources.{name}.renamed_from",
                f"nothing was ever collected under {source.renamed_from}, while {account} has members and no entry",
                f"If {name} is what {account} became, write `renamed_from: {account}`: the first name, however often"
                " it changed since",
            )
