"""CSV and JSON as files: dialects, headers, line numbers, trailers, and what cannot be read at all."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seatledger.collector.adapters.file_drop import columns
from services.collector.tests.collector_samples import GOOD, HEADER, csv_text, parsed

SAMPLES = Path(__file__).parent / "samples"


def drop(*rows: dict[str, Any], **head: Any) -> str:
    return json.dumps({"schema": "subscription-drop/1", **head, "rows": list(rows)}, indent=1)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_each_dialect_reads_the_same(delimiter: str, mark: str, ending: str) -> None:
    """Comma, semicolon or tab, with or without a byte-order mark, with any line ending."""
    text = mark + csv_text({}, {"subscription_id": "S2"}, delimiter=delimiter).replace("\n", ending)
    assert [(row.subscription, row.line) for row in parsed(text).rows] == [("S1", 2), ("S2", 3)]


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_the_published_samples_are_readable(suffix: str) -> None:
    """Both sample files of the format give the same three rows without a finding."""
    read = parsed((SAMPLES / f"subscriptions-drop.{suffix}").read_bytes())
    assert read.problems == ()
    assert [(row.subscription[:8], row.quantity, row.record_type.value) for row in read.rows] == [
        ("c0437194", 27, "snapshot"),
        ("c0437194", 29, "change"),
        ("MER-BKP-", 3, "snapshot"),
    ]


def test_the_columns_are_those_of_the_published_schema() -> None:
    """Required and optional columns are the schema's, no more and no fewer."""
    schema = json.loads((SAMPLES / "column-schema.json").read_text())["columns"]
    assert {c["name"] for c in schema if c["required"]} == set(columns.REQUIRED)
    assert {c["name"] for c in schema if not c["required"]} == set(columns.OPTIONAL)


def test_quoted_line_breaks_keep_the_line_numbers_of_an_editor() -> None:
    """A row after a name of three lines is reported on the line an editor shows."""
    read = parsed(csv_text({"customer_name": '"One\nTwo\nThree"'}, {"subscription_id": "S2", "quantity": "8.0"}))
    assert read.rows[0].customer.name == "One\nTwo\nThree"
    assert [problem.line for problem in read.problems] == [5]


def test_blank_lines_are_no_rows() -> None:
    """Blank lines before, between and after rows neither count nor shift line numbers."""
    lines = csv_text({}, {"subscription_id": "S2"}).splitlines()
    read = parsed("\n\n" + "\n\n".join(lines) + "\n,,,,\n\n# complete rows=2\n\n")
    assert [(row.subscription, row.line) for row in read.rows] == [("S1", 5), ("S2", 7)]


def test_a_header_may_be_written_like_a_title() -> None:
    """Case, spaces and hyphens in column names do not matter."""
    header = [name.replace("_", " ").title() for name in HEADER]
    text = "\n".join([",".join(header), *csv_text({}).splitlines()[1:]])
    assert len(parsed(text).rows) == 1


@pytest.mark.parametrize("column", columns.REQUIRED)
def test_a_missing_required_column_is_named(column: str) -> None:
    """Without it no row can be read: the file fails, its finding names line 1 and the column."""
    if column not in HEADER:
        pytest.fail(f"the sample header lacks {column}")
    failure = parsed(csv_text({}, header=[name for name in HEADER if name != column])).failure
    assert failure is not None
    assert (failure.line, failure.column) == (1, column)


def test_a_renamed_required_column_is_guessed_at_in_words_only() -> None:
    """The message asks whether quantitiy is quantity; nothing is read from it."""
    text = csv_text({}).replace("quantity,", "quantitiy,", 1)
    failure = parsed(text).failure
    assert failure is not None
    assert "is it 'quantitiy'?" in failure.message


def test_a_renamed_optional_column_is_a_finding_and_rows_go_on() -> None:
    """effective_dates is not effective_date: it is not read, and a person hears of it."""
    read = parsed(csv_text({"effective_date": ""}).replace("effective_date", "effective_dates"))
    assert [(p.line, p.column, p.stops) for p in read.problems] == [(1, "effective_dates", False)]
    assert len(read.rows) == 1


def test_a_doubled_column_counts_where_both_say_the_same() -> None:
    """Rows whose two cells differ are bad, the others count; the header has its finding."""
    lines = csv_text({}, {"subscription_id": "S2"}).splitlines()
    read = parsed("\n".join([lines[0] + ",quantity", lines[1] + ",10", lines[2] + ",11"]))
    assert [row.subscription for row in read.rows] == ["S1"]
    assert [(p.line, p.column, p.stops) for p in read.problems] == [(1, "quantity", False), (3, "quantity", True)]


