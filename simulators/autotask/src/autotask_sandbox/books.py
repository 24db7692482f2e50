"""The tenant's books: every row, every line's history, and nothing of the network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from autotask_sandbox.grid import Period, periods
from autotask_sandbox.kinds import BY_UNITS, KINDS, SERVICE, Kind
from autotask_sandbox.latenotes import LateNotes
from autotask_sandbox.ledger import Ledger
from autotask_sandbox.moments import Calendar
from autotask_sandbox.picklists import Picklists
from autotask_sandbox.rows import UnitRows
from autotask_sandbox.switches import Switches
from autotask_sandbox.units import Line, LineFacts, UnitRow, render

Row = dict[str, Any]
FIRST_FREE_ID = 10_000
RECURRING_SERVICE = 7

cached_periods = lru_cache(maxsize=4096)(periods)


class Books:
    """One tenant. All methods are synchronous: what a call does, it does at one instant."""

    def __init__(
        self, calendar: Calendar, switches: Switches, late_notes: LateNotes, picklists: Picklists | None = None
    ) -> None:
        self.calendar = calendar
        self.switches = switches
        self.picklists = picklists or Picklists()
        self.tables: dict[str, dict[int, Row]] = defaultdict(dict)
        self.lines_by: dict[Kind, dict[int, Line]] = {kind: {} for kind in KINDS}
        self.lines_of: dict[int, list[Line]] = defaultdict(list)
        self.rows_by: dict[Kind, UnitRows] = {kind: UnitRows() for kind in KINDS}
        self.late_notes = late_notes
        self.ledger = Ledger()
        self._last_id: dict[str, int] = defaultdict(lambda: FIRST_FREE_ID)
        self._ordered: dict[str, list[Row]] = {}

    @property
    def lines(self) -> dict[int, Line]:
        """The lines of services; those of bundles are in ``lines_by``."""
        return self.lines_by[SERVICE]

    def reserve(self, entity: str, through: int) -> None:
        """Ids up to ``through`` are spoken for."""
        self._last_id[entity] = max(self._last_id[entity], through)

    def new_id(self, entity: str) -> int:
        """Ids only grow, and stay clear of those in the seed."""
        if entity not in self._last_id:
            self.reserve(entity, max(self.tables[entity], default=0))
        self._last_id[entity] += 1
        return self._last_id[entity]

    def find(self, entity: str, row_id: int | None) -> Row | None:
        return None if row_id is None else self.tables[entity].get(row_id)

    def put(self, entity: str, row: Row) -> int:
        """Stores a row under the id that it has."""
        self.tables[entity][row["id"]] = row
        self._ordered.pop(entity, None)
        return int(row["id"])

    def add(self, entity: str, row: Row) -> int:
        """Stores a new row under a new id."""
        return self.put(entity, {**row, "id": self.new_id(entity)})

    def remove(self, entity: str, row_id: int) -> None:
        del self.tables[entity][row_id]
        self._ordered.pop(entity, None)

    def rows(self, entity: str, back_to: float | None = None) -> Sequence[Row | UnitRow]:
        """All rows in the order of ids; ``back_to`` (monotonic) reaches into the past of the unit rows."""
        if kind := BY_UNITS.get(entity):
            return self.units(kind, back_to)
        if entity == "ContractNotes":
            self.deliver_notes()
        if entity not in self._ordered:
            table = self.tables[entity]
            self._ordered[entity] = [table[key] for key in sorted(table)]
        return self._ordered[entity]

    def deliver_notes(self) -> None:
        """Writes the notes that are due by now."""
        for note in self.late_notes.due():
            self.add("ContractNotes", note)

    def units(self, kind: Kind, back_to: float | None = None, lines: frozenset[int] | None = None) -> Sequence[UnitRow]:
        """Unit rows of some lines or of all, without those that the nightly job has still to write."""
        found = self.rows_by[kind].all(back_to, lines)
        if self.switches.rows == "eager":
            return found
        today = self.calendar.today()
        return [row for row in found if row.written_on <= today or row.posted_at is not None]

    def lines_below(self, kind: Kind, contracts: Iterable[int]) -> frozenset[int]:
        """The ids of the lines of some contracts."""
        return frozenset(line.id for key in contracts for line in self.lines_of.get(key, ()) if line.kind is kind)

    def grid(self, contract: Row) -> tuple[Period, ...]:
        if contract["contractType"] != RECURRING_SERVICE or contract.get("contractPeriodType") is None:
            return ()
        anchored = self.switches.grid == "anchored"
        return cached_periods(
            contract["startDate"], contract["endDate"], contract["contractPeriodType"], anchored=anchored
        )

    def contract_of(self, line: Line) -> Row:
        return self.tables["Contracts"][line.contract_id]

    def item_of(self, line: Line) -> Row:
        """The service or bundle in the catalogue that a line sells."""
        return self.tables[line.kind.items][line.service_id]

    def add_line(self, row: Row, units: int = 0, kind: Kind = SERVICE) -> Line:
        """A line's row with its (empty) history; its unit rows exist at once for all periods."""
        row_id = row.get("id") or self.new_id(kind.lines)
        price = row["unitPrice"] if row["unitPrice"] is not None else Decimal(0)
        if row.get("invoiceDescription") is None:
            row["invoiceDescription"] = self.tables[kind.items][row[kind.item_id]].get("invoiceDescription")
        shown = {"unitPrice": price, "internalCurrencyUnitPrice": price, "internalCurrencyAdjustedPrice": price}
        self.put(kind.lines, {**row, "id": row_id, **shown})
        line = Line(row_id, row["contractID"], row[kind.item_id], units, price, row.get("unitCost"), kind=kind)
        self.lines_by[kind][row_id] = line
        self.lines_of[line.contract_id].append(line)
        self.show(line)
        return line

    def show(self, line: Line) -> None:
        """Writes a line's unit rows anew after anything about it changed."""
        contract = self.contract_of(line)
        vendor = self.item_of(line).get("vendorCompanyID")
        facts = LineFacts(vendor, contract.get("organizationalLevelAssociationID"))
        unit_rows = self.rows_by[line.kind]
        unit_rows.replace(line.id, render(line, self.grid(contract), facts, self.switches, unit_rows.ids))

    def show_all(self) -> None:
        for lines in self.lines_by.values():
            for line in lines.values():
                self.show(line)

    def truth(self, on: date) -> list[dict[str, Any]]:
        """Quantity and price of every service line on a day, whatever the switches show; 0 outside the contract."""
        return [self._true(line, on) for line in self.lines.values()]

    def _true(self, line: Line, on: date) -> dict[str, Any]:
        contract = self.contract_of(line)
        inside = contract["startDate"] <= on <= contract["endDate"]
        return {
            "companyID": contract["companyID"],
            "contractID": line.contract_id,
            "contractServiceID": line.id,
            "serviceID": line.service_id,
            "units": line.units_on(on) if inside else 0,
            "unitPrice": float(line.price_on(on)),
        }
