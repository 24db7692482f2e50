"""The ``Psa`` port on Autotask's REST API (reference sections 2 to 6 and 11)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from seatledger.psa_writer.adapters.autotask import wire
from seatledger.psa_writer.adapters.autotask.answers import posted
from seatledger.psa_writer.adapters.autotask.client import Client
from seatledger.psa_writer.adapters.autotask.http import NoAnswerError, TooLateError
from seatledger.psa_writer.ports import (
    Adjustment,
    Cause,
    CompanyRow,
    ContractRow,
    Deadline,
    LineRow,
    NoByteLeft,
    PostOutcome,
    PsaBudgetSpentError,
    PsaCredentialsError,
    PsaError,
    ServiceRow,
    Unauthorized,
    Unknown,
)
from seatledger.runtime.clock import MachineClock
from seatledger.schemas.base import Json
from seatledger.schemas.ids import ContractId, LineId
from seatledger.schemas.intents import Span
from seatledger.schemas.mirror import UnitRow

WIDEST = 400
"""Values of one ``in``: a query may have at most 500 OR-ed conditions, lists included."""
UNITS = "ContractServiceUnits"
LINES = "ContractServices"
ADJUSTMENTS = "ContractServiceAdjustments"


@dataclass
class AutotaskPsa:
    """One connection. Reads are repeated on transport faults; posts never are."""

    client: Client
    machine: MachineClock

    async def read_companies(self) -> Sequence[CompanyRow]:
        return [wire.company(row) for row in await self._all("Companies", [], wire.COMPANY_FIELDS)]

    async def read_services(self) -> Sequence[ServiceRow]:
        return [wire.service(row) for row in await self._all("Services", [], wire.SERVICE_FIELDS)]

    async def read_contracts(self, only: Sequence[ContractId] | None = None) -> Sequence[ContractRow]:
        return [
            wire.contract(row)
            for term in _among("id", only)
            for row in await self._all("Contracts", term, wire.CONTRACT_FIELDS)
        ]

    async def read_lines(self, only: Sequence[LineId] | None = None) -> Sequence[LineRow]:
        return [wire.line(row) for term in _among("id", only) for row in await self._all(LINES, term, wire.LINE_FIELDS)]

    async def read_rows(self, lines: Sequence[LineId], since: date | None) -> Mapping[LineId, tuple[UnitRow, ...]]:
        ending = [] if since is None else [_term("gte", "endDate", since.isoformat())]
        rows = [
            row
            for term in _among("contractServiceID", lines)
            for row in await self._all(UNITS, [*term, *ending], wire.UNIT_FIELDS)
        ]
        return {**dict.fromkeys(lines, ()), **wire.by_line(rows)}

    async def read_window(
        self, window: Span, contracts: Sequence[ContractId] | None
    ) -> Mapping[LineId, tuple[UnitRow, ...]]:
        inside = [
            _term("lte", "startDate", window.end.isoformat()),
            _term("gte", "endDate", window.start.isoformat()),
        ]
        rows = [
            row
            for term in _among("contractID", contracts)
            for row in await self._all(UNITS, [*term, *inside], wire.UNIT_FIELDS)
        ]
        return wire.by_line(rows)

    async def post(self, adjustment: Adjustment, deadline: Deadline) -> PostOutcome:
        """One POST of the delta to the contract's ``ServiceAdjustments``."""
        path = f"Contracts/{adjustment.contract}/ServiceAdjustments"
        try:
            zone = await self.client.zone()
            answer = await self.client.write(ADJUSTMENTS, path, _body(adjustment), lambda: self._in_time(deadline))
        except TooLateError:
            return NoByteLeft(Cause.DEADLINE)
        except PsaBudgetSpentError as error:
            return NoByteLeft(Cause.BUDGET, str(error))
        except PsaCredentialsError as error:
            return Unauthorized(str(error))
        except PsaError as error:
            return NoByteLeft(Cause.CONNECTION, str(error))
        except NoAnswerError as error:
            return Unknown(str(error)) if error.bytes_left else NoByteLeft(Cause.CONNECTION, str(error))
        outcome = posted(answer)
        return await self._after_401(zone, outcome) if isinstance(outcome, Unauthorized) else outcome

    async def _after_401(self, tried: str, outcome: Unauthorized) -> Unauthorized:
        """Asks the zone once more, so that a tenant that moved is not taken for a wrong secret."""
        await self.client.forget_zone(tried)
        try:
            return replace(outcome, moved=await self.client.zone() != tried)
        except PsaError:
            return outcome

    async def prepare(self, calls: int) -> int:
        return await self.client.budget.prepare(calls)

    async def probe(self) -> None:
        """Metadata of an entity: needs a sign-in that works, changes nothing."""
        await self.client.get("Contracts", "Contracts/entityInformation")

    @property
    def calls(self) -> int:
        return self.client.calls

    async def close(self) -> None:
        await self.client.http.close()

    def _in_time(self, deadline: Deadline) -> bool:
        return self.machine.seconds() < deadline.at

    async def _all(self, entity: str, terms: Sequence[Json], fields: Sequence[str]) -> list[Json]:
        return [row async for row in self.client.walk(entity, terms, fields)]


def _term(op: str, name: str, value: object) -> Json:
    return {"op": op, "field": name, "value": value}


def _among(name: str, values: Sequence[int] | None) -> Iterator[list[Json]]:
    """Terms for each query that is needed to ask for these values; one query without a term where all are wanted."""
    if values is None:
        yield []
        return
    for start in range(0, len(values), WIDEST):
        yield [_term("in", name, list(values[start : start + WIDEST]))]


def _body(adjustment: Adjustment) -> Json:
    return {
        "contractID": adjustment.contract,
        "contractServiceID": adjustment.line,
        "effectiveDate": adjustment.on.isoformat(),
        "unitChange": adjustment.unit_change,
    }
