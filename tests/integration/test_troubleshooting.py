"""docs/troubleshooting.md says what the program says: each row is compared with the trouble itself."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.product import ROOT
from tests.integration.troubles import TROUBLES, Desk

ROW = re.compile(r"^\| `([^`]+)` \| (.+) \| (.+) \|$", re.MULTILINE)


@cache
def rows() -> dict[str, re.Pattern[str]]:
    """What the page says that is said, as patterns: ``…`` stands for anything on the line."""
    texts = [says for says, _, _ in ROW.findall((ROOT / "docs" / "troubleshooting.md").read_text())]
    assert len(texts) == len(set(texts))
    return {text: re.compile(".+".join(re.escape(part) for part in text.split("…"))) for text in texts}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said in each trouble."""
    folder = tmp_path_factory.mktemp("troubles")
    found = {}
    for number, (name, bring_about) in enumerate(TROUBLES.items()):
        (folder / str(number)).mkdir()
        found[name] = bring_about(Desk(folder / str(number)))
    return found


@pytest.mark.parametrize("text", rows())
def test_what_the_page_says_is_what_is_said(said: dict[str, str], text: str) -> None:
    """A message that was changed, or never existed, is found here."""
    assert [name for name, line in said.items() if rows()[text].search(line)]


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_stands_on_the_page(said: dict[str, str], name: str) -> None:
    """Somebody who searches for the line in front of them finds it."""
    assert [text for text, pattern in rows().items() if pattern.search(said[name])], said[name]


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_is_told_plainly(said: dict[str, str], name: str) -> None:
    """No traceback, no secret; and it says what to do: a sentence after the fact, or a half after a semicolon."""
    assert "Traceback" not in said[name]
    assert not re.search(r"a-secret|hunter2|word@|pass/|/word", said[name].replace("without the secret", ""))
    assert re.search(r"(\. |; |→ |: install )\S", said[name]) or name in {"user refused", "right missing"}


def test_the_page_has_all_that_the_interface_promises() -> None:
    """The eight troubles for which one clear line is promised by name."""
    promised = {"port", "old Python", "no Python", "broker and store away", "partitions", "no journal", "disk"}
    promised |= {"Autotask's clock", "store's clock", "a section of a later release"}
    assert promised <= TROUBLES.keys()


def test_a_secret_may_end_with_a_line_and_begin_with_a_mark(tmp_path: Path) -> None:
    """What editors add to a file is no part of the secret: with it the configuration is read, and fails later."""
    assert "no broker and store run" in Desk(tmp_path).secret(b"\xef\xbb\xbfa-secret-of-mine\r\n")
