"""/healthz (the process lives), /readyz (it does its work, with reasons where not), /metrics, and what a service adds;
/asyncapi for people, all else for machines."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from seatledger.runtime.clock import MachineClock
from seatledger.runtime.metrics import Metrics
from seatledger.runtime.redaction import REDACTOR
from seatledger.runtime.routes import endpoint
from seatledger.runtime.service import Route
from seatledger.runtime.settings_file import ConfigError

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from structlog.typing import FilteringBoundLogger

LOOK_SECONDS: Final = 3.0
CHECK_SECONDS: Final = 4.0

Check = Callable[[], Awaitable[str | None]]
"""One line why not ready, or None. Takes at most a few seconds."""


class Readiness:
    """Looks at all checks every 3 s, so that asking costs nothing and never hangs."""

    def __init__(self, machine: MachineClock, metrics: Metrics) -> None:
        self._machine = machine
        self._metrics = metrics
        self._checks: dict[str, Check] = {}
        self.reasons: dict[str, str] = {"start": "starting"}

    def add(self, name: str, check: Check) -> None:
        self._checks[name] = check

    async def run(self) -> None:
        while True:
            await self.look()
            await self._machine.sleep(LOOK_SECONDS)

    async def look(self) -> Mapping[str, str]:
        """Ask every check now, all at once."""
        answers = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
        self.reasons = {name: REDACTOR.clean(why) for name, why in zip(self._checks, answers, strict=True) if why}
        self._metrics.ready.set(not self.reasons)
        for name in self._checks:
            self._metrics.check_red.labels(name).set(name in self.reasons)
        return self.reasons

    @staticmethod
    async def _ask(check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await check()
        except Exception as error:  # a check that fails is a reason too
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class HealthServer:
    """The HTTP server; ``start`` binds, port 0 is any free one."""

    def __init__(
        self,
        listen: str,
        *,
        service: str,
        replica: str,
        readiness: Readiness,
        metrics: Metrics,
        log: "FilteringBoundLogger",
    ) -> None:
        self._host, _, port = listen.rpartition(":")
        self._port = int(port)
        self._who = {"service": service, "replica": replica}
        self._readiness = readiness
        self._metrics = metrics
        self._log = log
        self._application = self._app()
        self.address = ""
        """``host:port`` once started."""
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen. :class:`ConfigError` where the address is taken, or is none of this machine's."""
        import uvicorn

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield  # signals are the runtime's

        listener = self._listener()
        self.address = f"{self._host}:{listener.getsockname()[1]}"
        settings = uvicorn.Config(
            self._application,
            log_config=None,
            access_log=False,
            lifespan="off",
            loop="none",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = Server(settings)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="health")

    def _listener(self) -> socket.socket:
        try:
            return socket.create_server((self._host.strip("[]"), self._port))
        except OSError as error:
            where = f"services.{self._who['service']}.http"
            what = f"{self._host}:{self._port} cannot be listened on: {os.strerror(error.errno or 0)}"
            raise ConfigError(where, what, "Name another address, or port 0 for any free one") from error

    def serve(self, routes: Sequence[Route]) -> None:
        """Answer these too from now on."""
        from starlette.routing import Route as Path

        self._application.router.routes.extend(
            Path(route.path, endpoint(route, self._metrics, self._log), methods=["POST"]) for route in routes
        )

    async def stop(self) -> None:
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await asyncio.gather(self._task, return_exceptions=True)

    def _app(self) -> "Starlette":
        from starlette.applications import Starlette
        from starlette.responses import JSONResponse, Response
        from starlette.routing import Route

        async def healthz(_request: "Request") -> "Response":
            return JSONResponse(self._who | {"ok": True})

        async def readyz(_request: "Request") -> "Response":
            reasons = dict(self._readiness.reasons)
            body = {**self._who, "ready": not reasons, "reasons": reasons}
            return JSONResponse(body, status_code=503 if reasons else 200)

        async def metrics(_request: "Request") -> "Response":
            return Response(self._metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

        async def asyncapi(_request: "Request") -> "Response":
            from seatledger.runtime import language

            # Made at the first question: that takes a moment, in which the service goes on with its work.
            return Response(await asyncio.to_thread(language.document_text), media_type="application/json")

        async def asyncapi_page(_request: "Request") -> "Response":
            from seatledger.runtime import language

            text = await asyncio.to_thread(language.page)
            return Response(text, media_type="text/html", headers={"Content-Security-Policy": language.POLICY})

        answers = {
            "/healthz": healthz,
            "/readyz": readyz,
            "/metrics": metrics,
            "/asyncapi.json": asyncapi,
            "/asyncapi": asyncapi_page,
        }
        return Starlette(routes=[Route(path, answer) for path, answer in answers.items()])
