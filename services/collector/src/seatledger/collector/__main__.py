"""``python -m seatledger.collector``: this service as a process."""

from seatledger.collector.app import build
from seatledger.runtime.run import main

if __name__ == "__main__":
    main("collector", build)
