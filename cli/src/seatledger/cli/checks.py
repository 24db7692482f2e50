"""What ``check`` tries by itself, and whom it asks for the rest: only the PSA writer may call Autotask, and each source
is reached by the collector alone (docs/decisions/0018-who-checks.md). Nothing is written anywhere but the command."""

import asyncio
import json
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seatledger.cli.errors import CliError, Exit, sentence
from seatledger.schemas.commands import Check

if TYPE_CHECKING:
    from seatledger.cli.session import Session
    from seatledger.runtime.config import Config
    from seatledger.runtime.runfile import Endpoints

MOST_SKEW = 60.0
"""Seconds between this machine's clock and the store's."""
CONNECT_SECONDS = 5.0
NEEDED_TO_ASK = frozenset({"broker", "topics", "store"})
"""A service is asked over the bus and answers in the store; a clock that is off, or no journal, hinders neither."""
ENGINE_ROLE = "Give the store's user a role with the action serverStatus on the cluster (docs/security.md has the line)"
START = "Start `seatledger up` (or `seatledger run {}` where services run one by one), then check again"
WAIT = "Give a longer --timeout or look at the log of {0}; where it does not run, `seatledger up` starts it"


def green(name: str, message: str) -> Check:
    return Check(name=name, ok=True, message=message)


def red(name: str, message: str, do: str) -> Check:
    return Check(name=name, ok=False, message=message, do=do)


def refused(name: str, error: CliError) -> Check:
    return red(name, error.message, sentence(error.do))


def settings(config: "Config") -> Check:
    """The file was read; a calendar that a test sets has to hold an instant too."""
    try:
        config.calendar().now()
    except (OSError, ValueError) as error:
        return red("settings", sentence(f"clock.file: {error}"), "Write one instant such as 2026-03-01T08:00:00Z")
    told = f"{_counted(len(config.psa), 'PSA connection')}, {_counted(len(config.sources), 'source')}"
    return green("settings", told + (", a set calendar" if config.clock.file else ""))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


async def bus(endpoints: "Endpoints", config: "Config") -> list[Check]:
    """Broker and topics; a topic that stands otherwise than declared is told with both sides."""
    from seatledger.cli import wiring
    from seatledger.runtime.bus import BusUnavailableError
    from seatledger.runtime.topics import TopicError

    try:
        await wiring.verified_topics(endpoints, config)
    except BusUnavailableError as error:
        return [refused("broker", wiring.broker_away(endpoints, error))]
    except TopicError as error:
        what = sentence(f"{error.where}: {error.what}")
        return [green("broker", endpoints.broker), red("topics", what, sentence(error.do))]
    return [green("broker", endpoints.broker), green("topics", "they stand as declared")]


async def store(endpoints: "Endpoints", config: "Config") -> list[Check]:
    """Whether it answers, takes writes, and keeps them when its machine dies."""
    from seatledger.cli import wiring
    from seatledger.cli.session import store_away
    from seatledger.runtime.store import StoreUnavailableError

    try:
        answers = await wiring.store_answers(endpoints, config)
    except StoreUnavailableError as error:
        return [refused("store", store_away(endpoints, error))]
    except CliError as error:
        return [refused("store", error)]
    return store_checks(endpoints.store_host, answers, datetime.now(UTC))


def store_checks(host: str, answers: Mapping[str, Any], now: datetime) -> list[Check]:
    """From what the server says of itself (``hello``, ``serverStatus``, ``getCmdLineOpts``; None: we may not ask)."""
    hello = answers.get("hello") or {}
    if not hello.get("isWritablePrimary", hello.get("ismaster", True)):
        do = "Name all members of the replica set in store.url, so that its primary is found; or wait for one"
        return [red("store", f"{host} takes no writes: it is no primary", do)]
    return [green("store", host), _journaling(answers), *_store_clock(hello, now)]


def _journaling(answers: Mapping[str, Any]) -> Check:
    engine = (answers.get("serverStatus") or {}).get("storageEngine") or {}
    if engine.get("persistent") is False:
        do = "Use a storage engine that keeps data on disk (wiredTiger)"
        return red("journaling", f"the storage engine {engine.get('name', '')} keeps nothing on disk", do)
    parsed = (answers.get("getCmdLineOpts") or {}).get("parsed") or {}
    if ((parsed.get("storage") or {}).get("journal") or {}).get("enabled") is False:
        do = "Start it with journaling (storage.journal.enabled: true): what was posted must survive its death"
        return red("journaling", "the store runs without a journal", do)
    if not engine:
        told = "it cannot be told: our user may not ask the store for its storage engine (serverStatus), and one that"
        return red("journaling", f"{told} keeps nothing on disk may say yes to each write", ENGINE_ROLE)
    return green(
        "journaling", f"{engine.get('name', 'the store')} keeps data on disk; each write waits for its journal"
    )


def _store_clock(hello: Mapping[str, Any], now: datetime) -> list[Check]:
    local = hello.get("localTime")
    if not isinstance(local, datetime):
        return []
    skew = (now - (local if local.tzinfo else local.replace(tzinfo=UTC))).total_seconds()
    told = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the store's"
    if abs(skew) <= MOST_SKEW:
        return [green("clock", told)]
    return [red("clock", told, "Set the clock of the machine that is wrong, and let a time service (NTP) keep it")]


