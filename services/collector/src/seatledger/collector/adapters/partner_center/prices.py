"""``prices.csv``: what a plan costs us and our customers. Partner Center's subscriptions have no price of their own.

Columns: offer, term, cycle, customer price, cost, currency, valid from. The price of a subscription is the one that was
valid on the first day of its term, and holds until the next term (price lock, reference sections 2.11 and 12.1); where
the list begins later, its first one. A missing or bad price never stops a quantity.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from seatledger.collector.domain import words
from seatledger.collector.domain.reading import Problem
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import OfferKey
from seatledger.schemas.money import Money

NAMES: Final = {
    "offer": "offer",
    "term": "term",
    "cycle": "cycle",
    "billing_cycle": "cycle",
    "customer_price": "customer price",
    "cost": "cost",
    "currency": "currency",
    "valid_from": "valid from",
}
REQUIRED: Final = ("offer", "term", "cycle", "customer price", "cost", "currency", "valid from")
DELIMITERS: Final = (",", ";", "\t")

_AMOUNT = re.compile(r"\d{1,18}(\.\d{1,18})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)

Key = tuple[str, str, str]
"""Offer (product:sku), term and billing cycle."""


@dataclass(frozen=True)
class Price:
    """For one seat and billing period. ``price`` is the customer's, ``cost`` ours; None where the list says neither."""

    price: Money | None
    cost: Money | None
    valid_from: date


@dataclass(frozen=True)
class PriceList:
    """The rows that could be read, oldest first."""

    rows: Mapping[Key, Sequence[Price]] = field(default_factory=dict)

    def find(self, offer: OfferKey, term_start: date | None, today: date) -> Price | None:
        """The price on the first day of the term (of today where none is known), else the list's first one."""
        known = self.rows.get((offer.offer.casefold(), offer.term, offer.billing_cycle), ())
        valid = [price for price in known if price.valid_from <= (term_start or today)]
        return valid[-1] if valid else next(iter(known), None)


@dataclass(frozen=True)
class Parsed:
    """``readable`` False: the whole list makes no sense, and the one read before goes on to hold."""

    prices: PriceList = PriceList()
    problems: tuple[Problem, ...] = ()
    readable: bool = True


class _CellError(ValueError):
    def __init__(self, column: str | None, what: str, do: str) -> None:
        super().__init__(what)
        self.column = column
        self.do = do


def parse(name: str, content: bytes) -> Parsed:
    """The list in a file: UTF-8, comma, semicolon or tab. A bad row is a problem and the others count."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _nothing(name, "it is no UTF-8")
    lines = text.splitlines()
    if not lines or not lines[0].strip():
        return _nothing(name, "it has no header")
    delimiter = max(DELIMITERS, key=lines[0].count)
    try:
        header = [NAMES.get(_plain(cell), "") for cell in next(csv.reader([lines[0]], delimiter=delimiter))]
    except csv.Error:
        return _nothing(name, "its header is none")
    if absent := [column for column in REQUIRED if column not in header]:
        return _nothing(name, f"the column {absent[0]!r} is missing")
    return _parsed(name, header, _records(text, delimiter))


def unreadable(name: str, why: str) -> Problem:
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"the price list cannot be read: {why}; the prices read before go on to hold",
        f"Write it as UTF-8 CSV with the columns {', '.join(REQUIRED)}; it is read again when it changes.",
        line=1,
        file=name,
        stops=False,
    )


def _nothing(name: str, why: str) -> Parsed:
    return Parsed(problems=(unreadable(name, why),), readable=False)


def _plain(cell: str) -> str:
    return re.sub(r"[\s_\-]+", "_", cell.strip()).casefold()


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not empty, with the line on which it ends, as an editor counts."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            if reader.line_num > 1 and any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error:
        yield reader.line_num, []


def _parsed(name: str, header: Sequence[str], records: Iterable[tuple[int, list[str]]]) -> Parsed:
    rows: dict[Key, dict[date, Price]] = {}
    problems: list[Problem] = []
    for line, cells in records:
        try:
            key, price = _row(_cells(header, cells))
            if rows.setdefault(key, {}).setdefault(price.valid_from, price) != price:
                what = "another row states another price for the same day; the first one counts"
                raise _CellError("valid from", what, "Leave one of the two rows out.")
        except _CellError as error:
            problems.append(_bad(name, line, error))
    ordered = {key: tuple(prices[day] for day in sorted(prices)) for key, prices in rows.items()}
    return Parsed(PriceList(ordered), tuple(problems))


def _cells(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
        what = f"the line has {len(cells)} cells where the header has {len(header)}"
        raise _CellError(None, what, "Write one cell a column; an amount has a point, not a comma.")
    return dict(zip(header, (cell.strip() for cell in cells), strict=False))


def _bad(name: str, line: int, error: _CellError) -> Problem:
    return Problem(
        FindingCode.SOURCE_ROW_BAD,
        f"row {line}: {f'{error.column}: ' if error.column else ''}{error}; the row is left out",
        error.do,
        line=line,
        column=error.column,
        file=name,
        stops=False,
    )


def _row(cells: Mapping[str, str]) -> tuple[Key, Price]:
    offer, currency = cells.get("offer", ""), cells.get("currency", "").upper()
    if not offer:
        raise _CellError("offer", "it is empty", "Write product:sku, such as CFQ7TTC0LCHC:0002.")
    if not _CURRENCY.fullmatch(currency):
        raise _CellError("currency", f"{currency[:40]!r} is no currency code", "Write three letters, such as EUR.")
    price, cost = (_money(cells, column, currency) for column in ("customer price", "cost"))
    if price is None and cost is None:
        raise _CellError("customer price", "it is empty, and so is the cost", "Write one of the two.")
    key = (":".join(offer.split(":")[:2]).casefold(), words.term(cells.get("term", "")), _cycle(cells))
    return key, Price(price, cost, _day(cells.get("valid from", "")))


def _cycle(cells: Mapping[str, str]) -> str:
    text = cells.get("cycle", "")
    found = words.billing_cycle(text)
    if found is None:
        raise _CellError("cycle", f"{text[:40]!r} is no billing cycle", "Write monthly, annual or triennial.")
    return found.value


def _money(cells: Mapping[str, str], column: str, currency: str) -> Money | None:
    text = cells.get(column, "")
    if not text:
        return None
    if not _AMOUNT.fullmatch(text):
        raise _CellError(column, f"{text[:40]!r} is no amount", "Write an amount with a point, such as 20.60.")
    return Money(amount=Decimal(text), currency=currency)


def _day(text: str) -> date:
    """An empty cell: valid since ever."""
    if not text:
        return date.min
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _CellError("valid from", f"{text[:40]!r} is no date", "Write YYYY-MM-DD.") from None


def unpriced(name: str, offer: OfferKey, offer_name: str, subscriptions: int) -> Problem:
    """One finding a plan, however many subscriptions have it; each counts without a price."""
    kind = " ".join(part for part in (offer.term, offer.billing_cycle) if part)
    many = "subscription has" if subscriptions == 1 else "subscriptions have"
    return Problem(
        FindingCode.PRICE_UNKNOWN,
        f"{offer_name} ({offer.offer}, {kind}) is not in the price list: {subscriptions} {many} no price",
        f"Add a row for it to {name}; quantities go on without.",
        file=name,
        detail=f"offer {offer.offer} {kind}",
        stops=False,
    )
