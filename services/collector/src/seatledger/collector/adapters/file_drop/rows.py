"""A record's cells as a row of ours, or what is wrong with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from seatledger.collector.adapters.file_drop import values
from seatledger.collector.adapters.file_drop.columns import KNOWN, SUBSCRIPTION
from seatledger.collector.adapters.file_drop.values import CellError, Profile
from seatledger.collector.domain import words
from seatledger.collector.domain.reading import MOST_TEXT, Problem, RecordType, Row
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import OfferKey
from seatledger.schemas.money import Money
from seatledger.schemas.subscriptions import BillingCycle, Customer, Status

T = TypeVar("T")

FILLED: Final = ("subscription_id", "record_type", "customer_id", "status", "quantity", "billing_cycle")
"""Cells that no row can do without; beside them ``offer_id`` or ``offer_name``."""
SLACK: Final = timedelta(days=2)
"""A stamp later than that after our read is a typing error; taken for true, it would make all later rows old."""
CLOCK: Final = "Have the source's clock set right."


@dataclass(frozen=True)
class Record:
    """One record of a file: its cells by column, stripped, ``""`` where empty."""

    line: int
    cells: Mapping[str, str]
    torn: str | None = None
    """The column whose two cells differ (a doubled column)."""


@dataclass(frozen=True)
class Context:
    """What a row needs beside its cells. ``generated_at``: the stamp of the whole file, where rows have none."""

    profile: Profile
    read_at: datetime
    generated_at: datetime | None = None


@dataclass
class _Cells:
    """The cells of one record, read one by one; problems gather."""

    record: Record
    context: Context
    problems: list[Problem] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        return self.record.cells.get(name, "")

    def optional(self, name: str) -> str | None:
        return self.text(name) or None

    def needed(self, name: str, read: Callable[[str, Profile], T | None]) -> T | None:
        """A cell that, if it is filled, must be readable: else the row does not count."""
        return self._read(name, read, FindingCode.SOURCE_ROW_BAD, stops=True)

    def welcome(self, name: str, read: Callable[[str, Profile], T | None]) -> T | None:
        """A cell without which the row counts all the same."""
        return self._read(name, read, FindingCode.SOURCE_VALUE_UNKNOWN, stops=False)

    def _read(self, name: str, read: Callable[[str, Profile], T | None], code: FindingCode, *, stops: bool) -> T | None:
        text = self.text(name)
        if not text:
            return None
        try:
            return read(text, self.context.profile)
        except CellError as error:
            self.problem(name, f"{name}: {error.what}", error.do, code=code, stops=stops)
            return None

    def meaning(self, name: str, known: Callable[[str], T | None], *, silences: bool) -> T | None:
        """A word of a list. ``silences``: an unknown one keeps the row from being complete."""
        text = self.text(name)
        found = known(text) if text else None
        if text and found is None:
            self.problem(
                name,
                f"{name}: {text[:40]!r} is not known"
                + ("; the last complete state goes on to count" if silences else ""),
                "Have the source write a known word, or ask for this one to be added.",
                code=FindingCode.SOURCE_VALUE_UNKNOWN,
                stops=False,
            )
            if silences:
                self.missing.append(name)
        return found

    def problem(
        self, name: str, message: str, do: str, *, code: FindingCode = FindingCode.SOURCE_ROW_BAD, stops: bool = True
    ) -> None:
        line = self.record.line
        subscription = subscription_of(self.record)
        self.problems.append(Problem(code, f"row {line}: {message}", do, subscription, line, name, stops))


def subscription_of(record: Record) -> str | None:
    """The subscription id, if it can be read and told."""
    text = record.cells.get(SUBSCRIPTION, "")
    return text if 0 < len(text) <= MOST_TEXT and record.torn != SUBSCRIPTION and readable(text) else None


def readable(text: str) -> bool:
    """Whether the text was UTF-8 (a byte that was not stands in it as a lone surrogate)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def row_of(record: Record, context: Context) -> tuple[Row | None, list[Problem]]:
    """The row, or None where it does not count, with all that is wrong with it."""
    cells = _Cells(record, context)
    _check_shape(cells)
    if any(problem.stops for problem in cells.problems):
        return None, cells.problems
    row = _row(cells)
    return (None if any(problem.stops for problem in cells.problems) else row), cells.problems