def test_a_doubled_id_that_differs_is_no_id() -> None:
    """Two ids in one row: nobody knows whom it protects."""
    lines = csv_text({}).splitlines()
    read = parsed("\n".join([lines[0] + ",subscription_id", lines[1] + ",S9"]))
    assert (read.rows, read.whole) == ((), False)


@pytest.mark.parametrize("cells", ["a,b,c", ",".join("x" * (len(HEADER) + 3))])
def test_a_line_with_the_wrong_number_of_cells_is_bad_alone(cells: str) -> None:
    """Its cells cannot be told apart, so it has no readable id; its neighbours count."""
    lines = csv_text({}, {"subscription_id": "S2"}).splitlines()
    read = parsed("\n".join([*lines[:2], cells, lines[2]]))
    assert [row.subscription for row in read.rows] == ["S1", "S2"]
    assert ([problem.line for problem in read.problems], read.whole) == ([3], False)


def test_a_stray_quote_costs_its_own_line_only() -> None:
    """A cell that begins with a quote and never ends it does not swallow the rest of the file."""
    read = parsed(csv_text({}, {"customer_name": '"Conto'}, {"subscription_id": "S3"}, {"subscription_id": "S4"}))
    assert [(row.subscription, row.line) for row in read.rows] == [("S1", 2), ("S3", 4), ("S4", 5)]
    assert ([problem.line for problem in read.problems], read.whole) == ([3], False)


def test_two_stray_quotes_do_not_swallow_the_rows_between() -> None:
    """The record that they span has too many cells; the rows between are read by themselves."""
    read = parsed(
        csv_text({"customer_name": '"Conto'}, {"subscription_id": "S2"}, {"subscription_id": "S3", "offer_id": 'x"'})
    )
    assert [row.subscription for row in read.rows] == ["S2", "S3"]


@pytest.mark.parametrize(
    ("trailer", "full", "whole"),
    [
        (None, None, True),
        ("# complete rows=2", True, True),
        ("#COMPLETE  rows = 2", True, True),
        ('"# complete rows=2",,,,', True, True),
        ("# complete rows=3", True, False),
        ("# complete rows=many", True, False),
        ("# complete", True, False),
    ],
)
def test_the_trailer_says_that_the_list_is_full_if_the_count_is_right(
    trailer: str | None, full: bool | None, whole: bool
) -> None:
    """A wrong or unreadable count is a finding and the file proves no absence; its rows count."""
    read = parsed(csv_text({}, {"subscription_id": "S2"}, trailer=trailer))
    assert (len(read.rows), read.full, read.whole) == (2, full, whole)
    assert [problem.line for problem in read.problems] == ([] if whole else [4])


