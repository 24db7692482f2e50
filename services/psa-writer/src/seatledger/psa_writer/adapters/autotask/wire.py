"""Autotask's rows as ours. Dates are compared on their first ten characters (reference section 9); money is Decimal."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from seatledger.psa_writer.domain.reading import ContractFacts
from seatledger.psa_writer.ports import CompanyRow, ContractRow, LineRow, ServiceRow
from seatledger.schemas.base import Json
from seatledger.schemas.ids import CompanyId, ContractId, LineId, ServiceId
from seatledger.schemas.mirror import UnitRow

COMPANY_FIELDS = ["id", "companyName", "companyType", "isActive"]
SERVICE_FIELDS = ["id", "name", "isActive", "periodType", "unitPrice"]
CONTRACT_FIELDS = [
    "id",
    "companyID",
    "contractName",
    "contractType",
    "contractPeriodType",
    "status",
    "startDate",
    "endDate",
]
LINE_FIELDS = ["id", "contractID", "serviceID", "unitPrice"]
UNIT_FIELDS = ["id", "contractServiceID", "startDate", "endDate", "units", "price", "approveAndPostDate"]


def day(value: Any) -> date:
    """The calendar date of a date-only field, whatever time stands behind it."""
    return date.fromisoformat(str(value)[:10])


def amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def company(row: Json) -> CompanyRow:
    return CompanyRow(
        CompanyId(int(row["id"])), row.get("companyName") or "", int(row.get("companyType") or 0), is_true(row)
    )


def is_true(row: Json) -> bool:
    return bool(row.get("isActive", True))


def service(row: Json) -> ServiceRow:
    period = row.get("periodType")
    return ServiceRow(
        ServiceId(int(row["id"])),
        row.get("name") or "",
        is_true(row),
        None if period is None else int(period),
        amount(row.get("unitPrice")),
    )


def contract(row: Json) -> ContractRow:
    period = row.get("contractPeriodType")
    facts = ContractFacts(
        contract=ContractId(int(row["id"])),
        company=CompanyId(int(row["companyID"])),
        start=day(row["startDate"]),
        end=day(row["endDate"]),
        status=int(row["status"]),
        period_type=None if period is None else int(period),
    )
    return ContractRow(facts, row.get("contractName") or "", int(row.get("contractType") or 0))


def line(row: Json) -> LineRow:
    return LineRow(
        LineId(int(row["id"])),
        ContractId(int(row["contractID"])),
        ServiceId(int(row["serviceID"])),
        amount(row.get("unitPrice")),
    )


def by_line(rows: Iterable[Json]) -> dict[LineId, tuple[UnitRow, ...]]:
    """Unit rows by contract service and start; a row that names no line is of no use."""
    found: dict[LineId, list[UnitRow]] = {}
    for row in rows:
        if row.get("contractServiceID") is not None:
            found.setdefault(LineId(int(row["contractServiceID"])), []).append(unit(row))
    return {key: tuple(sorted(units, key=lambda one: (one.start, one.end))) for key, units in found.items()}


def unit(row: Json) -> UnitRow:
    return UnitRow(
        id=int(row["id"]),
        start=day(row["startDate"]),
        end=day(row["endDate"]),
        units=int(row["units"] or 0),
        price=amount(row.get("price")),
        posted=row.get("approveAndPostDate") is not None,
    )
