"""A history's processes: Autotask, Partner Center, the product; who kills them, and what goes wrong on the way."""

import json
import random
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from scenarios import world

AUTOTASK, PARTNER_CENTER = "autotask", "partner-center"
VICTIMS = ("collector", "mapper", "contract-planner", "psa-writer", "broker", "store")
MARKS = {"broker": ("tansu", "kafka.Kafka"), "store": ("secantusd",)}
"""What stands in the command line of those that are no service of ours."""
POSTS = {"method": "POST", "path_contains": "ServiceAdjustments"}
REFUSAL = "Reference value on field: contractServiceID of type: ContractServiceAdjustment does not exist or is invalid."
PSA_FAULTS: tuple[dict[str, Any], ...] = (
    {"match": POSTS, "do": "drop_before", "times": 2},
    {"match": POSTS, "do": "drop_after", "times": 2},
    {"match": POSTS, "do": "apply_late", "seconds": 2, "times": 2},
    {"match": POSTS, "do": "reset_mid", "times": 2},
    {"match": POSTS, "do": "status", "status": 500, "apply": True, "times": 2},
    {"match": POSTS, "do": "status", "status": 500, "apply": False, "body": {"errors": [REFUSAL]}, "times": 1},
    {"match": POSTS, "do": "status", "status": 429, "apply": False, "retry_after": 1, "times": 2},
    {"match": {"path_contains": "query"}, "do": "status", "status": 500, "apply": False, "times": 3},
    {"match": {"path_contains": "query"}, "do": "reset_mid", "times": 3},
    {"do": "unit_lag", "seconds": 2},
    {"do": "stale_reads", "seconds": 4},
)
"""Within what W, six seconds here, covers: kernel.md section 4.4."""
CLOUD_FAULTS: tuple[dict[str, Any], ...] = (
    {"match": {"path_contains": "/subscriptions", "nth": 2}, "do": "status", "status": 429, "retry_after": 1},
    {"match": {"path_contains": "/subscriptions", "nth": 2}, "do": "status", "status": 503, "times": 9},
    {"match": {"path_contains": "/customers", "nth": 2}, "do": "status", "status": 500, "times": 9},
    {"match": {"path_contains": "/subscriptions", "nth": 3}, "do": "reset_mid", "times": 9},
    {"match": {"path_contains": "/subscriptions"}, "do": "drop_before", "times": 1},
    {"match": {"path_contains": "/subscriptions", "nth": 3}, "do": "status", "status": 401, "times": 1},
)
"""A pause, a walk that fails on its way, a sign-in that ends in mid-sweep."""

SILENCES: tuple[dict[str, Any], ...] = (
    {"match": {"path_contains": "/subscriptions"}, "do": "status", "status": 403},
    {"match": {"path_contains": "/subscriptions"}, "do": "empty"},
    {"match": {"path_contains": "/customers"}, "do": "empty"},
)
"""Every customer's relation lost, every list empty: for a whole round, and nothing may go down for it."""


class Killer(threading.Thread):
    """Ends one random process after a random while: SIGKILL, as a power cut would."""

    def __init__(self, up: int, victim: str, after: float) -> None:
        super().__init__(daemon=True)
        self.up, self.victim, self.after = up, victim, after

    def run(self) -> None:
        time.sleep(self.after)
        for process in victims(self.up, self.victim):
            process.send_signal(signal.SIGKILL)


def victims(up: int, name: str) -> list[psutil.Process]:
    """The processes of a service, of the broker or of the store below ``up``."""
    marks = MARKS.get(name, (f"seatledger.{name.replace('-', '_')}",))
    found = []
    for process in psutil.Process(up).children(recursive=True):
        try:
            if any(mark in word for mark in marks for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


class Stage:
    """The sandboxes and the product, started together."""

    def __init__(self, folder: Path, configuration: dict[str, Any], seeds: dict[str, dict[str, Any]]) -> None:
        """``seeds``: sandbox → its seed; ``configuration`` gets the sandboxes' addresses."""
        self.watchdog = world.Watchdog()
        self.sandboxes: dict[str, world.Sandbox] = {}
        for kind, seed in seeds.items():
            (folder / f"{kind}.json").write_text(json.dumps(seed))
            self.sandboxes[kind] = world.Sandbox(folder, self.watchdog, kind)
        (folder / "seatledger.yaml").write_text(json.dumps(_addressed(configuration, self.sandboxes)))
        self.cli = world.Cli(folder)
        self.up = self.cli.start_up(self.watchdog)
        self.cli.wait_ready(self.up)

    @property
    def autotask(self) -> world.Sandbox:
        return self.sandboxes[AUTOTASK]

    def close(self) -> None:
        processes = [self.up, *(sandbox.process for sandbox in self.sandboxes.values())]
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            world.reap(process)
        self.watchdog.stop()


def _addressed(configuration: dict[str, Any], sandboxes: dict[str, world.Sandbox]) -> dict[str, Any]:
    for psa in configuration["psa"].values():
        psa["url"] = sandboxes[AUTOTASK].url
    for source in configuration["sources"].values():
        if source["kind"] == PARTNER_CENTER:
            source["url"] = source["authority_url"] = sandboxes[PARTNER_CENTER].url
    return configuration


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in a round."""

    faults: dict[str, dict[str, Any]]
    """Sandbox → its order."""
    silence: dict[str, Any] | None
    """Partner Center says nothing, or nothing true, in the whole round."""
    victim: str | None
    after: float
    """Seconds until the victim dies."""

    @property
    def empties(self) -> bool:
        """Its lists can be read, and have nothing in them."""
        return self.silence is not None and self.silence["do"] == "empty"


QUIET = Trouble({}, None, None, 0)


class Troubles:
    """Drawn from the seed, apart from what happens at the sources: a history is the same one without them."""

    def __init__(self, seed: int, kinds: tuple[str, ...]) -> None:
        self.rng, self.kinds = random.Random(~seed), kinds
        self.token_seconds = self.rng.choice((5, 3599)) if PARTNER_CENTER in kinds else 0
        """How long a sign-in at Partner Center holds."""

    def draw(self, *, may_be_silent: bool) -> Trouble:
        orders = {AUTOTASK: PSA_FAULTS, PARTNER_CENTER: CLOUD_FAULTS}
        faults = {kind: self.rng.choice(orders[kind]) for kind in self.kinds if self.rng.random() < 0.35}
        silent = self.rng.random() < 0.15 and may_be_silent and PARTNER_CENTER in self.kinds
        silence = self.rng.choice(SILENCES) if silent else None
        if silence:
            faults[PARTNER_CENTER] = silence
        dies, victim, after = self.rng.random() < 0.6, self.rng.choice(VICTIMS), self.rng.uniform(0, 5)
        return Trouble(faults, silence, victim if dies else None, after)
