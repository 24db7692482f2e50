"""docs/design.md section 3 names every collection of the store, and none that is not there."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from seatledger.schemas.mappings import MAPPING_COLLECTIONS
from tests.architecture.product import ROOT, calls, last_name, modules, tree

OPENERS = ("collection", "documents")
"""``store.collection(NAME)``, ``runtime.documents(NAME, Model)``: a constant, or one of the mappings' names."""


def constants() -> dict[str, set[str]]:
    """Strings by the name that a module gives them; a name may stand for another one elsewhere."""
    found = defaultdict[str, set[str]](set)
    for path in modules():
        for node in tree(path).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                    found[name].add(text)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                    found[name].add(text)
                case _:
                    pass
    return found


def opened() -> Iterator[str]:
    """Names of constants by which collections are opened."""
    for path in modules():
        for opener in OPENERS:
            for call in calls(path, opener):
                name = last_name(call.args[0]) if call.args else ""
                if name.isupper():
                    yield name


def test_the_design_names_every_collection() -> None:
    """Whoever looks into the database finds in the table who owns what lies there; each stands there once."""
    design = (ROOT / "docs" / "design.md").read_text()
    _, _, table = design.partition("| service | owns")
    owned = [row.split("|")[2] for row in table.partition("\n\n")[0].splitlines()[2:]]
    named = re.findall(r"`([a-z_]+)`", "".join(owned))
    assert len(named) == len(set(named))
    strings = constants()
    meanings = [strings[name] for name in set(opened())] + [{name} for name in MAPPING_COLLECTIONS.values()]
    assert [texts for texts in meanings if not texts & set(named)] == []
    assert set(named) <= set().union(*meanings)
