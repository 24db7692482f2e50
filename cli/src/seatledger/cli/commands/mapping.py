"""``map``: customers to companies, offers to services, single subscriptions to contracts."""

import asyncio
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from seatledger.cli.context import Context, Ctx
from seatledger.cli.errors import usage
from seatledger.cli.mapping_changes import TIMEOUT_SECONDS, import_file, mapping_rows, reset_customer, set_one
from seatledger.cli.mapping_file import COLUMNS, Kind, as_csv

if TYPE_CHECKING:
    pass


app = App(
    name="map",
    help="Which company, service or contract something belongs to.\n\nExample: seatledger map import mappings.csv",
)


@app.command(name="import")
def import_(file: Path, /, *, timeout: float = TIMEOUT_SECONDS, context: Ctx) -> int:
    """Apply a mapping file.

    Exit 1 if a row was refused (the others stand), 2 if the file cannot be read.

    Example: seatledger map import mappings.csv

    Parameters
    ----------
    file
        CSV with the columns kind,source,key,term,billing_cycle,target,state,reason,expires_on.
    timeout
        Seconds to wait; exit 3 when they are over.
    """
    return asyncio.run(import_file(context, file, timeout))


@app.command
def export(*, unmapped: bool = False, context: Ctx) -> int:
    """All mappings as the CSV that import reads (with --json: the same rows).

    Example: seatledger map export --unmapped > mappings.csv

    Parameters
    ----------
    unmapped
        Also a row for each customer and offer that waits for a mapping: fill in its target, or take the row out.
    """
    rows = asyncio.run(mapping_rows(context, unmapped=unmapped))
    if context.json:
        context.document(rows)
    else:
        sys.stdout.write(as_csv(rows))
    return 0


@app.command(name="list")
def list_(*, context: Ctx) -> int:
    """All mappings, for people.

    Example: seatledger map list
    """
    rows = asyncio.run(mapping_rows(context))
    if context.json:
        context.document(rows)
    else:
        context.table("mappings", rows, COLUMNS, empty="Nothing is mapped yet.")
    return 0


@app.command
def company(source: str, customer: str, company: int, /, *, also: bool = False, context: Ctx) -> int:
    """A source's customer is this company.

    Example: seatledger map company drop C-1042 101

    Parameters
    ----------
    source
        The source account.
    customer
        The customer's id at the source.
    company
        The company's id in Autotask.
    also
        A second customer of this source account on one company is meant.
    """
    return _one(context, "company", source, customer, target=company, also=also)


@app.command
def offer(source: str, offer: str, service: int, /, *, term: str = "", cycle: str = "", context: Ctx) -> int:
    """A source's offer is billed as this service.

    Example: seatledger map offer drop O365-E3 9001 --term P1Y --cycle monthly

    Parameters
    ----------
    source
        The source account.
    offer
        The offer's id at the source.
    service
        The service's id in Autotask.
    term
        Only for this term, as P1Y.
    cycle
        Only for this billing cycle, as monthly.
    """
    return _one(context, "offer", source, offer, target=service, term=term, billing_cycle=cycle)


@app.command
def contract(source: str, subscription: str, contract: int, /, *, context: Ctx) -> int:
    """A subscription goes onto this contract.

    One that stands on a line of another contract moves: its units leave the old line first, and count on the new one
    from that very day. Posts nothing by itself.

    Example: seatledger map contract drop SUB-77 4711

    Parameters
    ----------
    source
        The source account.
    subscription
        The subscription's id at the source.
    contract
        The contract's id in Autotask.
    """
    return _one(context, "contract", source, subscription, target=contract)


@app.command
def ignore(
    kind: Kind,
    source: str,
    key: str,
    /,
    *,
    reason: str,
    until: str | None = None,
    term: str = "",
    cycle: str = "",
    context: Ctx,
) -> int:
    """Leave a customer, an offer or a subscription alone, with a reason.

    Example: seatledger map ignore company drop C-9 --reason "our own tenant" --until 2026-12-31

    Parameters
    ----------
    kind
        company, offer or contract.
    source
        The source account.
    key
        A customer id, an offer id or a subscription id by its kind.
    reason
        Why; stands in the history.
    until
        The last day on which it is ignored.
    term
        Of an offer: only for this term.
    cycle
        Of an offer: only for this billing cycle.
    """
    return _one(context, kind, source, key, state="ignored", reason=reason, until=until, term=term, billing_cycle=cycle)


@app.command
def unset(kind: Kind, source: str, key: str, /, *, term: str = "", cycle: str = "", context: Ctx) -> int:
    """Take a mapping back; posts nothing: what was a member stays frozen.

    Example: seatledger map unset offer drop O365-E3

    Parameters
    ----------
    kind
        company, offer or contract.
    source
        The source account.
    key
        A customer id, an offer id or a subscription id by its kind.
    term
        Of an offer: the mapping for this term.
    cycle
        Of an offer: the mapping for this billing cycle.
    """
    return _one(context, kind, source, key, state="unmapped", term=term, billing_cycle=cycle)


@app.command
def reset(source: str, customer: str, /, *, context: Ctx) -> int:
    """Forget a customer's company and the contracts of its subscriptions; posts nothing.

    Example: seatledger map reset drop C-1042

    Parameters
    ----------
    source
        The source account.
    customer
        The customer's id at the source.
    """
    return asyncio.run(reset_customer(context, source, customer))


def _one(
    context: Context,
    kind: Kind,
    source: str,
    key: str,
    *,
    target: int | None = None,
    state: str = "mapped",
    reason: str = "",
    until: str | None = None,
    term: str = "",
    billing_cycle: str = "",
    also: bool = False,
) -> int:
    from seatledger.schemas.commands import MappingRow

    row = MappingRow.model_validate(
        {
            "kind": kind,
            "source": source,
            "key": key,
            "term": term,
            "billing_cycle": billing_cycle,
            "target": target,
            "state": state,
            "reason": reason,
            "expires_on": _day(until),
            "also": also,
        }
    )
    return asyncio.run(set_one(context, row))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise usage(f"--until {text}", "this is no date", "Write it as 2026-12-31") from None
