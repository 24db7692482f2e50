"""What ``up`` is to run: services, replicas, and where each listens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seatledger.cli.errors import usage
from seatledger.cli.session import known

if TYPE_CHECKING:
    from seatledger.runtime.config import Config

WRITER: Final = "psa-writer"
MODULES: Final = {
    "collector": "seatledger.collector",
    "mapper": "seatledger.mapper",
    "contract-planner": "seatledger.contract_planner",
    WRITER: "seatledger.psa_writer",
}
"""The services by name, in the order of the flow, and the program of each."""


@dataclass(frozen=True)
class Member:
    """One process of a service; ``name`` is NAME, or NAME-2 for the second replica."""

    name: str
    service: str

    @property
    def module(self) -> str:
        return MODULES[self.service]


def members(config: "Config", only: str | None, replicas: Sequence[str]) -> tuple[Member, ...]:
    """The processes to run; exit 2 for a service that is none, replicas that would share a fixed port, or a PSA that
    the writer would refuse: before anything was started."""
    wanted = [known("service", name.strip(), list(MODULES)) for name in only.split(",")] if only else list(MODULES)
    if WRITER in wanted:
        _refuse_embedded(config)
    counts = dict(_count(text) for words in replicas for text in words.split(","))
    for service, number in counts.items():
        listen = config.services[service].http
        if number > 1 and not listen.endswith(":0"):
            raise usage(
                f"services.{service}.http",
                f"{number} replicas cannot all listen on {listen}",
                "Write port 0, which takes any free one",
            )
    return tuple(
        Member(service if number == 1 else f"{service}-{number}", service)
        for service in MODULES
        if service in wanted
        for number in range(1, counts.get(service, 1) + 1)
    )


def _refuse_embedded(config: "Config") -> None:
    from seatledger.runtime.embedded import refused_embedded

    for name, psa in config.psa.items():
        refused = refused_embedded(config, psa, psa.url)
        if refused is not None:
            raise usage(f"psa.{name}.url", *refused)


def _count(text: str) -> tuple[str, int]:
    service, _, number = text.partition("=")
    known("service", service.strip(), list(MODULES))
    if not number.isdigit() or not 1 <= int(number) <= 20:
        raise usage(f"--replicas {text}", "this is no number of replicas", "Write it as psa-writer=2, from 1 to 20")
    return service.strip(), int(number)
