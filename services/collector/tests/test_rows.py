"""Bad rows: each has its finding with row and column, and its neighbours go on."""

from datetime import date

import pytest

from seatledger.collector.adapters.file_drop.values import DateForm
from seatledger.schemas.findings import FindingCode
from seatledger.schemas.money import Money
from seatledger.schemas.subscriptions import BillingCycle, Status
from services.collector.tests.collector_samples import GOOD, csv_text, parsed, profile

BAD, UNKNOWN = FindingCode.SOURCE_ROW_BAD, FindingCode.SOURCE_VALUE_UNKNOWN


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        *(({"quantity": text}, "quantity") for text in ("8.0", "1e3", "-1", "(2)", "", "eight", "1.5", "+5", "９")),
        *(({"quantity": text}, "quantity") for text in ("99999999999", "10.000", '"1,00"', '"1,0000"', "0x8", "8 0")),
        *(({"effective_date": text}, "effective_date") for text in ("03/04/2026", "1.4.2026", "2026-02-30", "soon")),
        ({"effective_date": "20260401"}, "effective_date"),
        ({"term_start": "01/03/2026"}, "term_start"),
        ({"observed_at": "2026-03-10T06:00:00"}, "observed_at"),
        ({"observed_at": "10/03/2026"}, "observed_at"),
        ({"observed_at": "2099-01-01T00:00:00Z"}, "observed_at"),
        *(({"effective_date": text}, "effective_date") for text in ("1989-12-31", "1900-01-01", "9999-12-31")),
        *(({"observed_at": text}, "observed_at") for text in ("1970-01-01T00:00:00Z", "1899-12-30", "9999-12-31")),
        *(({"last_modified": f"9999-12-31T23:59:59{zone}"}, "last_modified") for zone in ("Z", "-05:00", "+14:00")),
        ({"term_start": "1601-01-01"}, "term_start"),
        ({"last_modified": "yesterday"}, "last_modified"),
        ({"customer_id": ""}, "customer_id"),
        ({"status": " "}, "status"),
        ({"billing_cycle": ""}, "billing_cycle"),
        ({"record_type": ""}, "record_type"),
        ({"record_type": "delta"}, "record_type"),
        ({"offer_id": "", "offer_name": ""}, "offer_name"),
    ],
)
def test_a_bad_cell_stops_its_row_alone(changes: dict[str, str], column: str) -> None:
    """The row is bad with its line and column, protects its subscription, and its neighbours count."""
    read = parsed(csv_text({}, {"subscription_id": "S2", **changes}, {"subscription_id": "S3"}))
    assert [row.subscription for row in read.rows] == ["S1", "S3"]
    assert [(p.code, p.line, p.column, p.subscription, p.stops) for p in read.problems] == [
        (BAD, 3, column, "S2", True)
    ]
    assert read.whole


@pytest.mark.parametrize(
    "name", ["offer_name", "customer_name", "offer_id", "status", "quantity", "term_duration", "resource_id"]
)
def test_a_cell_of_more_than_a_thousand_characters_is_bad(name: str) -> None:
    """No broker would take an event of any length: the row is bad with its column; one of a thousand is no matter of
    length."""
    read = parsed(csv_text({}, {"subscription_id": "S2", name: "7" * 1_001}))
    assert [row.subscription for row in read.rows] == ["S1"]
    assert [(p.code, p.line, p.column, p.subscription) for p in read.problems] == [(BAD, 3, name, "S2")]
    assert "1,001 characters" in read.problems[0].message
    assert "characters" not in str(parsed(csv_text({name: "7" * 1_000})).problems)


def test_an_endless_id_is_none_that_could_be_told() -> None:
    """It would stand in the finding itself: the file proves no absence instead, and the neighbours count."""
    read = parsed(csv_text({}, {"subscription_id": "7" * 1_001}))
    assert ([row.subscription for row in read.rows], read.whole) == (["S1"], False)
    assert [(p.line, p.column, p.subscription) for p in read.problems] == [(3, "subscription_id", None)]


