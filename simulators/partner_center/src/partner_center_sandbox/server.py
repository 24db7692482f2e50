"""The sandbox as a process: listens, says where, and leaves at once when told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import sys
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from partner_center_sandbox.connection import TRANSPORT


class BreakableProtocol(H11Protocol):
    """Hands the application its connection, so that a fault can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        super().connection_made(transport)
        inner = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope[TRANSPORT] = transport
            with contextlib.suppress(asyncio.CancelledError):  # at the end of the process: a reset, not a made-up 500
                await inner(scope, receive, send)

        self.app = with_transport


class QuietServer(uvicorn.Server):
    """uvicorn that ends with exit code 0 on SIGTERM and SIGINT; calls in flight are not waited for."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._leave)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, BreakableProtocol):
                connection.transport.abort()
        await super().shutdown(sockets)

    def _leave(self) -> None:
        self.should_exit = self.force_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket before the server runs, so that the port is known; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP: asyncio turns Nagle's algorithm off only then, and with it on every answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(512)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def serve(app: ASGIApp, listening: socket.socket, host: str, context: ssl.SSLContext | None = None) -> None:
    """Runs until a signal; the first line on stdout says where."""
    port = listening.getsockname()[1]
    shown, scheme = f"[{host}]" if ":" in host else host, "https" if context else "http"
    sys.stdout.write(json.dumps({"port": port, "url": f"{scheme}://{shown}:{port}"}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        app,
        http=BreakableProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        ssl_context_factory=(lambda _config, _default: context) if context else None,
    )
    asyncio.run(QuietServer(config).serve(sockets=[listening]))
