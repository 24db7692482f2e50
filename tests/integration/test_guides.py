"""The pages for those who run it: each command of a ``console`` block is run, and what it shows is what they see.

A block is ``$ COMMAND`` and below it what it says: ``…`` stands for anything, a line of it alone for any lines. The
installation is that of docs/getting-started.md on its second day: a plan waits, and one row of the file is bad.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.reader import ROOT, Reader, blocks, missing

START, AUTOTASK = ROOT / "docs" / "getting-started.md", ROOT / "docs" / "autotask.md"
UP = "seatledger up"
PAGES = ("when-held", "daily-work", "upgrade", "uninstall")
"""In this order: the second approves the plan."""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody with that installation before them, who came to it by docs/autotask.md: a first day in `observe`, then
    `propose`."""
    found = Reader(tmp_path)
    (tmp_path / "drop").mkdir()
    for name, text in zip(("autotask.yaml", "seatledger.yaml"), blocks(START, "yaml"), strict=True):
        found.write(name, text)
    found.set(settle_for_seconds="0")
    found.write("drop/monday.csv", blocks(START, "csv")[0])
    sandbox = next(block for block in blocks(START, "sh") if block.startswith("seatledger sandbox"))
    with ExitStack() as stack:
        stack.enter_context(found.running(sandbox, '"url"'))
        the_first_day(found)
        found.set(mode="propose")
        stack.enter_context(found.running(UP, "ready: 4 services"))
        yield found


def the_first_day(reader: Reader) -> None:
    """What docs/autotask.md says to do in `observe`, command for command."""
    day, mappings, _ = blocks(AUTOTASK, "sh")
    up, *looks = day.strip().splitlines()
    assert up.startswith(UP)
    export, fill_in = mappings.strip().splitlines()
    with reader.running(UP, "ready: 4 services"):
        said = reader.run("\n".join(looks))
        assert "right to add ContractServiceAdjustments" in said
        assert "map company drop C-1" in said
        reader.one(export)
        reader.fill_in("mappings.csv")
        reader.one(fill_in)
        reader.one("seatledger drain")
        reader.remember_the_plan()


def test_what_the_guides_show_is_what_one_sees(reader: Reader) -> None:
    """Every command of these pages can be given as it stands there, and says what the page shows; the last ones of
    docs/autotask.md, which are for the plan that waits, are among them."""
    approving = [line.split("#")[0].strip() for line in blocks(AUTOTASK, "sh")[-1].splitlines()]
    given = [command for page in PAGES for command in reader.compare(ROOT / "docs" / f"{page}.md")]
    assert "\n".join(approving) in "\n".join(given)


def test_a_line_that_nobody_said_is_found() -> None:
    """The test above can fail: a line that is not there, or comes too early, is told; ``…`` leaves the rest open."""
    said = "first 10 seats\nsecond   line\nthird"
    assert missing(["first … seats", "…", "second line"], said) is None
    assert missing(["first", "fourth"], said) == "fourth"
    assert missing(["third", "second"], said) == "second"
