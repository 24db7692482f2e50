"""``python -m seatledger.contract_planner``: the contract planner as a process of its own."""

from seatledger.contract_planner.app import build
from seatledger.runtime.run import main

if __name__ == "__main__":
    main("contract-planner", build)
