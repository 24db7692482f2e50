"""The embedded store: SecantusDB 0.7.0b3, its program ``secantusd-py`` (GPL-2.0-only). Its flags stand here alone.

It runs as a program of its own and is never imported by ours. Data below ``state_dir/store`` survives restarts.
"""

from __future__ import annotations

import sys
from pathlib import Path

from seatledger.devstack.child import ChildSpec, base_env
from seatledger.devstack.ports import LOOPBACK
from seatledger.devstack.probes import store_answers

NAME = "store"


def store_url(port: int) -> str:
    """The url for MongoDB clients, with the durability we ask for as its default.

    ``retryWrites=false``: the driver's silent second attempt is only safe where the server remembers the first, and
    this one forgets with its process; a write repeated over a restart would answer "duplicate key" or "not matched"
    for what it had done itself. So the caller sees AutoReconnect and reads what is true.
    """
    return f"mongodb://{LOOPBACK}:{port}/?directConnection=true&retryWrites=false&w=majority&journal=true"


def store_spec(state_dir: Path, port: int, *, quick_stop: bool = False) -> ChildSpec:
    """How the store runs on this port. Answers about 0.4 s after its start.

    A polite stop always takes it 2 s (it waits for its own accept loop); ``quick_stop`` kills it instead, which loses
    no acknowledged write and costs a replay of its journal at the next start.
    """
    url = store_url(port)
    flags = [
        *("--config", str(_empty_config(state_dir))),  # else it takes one from the home folder or /etc
        *("--host", LOOPBACK),
        *("--port", str(port)),
        *("--storage-path", "store"),
        *("--cache-size", "256M"),
        *("--log-level", "WARNING"),
    ]
    return ChildSpec(
        name=NAME,
        # The module of `secantusd-py`, as that script is useless where its #! line is too long or was moved.
        # -I: neither the folder we stand in nor PYTHON* variables change what is run.
        argv=[sys.executable, "-I", "-m", "secantus", *flags],
        log=state_dir / "logs" / "store.log",
        env=base_env(),  # no more: SECANTUS_* variables change what it does
        cwd=state_dir,
        ready=lambda: store_answers(url),
        stop_within=0 if quick_stop else 4.0,  # it takes about two; what was answered is in its journal already
    )


def _empty_config(state_dir: Path) -> Path:
    path = state_dir / "secantusd.toml"
    path.write_text("# Left empty: the flags say all.\n")
    return path
