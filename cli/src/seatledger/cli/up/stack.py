"""The broker and the store of an ``up``: the embedded ones, the configured ones, or one of each."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from seatledger.cli.errors import CliError, Exit, sentence, usage
from seatledger.devstack import Devstack, DevstackError, DevstackEvent, DevstackUnsupported, EventKind
from seatledger.devstack.errors import DevstackBusy

if TYPE_CHECKING:
    from seatledger.runtime.config import Config
    from seatledger.runtime.runfile import Endpoints

_SAID = {EventKind.DIED: "died", EventKind.RESTARTED: "is back", EventKind.FAILED: "did not come back"}


class Stack:
    """Starts what the configuration leaves to us. ``on_change`` is called at each of its starts and deaths."""

    def __init__(
        self,
        config: "Config",
        *,
        on_change: Callable[[], None],
        say: Callable[[str], None],
        refill: Callable[[], Awaitable[None]],
    ) -> None:
        """``refill`` is called after the embedded broker came back empty."""
        self._config = config
        self._on_change = on_change
        self._say = say
        self._down: set[str] = set()
        own_broker = config.broker.url is None
        self._devstack = (
            Devstack(config.state_dir, on_event=self._on_event, on_broker_lost=refill if own_broker else None)
            if own_broker or config.store.url is None
            else None
        )

    @property
    def up(self) -> bool:
        """Whether neither of the two is down at the moment, as far as we run them."""
        return not self._down

    async def start(self) -> "Endpoints":
        """Where broker and store are. Exit 2 where the embedded ones cannot run here, 4 where they do not start."""
        from seatledger.runtime.runfile import Endpoints

        url = self._config.store.url.get_secret_value() if self._config.store.url else None
        if self._devstack is None:
            return Endpoints(str(self._config.broker.url), str(url), embedded=False)
        try:
            own = await self._devstack.start()
        except (DevstackUnsupported, DevstackBusy) as error:
            raise usage("embedded stack", *_halves(str(error))) from error
        except DevstackError as error:
            what, do = _halves(str(error))
            raise CliError("stack", "embedded stack", what, do, exit_code=Exit.UNREACHABLE) from error
        return Endpoints(self._config.broker.url or own.broker, url or own.store, embedded=True)

    async def supervise(self) -> None:
        """Bring back what dies, until cancelled."""
        if self._devstack is not None:
            await self._devstack.supervise()

    async def stop(self) -> None:
        if self._devstack is not None:
            await self._devstack.stop()

    def pids(self) -> dict[str, int]:
        """Process ids of the embedded ones that run."""
        return self._devstack.pids() if self._devstack is not None else {}

    def restarts(self) -> dict[str, int]:
        return self._devstack.restarts if self._devstack is not None else {}

    def _on_event(self, event: DevstackEvent) -> None:
        if event.kind is EventKind.DIED:
            self._down.add(event.name)
        elif event.kind in (EventKind.READY, EventKind.RESTARTED):
            self._down.discard(event.name)
        if event.kind in _SAID:
            why = event.detail.partition(";")[0]
            self._say(f"the embedded {event.name} {_SAID[event.kind]}" + (f" ({why})" if why else ""))
        if event.kind is EventKind.DISK_FULL:
            self._say(f"error: {event.detail}")
        if event.kind is EventKind.RECOVERY_FAILED:
            self._say(f"the topics could not be made again: {event.detail}; trying again")
        self._on_change()


def _halves(text: str) -> tuple[str, str]:
    """``what; what to do`` of the stack's errors as the two halves of ours."""
    what, _, do = sentence(text).rpartition("; ")
    if not what:
        return sentence(text), "See docs/configuration.md for a broker and a store of your own"
    return what, do[0].upper() + do[1:]
