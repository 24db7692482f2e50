"""What stands in the way of a proof is told before any test runs: exit 2, with the way out."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from seatledger.cli import proof
from seatledger.cli.context import Context
from seatledger.cli.errors import CliError, Exit


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two modules, as the current one; what is imported is forgotten again."""
    (tmp_path / "an_adapter.py").write_text("def bench(): return 'a bench'\nnumber = 3\n")
    (tmp_path / "a_broken_one.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.delitem(sys.modules, "an_adapter", raising=False)
    return tmp_path


def test_a_factory_beside_the_current_folder_is_found() -> None:
    """MODULE:FACTORY names what is called without arguments."""
    assert proof.load("an_adapter:bench")() == "a bench"


@pytest.mark.parametrize(
    ("adapter", "told"),
    [
        ("an_adapter", "this names no factory. Write MODULE:FACTORY"),
        (":bench", "this names no factory"),
        ("no_such_adapter:bench", "there is no module no_such_adapter. Change to the folder"),
        ("a_broken_one:bench", "cannot be imported: RuntimeError: no licence. Mend"),
        ("an_adapter:bensh", "has no factory bensh. Did you mean bench"),
        ("an_adapter:number", "has no factory number"),
    ],
)
def test_what_cannot_be_loaded_is_named(adapter: str, told: str) -> None:
    """Exit 2: where, what, and what to do."""
    with pytest.raises(CliError) as caught:
        proof.load(adapter)
    assert caught.value.exit_code is Exit.USAGE
    assert str(caught.value).startswith(f"{adapter}: ")
    assert told in str(caught.value)


def test_without_pytest_the_package_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites need pytest and pytest-asyncio, which services do not."""
    monkeypatch.setattr(proof, "find_spec", lambda name: None if name == "pytest_asyncio" else SimpleNamespace())
    with pytest.raises(CliError, match=r"pytest_asyncio cannot be found.*Install seatledger-cli\[conformance\]"):
        proof.prove(proof.SUITES["psa"], "an_adapter:bench", Context())


def test_a_suite_that_is_not_installed_is_named() -> None:
    """Only the collector's own package brings the distributors' suite."""
    suite = proof.Suite("seatledger.no_such_service.conformance", "bench_factory", "seatledger-no-such")
    with pytest.raises(CliError, match="seatledger-no-such is not installed here"):
        proof.prove(suite, "an_adapter:bench", Context())
