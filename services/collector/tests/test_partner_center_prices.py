"""prices.csv: which price holds, what a bad row costs, and that no price ever stops a quantity."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seatledger.collector.adapters.partner_center.price_file import PriceFile
from seatledger.collector.adapters.partner_center.prices import parse
from seatledger.collector.domain.reading import Reading
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.ids import OfferKey
from services.collector.tests.partner_center_tenant import AZURE_PLAN, account, licence

HEADER = "offer,term,cycle,customer price,cost,currency,valid from"
PREMIUM = OfferKey(offer="CFQ7TTC0LCHC:0002", term="P1Y", billing_cycle="monthly")
ROW = "CFQ7TTC0LCHC:0002,P1Y,monthly,20.60,17.60,EUR,2025-01-01"


def listed(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def price_at(content: bytes, day: date | None, offer: OfferKey = PREMIUM) -> str | None:
    found = parse("prices.csv", content).prices.find(offer, day, date(2026, 3, 10))
    return None if found is None or found.price is None else str(found.price.amount)


def wrong(content: bytes) -> list[tuple[int | None, str | None]]:
    return [(problem.line, problem.column) for problem in parse("prices.csv", content).problems]


def test_a_price_holds_for_its_term() -> None:
    """The one valid on the first day of the term, however often the list changed since; without a term, today's."""
    content = listed(ROW, ROW.replace("20.60", "22.10").replace("2025-01-01", "2026-01-01"))
    assert price_at(content, date(2025, 9, 10)) == "20.60"
    assert price_at(content, date(2026, 1, 1)) == "22.10"
    assert price_at(content, None) == "22.10"


def test_a_list_that_begins_later_has_its_first_price() -> None:
    """A term that began before the list: what is known first."""
    assert price_at(listed(ROW), date(2024, 1, 1)) == "20.60"
    assert price_at(listed(ROW.replace("2025-01-01", "")), date(1999, 1, 1)) == "20.60"


@pytest.mark.parametrize(
    "offer",
    [
        PREMIUM.model_copy(update={"term": "P1M"}),
        PREMIUM.model_copy(update={"billing_cycle": "annual"}),
        PREMIUM.model_copy(update={"offer": "CFQ7TTC0LCHC:0003"}),
    ],
)
def test_another_plan_term_or_cycle_has_another_price(offer: OfferKey) -> None:
    """A price is never borrowed."""
    assert price_at(listed(ROW), date(2026, 1, 1), offer) is None


@pytest.mark.parametrize(
    "content",
    [
        listed(ROW.replace(",", ";"), header=HEADER.replace(",", ";")),
        listed(ROW.replace(",", "\t"), header=HEADER.replace(",", "\t")),
        b"\xef\xbb\xbf" + listed(ROW, header="Offer,Term,Billing_Cycle,Customer-Price,COST,Currency,Valid From"),
        listed(ROW.replace("0002", "0002:CFQ7TTC0X001").replace("P1Y", "1 year").replace("monthly", "Month")),
        listed("", '"CFQ7TTC0LCHC:0002",P1Y,monthly,"20.60",,eur,2025-01-01', ",,,,,,"),
        listed(ROW).replace(b"\n", b"\r\n"),
    ],
)
def test_lists_as_people_write_them(content: bytes) -> None:
    """Other delimiters and headings, an availability behind the plan, words for term and cycle, no cost."""
    assert (price_at(content, date(2026, 1, 1)), wrong(content)) == ("20.60", [])


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (ROW.replace("20.60", "20,60"), None),
        (ROW.replace("20.60", "free"), "customer price"),
        (ROW.replace("20.60", "-1"), "customer price"),
        (ROW.replace("17.60", "1e3"), "cost"),
        (ROW.replace("20.60,17.60", ","), "customer price"),
        (ROW.replace("EUR", "euro"), "currency"),
        (ROW.replace("monthly", "now and then"), "cycle"),
        (ROW.replace("2025-01-01", "01/02/2025"), "valid from"),
        (ROW.partition(",")[1] + ROW.partition(",")[2], "offer"),
        ("CFQ7TTC0LCHC:0002", None),
        (ROW.replace("20.60", "21.00"), "valid from"),
    ],
)
def test_a_bad_row_is_told_by_line_and_column_and_the_others_count(row: str, column: str | None) -> None:
    """File, row and column of each, the good row beside it holds."""
    content = listed(ROW, row)
    assert wrong(content) == [(3, column)]
    assert price_at(content, date(2026, 1, 1)) == "20.60"
    assert parse("prices.csv", content).problems[0].file == "prices.csv"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "header"),
        (b"\xff\xfe", "UTF-8"),
        (listed(ROW, header=HEADER.replace("cost,", "")), "'cost'"),
        (b"offer\n", "'term'"),
        (b"x" * 200_000, "header"),
    ],
)
def test_a_list_that_makes_no_sense_is_one_problem(content: bytes, why: str) -> None:
    """No header, no text, a column that is missing: told, and nothing is read."""
    parsed = parse("prices.csv", content)
    assert (parsed.readable, len(parsed.problems)) == (False, 1)
    assert why in parsed.problems[0].message


