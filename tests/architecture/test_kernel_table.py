"""The table of the kernel's sentences names tests that exist."""

import ast
import re

import pytest

from tests.architecture.product import ROOT, tree

TABLE = ROOT / "docs" / "kernel-tests.md"
ID = re.compile(r"`([\w./-]+\.py)::(test_\w+)(?:\[[^`]*\])?`")
IDS = sorted(set(ID.findall(TABLE.read_text())))


def test_every_row_of_the_table_names_a_test() -> None:
    """A row without an id, or with one that does not look like one, would check nothing."""
    rows = [row for row in TABLE.read_text().splitlines() if row.startswith("| ") and not row.startswith("| sentence")]
    assert rows
    assert [row for row in rows if not ID.search(row)] == []


@pytest.mark.parametrize(("path", "name"), IDS)
def test_each_test_of_the_table_exists(path: str, name: str) -> None:
    """The file is there and defines a test of that name."""
    found = ast.walk(tree(ROOT / path))
    assert name in {node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