def test_bad_rows_count_in_the_trailer() -> None:
    """N is the number of rows in the file, whether we could read them or not."""
    read = parsed(csv_text({}, {"subscription_id": "S2", "quantity": "8.0"}, trailer="# complete rows=2"))
    assert (read.full, read.whole) == (True, True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"hello, world\n1,2\n",
        csv_text({}).encode("utf-16"),
        b"PK\x03\x04\x00\x00",
        b"{",
        b'{"rows": [{]}',
        b'{"complete": true}',
        b'{"rows": []} x',
        b'{"rows": [], "rows": []}',
        b'{"schema": "subscription-drop/2", "rows": []}',
        b'{"rows": [{"quantity": NaN}]}',
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_fails_as_a_whole_and_raises_nothing(content: bytes) -> None:
    """Empty, of another encoding or kind, broken: one failure with a line, no row."""
    read = parsed(content)
    assert read.failure is not None
    assert read.failure.line is not None
    assert read.rows == ()


def test_json_rows_are_reported_on_the_line_where_they_begin() -> None:
    """The second object of the list is bad, and its line is the editor's."""
    text = drop(GOOD, {**GOOD, "subscription_id": "S2", "quantity": "8.0"})
    read = parsed(text)
    wanted = [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == "{"][-1]
    assert [(p.line, p.column, p.subscription) for p in read.problems] == [(wanted, "quantity", "S2")]


@pytest.mark.parametrize(
    ("quantity", "seats"), [(12, 12), ("12", 12), (8.0, None), (True, None), ([1], None), (None, None)]
)
def test_json_numbers_are_read_as_written(quantity: Any, seats: int | None) -> None:
    """12 is 12; 8.0, true, a list and null are no seats."""
    read = parsed(drop({**GOOD, "quantity": quantity}))
    assert [row.quantity for row in read.rows] == ([] if seats is None else [seats])
    assert [problem.column for problem in read.problems] == ([] if seats else ["quantity"])


@pytest.mark.parametrize(
    ("head", "full", "whole"),
    [
        ({}, None, True),
        ({"complete": True}, True, True),
        ({"complete": "no"}, False, True),
        ({"complete": "perhaps"}, False, False),
    ],
)
def test_json_says_whether_it_is_the_full_list(head: dict[str, Any], full: bool | None, whole: bool) -> None:
    """`complete` decides; a word that is neither yes nor no is a finding and proves nothing."""
    read = parsed(drop(GOOD, **head))
    assert (read.full, read.whole, len(read.rows)) == (full, whole, 1)


def test_rows_without_a_stamp_have_that_of_their_json_file() -> None:
    """generated_at stands in for observed_at."""
    read = parsed(drop({**GOOD, "observed_at": ""}, generated_at="2026-03-09T05:00:00Z"))
    assert str(read.rows[0].reported_at) == "2026-03-09 05:00:00+00:00"


@pytest.mark.parametrize(
    "text", ["this morning", "1970-01-01T00:00:00Z", "2026-03-13T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31"]
)
def test_an_unreadable_stamp_of_the_file_is_a_finding_and_rows_count(text: str) -> None:
    """Without it, or with one that nobody can mean, rows count from our read, and no later list is older for it."""
    read = parsed(drop({**GOOD, "observed_at": ""}, generated_at=text))
    assert [(row.reported_at, read.stamp, len(read.problems)) for row in read.rows] == [(None, None, 1)]


def test_a_stamp_of_the_file_that_was_never_set_is_none() -> None:
    """Year 1 is .NET's empty date: rows count from our read, and nobody is told."""
    read = parsed(drop({**GOOD, "observed_at": ""}, generated_at="0001-01-01T00:00:00"))
    assert [(row.reported_at, read.stamp, read.problems) for row in read.rows] == [(None, None, ())]


def test_a_bare_list_of_rows_is_json_too() -> None:
    """An export without the outer object is read, and says nothing of being full."""
    read = parsed(json.dumps([GOOD, 7]))
    assert (len(read.rows), read.full, read.whole) == (1, None, False)


def test_a_key_that_stands_twice_in_a_row_counts_if_it_says_the_same() -> None:
    """Python's reader would silently take the last; here differing values are a bad row."""
    text = json.dumps([GOOD])
    assert len(parsed(text.replace('"quantity": "10"', '"quantity": "10", "quantity": "10"')).rows) == 1
    assert parsed(text.replace('"quantity": "10"', '"quantity": "10", "quantity": "11"')).rows == ()


def test_equal_content_has_an_equal_digest() -> None:
    """The digest is of the bytes, so a byte-order mark makes another file."""
    assert parsed(csv_text({})).digest == parsed(csv_text({})).digest
    assert parsed("\ufeff" + csv_text({})).digest != parsed(csv_text({})).digest


@given(st.binary(max_size=300))
@example(b"\xff\xfe")
def test_no_bytes_make_the_parser_raise(content: bytes) -> None:
    """Whatever lies in the folder is rows, problems or a failure, never an exception."""
    parsed(content)
    parsed(csv_text({}).encode() + content)
    parsed(b'{"rows": [' + content)


_cell = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.lists(st.dictionaries(st.sampled_from(HEADER), _cell, max_size=6), max_size=4))
@example([{"source_system": "#"}])
def test_every_row_is_read_or_has_its_problem(rows: list[dict[str, str]]) -> None:
    """Quoted properly, any text in any cell leaves each record either counted or reported, on one line each."""
    quoted = [{name: '"' + text.replace('"', '""') + '"' for name, text in row.items()} for row in rows]
    read = parsed(csv_text(*quoted))
    stopped = {problem.line for problem in read.problems if problem.stops}
    assert len(read.rows) + len(stopped) == len(rows)
    assert not stopped & {row.line for row in read.rows}


@given(st.integers(0, 10**9))
def test_any_number_of_seats_is_read_as_written(seats: int) -> None:
    """Plain digits and digits with thousands marks mean the same number."""
    read = parsed(csv_text({"quantity": f'"{seats:,}"'}, {"subscription_id": "S2", "quantity": str(seats)}))
    assert [row.quantity for row in read.rows] == [seats, seats]
