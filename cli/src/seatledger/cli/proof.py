"""A suite that ships with a package, run against somebody's adapter in a process of its own.

The suite and the adapter import services; the command line does not, so it becomes this program
(``python -m seatledger.cli.proof SUITE MODULE:FACTORY [--json]``).
"""

import importlib
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from seatledger.cli.context import Context
from seatledger.cli.errors import CliError, Exit, sentence, usage


@dataclass(frozen=True)
class Suite:
    """A module of tests that asks for the fixture ``fixture``: the factory of what it works with."""

    module: str
    fixture: str
    package: str


SUITES: Final = {
    "distributor": Suite("seatledger.collector.conformance", "bench_factory", "seatledger-collector"),
    "psa": Suite("seatledger.psa_writer.conformance", "stage_factory", "seatledger-psa-writer"),
}
NEEDED: Final = ("pytest", "pytest_asyncio")


def prove(suite: Suite, adapter: str, context: Context) -> int:
    """The suite's verdict: 0 passed, 1 failed. :class:`CliError` (2) where it cannot run, or runs no test."""
    _need_pytest()
    factory = load(adapter)
    _need_suite(suite)
    with redirect_stdout(sys.stderr if context.json else sys.stdout):
        code, counts = _run(suite, factory)
    if context.json:
        context.document({"adapter": adapter, **counts})
    if code not in (Exit.DONE, Exit.NO):
        raise usage(adapter, "the suite did not come to its end", "See what pytest says above")
    return code


def load(adapter: str) -> Callable[[], Any]:
    """The factory that ``MODULE:FACTORY`` names; modules beside the current folder are found too."""
    name, _, attribute = adapter.partition(":")
    if not name or not attribute:
        raise usage(adapter, "this names no factory", "Write MODULE:FACTORY, as my_adapter:bench")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        do = f"Change to the folder in which it lies, or install it for {sys.executable}"
        raise usage(adapter, f"there is no module {error.name}", do) from error
    except Exception as error:
        what = f"{name} cannot be imported: {type(error).__name__}: {sentence(str(error))}"
        raise usage(adapter, what, "Mend the module") from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        near = get_close_matches(attribute, [key for key in vars(module) if not key.startswith("_")], n=1)
        hint = f"Did you mean {near[0]}" if near else "Write a function without arguments that makes what is tested"
        raise usage(adapter, f"{name} has no factory {attribute}", hint)
    return factory  # type: ignore[no-any-return]  # a stranger's function


def _need_pytest() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        what = f"{' and '.join(missing)} cannot be found, with which the suites are run"
        raise usage("conformance", what, "Install seatledger-cli[conformance]")


def _need_suite(suite: Suite) -> None:
    try:
        importlib.import_module(suite.module.rpartition(".")[0])
    except ModuleNotFoundError as error:
        raise usage("conformance", f"{suite.package} is not installed here", f"Install {suite.package}") from error


def _run(suite: Suite, factory: Callable[[], Any]) -> tuple[int, dict[str, int]]:
    import pytest

    class Count:
        """What came of the tests."""

        def __init__(self) -> None:
            self.numbers = dict.fromkeys(("passed", "failed", "skipped"), 0)

        def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
            if report.when == "call" or report.outcome != "passed":
                self.numbers[report.outcome] += 1

    given = ModuleType("adapter_under_test")
    vars(given)["given"] = pytest.fixture(name=suite.fixture)(lambda: factory)
    count = Count()
    os.environ.pop("PYTEST_ADDOPTS", None)  # somebody's own habits are no part of a proof
    words = ["--pyargs", suite.module, "-c", os.devnull, "--rootdir", str(Path.cwd()), "-p", "no:cacheprovider", "-ra"]
    words += ["--import-mode=importlib", "-o", "consider_namespace_packages=true", "-o", "asyncio_mode=auto"]
    words += ["-o", "asyncio_default_fixture_loop_scope=function"]
    return int(pytest.main(words, plugins=[given, count])), count.numbers


def main() -> int:
    """Carry out the words on the command line; the exit code."""
    suite, adapter, *rest = sys.argv[1:]
    context = Context(json="--json" in rest)
    try:
        return prove(SUITES[suite], adapter, context)
    except CliError as error:
        context.note(f"error: {error}")
        if context.json:
            context.document(error.document)
        return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main())