@dataclass(frozen=True)
class Health:
    """The services that can be asked for their health, and those of them that do not answer."""

    checks: tuple[Check, ...]
    silent: frozenset[str]


async def services(config: "Config") -> Health:
    """Each service where its health can be asked; those that listen elsewhere are left to the questions below."""
    from seatledger.cli.health import addresses, fetch
    from seatledger.cli.session import running

    run = running(config)
    found = addresses(config, run)
    replies = await asyncio.gather(*(fetch(http, "/readyz") for http in found.values()))
    status = {name: reply for name, reply in zip(found, replies, strict=True) if reply.status or run is not None}
    log = f"`up` starts it again: look at {config.state_dir}/logs" if run is not None else ""
    checks = tuple(_service(name, reply.status, reply.body, log) for name, reply in status.items())
    return Health(checks, frozenset(name for name, reply in status.items() if not reply.status))


def _service(name: str, status: int, body: bytes, log: str) -> Check:
    if status == 200:
        return green(f"service {name}", "it is up")
    if status == 0:
        return red(f"service {name}", "it does not answer", log)
    reasons: dict[str, str] = {}
    with suppress(ValueError, AttributeError):
        reasons = json.loads(body).get("reasons") or {}
    why = "; ".join(reasons.values()) or f"it answers {status}"
    return red(f"service {name}", f"it is not ready: {sentence(why)}", "Mend that, or look at its log")


def no_way(ground: Sequence[Check]) -> list[Check]:
    """The rows that keep a question from being asked, or answered."""
    return [row for row in ground if not row.ok and row.name in NEEDED_TO_ASK]


async def unasked(config: "Config", hindered: Sequence[Check]) -> list[Check]:
    """A red row for each PSA connection, and one for all sources: nobody could be asked, see :func:`no_way`."""
    names = " and ".join(row.name for row in hindered)
    what = f"not tried: {names} above {'is' if len(hindered) == 1 else 'are'} red, and services are asked that way"
    do = f"Mend {names} first, then check again"
    rows = [row for name in config.psa for row in (await _address(config, name), red(f"psa {name}", what, do))]
    return [*rows, red("sources", what, do)] if config.sources else rows


async def asked(opened: "Session", config: "Config", silent: frozenset[str], seconds: float) -> list[Check]:
    """What the PSA writer says of each connection, and the collector of all sources, unless they are ``silent``."""
    from seatledger.schemas.commands import Owner

    questions: list[Awaitable[list[Check]]] = []
    for name in config.psa:
        if Owner.WRITER.value not in silent:
            questions.append(_answer(opened, Owner.WRITER, f"psa {name}", name, seconds))
        else:
            questions.append(_silent_psa(config, name))
    if config.sources and Owner.COLLECTOR.value not in silent:
        questions.append(_answer(opened, Owner.COLLECTOR, "sources", None, seconds))
    answers = [check for checks in await asyncio.gather(*questions) for check in checks]
    if config.sources and Owner.COLLECTOR.value in silent:
        answers.append(_silent("sources", Owner.COLLECTOR.value))
    return answers


async def _answer(opened: "Session", owner: Any, what: str, connection: str | None, seconds: float) -> list[Check]:
    from seatledger.cli.asking import ask
    from seatledger.schemas.commands import CheckConnection

    try:
        answer = await ask(opened, owner, CheckConnection(), connection=connection, seconds=seconds)
    except CliError as error:
        late = error.exit_code is Exit.TIME
        return [red(what, error.message, WAIT.format(owner.value)) if late else refused(what, error)]
    rows = [Check.model_validate(row) for row in answer.result.get("checks", [])]
    if not rows and not answer.ok:
        return [red(what, sentence(answer.message), f"Look at the log of {owner.value}")]
    return rows


async def _silent_psa(config: "Config", name: str) -> list[Check]:
    return [await _address(config, name), _silent(f"psa {name}", "psa-writer")]


async def _address(config: "Config", name: str) -> Check:
    """Nobody may call Autotask for us: whether its host can be reached is all that can be told."""
    parts = urlsplit(config.psa[name].url)  # type: ignore[index]  # a name out of the same mapping
    port = parts.port or (443 if parts.scheme == "https" else 80)
    place = f"{parts.hostname}:{port}"
    if await _reaches(parts.hostname or "", port):
        return green(f"psa {name}: address", f"{place} can be reached")
    do = f"Look whether this machine reaches the host under psa.{name}.url"
    return red(f"psa {name}: address", f"{place} cannot be reached", do)


async def _reaches(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _silent(what: str, service: str) -> Check:
    told = f"not tried: {service} does not answer, and nobody else may ask there"
    return red(what, told, START.format(service))


def in_todays_names(config: "Config", checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Rows for people and programs, with sources as they are called now."""
    from seatledger.cli.naming import in_text, renamed

    names = renamed(config)
    return [{key: in_text(names, value) if isinstance(value, str) else value for key, value in row} for row in checks]