def _check_shape(cells: _Cells) -> None:
    if cells.record.torn is not None:
        torn = cells.record.torn
        cells.problem(torn, f"{torn} has two values, or one that is no plain value", "Write one plain value.")
        return
    for name, text in cells.record.cells.items():
        if name in KNOWN and len(text) > MOST_TEXT:
            what = f"{name} has {len(text):,} characters, and {MOST_TEXT:,} are the most that are taken"
            cells.problem(name, what, "Have the source write it shorter, or look for a quote that is never closed.")
        elif name in KNOWN and not readable(text):
            cells.problem(name, f"{name} is not UTF-8", "Save the file as UTF-8.")
    for name in FILLED:
        if not cells.text(name):
            cells.problem(name, f"{name} is empty", "Have the source fill it.")
    if not (cells.text("offer_id") or cells.text("offer_name")):
        cells.problem("offer_name", "offer_id and offer_name are empty", "Have the source fill one of them.")


def _row(cells: _Cells) -> Row:
    status = cells.meaning("status", words.status, silences=True) or Status.OTHER
    trial = cells.meaning("is_trial", words.boolean, silences=True)
    cycle = cells.meaning("billing_cycle", words.billing_cycle, silences=True) or BillingCycle.OTHER
    for name in ("auto_renew", "end_inclusive"):
        cells.meaning(name, words.boolean, silences=False)
    offer = cells.text("offer_id") or cells.text("offer_name")
    currency = cells.welcome("currency", _currency)
    return Row(
        line=cells.record.line,
        record_type=cells.needed("record_type", _record_type) or RecordType.SNAPSHOT,
        customer=_customer(cells),
        subscription=cells.text(SUBSCRIPTION),
        resource=cells.text("resource_id"),
        resource_name=cells.optional("resource_name"),
        vendor_subscription_id=cells.optional("vendor_subscription_id"),
        parent_subscription_id=cells.optional("parent_subscription_id"),
        offer=OfferKey(offer=offer, term=words.term(cells.text("term_duration")), billing_cycle=cycle.value),
        offer_name=cells.text("offer_name") or offer,
        status=words.on_trial(status) if trial else status,
        raw_status=cells.text("status"),
        quantity=cells.needed("quantity", values.units) or 0,
        billing_cycle=cycle,
        unit_price=_money(cells.welcome("unit_price", values.amount), currency),
        unit_cost=_money(cells.welcome("unit_cost", values.amount), currency),
        term_start=cells.needed("term_start", values.day),
        term_end=cells.welcome("term_end", values.last_day),
        reported_at=_stamp(cells, "observed_at") or cells.context.generated_at,
        last_modified=_stamp(cells, "last_modified"),
        effective_on=cells.needed("effective_date", values.day),
        previous_quantity=cells.welcome("previous_quantity", values.units),
        missing=tuple(cells.missing),
    )


def _customer(cells: _Cells) -> Customer:
    customer = cells.text("customer_id")
    return Customer(
        id=customer,
        name=cells.text("customer_name") or customer,
        tenant_id=cells.optional("customer_tenant_id"),
        domain=cells.optional("customer_domain"),
    )


def _stamp(cells: _Cells, name: str) -> datetime | None:
    stamp = cells.needed(name, values.instant)
    if stamp is not None and in_the_future(stamp, cells.context.read_at):
        cells.problem(name, f"{name}: {cells.text(name)!r} lies in the future", CLOCK)
    return stamp


def in_the_future(stamp: datetime, read_at: datetime) -> bool:
    """Whether it is no stamp of what a source can know when we read it."""
    return stamp - read_at > SLACK


def _record_type(text: str, _: Profile) -> RecordType:
    try:
        return RecordType(words.plain(text))
    except ValueError:
        raise CellError(f"{text[:40]!r} is neither snapshot nor change", "Write snapshot or change.") from None


def _currency(text: str, _: Profile) -> str:
    code = text.upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise CellError(f"{text[:40]!r} is no currency code", "Write three letters, such as EUR.")
    return code


def _money(value: Decimal | None, currency: str | None) -> Money | None:
    return None if value is None or currency is None else Money(amount=value, currency=currency)


def rows_of(records: Sequence[Record], context: Context) -> tuple[tuple[Row, ...], list[Problem]]:
    """Every record as a row or as problems; a bad one never stops its neighbours."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for record in records:
        row, wrong = row_of(record, context)
        rows += [] if row is None else [row]
        problems += wrong
    return tuple(rows), problems
