"""``python -m partner_center_sandbox --seed FILE --port P [--clock FILE] [--tls]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from partner_center_sandbox.app import build_app
from partner_center_sandbox.moments import Calendar
from partner_center_sandbox.seedfile import SeedError, load_seed
from partner_center_sandbox.server import listen, serve
from partner_center_sandbox.tls import new_authority, server_context

USAGE = 2


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="partner_center_sandbox",
        description="A local Partner Center REST API with its token endpoint, in memory.",
        epilog="example: python -m partner_center_sandbox --seed seed.yaml --port 8702",
    )
    parser.add_argument("--seed", type=Path, required=True, help="YAML or JSON with the application and customers")
    parser.add_argument("--port", type=int, required=True, help="0: any free port; the first line on stdout says which")
    parser.add_argument("--clock", type=Path, help="a file with one instant: the sandbox's calendar")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--tls", action="store_true", help="https with a certificate by /_sandbox/ca.pem")
    return parser.parse_args(argv)


def _fail(text: str) -> int:
    sys.stderr.write(f"error: {text}\n")
    return USAGE


def main(argv: list[str] | None = None) -> int:
    """0 after a signal, 2 for a bad command line, seed, clock file or port."""
    arguments = _arguments(argv)
    calendar = Calendar(arguments.clock)
    try:
        seed = load_seed(arguments.seed)
        calendar.now()
    except SeedError as error:
        return _fail(str(error))
    except ValueError:
        return _fail(f"{arguments.clock}: holds no instant. Write one line such as 2026-03-01T08:00:00Z")
    except OSError as error:
        return _fail(f"{arguments.clock}: {error.strerror}. Write one line there such as 2026-03-01T08:00:00Z")
    try:
        listening = listen(arguments.host, arguments.port)
    except (OSError, OverflowError) as error:
        where, why = f"{arguments.host}:{arguments.port}", getattr(error, "strerror", None) or error
        return _fail(f"{where} cannot be listened on: {why}. Give another --port; 0 takes any free one")
    authority = new_authority()
    context = server_context(authority, arguments.host) if arguments.tls else None
    serve(build_app(seed, calendar, authority), listening, arguments.host, context)
    return 0


if __name__ == "__main__":
    sys.exit(main())
