"""Bad input has its clear error where a person looks, and nothing else stops or is lost."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from scenarios import files, world
from tests.integration.hands import COMPANIES, PRICE, Company, Stack, row

# -- files --------------------------------------------------------------------------------------------------------

BAD_CELLS = {
    "8.0": ("quantity", "8.0"),
    "1e3": ("quantity", "1e3"),
    "-1": ("quantity", "-1"),
    "(2)": ("quantity", "(2)"),
    "a date in another form": ("observed_at", "09-03-2026"),
    "no status": ("status", ""),
}
FILES = {
    "broken JSON": ("south", "a-broken.json", b'{"schema": "subscription-drop/1", "rows": ['),
    "no text": ("north", "a-no-text.csv", b"\xff\xfe\x00\x01\x02\x03"),
    "a required column is missing": ("north", "a-short.csv", b"customer_id,subscription_id\nC-101,s-1\n"),
    "a doubled id column": ("north", "a-doubled.csv", b"customer_id,customer_id,quantity\nC-101,C-102,1\n"),
}
CSV_SHAPES: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "Windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "a line break in quotes": lambda text: re.sub(r"Company (\d+)", r'"Company\n\1"', text).encode(),
}
SEATS = 4


@dataclass
class Delivered:
    """Everything bad at once, among good rows: what stood when all was quiet, and after good rows had come."""

    stack: Stack
    cells: dict[str, Company]
    shapes: dict[str, Company]
    torn: Company
    older: Company
    neighbours: dict[str, Company]
    """The good rows, by the file that they were in."""
    sweeps: list[dict[str, Any]] = field(default_factory=list)
    first: dict[int, Any] = field(default_factory=dict)
    """Units of lines."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    later: list[dict[str, Any]] = field(default_factory=list)
    last: dict[int, Any] = field(default_factory=dict)

    def about(self, company: Company, code: str = "source_row_bad") -> list[dict[str, Any]]:
        return [each for each in self.findings if (each["subscription"], each["code"]) == (company.subscription, code)]


def units(stack: Stack) -> dict[int, Any]:
    return {each["contractServiceID"]: each["units"] for each in stack.sandbox.get(f"/_sandbox/units?on={stack.day}")}


@pytest.fixture(scope="module")
def delivered(stack: Stack) -> Delivered:
    """One bad morning: deliver all of it, look, deliver good rows, look again."""
    whole = Delivered(
        stack,
        cells={name: stack.company() for name in BAD_CELLS},
        shapes={name: stack.company() for name in CSV_SHAPES},
        torn=stack.company(),
        older=stack.company(),
        neighbours={name: stack.company() for name in ("cells", "torn", "older", "ended")},
    )
    for account, file, content in FILES.values():
        stack.drop(account, file, content)
    good = {name: row(company, SEATS) for name, company in whole.neighbours.items()}
    bad = [{**row(company, SEATS), BAD_CELLS[name][0]: BAD_CELLS[name][1]} for name, company in whole.cells.items()]
    stack.deliver("north", [good["cells"], *bad])
    stack.deliver("south", [row(whole.torn, 4), row(whole.torn, 5), good["torn"]])
    stack.deliver("south", [row(whole.older, SEATS), row(stack.ended_company, SEATS), good["ended"]])
    stack.deliver("south", [row(whole.older, 2, observed_at="2026-03-01T08:00:00Z"), good["older"]])
    for name, company in whole.shapes.items():
        text = files.as_csv([row(company, SEATS, observed_at=f"{stack.day}T09:30:00Z")], False).replace("\r\n", "\n")
        stack.drop("north", f"shape-{company.id}.csv", CSV_SHAPES[name](text))
    whole.sweeps = stack.collect()
    stack.drain()
    whole.first, whole.findings = units(stack), stack.findings()
    stack.deliver("north", [row(company, SEATS) for company in whole.cells.values()])
    stack.deliver("south", [row(whole.torn, SEATS), row(whole.older, SEATS)])
    stack.settle()
    whole.last, whole.later = units(stack), stack.findings()
    return whole


@pytest.mark.parametrize("name", BAD_CELLS)
def test_a_bad_cell_is_a_finding_with_its_place(delivered: Delivered, name: str) -> None:
    """Source, file, row and column; the row counts nothing."""
    company = delivered.cells[name]
    (found,) = delivered.about(company)
    line = 3 + list(BAD_CELLS).index(name)
    assert (found["source"], found["column"], found["row"]) == ("north", BAD_CELLS[name][0], line)
    assert found["file"].endswith(".csv")
    assert delivered.first[company.line] == 0


def test_good_rows_beside_bad_ones_go_on(delivered: Delivered) -> None:
    """Whatever else stands in a file, or beside it: the good rows are posted, and the sweep counts the bad ones."""
    assert {name: delivered.first[each.line] for name, each in delivered.neighbours.items()} == dict.fromkeys(
        delivered.neighbours, SEATS
    )
    assert all(sweep["bad_rows"] > 0 for sweep in delivered.sweeps)


