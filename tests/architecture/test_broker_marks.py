"""`make test-kafka` leaves nothing out unseen: what starts a stack is marked as needing a broker, or named here."""

import ast
from pathlib import Path

import pytest

from tests.architecture.product import ROOT, imports, last_name, name, tree

BEGINNINGS = {
    "bench.memory",
    "seatledger.devstack.Devstack",
    "tests.integration.hands.Stack",
    "tests.integration.reader.Reader",
    "tests.security.watched_run.Watched",
}
"""Whoever calls one of these, or gives the word ``up`` to a call or a command line, starts a stack."""
GIVEN = {"stack", "config_factory"}
"""Fixtures by which conftest.py marks a test."""
EXCEPTIONS = {
    "cli/tests/test_up_refuses.py": "refused before anything starts",
    "tests/integration/test_configuration.py": "refused before anything starts",
    "libs/devstack/tests/test_stack.py": "the embedded programs themselves",
    "libs/devstack/tests/test_watch.py": "the embedded programs themselves",
    "libs/runtime/tests/test_mongo.py": "the store alone",
    "tests/bench/test_bench.py": "make bench measures on the embedded broker",
    "tests/newcomer/test_readme.py": "a clone and an environment of its own; a part of .ci/run",
}
"""Not marked, and why."""


def starts_a_stack(path: Path) -> bool:
    makers = {each.rpartition(".")[2] for each in BEGINNINGS.intersection(imports(path))}
    for node in ast.walk(tree(path)):
        given = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.List) else []
        if any(isinstance(each, ast.Constant) and each.value == "up" for each in given):
            return True
        if isinstance(node, ast.Call) and {last_name(node.func), last_name(getattr(node.func, "value", node))} & makers:
            return True
    return False


def is_marked(path: Path, own_stacks: tuple[str, ...]) -> bool:
    """As conftest.py does it, or by a mark that stands in the module."""
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    asked = {argument.arg for function in functions for argument in function.args.args}
    listed = any(part in path.as_posix() for part in own_stacks)
    return listed or "pytest.mark.broker" in path.read_text() or ("devstack" not in path.parts and bool(GIVEN & asked))


def test_whatever_starts_a_stack_is_marked_or_an_exception(pytestconfig: pytest.Config) -> None:
    """A new module that starts one runs on Apache Kafka too, unless somebody writes here why not."""
    root = next(each for each in pytestconfig.pluginmanager.get_plugins() if hasattr(each, "OWN_STACKS"))
    modules = [path for part in pytestconfig.getini("testpaths") for path in (ROOT / part).rglob("test_*.py")]
    starting = [path for path in modules if starts_a_stack(path)]
    assert {name(path) for path in starting if not is_marked(path, root.OWN_STACKS)} == EXCEPTIONS.keys()
    assert all(any(part in path.as_posix() for path in modules) for part in root.OWN_STACKS)
