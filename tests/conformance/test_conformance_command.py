"""The suites that ship with the packages, run by the command as somebody who adds an adapter would."""

import json
import subprocess
from pathlib import Path

import pytest

from scenarios import world
from tests.architecture.product import ROOT

EXAMPLES = ROOT / "docs" / "examples"
LINES = 60
PSA = """
from dataclasses import dataclass

from seatledger.psa_writer.adapters.memory import MemoryPsa
from seatledger.psa_writer.ports import Deadline
from seatledger.runtime.testing import JumpingMachine


@dataclass
class Stage:
    psa: MemoryPsa
    contract: int = 1
    line: int = 1000

    def soon(self):
        return Deadline(self.psa.machine.seconds() + 30)

    def past(self):
        return Deadline(self.psa.machine.seconds())

    async def truth(self, on):
        return self.psa.units(self.line).units_at(on)

    async def lose_the_next_answer(self, *, with_effect):
        self.psa.script.append("time_out_with_effect" if with_effect else "time_out_without_effect")

    async def close(self):
        pass


def stage():
    psa = MemoryPsa(JumpingMachine())
    psa.add_line(1000, 10)
    return Stage(psa)
"""
"""A stage as a stranger may write it, around the memory twin."""


def proved(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [str(world.PROGRAM), "conformance", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The example's modules in a folder of their own."""
    folder = tmp_path / "docs" / "examples"
    folder.mkdir(parents=True)
    for path in EXAMPLES.glob("*.py"):
        (folder / path.name).write_text(path.read_text())
    return tmp_path


def test_the_example_of_the_guide_passes(tmp_path: Path) -> None:
    """Sixty lines are a whole distributor: exit 0 and pytest's own summary; what it cannot do is skipped."""
    assert len((EXAMPLES / "example_distributor.py").read_text().splitlines()) <= LINES
    done = proved(ROOT, "distributor", "docs.examples.example_bench:bench")
    assert (done.returncode, done.stderr) == (0, "")
    assert " passed, " in done.stdout.splitlines()[-1]
    assert "failed" not in done.stdout


BROKEN = {
    "a missing folder is an empty one": ("self.folder.iterdir()", 'self.folder.glob("*.json")'),
    "a bad row is dropped": ("if isinstance(one, Problem)", "if one is None"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_variant_of_it_fails(copied: Path, fault: str) -> None:
    """Exit 1, and with --json the numbers on stdout, pytest's talk on stderr."""
    file = copied / "docs" / "examples" / "example_distributor.py"
    right, wrong = BROKEN[fault]
    assert file.read_text().count(right) == 1
    file.write_text(file.read_text().replace(right, wrong))
    done = proved(copied, "distributor", "docs.examples.example_bench:bench", "--json")
    assert done.returncode == 1
    counts = json.loads(done.stdout)
    assert (counts["adapter"], counts["failed"]) == ("docs.examples.example_bench:bench", 1)
    assert counts["passed"] > 0
    assert " failed, " in done.stderr


def test_a_psa_is_proved_by_its_stage(tmp_path: Path) -> None:
    """Module and factory are found beside the current folder."""
    (tmp_path / "my_psa.py").write_text(PSA)
    done = proved(tmp_path, "psa", "my_psa:stage")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "failed" not in done.stdout.splitlines()[-1]
    assert " passed" in done.stdout.splitlines()[-1]
