"""Ports that die: every await on one is two crash points, before it and after it; from the crash on all raise."""

import inspect
from dataclasses import dataclass
from typing import Any


class DiedError(Exception):
    """The process is dead: nothing it asks of a port happens any more."""


@dataclass
class Mortal:
    """Counts crash points and dies at number ``at`` (None: never)."""

    at: int | None = None
    met: int = 0
    dead: bool = False

    def point(self) -> None:
        if self.dead:
            raise DiedError
        self.met += 1
        if self.met == self.at:
            self.dead = True
            raise DiedError

    def wrap(self, port: Any) -> Any:
        return _Wrapped(port, self)


class _Wrapped:
    def __init__(self, port: Any, mortal: Mortal) -> None:
        self._port = port
        self._mortal = mortal

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name == "collection":
            return lambda collection: _Wrapped(found(collection), self._mortal)
        return self._awaited(found) if inspect.iscoroutinefunction(found) else found

    def _awaited(self, verb: Any) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self._mortal.point()
            result = await verb(*args, **kwargs)
            self._mortal.point()
            return result

        return call
