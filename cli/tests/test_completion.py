"""Shell completion: the scripts know every command, and a shell that loads one completes with it."""

import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from seatledger.cli.app import build_app, run
from seatledger.cli.context import ServiceName
from seatledger.schemas.heads import SERVICES

DRIVER = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_seatledger
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(build_app(), ["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_with_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, groups of commands and their options stand in it."""
    told = script(shell, capsys)
    for word in ("explain", "check", "dead", "ledger", "approve", "hash", "since", "config"):
        assert word in told


def test_another_shell_is_a_plain_no(capsys: pytest.CaptureFixture[str]) -> None:
    """What is no shell of ours ends with 2."""
    assert run(build_app(), ["completion", "dos"]) == 2
    assert capsys.readouterr().err.startswith("error: command line: ")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["seatledger", "run", "ma"], "mapper"),
        (["seatledger", "exp"], "explain"),
        (["seatledger", "dead", "re"], "retry"),
        (["seatledger", "plan", "approve", "--ha"], "--hash"),
        (["seatledger", "tail", "--si"], "--since"),
    ],
    ids=" ".join,
)
def test_bash_completes_with_it(
    words: list[str], wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands, commands of a group, and options."""
    file = tmp_path / "seatledger.bash"
    file.write_text(script("bash", capsys))
    bash = shutil.which("bash") or "bash"
    done = subprocess.run([bash, "-c", DRIVER, "bash", str(file), *words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [wanted]


def test_the_services_that_a_shell_offers_are_all_there_are() -> None:
    """A service that is added is completed too."""
    assert get_args(ServiceName) == SERVICES
