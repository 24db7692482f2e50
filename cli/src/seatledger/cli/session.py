"""A command's way to the configuration, the store and the bus: opened when needed, closed at its end."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

from seatledger.cli.context import Context
from seatledger.cli.errors import CliError, sentence, unreachable, usage

if TYPE_CHECKING:
    from seatledger.runtime.clock import BusinessClock
    from seatledger.runtime.config import Config
    from seatledger.runtime.mongo import MongoStore
    from seatledger.runtime.runfile import Endpoints, RunFile
    from seatledger.runtime.store import Store
    from seatledger.schemas.ids import ConnectionName

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """An open command: configuration, addresses, store and calendar."""

    context: Context
    config: "Config"
    endpoints: "Endpoints"
    store: "Store"
    calendar: "BusinessClock"

    def today(self) -> "dict[ConnectionName, date]":
        """The calendar date of each connection, read from the clock now."""
        try:
            return {name: self.calendar.today(psa.zone) for name, psa in self.config.psa.items()}
        except (OSError, ValueError) as error:
            raise usage("clock.file", sentence(str(error)), "Write one instant such as 2026-03-01T08:00:00Z") from error


def read_config(context: Context) -> "Config":
    """The configuration; exit 2 with the key's path, its line and the nearest valid key where it is wrong."""
    from seatledger.runtime.config_file import keep_secrets, load_config
    from seatledger.runtime.settings_file import ConfigError

    try:
        config = load_config(context.config)
    except ConfigError as error:
        raise CliError("configuration", error.where, sentence(error.what), sentence(error.do)) from error
    keep_secrets(config)
    return config


def running(config: "Config") -> "RunFile | None":
    """What ``up`` runs on this state folder; None where nothing does, a file left by a killed ``up`` included."""
    from seatledger.runtime.runfile import RunFile

    found = RunFile.read(config.state_dir)
    return found if found is not None and alive(found.pid) else None


def alive(pid: int) -> bool:
    """Whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def find_endpoints(config: "Config") -> "Endpoints":
    """From the environment (as services get them), the configuration, or a running ``up``; exit 4 where none says."""
    from seatledger.runtime.runfile import ENV_BROKER, ENV_STORE, endpoints

    told = {ENV_BROKER, ENV_STORE} <= os.environ.keys()
    configured = config.broker.url is not None and config.store.url is not None
    if not told and not configured and running(config) is None:
        raise unreachable(
            str(config.state_dir),
            "no broker and store run on this folder",
            "Start `seatledger up` in another terminal, or set broker.url and store.url",
        )
    return endpoints(config)


@asynccontextmanager
async def session(context: Context) -> AsyncIterator[Session]:
    """Open what a command needs. Exit 4 where the store does not come back within 20 s: the store's own patience."""
    from seatledger.runtime.store import StoreUnavailableError

    config = read_config(context)
    where = find_endpoints(config)
    store = open_mongo(where, config)
    try:
        yield Session(context, config, where, store, config.calendar())
    except StoreUnavailableError as error:
        raise store_away(where, error) from error
    finally:
        await store.close()


def store_away(endpoints: "Endpoints", error: Exception) -> CliError:
    return unreachable(
        f"store {endpoints.store_host}",
        sentence(str(error).partition(" (configured")[0]) or "no answer",
        "Check that it runs and that store.url is right, then repeat the command",
    )


def open_mongo(endpoints: "Endpoints", config: "Config") -> "MongoStore":
    """The store behind an address; exit 2 where the address is none."""
    from seatledger.runtime.mongo import MongoStore
    from seatledger.runtime.settings_file import ConfigError

    try:
        return MongoStore(endpoints.store, config.store.database, access=config.store.driver_options())
    except ConfigError as error:
        raise usage(error.where, error.what, error.do) from error


def known(kind: str, name: str, names: list[str]) -> str:
    """``name`` if it is one of ``names``; exit 2 with the nearest one otherwise."""
    if name in names:
        return name
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(sorted(names)) or "none"
    raise usage(f"{kind} {name!r}", f"there is no {kind} of this name", f"{hint}There is: {listed}")