@pytest.mark.parametrize("changes", [{"subscription_id": ""}, {"subscription_id": "  "}])
def test_a_row_without_an_id_makes_the_file_prove_no_absence(changes: dict[str, str]) -> None:
    """Nobody can tell whom such a row protects, so it protects all."""
    read = parsed(csv_text({}, changes))
    assert (len(read.rows), read.whole, read.problems[0].column) == (1, False, "subscription_id")


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"status": "resting"}, "status"),
        ({"billing_cycle": "quarterly"}, "billing_cycle"),
        ({"is_trial": "perhaps"}, "is_trial"),
    ],
)
def test_an_unknown_word_counts_as_other_and_says_no_units(changes: dict[str, str], column: str) -> None:
    """The row is taken as incomplete, with a finding, so that the last complete state goes on."""
    read = parsed(csv_text(changes))
    assert [row.missing for row in read.rows] == [(column,)]
    assert [(p.code, p.column, p.stops) for p in read.problems] == [(UNKNOWN, column, False)]


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_price": "cheap"},
        {"currency": "Euro"},
        {"term_end": "31/12/2026"},
        {"term_end": "1900-01-01"},
        {"previous_quantity": "8.0"},
    ],
)
def test_what_no_quantity_needs_stops_none(changes: dict[str, str]) -> None:
    """An unreadable price, currency, end date or former quantity is a finding; the row counts and is complete."""
    read = parsed(csv_text(changes))
    assert [(row.quantity, row.missing) for row in read.rows] == [(10, ())]
    assert [(p.code, p.column) for p in read.problems] == [(UNKNOWN, next(iter(changes)))]


@pytest.mark.parametrize(
    ("text", "decimal", "seats"),
    [("1,234", ".", 1234), ("1.234", ",", 1234), ("1 234", ".", 1234), ("1'234'567", ".", 1234567), ("007", ".", 7)],
)
def test_thousands_marks_are_read_by_the_declared_decimal_mark(text: str, decimal: str, seats: int) -> None:
    """The mark that is not the decimal one separates thousands."""
    read = parsed(csv_text({"quantity": text}, delimiter=";"), profile(decimal=decimal))
    assert [row.quantity for row in read.rows] == [seats]


@pytest.mark.parametrize(
    ("text", "decimal", "amount"),
    [("20.60", ".", "20.60"), ("1.020,60", ",", "1020.60"), ("(2.50)", ".", "-2.50"), ("-3", ".", "-3")],
)
def test_prices_keep_their_precision(text: str, decimal: str, amount: str) -> None:
    """Amounts are decimals as written, negative with a sign or in parentheses."""
    read = parsed(csv_text({"unit_price": text}, delimiter=";"), profile(decimal=decimal))
    assert [row.unit_price for row in read.rows] == [Money.model_validate({"amount": amount, "currency": "EUR"})]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (DateForm.ISO, "2026-04-03"),
        (DateForm.DMY, "03/04/2026"),
        (DateForm.DMY, "3.4.2026"),
        (DateForm.MDY, "04/03/2026"),
    ],
)
def test_dates_are_read_in_the_declared_form(form: DateForm, text: str) -> None:
    """One text is the 3rd of April or none: the profile says which."""
    read = parsed(csv_text({"effective_date": text}), profile(form))
    assert [str(row.effective_on) for row in read.rows] == ["2026-04-03"]


@pytest.mark.parametrize("name", ["effective_date", "observed_at", "last_modified", "term_start", "term_end"])
@pytest.mark.parametrize(
    ("form", "text"),
    [
        (DateForm.ISO, "0001-01-01"),
        (DateForm.ISO, "0001-01-01T00:00:00"),
        (DateForm.ISO, "0001-01-01T00:00:00Z"),
        (DateForm.ISO, "0001-01-01T00:00:00+01:00"),
        (DateForm.DMY, "01/01/0001"),
        (DateForm.MDY, "0001-01-01 00:00:00"),
    ],
)
def test_year_1_is_an_empty_cell(name: str, form: DateForm, text: str) -> None:
    """.NET writes it for a date that nobody set: the row counts as one without the date, and nobody is told."""
    dates = {"observed_at": ""}
    unset, empty = (parsed(csv_text({**dates, name: cell}), profile(form)) for cell in (text, ""))
    assert (unset.rows, unset.problems) == (empty.rows, ())


