"""``tail``: what is said on the bus."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

from seatledger.cli.bus_reading import Span, records, row_of
from seatledger.cli.context import Context, Ctx, Row
from seatledger.cli.errors import usage

_AGO = re.compile(r"(\d+)\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def tail(
    topic: str | None = None,
    /,
    *,
    key: str | None = None,
    since: str | None = None,
    follow: bool = False,
    context: Ctx,
) -> int:
    """Everything said on a topic so far, one line each (with --json: JSON Lines).

    Example: seatledger tail adjustments.settled.v1 --key main/101 --since 10m --follow

    Parameters
    ----------
    topic
        The topic's name; all where it is not given.
    key
        Only records of this key.
    since
        Only what was published since then, in real time: 30s, 10m, 2h, 7d, or an instant as 2026-03-01T08:00:00Z.
    follow
        Go on with what comes, until Ctrl-C.
    """
    begin = None if since is None else instant(since, datetime.now(UTC))
    try:
        return asyncio.run(_tail(context, topic, key, begin, follow))
    except KeyboardInterrupt:  # how --follow is meant to end
        return 0


def instant(text: str, now: datetime) -> datetime:
    """What ``--since`` means; exit 2 where it means nothing."""
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        found = None
    if found is None or found.tzinfo is None:
        do = "Write how long ago (30s, 10m, 2h, 7d), or an instant with its zone, as 2026-03-01T08:00:00Z"
        raise usage(f"--since {text}", "this is neither a span nor an instant", do)
    return found


async def _tail(context: Context, topic: str | None, key: str | None, since: datetime | None, follow: bool) -> int:
    from aiokafka.errors import KafkaError

    from seatledger.cli.session import find_endpoints, read_config
    from seatledger.cli.wiring import broker_away, connection

    config = read_config(context)
    endpoints = find_endpoints(config)
    prefix = config.topics.prefix
    names = {prefix + name: name for name in wanted_topics(topic, prefix)}
    heard = False
    span = Span(list(names), None if key is None else key.encode(), since, follow)
    try:
        async for batch in records(connection(endpoints, config), span):
            for record in batch:
                heard = True
                _print(context, row_of(record, names[record.topic]))
    except BrokenPipeError:  # the reader of our output has gone, not the broker
        raise
    except (KafkaError, OSError) as error:
        raise broker_away(endpoints, error) from error
    if not heard:
        context.note("Nothing was said.")
    return 0


def wanted_topics(topic: str | None, prefix: str = "") -> list[str]:
    """The declared topics meant, by their names without the installation's prefix; exit 2 for one that is none."""
    from seatledger.cli.session import known
    from seatledger.schemas.topics import TOPICS

    names = [declared.name for declared in TOPICS]
    return names if topic is None else [known("topic", topic.removeprefix(prefix), names)]


def _print(context: Context, row: Row) -> None:
    if context.json:
        context.document(row)
        return
    event = row["event"] if isinstance(row["event"], dict) else {}
    place = f"{row['topic']}/{row['partition']}@{row['offset']}"
    about = event.get("subject", row["key"])
    told = (row["at"], place, event.get("type", "unreadable"), about, came_of_it(event.get("data")))
    context.console.print("  ".join(str(part) for part in told if part), soft_wrap=True)


def came_of_it(data: object) -> str | None:
    """An event's outcome as people read it: a word, or a kind with what it names. None where it has none."""
    came = data.get("outcome") if isinstance(data, dict) else None
    if not isinstance(came, dict):
        return came
    named = [f"{name} {value}" for name, value in came.items() if name != "kind" and value is not None]
    return f"{came.get('kind', '')}: {', '.join(named)}" if named else came.get("kind")
