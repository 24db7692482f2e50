"""``python -m seatledger.mapper``: the mapper as a process of its own."""

from seatledger.mapper.app import build
from seatledger.runtime.run import main

if __name__ == "__main__":
    main("mapper", build)
