"""The product's sources as the architecture tests look at them: text and syntax trees, nothing imported."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ("collector", "mapper", "contract-planner", "psa-writer")


@cache
def modules() -> tuple[Path, ...]:
    """Every module of every wheel; tests apart."""
    parts = ("libs", "services", "cli", "simulators")
    return tuple(sorted(path for part in parts for path in ROOT.glob(f"{part}/**/src/**/*.py")))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def name(path: Path) -> str:
    """As a person would point to it."""
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    """Dotted names of what a module imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(path: Path, called: str) -> Iterator[ast.Call]:
    """Calls of anything whose last name is ``called``."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and last_name(node.func) == called:
            yield node


def last_name(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=attribute):
            return attribute
        case ast.Name(id=identifier):
            return identifier
        case _:
            return ""


def keywords(call: ast.Call) -> dict[str, str]:
    """Named arguments of a call, each as written."""
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg}
