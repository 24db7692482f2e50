"""Runs the PSA writer: ``python -m seatledger.psa_writer --config FILE``."""

from seatledger.psa_writer.app import build
from seatledger.runtime.run import main

if __name__ == "__main__":
    main("psa-writer", build)
