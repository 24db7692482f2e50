"""Each sandbox is a wheel that installs and runs alone, with nothing around it but what it declares."""

import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SECONDS = 300
OFFLINE = re.compile(r"connection|name resolution|timed out|network|proxy", re.IGNORECASE)
AUTOTASK = {"users": [{"username": "a@b.example", "secret": "s", "integrationCode": "c"}]}
PARTNER_CENTER = {"tenant": "11111111-2222-3333-4444-555555555555", "client_id": "app", "client_secret": "s"}
SANDBOXES = [("autotask", "autotask_sandbox", AUTOTASK), ("partner_center", "partner_center_sandbox", PARTNER_CENTER)]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=_clean())


def _clean() -> dict[str, str]:
    """Nothing that leads Python to packages outside of the environment that it runs in."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def _build(folder: Path, target: Path) -> Path:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target)]
    done = _run(sys.executable, "-m", "pip", "wheel", *options, str(folder))
    assert done.returncode == 0, done.stderr
    return next(target.glob("*.whl"))


def _versions(target: Path) -> Path:
    """The lock's versions without its hashes, which a wheel just built cannot have."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    file = target / "versions.txt"
    pins = (line.removesuffix("\\").strip() for line in lines if re.match(r"[\w.-]+(\[[\w,-]+\])?==", line))
    file.write_text("\n".join(re.sub(r"\[[\w,-]+\]", "", pin) for pin in pins), encoding="utf-8")
    return file


def _install(wheel: Path, folder: Path) -> Path:
    """A fresh environment without pip of its own; the versions are those that the repository was installed with."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    python = folder / "bin" / "python"
    options = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--constraint", str(_versions(folder))]
    done = _run(sys.executable, "-m", "pip", "--python", str(python), "install", *options, str(wheel))
    if done.returncode and OFFLINE.search(done.stderr):
        pytest.skip(f"no package index to be reached: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture
def started() -> Iterator[list["subprocess.Popen[str]"]]:
    """Processes that end with the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate(timeout=30)


@pytest.mark.parametrize(("folder", "module", "seed"), SANDBOXES, ids=[name for name, _, _ in SANDBOXES])
def test_installs_and_runs_alone(
    folder: str, module: str, seed: dict[str, object], tmp_path: Path, started: list["subprocess.Popen[str]"]
) -> None:
    """Built, installed with only its declared dependencies and started by its module, it is up and has none of ours."""
    python = _install(_build(ROOT / "simulators" / folder, tmp_path), tmp_path / "alone")
    assert _run(str(python), "-c", "import seatledger").returncode == 1
    file = tmp_path / "seed.yaml"
    file.write_text(yaml.safe_dump(seed), encoding="utf-8")
    command = [str(python), "-I", "-m", module, "--seed", str(file), "--port", "0"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=_clean(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    started.append(process)
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first, process.communicate(timeout=30)[1]
    assert httpx2.get(f"{json.loads(first)['url']}/_sandbox/health", timeout=30).status_code == 200