def test_the_last_day_of_the_calendar_is_the_end_of_a_term_that_has_none() -> None:
    """Many write 9999-12-31 for no end: it is no finding."""
    read = parsed(csv_text({"term_end": "9999-12-31"}))
    assert ([row.term_end for row in read.rows], read.problems) == ([date.max], ())


@pytest.mark.parametrize("text", ["2026-04-03", "31/31/2026"])
def test_another_form_is_never_guessed(text: str) -> None:
    """Under dmy an ISO date is bad, although it could mean one day only."""
    assert parsed(csv_text({"effective_date": text}), profile(DateForm.DMY)).problems[0].column == "effective_date"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Active", Status.ACTIVE),
        (" ACTIVE ", Status.ACTIVE),
        ("Pending Cancel", Status.ACTIVE),
        ("On-Hold", Status.SUSPENDED),
        ("deleted", Status.CANCELLED),
        ("Canceled", Status.CANCELLED),
        ("in_progress", Status.PENDING),
        ("Trial", Status.TRIAL),
        ("Expired", Status.EXPIRED),
        ("disabled", Status.DISABLED),
    ],
)
def test_status_words_are_known_whatever_their_case_and_spacing(word: str, status: Status) -> None:
    """The synonyms of the sources mean one status each; the source's word stays beside it."""
    read = parsed(csv_text({"status": word}))
    assert [(row.status, row.raw_status) for row in read.rows] == [(status, word.strip())]
    assert read.problems == ()


@pytest.mark.parametrize(
    ("word", "cycle"),
    [("Monthly", BillingCycle.MONTHLY), ("p1m", BillingCycle.MONTHLY), ("Yearly", BillingCycle.ANNUAL)],
)
def test_billing_cycles_have_synonyms(word: str, cycle: BillingCycle) -> None:
    """P1M and Monthly are one cycle, and one offer key."""
    read = parsed(csv_text({"billing_cycle": word, "term_duration": "1 Year"}))
    assert [(row.billing_cycle, str(row.offer)) for row in read.rows] == [(cycle, f"O1/P1Y/{cycle.value}/")]


@pytest.mark.parametrize("word", ["yes", "TRUE", "1"])
def test_an_active_trial_is_a_trial(word: str) -> None:
    """is_trial makes an active subscription one that does not join."""
    assert [row.status for row in parsed(csv_text({"is_trial": word})).rows] == [Status.TRIAL]


def test_a_suspended_trial_is_a_trial() -> None:
    """Under keep_billing its seats would be billed otherwise, though nobody ever paid for them."""
    assert [row.status for row in parsed(csv_text({"is_trial": "yes", "status": "suspended"})).rows] == [Status.TRIAL]


def test_the_offer_is_its_id_else_its_name() -> None:
    """A source without offer ids is mapped by offer names."""
    offers = [row.offer.offer for row in parsed(csv_text({}, {"subscription_id": "S2", "offer_id": ""})).rows]
    assert offers == ["O1", "Office"]


def test_a_byte_that_is_no_utf8_spoils_its_row_alone() -> None:
    """Latin-1 in one name is a bad row with its column; the file goes on."""
    text = csv_text({}, {"subscription_id": "S2", "customer_name": "Caf#"}).encode().replace(b"#", b"\xe9")
    read = parsed(text)
    assert [row.subscription for row in read.rows] == ["S1"]
    assert [(p.line, p.column, p.subscription) for p in read.problems] == [(3, "customer_name", "S2")]


def test_a_good_row_has_no_problem() -> None:
    """The sample that the other tests spoil is read without a finding."""
    read = parsed(csv_text(GOOD))
    assert (len(read.rows), read.problems, read.whole, read.full) == (1, (), True, None)
