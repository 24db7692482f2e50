"""The program ``seatledger``."""

import sys

from seatledger.cli.app import build_app, run
from seatledger.runtime.redaction import guard_crashes


def main() -> int:
    """Carry out the command line; the exit code."""
    guard_crashes()
    return run(build_app(), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
