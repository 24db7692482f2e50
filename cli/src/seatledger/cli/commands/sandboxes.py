"""``sandbox``: a vendor's API on this machine, for trying out and for tests."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from cyclopts import App

app = App(
    name="sandbox",
    help="A vendor's API on this machine, in memory.\n\nExample: seatledger sandbox autotask --seed at.yaml --port 0",
)


@app.command
def autotask(*, seed: Path, port: int, clock: Path | None = None, host: str = "127.0.0.1", tls: bool = False) -> int:
    """A local Autotask; needs no configuration.

    Example: seatledger sandbox autotask --seed autotask.yaml --port 8701

    Parameters
    ----------
    seed
        YAML or JSON with users, companies, services and contracts.
    port
        Where it listens; 0 takes any free port, which its first line names.
    clock
        A file with one instant: the sandbox's calendar.
    host
        The address on which it listens.
    tls
        https with a certificate of its own, to be had at /_sandbox/ca.pem.
    """
    _become("autotask_sandbox", seed, port, clock, host, tls)


@app.command
def partner_center(
    *, seed: Path, port: int, clock: Path | None = None, host: str = "127.0.0.1", tls: bool = False
) -> int:
    """A local Partner Center with its token endpoint; needs no configuration.

    Example: seatledger sandbox partner-center --seed partner-center.yaml --port 8702

    Parameters
    ----------
    seed
        YAML or JSON with tenant, client_id, client_secret and customers.
    port
        Where it listens; 0 takes any free port, which its first line names.
    clock
        A file with one instant: the sandbox's calendar.
    host
        The address on which it listens.
    tls
        https with a certificate of its own, to be had at /_sandbox/ca.pem.
    """
    _become("partner_center_sandbox", seed, port, clock, host, tls)


def _become(module: str, seed: Path, port: int, clock: Path | None, host: str, tls: bool) -> NoReturn:
    """This process turns into the sandbox."""
    argv = [sys.executable, "-m", module, "--seed", str(seed), "--port", str(port), "--host", host]
    argv += ["--clock", str(clock)] if clock else []
    argv += ["--tls"] if tls else []
    sys.stdout.flush()
    os.execv(argv[0], argv)  # noqa: S606  # the process id that the caller watches is then the sandbox's own
