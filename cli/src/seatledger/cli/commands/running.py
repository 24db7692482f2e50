"""``up`` and ``run``: processes in the foreground."""

import asyncio
import os
import sys
from typing import Annotated

from cyclopts import Parameter

from seatledger.cli.context import Ctx, ServiceName


def up(
    *,
    only: str | None = None,
    replicas: Annotated[tuple[str, ...], Parameter(consume_multiple=False)] = (),
    context: Ctx,
) -> int:
    """Run all services, and a broker and a store where the configuration names none, until Ctrl-C.

    Writes state_dir/run.json; brings back what dies within 5 s; nothing outlives it.

    Example: seatledger up --only collector,mapper --replicas mapper=2

    Parameters
    ----------
    only
        The services to run, with commas between them; all where it is not given.
    replicas
        How many processes of a service, as psa-writer=2; may be given several times.
    """
    from seatledger.cli.session import read_config
    from seatledger.cli.up.plan import members
    from seatledger.cli.up.supervisor import Supervisor

    config = read_config(context)
    return asyncio.run(Supervisor(context, config, members(config, only, replicas)).run())


def run(service: ServiceName, /, *, replica: str | None = None, context: Ctx) -> int:
    """Run one service in the foreground, as containers do; may run beside `up`.

    Example: seatledger run psa-writer --config seatledger.yaml

    Parameters
    ----------
    service
        collector, mapper, contract-planner or psa-writer.
    replica
        A name of its own for this process; made from the process id where it is not given.
    """
    from seatledger.cli.session import find_endpoints, read_config
    from seatledger.cli.up.plan import MODULES
    from seatledger.runtime.runfile import children_environment

    module = MODULES[service]
    config = read_config(context)
    env = children_environment(config, find_endpoints(config))
    name = replica or f"{service}-run-{os.getpid()}"
    argv = [sys.executable, "-m", module, "--config", str(context.config.absolute()), "--replica", name]
    sys.stdout.flush()
    os.execve(argv[0], argv, env)  # noqa: S606  # signals and the exit code are then the service's own
