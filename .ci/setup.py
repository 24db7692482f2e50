"""Makes ``.venv``: the locked packages and this repository's wheels. Run by make, with the Python it found.

Standard library only. All of pip's talk goes to ``.venv/setup.log``; stdout stays empty, because the last line there
belongs to the command that make was asked for.
"""

from __future__ import annotations

import fcntl
import os
import platform
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
LOG = VENV / "setup.log"
LOCK = ROOT / "requirements.lock"
MACHINES = {"linux": {"x86_64", "aarch64"}, "darwin": {"arm64"}}


def main() -> None:
    """Install once, whoever else is at it in the same folder."""
    refuse_foreign_platform()
    VENV.mkdir(exist_ok=True)
    with (ROOT / ".venv" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two `make demo` at once: the second finds the work done
        if not is_fresh():
            install()


def refuse_foreign_platform() -> None:
    """One line for a machine on which no wheel of the embedded broker and store fits."""
    musl = sys.platform == "linux" and platform.libc_ver()[0] != "glibc"
    if platform.machine() in MACHINES.get(sys.platform, set()) and not musl:
        return
    name = f"{platform.system()} {platform.machine()}" + (" with musl" if musl else "")
    raise SystemExit(
        f"seatledger: the embedded broker and store have no build for {name}; use Linux with glibc (x86_64 or arm64, "
        "a virtual machine or WSL will do) or macOS (arm64)."
    )


def sources() -> list[Path]:
    """What an installation depends on: the lock and each wheel's pyproject.toml."""
    return [LOCK, *sorted(folder / "pyproject.toml" for folder in wheels())]


def wheels() -> list[Path]:
    """The folders that are wheels of their own, in no order that matters: all go into one pip command."""
    groups = ("libs/*", "services/*", "cli", "simulators/*")
    return sorted(folder for group in groups for folder in ROOT.glob(group) if (folder / "pyproject.toml").is_file())


def is_fresh() -> bool:
    """Whether the stamp is younger than everything it depends on."""
    return STAMP.is_file() and all(path.stat().st_mtime <= STAMP.stat().st_mtime for path in sources())


def install() -> None:
    """Make or refresh the environment. Exits with the end of pip's log when it fails."""
    started = time.monotonic()
    say(f"installing into .venv with Python {platform.python_version()} (about a minute the first time) ...")
    if not usable():
        venv.EnvBuilder(symlinks=True, with_pip=True, clear=False, upgrade=False).create(VENV)
    with LOG.open("wb") as log:
        pip(log, "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK))
        # --no-deps: the lock has named everything. One command, so that no local name is ever asked of an index.
        editable = [part for folder in wheels() for part in ("-e", str(folder))]
        pip(log, "--no-deps", "--no-build-isolation", *editable)
    STAMP.touch()
    say(f"installed in {time.monotonic() - started:.0f} s")


def usable() -> bool:
    """Whether ``.venv`` holds a Python of the version we were started with that still runs."""
    probe = [str(PYTHON), "-c", f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"]
    try:
        return subprocess.run(probe, check=False, capture_output=True).returncode == 0  # noqa: S603  # fixed argument list
    except OSError:
        return False


def pip(log: IO[bytes], *arguments: str) -> None:
    """One quiet ``pip install``."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    done = subprocess.run(command, check=False, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environment())  # noqa: S603  # fixed argument list
    if done.returncode:
        tail = LOG.read_text(errors="replace").splitlines()[-12:]
        raise SystemExit("\n".join([*tail, f"seatledger: the installation failed; all of it is in {LOG}"]))


def environment() -> dict[str, str]:
    """The environment without what would point pip or Python elsewhere than into ``.venv``."""
    drop = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV"}
    return {name: value for name, value in os.environ.items() if name not in drop}


def say(text: str) -> None:
    """Progress, for people."""
    sys.stderr.write(f"seatledger: {text}\n")


if __name__ == "__main__":
    main()
