"""docs/getting-started.md, walked word for word: its files written, its commands run in their order."""

import re
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.integration.reader import ROOT, Reader, blocks

GUIDE = ROOT / "docs" / "getting-started.md"


def today() -> date:
    """The day by the guide's configuration."""
    return datetime.now(ZoneInfo("Europe/Amsterdam")).date()


def test_the_guide_for_newcomers_does_what_it_says(tmp_path: Path) -> None:
    """One customer, one line, one file: observed, proposed, posted by itself, with the findings that it names."""
    reader = Reader(tmp_path)
    (tmp_path / "drop").mkdir()
    for name, text in zip(("autotask.yaml", "seatledger.yaml"), blocks(GUIDE, "yaml"), strict=True):
        reader.write(name, text)
    _, sandbox, _, up, look, collect, map_, show, approve, units, again = blocks(GUIDE, "sh")
    monday, tuesday = blocks(GUIDE, "csv")
    with ExitStack() as stack:
        stack.enter_context(reader.running(sandbox, '"url"'))
        with reader.running(up, "ready: 4 services"):
            assert re.search(r"main +1 +1 ", reader.run(look))
            reader.write("drop/monday.csv", monday)
            said = reader.run(collect)
            for word in ("'8.0' is no whole number", "map company drop C-1", "map offer drop BP-0001"):
                assert word in said
            assert (tmp_path / "drop" / "processed" / "monday.csv").is_file()
            assert "proposed" in reader.run(map_)
            reader.remember_the_plan()
            assert "10 → 12" in reader.run(show)
        reader.set(mode="propose")
        day = today()
        with reader.running(up, "ready: 4 services"):
            said = reader.run(approve)
            assert "done" in said
            assert "posted" in said.splitlines()[-1]
            assert '"units":12' in reader.run(units)
        reader.set(mode="auto")
        with reader.running(up, "ready: 4 services"):
            reader.write("drop/tuesday.csv", tuesday)
            said = reader.run(again)
            assert "'8.0'" not in said
            assert "date_used" in said or today() != day
            assert "map offer drop EX-0001" in said
