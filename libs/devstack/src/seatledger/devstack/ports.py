"""Free ports on the loopback interface, held for as long as the stack runs."""

from __future__ import annotations

import errno
import socket
import sys
from random import SystemRandom

from seatledger.devstack.errors import DevstackError

LOOPBACK = "127.0.0.1"
_RANGE = range(20_000, 32_000)
"""Below the ports that Linux (32768 up) and macOS (49152 up) give to outgoing connections.

Inside that range a client that reconnects to a dead server can be given the server's own port, connect to itself, and
keep the server from coming back.
"""


class PortLease:
    """One port that no second stack takes while this object lives.

    On Linux a bound socket that does not listen holds the port, and still lets a child that sets SO_REUSEADDR listen on
    it, before and after a restart. Elsewhere the port is only known to have been free.
    """

    def __init__(self) -> None:
        self._socket, self.port = _bind_any()
        if sys.platform == "linux":
            # Set after the bind: the bind itself had to be exclusive.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            self._socket.close()

    def release(self) -> None:
        """Give the port back. Safe to call twice."""
        self._socket.close()


def _bind_any() -> tuple[socket.socket, int]:
    for port in SystemRandom().sample(_RANGE, 200):
        candidate = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            candidate.bind((LOOPBACK, port))
        except OSError as error:
            candidate.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise DevstackError(f"cannot open a port on {LOOPBACK}: {error.strerror}") from error
            continue
        return candidate, port
    raise DevstackError(f"no free port on {LOOPBACK} between {_RANGE.start} and {_RANGE.stop}; stop what holds them")
