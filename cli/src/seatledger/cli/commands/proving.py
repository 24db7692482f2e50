"""``conformance``: the suites that ship with the packages, against anybody's adapter."""

import os
import sys
from typing import Literal

from seatledger.cli.context import Ctx


def conformance(suite: Literal["distributor", "psa"], adapter: str, /, *, context: Ctx) -> int:
    """Prove that an adapter keeps what its port promises; needs no configuration.

    Exit 1 if a test failed, 2 if the module cannot be imported or has no such factory.

    Example: seatledger conformance distributor docs.examples.example_bench:bench

    Parameters
    ----------
    suite
        distributor or psa.
    adapter
        MODULE:FACTORY; the factory takes nothing and makes the bench (distributor) or the stage (psa) around it.
    """
    argv = [sys.executable, "-m", "seatledger.cli.proof", suite, adapter, *(["--json"] if context.json else [])]
    sys.stdout.flush()
    os.execv(argv[0], argv)  # noqa: S606  # the suite imports services, which the command line does not