def test_two_rows_that_contradict_each_other_count_neither(delivered: Delivered) -> None:
    """Same subscription, same stamp, other quantity: a finding, and none of the two is believed."""
    assert delivered.about(delivered.torn)
    assert delivered.first[delivered.torn.line] == 0


def test_an_older_row_changes_nothing(delivered: Delivered) -> None:
    """What is older than what is stored is a finding, and the newer quantity stays."""
    assert delivered.about(delivered.older)
    assert delivered.first[delivered.older.line] == SEATS


def test_a_contract_that_ended_is_a_finding(delivered: Delivered) -> None:
    """No line is invented: contract_ended, with the contract's last day in the message and the money, if known."""
    company = delivered.stack.ended_company
    (found,) = [each for each in delivered.findings if each["code"] == "contract_ended"]
    assert found["company"] == company.id
    assert "2026-02-28" in found["message"]
    assert found["money_per_month"] in (None, {"amount": f"{SEATS * PRICE:.2f}", "currency": "EUR"})


@pytest.mark.parametrize("name", FILES)
def test_an_unreadable_file_is_put_aside(delivered: Delivered, name: str) -> None:
    """It goes to failed/ with a finding that names it; later files of the same source were taken."""
    account, file, _ = FILES[name]
    assert (delivered.stack.folder / account / "failed" / file).exists()
    every = delivered.stack.cli.run("findings", "--all", accept=(0, 1))
    assert [each["code"] for each in every if each["file"] == file]


@pytest.mark.parametrize("shape", CSV_SHAPES)
def test_csv_as_spreadsheets_write_it_is_read(delivered: Delivered, shape: str) -> None:
    """Byte order marks, other delimiters and quoted line breaks are no errors."""
    company = delivered.shapes[shape]
    assert delivered.first[company.line] == SEATS
    assert [each for each in delivered.findings if each["subscription"] == company.subscription] == []


def test_good_rows_close_the_findings(delivered: Delivered) -> None:
    """Once the distributor has mended its file, units are right and no finding about those rows is left."""
    mended = [*delivered.cells.values(), delivered.torn, delivered.older]
    assert [delivered.last[company.line] for company in mended] == [SEATS] * len(mended)
    subscriptions = {company.subscription for company in mended}
    assert [each for each in delivered.later if each["subscription"] in subscriptions] == []


# -- mappings, contracts, credentials -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("company", "north", "C-new", "999999"), "999999"),
        (("offer", "north", "OFFER-NEW", "999999"), "999999"),
        (("contract", "north", "s-new", "999999"), "999999"),
    ],
    ids=["company", "service", "contract"],
)
def test_a_mapping_to_what_does_not_exist_is_refused(stack: Stack, words: tuple[str, ...], told: str) -> None:
    """Exit 1, the answer names the id, and nothing is mapped."""
    ended = stack.cli.ended("map", *words)
    assert ended.code == 1
    assert told in ended.json["message"]
    assert "does not exist" in ended.json["message"]
    assert words[2] not in {each["key"] for each in stack.cli.run("map", "list")}


def test_a_refused_row_leaves_the_other_rows_standing(stack: Stack) -> None:
    """Of an imported file the good rows count; exit 1 says that one does not."""
    table = f"kind,source,key,target\noffer,north,OFFER-{COMPANIES},9001\noffer,north,OFFER-BAD,999999\n"
    (stack.folder / "some.csv").write_text(table)
    assert stack.cli.ended("map", "import", str(stack.folder / "some.csv")).code == 1
    keys = {each["key"] for each in stack.cli.run("map", "list")}
    assert f"OFFER-{COMPANIES}" in keys
    assert "OFFER-BAD" not in keys


def test_credentials_that_stop_working_are_one_finding_and_heal_by_themselves(stack: Stack) -> None:
    """401 on everything: one finding for the connection, nothing lost; once they work again the change is posted."""
    company = stack.company()
    stack.sandbox.post("/_sandbox/faults", {"do": "status", "status": 401, "match": {"path_contains": "V1.0"}})
    try:
        world.wait_for(lambda: stack.findings(code="credentials"), 30, "no finding")
        stack.deliver("north", [row(company, 3)])
        stack.collect()
        calls = stack.sandbox.get("/_sandbox/counters")["calls"]
        assert len(stack.findings(code="credentials")) == 1
        assert stack.sandbox.get("/_sandbox/counters")["calls"] - calls <= 1
    finally:
        stack.forget_faults()
    world.wait_for(lambda: stack.units(company.line) == 3, 90, "the writer does not resume")
    world.wait_for(lambda: stack.findings(code="credentials") == [], 15, "the finding stays open")
    assert len(stack.effects(company.line)) == 1