async def test_the_list_is_read_again_when_it_changed(tmp_path: Path) -> None:
    """A new content holds at the next read; one that makes no sense, or no file at all, leaves the former prices."""
    path = tmp_path / "prices.csv"
    path.write_bytes(listed(ROW))
    file = PriceFile(path)

    async def now() -> str:
        found = (await file.load()).find(PREMIUM, None, date(2026, 3, 10))
        assert found is not None
        assert found.price is not None
        return str(found.price.amount)

    assert await now() == "20.60"
    path.write_bytes(listed(ROW.replace("20.60", "23.45")))
    os.utime(path, ns=(1, 1))
    assert (await now(), file.problems()) == ("23.45", ())
    path.write_bytes(b"nonsense")
    assert (await now(), len(file.problems())) == ("23.45", 1)
    path.unlink()
    assert (await now(), len(file.problems())) == ("23.45", 1)
    path.write_bytes(listed(ROW))
    assert (await now(), file.problems()) == ("20.60", ())


async def read(path: Path | None, *items: dict[str, Any]) -> Reading:
    one = account(prices=path, customers={"c1": list(items)})
    (parcel,) = await one.distributor.waiting()
    return await one.distributor.read(parcel)


async def test_prices_are_in_the_rows_and_what_has_none_is_told_once_a_plan(tmp_path: Path) -> None:
    """Two subscriptions of one plan without a price are one finding; trials and what ended are not asked for."""
    path = tmp_path / "prices.csv"
    path.write_bytes(listed(ROW))
    other: dict[str, Any] = {"offerId": "CFQ7TTC0LH18:0001:X", "offerName": "Basic"}
    reading = await read(
        path,
        licence("S1"),
        licence("S2", **other),
        licence("S3", **other),
        licence("S4", isTrial=True, termDuration="P1M"),
        licence("S5", status="deleted", termDuration="P3Y"),
        licence("P1", 1, **AZURE_PLAN),
    )
    assert [(row.subscription, row.unit_price is None) for row in reading.rows] == [
        ("S1", False),
        ("S2", True),
        ("S3", True),
        ("S4", True),
        ("S5", True),
    ]
    (problem,) = reading.problems
    assert (problem.code, problem.file, problem.stops) == (FindingCode.PRICE_UNKNOWN, "prices.csv", False)
    assert "2 subscriptions" in problem.message
    assert "CFQ7TTC0LH18:0001" in f"{problem.detail}"


async def test_without_a_price_list_no_price_is_missed() -> None:
    """Nobody asked for prices: no finding."""
    assert (await read(None, licence("S1"))).problems == ()


async def test_a_price_list_that_nobody_named_may_be_absent(tmp_path: Path) -> None:
    """The default's file: no finding without it, and its prices as soon as it is there."""
    path = tmp_path / "prices.csv"
    file = PriceFile(path, optional=True)
    rows = (await read(None, licence("S1"))).rows
    await file.load()
    assert (file.problems(), file.missed(rows)) == ((), [])
    path.write_bytes(listed(ROW.replace("P1Y", "P1M")))
    await file.load()
    assert len(file.missed(rows)) == 1


async def test_a_default_place_that_cannot_be_looked_at_stops_nothing(tmp_path: Path) -> None:
    """The system refuses even to say whether the file is there: quantities go on."""
    file = PriceFile(tmp_path / ("p" * 300), optional=True)
    assert (await file.load()).rows == {}


async def test_a_price_list_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    """Told by its name; every quantity counts."""
    reading = await read(tmp_path / "none.csv", licence("S1", 12))
    assert [row.quantity for row in reading.rows] == [12]
    assert [(one.code, one.file) for one in reading.problems] == [
        (FindingCode.SOURCE_ROW_BAD, "none.csv"),
        (FindingCode.PRICE_UNKNOWN, "none.csv"),
    ]
