"""What the demo writes: calendar, configuration, seeds, mapping table, the distributors' files."""

import csv
import io
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

from scenarios import cloud
from scenarios.draw import MOVE_DATE
from scenarios.msp import ANNUAL, MONTHLY, Month, Subscription

ACCOUNTS = ("north", "south")
"""The distributors that send files; ``cloud`` is the one with an API."""
SECRET, CODE = "a-secret-of-the-demo", "DEMO0000000000000000000CODE"
COLUMNS = (
    "source_system", "record_type", "observed_at", "customer_id", "customer_name", "subscription_id",
    "vendor_subscription_id", "offer_id", "offer_name", "status", "quantity", "unit_price", "currency",
    "term_duration", "billing_cycle",
)  # fmt: skip


def set_clock(folder: Path, day: date) -> None:
    """Noon of that day, for the services' calendar and Autotask's."""
    fresh = folder / "clock.new"
    fresh.write_text(f"{day}T11:00:00Z\n")
    fresh.replace(folder / "clock")


def write_configuration(folder: Path, month: Month) -> None:
    for account in ACCOUNTS:
        (folder / account).mkdir()
    set_clock(folder, month.day(0))
    (folder / "autotask.json").write_text(json.dumps(autotask_seed(month)))
    (folder / "partner-center.json").write_text(json.dumps(cloud.seed(month)))
    (folder / "prices.csv").write_text(cloud.prices(None))


def point_configuration(folder: Path, url: str, partner_center: str, hooks: int) -> None:
    """``seatledger.yaml`` as an operator would write it (JSON is YAML too). ``hooks``: the port of the collector, to
    which Microsoft's messages come."""
    collector = f"127.0.0.1:{hooks}"
    sources: dict[str, dict[str, Any]] = {
        account: {"kind": "file-drop", "psa": "main", "rank": rank, "folder": account, "poll_seconds": 3600}
        for rank, account in enumerate(ACCOUNTS, start=2)
    }
    sources["cloud"] = {
        "kind": "partner-center", "psa": "main", "rank": 1, "url": partner_center, "authority_url": partner_center,
        "tenant": cloud.TENANT, "client_id": cloud.CLIENT, "client_secret": "${file:partner-center-secret}",
        "poll_seconds": 3600, "prices": "prices.csv",
        "webhook": {"public_url": f"http://{collector}/webhooks/cloud"},
    }  # fmt: skip
    main = {
        "kind": "autotask", "url": url, "username": "api@demo.example", "secret": "${file:autotask-secret}",
        "integration_code": "${file:autotask-code}", "timezone": "Europe/Amsterdam", "currency": "EUR", "mode": "auto",
        "first_link": "auto", "settle_for_seconds": 0, "unknown_wait_seconds": 6,
    }  # fmt: skip
    configuration = {
        "state_dir": "st", "clock": {"file": "clock"}, "services": {"collector": {"http": collector}},
        "psa": {"main": main}, "sources": sources,
    }  # fmt: skip
    (folder / "autotask-secret").write_text(SECRET)
    (folder / "autotask-code").write_text(CODE)
    (folder / "partner-center-secret").write_text(cloud.CLIENT_SECRET)
    (folder / "seatledger.yaml").write_text(json.dumps(configuration, indent=1))


def autotask_seed(month: Month) -> dict[str, Any]:
    services = {line.service: line for _, line in month.lines()}
    yearly = {line.service for customer, line in month.lines() if line.contract == customer.yearly_contract}
    return {
        "users": [{"username": "api@demo.example", "secret": SECRET, "integrationCode": CODE, "resourceID": 5}],
        "companies": [{"id": c.company, "companyName": c.name} for c in month.customers],
        "services": [
            {
                "id": service,
                "name": line.service_name,
                "unitPrice": line.price,
                "periodType": ANNUAL if service in yearly else MONTHLY,
            }
            for service, line in services.items()
        ],
        "contracts": [contract for customer in month.customers for contract in _contracts(customer)],
    }


