"""The entry point of every service: ``main(name, build)``."""

import argparse
import asyncio
import contextlib
import gc
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatledger.runtime.service import Build

if TYPE_CHECKING:
    from seatledger.runtime.process import Process

OK: Final = 0
USAGE: Final = 2
OUT_OF_REACH: Final = 4

GC_THRESHOLDS: Final = (30_000, 5, 5)
"""A batch of 500 events makes some 30,000 objects that live until its end; with Python's own 700 the collector walks
through them again and again, with 10,000 still several times a batch. No batch waits for the collector to be given
back (a test of :mod:`seatledger.runtime.kafka` looks), so that looking seldom costs no memory (`make bench`)."""


def main(name: str, build: Build, argv: Sequence[str] | None = None) -> int:
    """Run a service until SIGTERM or SIGINT. Returns 0; any other exit code (interface.md) ends the process at once
    with one line ``error: WHERE: WHAT. WHAT TO DO`` on stderr, so that nobody can forget to hand it on."""
    arguments = _arguments(name, argv)
    code = _run(name, build, arguments.config, arguments.replica or name)
    if code != OK:
        raise SystemExit(code)
    return OK


def _arguments(name: str, argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=name, description=f"Runs {name} in the foreground.", epilog=f"example: {name} --config seatledger.yaml"
    )
    parser.add_argument("--config", type=Path, default=Path("seatledger.yaml"), metavar="FILE")
    parser.add_argument("--replica", default=None, metavar="NAME", help="name in logs, as `up` has it")
    return parser.parse_args(argv)


def _run(name: str, build: Build, path: Path, replica: str) -> int:
    from seatledger.runtime.bus import BusUnavailableError
    from seatledger.runtime.config_file import keep_secrets, load_config
    from seatledger.runtime.logs import configure_logs
    from seatledger.runtime.process import Process
    from seatledger.runtime.redaction import guard_crashes
    from seatledger.runtime.runfile import endpoints
    from seatledger.runtime.settings_file import ConfigError
    from seatledger.runtime.store import StoreUnavailableError
    from seatledger.runtime.topics import TopicError

    guard_crashes()
    try:
        config = load_config(path)
        keep_secrets(config)
        addresses = endpoints(config)
        unique = f"{replica}-{os.getpid()}-{secrets.token_hex(2)}"
        process = Process(name, build, config, addresses, replica=unique, log=configure_logs(name, unique))
        asyncio.run(_serve(process))
        return OK
    except (ConfigError, TopicError) as error:
        return _fail(USAGE, str(error))
    except StoreUnavailableError as error:
        return _fail(OUT_OF_REACH, f"store: {error}. Start it, or correct store.url")
    except BusUnavailableError as error:
        return _fail(OUT_OF_REACH, f"broker: {error}. Start it, or correct broker.url")


def _fail(code: int, text: str) -> int:
    from seatledger.runtime.redaction import REDACTOR

    sys.stderr.write(f"error: {REDACTOR.clean(' '.join(text.split()))}\n")
    return code


async def _serve(process: "Process") -> None:
    # What was imported lives as long as the process: the collector need not look at it again.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    told = 0

    def stop() -> None:
        nonlocal told
        told += 1
        if told > 1:
            os._exit(1)  # asked twice: whoever asks does not want to wait
        process.stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
    await process.run()
