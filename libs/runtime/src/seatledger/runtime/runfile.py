"""``state_dir/run.json``: what ``up`` runs and where (interface.md), and the addresses that follow from it."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pydantic import Field, ValidationError

from seatledger.runtime.settings_file import ConfigError
from seatledger.schemas.base import Tolerant

if TYPE_CHECKING:
    from seatledger.runtime.config import Config

ENV_BROKER: Final = "SEATLEDGER_BROKER"
ENV_STORE: Final = "SEATLEDGER_STORE"
"""Set by ``up`` for its children, so that they need not wait for run.json."""


class ServiceRun(Tolerant):
    """One child of ``up``. ``http`` is ``host:port``, None until it is ready; ``restarts`` since ``up`` began."""

    pid: int | None = None
    http: str | None = None
    restarts: int = 0


class RunFile(Tolerant):
    """The content of run.json."""

    ready: bool = False
    pid: int
    """Of ``up`` itself."""
    broker: str
    store: str
    """The embedded one's address; of a configured one its hosts alone, for people."""
    services: dict[str, ServiceRun] = Field(default={})
    """By NAME, further replicas as NAME-2."""

    @staticmethod
    def path(state_dir: Path) -> Path:
        return state_dir / "run.json"

    def write(self, state_dir: Path) -> None:
        """Replace the file in one rename: a reader sees the old content or the new one."""
        state_dir.mkdir(parents=True, exist_ok=True)
        target = self.path(state_dir)
        beside = target.with_name(f".run.json.{os.getpid()}")
        beside.write_text(json.dumps(self.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
        beside.replace(target)

    @classmethod
    def read(cls, state_dir: Path) -> Self | None:
        """The content, or None where there is no readable file: ``up`` does not run, or died while it began."""
        try:
            return cls.model_validate_json(cls.path(state_dir).read_bytes())
        except (OSError, ValidationError):
            return None


@dataclass(frozen=True)
class Endpoints:
    """Where broker (``host:port,…``) and store (a ``mongodb://`` address) are."""

    broker: str
    store: str = field(repr=False)  # it may hold a password
    embedded: bool
    """Whether broker or store is the embedded one: nothing there outlives a trial."""

    @property
    def store_host(self) -> str:
        """Its hosts alone: no user, no password, no options."""
        return self.store.rpartition("://")[2].rpartition("@")[2].partition("/")[0].partition("?")[0]


def children_environment(config: "Config", found: Endpoints) -> dict[str, str]:
    """This process's environment with the embedded addresses. A configured one is left to the file, which a child reads
    itself: what stands in an environment can be read by whoever can list the processes, and a url may hold a
    password."""
    env = {name: value for name, value in os.environ.items() if name not in (ENV_BROKER, ENV_STORE)}
    if config.broker.url is None:
        env[ENV_BROKER] = found.broker
    if config.store.url is None:
        env[ENV_STORE] = found.store
    return env


def endpoints(config: "Config") -> Endpoints:
    """The addresses in use: the environment's (set by ``up`` for its children), else the configured ones, else those in
    run.json. :class:`ConfigError` where none of the three knows one."""
    embedded = config.broker.url is None or config.store.url is None
    run = RunFile.read(config.state_dir) if embedded else None
    store_url = config.store.url.get_secret_value() if config.store.url else None
    broker = os.environ.get(ENV_BROKER) or config.broker.url or (run.broker if run else None)
    store = os.environ.get(ENV_STORE) or store_url or (run.store if run else None)
    if not broker or not store:
        raise ConfigError(
            str(RunFile.path(config.state_dir)),
            "the embedded broker and store do not run",
            "Start `seatledger up`, or name your own under broker.url and store.url",
        )
    return Endpoints(broker, store, embedded)
