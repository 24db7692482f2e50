"""The names of ``check``'s rows that docs/interface.md binds, against those that the code can say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from seatledger.cli import checks
from seatledger.collector.adapters.file_drop import checking as folder
from seatledger.collector.adapters.partner_center import checking as account
from seatledger.collector.handlers import check_connection as collector
from seatledger.psa_writer.adapters.autotask import probing
from seatledger.psa_writer.handlers import check_connection as writer

INTERFACE = Path(__file__).parents[2] / "docs" / "interface.md"
SAYS_A_ROW = {"green", "red", "refused", "_silent"}
SAYS_A_PART = {"_green", "_red", "_tried"}
"""Methods that put ``psa NAME:`` or ``source NAME:`` before what they are given."""
ABOUT = re.compile(r"(?:psa|source|service) NAME(?:: [^{]+)?")


def text(node: ast.expr) -> str | None:
    """A literal, with NAME for a value at the beginning, and ``…`` for one at the end."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
    whole = "".join(str(part) for part in parts)
    whole = re.sub(r"^(psa|source|service) \{\}", r"\1 NAME", whole)
    return re.sub(r"^right to \w+ \{\}$", "right to …", whole)


def said(module: object, whose: str) -> Iterator[str]:
    """Names in a module that makes rows of ``whose``, literal or given to a method that completes them."""
    for node in ast.walk(ast.parse(Path(str(vars(module)["__file__"])).read_text())):
        if isinstance(node, ast.JoinedStr) and ABOUT.fullmatch(text(node) or ""):
            yield text(node) or ""
        if isinstance(node, ast.Call) and node.args and (name := text(node.args[0])):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in SAYS_A_ROW and not name.startswith(("psa ", "service ")):
                yield name
            if called in SAYS_A_PART:
                yield f"{whose} NAME: {name}"


def bound() -> set[str]:
    """The names in the paragraph of ``check``."""
    line = next(line for line in INTERFACE.read_text().splitlines() if line.startswith("- `check "))
    names = re.findall(r"Names: (.*?) What cannot be tried", line)[0]
    found = set(re.findall(r"(?<![`\w])[a-z]+(?=,)", names.partition("`")[0]))
    for group in re.findall(r"`([^`]+)`", names):
        head, colon, parts = group.partition(": ")
        found |= {f"{head}: {part}" for part in parts.split("|")} if colon else {group}
    return found


def test_the_interface_lists_every_row() -> None:
    """No row has a name that the interface does not bind, and none of those is out of use."""
    modules = [(checks, ""), (probing, "psa"), (writer, "psa"), (account, "source"), (folder, "source")]
    code = {name for module, whose in [*modules, (collector, "source")] for name in said(module, whose)}
    assert {re.sub(r"right to .*", "right to …", name) for name in code} == bound()