def _contracts(customer: Any) -> list[dict[str, Any]]:
    kinds = (
        (customer.contract, MONTHLY, "monthly services", "2026-01-01"),
        (customer.yearly_contract, ANNUAL, "yearly services", "2026-01-01"),
        (customer.second_contract, MONTHLY, "second contract", MOVE_DATE.isoformat()),
    )
    return [
        {
            "id": contract,
            "companyID": customer.company,
            "contractName": f"{customer.name}, {name}",
            "contractPeriodType": period,
            "startDate": start,
            "endDate": "2026-12-31",
            "postedThrough": "2026-02-28" if contract == customer.contract else None,
            "services": [
                {"id": line.id, "serviceID": line.service, "unitPrice": line.price, "units": line.units}
                for line in lines
            ],
        }
        for contract, period, name, start in kinds
        if (lines := [line for line in customer.lines if line.contract == contract])
    ]


def customer_id(account: str, number: int) -> str:
    return cloud.customer_id(number) if account == "cloud" else f"{account[0].upper()}-{number:03d}"


def mapping_table(month: Month) -> str:
    """What the operator knows on the first day: every customer but one, every offer."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["kind", "source", "key", "target"])
    for account in (*ACCOUNTS, "cloud"):
        numbers = sorted({s.customer for s in month.subscriptions.values() if s.account == account})
        for number in numbers:
            if month.customers[number].mapped_from == 0:
                table.writerow(["company", account, customer_id(account, number), month.customers[number].company])
        services = {line.service_name: line.service for _, line in month.lines()}
        offers = {(s.offer, s.offer_name) for s in month.subscriptions.values() if s.account == account}
        for offer, name in sorted(offers):
            table.writerow(["offer", account, offer, services[name]])
    return out.getvalue()


def rows(month: Month, account: str) -> list[dict[str, str]]:
    """The full list of an account's subscriptions, as its export shows them today."""
    listed = [s for s in month.subscriptions.values() if s.account == account and s.listed]
    return [_row(month, subscription) for subscription in listed]


def _row(month: Month, subscription: Subscription) -> dict[str, str]:
    yearly = subscription.cycle == "annual"
    price = next(line.price for _, line in month.lines() if line.id == subscription.line)
    values = (
        "demo", "snapshot", "", customer_id(subscription.account, subscription.customer),
        month.customers[subscription.customer].name, subscription.id, subscription.vendor_id, subscription.offer,
        subscription.offer_name, subscription.status, str(subscription.seats), f"{price:.2f}", "EUR",
        "P1Y", "annual" if yearly else "monthly",
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def drop(
    folder: Path, account: str, day: date, part: str, table: list[dict[str, str]], *, hour: int, full: bool = True
) -> None:
    """A distributor's file appears in the drop folder: CSV from the north, JSON from the south."""
    stamped = [{**row, "observed_at": row["observed_at"] or f"{day}T{hour:02d}:00:00Z"} for row in table]
    name = f"{day}-{part}.{'csv' if account == 'north' else 'json'}"
    text = as_csv(stamped, full) if account == "north" else _json(stamped, f"{day}T{hour:02d}:00:00Z", full)
    (folder / account / f"{name}.part").write_text(text)
    (folder / account / f"{name}.part").replace(folder / account / name)


def drop_again(folder: Path, account: str, day: date) -> None:
    """The distributor sends the file of the day a second time."""
    name = f"{day}-b.{'csv' if account == 'north' else 'json'}"
    shutil.copyfile(folder / account / "processed" / name, folder / account / f"{day}-b-again{Path(name).suffix}.part")
    again = folder / account / f"{day}-b-again{Path(name).suffix}"
    again.with_name(f"{again.name}.part").replace(again)


def as_csv(table: list[dict[str, str]], full: bool) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue() + (f"# complete rows={len(table)}\n" if full else "")


def _json(table: list[dict[str, str]], at: str, full: bool) -> str:
    head = {"schema": "subscription-drop/1", "source_system": "demo", "generated_at": at, "complete": full}
    return json.dumps({**head, "rows": table}, indent=1)
