"""`python -m processors <command>`: settings from the environment; reports on stdout, all else on stderr."""
# ruff: noqa: PLC0415 - a health check that finds all well imports neither Polars nor Azure's client

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from processors import heartbeat
from processors.errors import ProcessorError

if TYPE_CHECKING:
    from processors.report import Report
    from processors.settings import Settings
    from processors.survey import InspectReport
    from processors.verify import VerifyReport
    from processors.world import World

    _Reports = Iterator[Report] | Iterator[InspectReport] | Iterator[VerifyReport]


def main(arguments: list[str] | None = None) -> int:
    """Runs until the pass is over, or with `COSMOS_EVERY` until SIGTERM; the exit code is the last report's."""
    chosen = _parser().parse_args(arguments)
    if chosen.reports is _health and heartbeat.surely_well(os.environ, time.time):
        return 0
    return _reported(chosen)


def _reported(chosen: argparse.Namespace) -> int:
    from processors.report import encode
    from processors.settings import load
    from processors.world import World

    world = World()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: world.stop.set())
    code = 0
    try:
        settings = load({}, required=chosen.required).settings
        for report in chosen.reports(settings, world):
            print(encode(report.document()), flush=True)
            for error in report.errors:
                _show(error)
            code = report.exit_code
    except ProcessorError as exc:
        _show(exc)
        code = exc.exit_code
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m processors", description="A city of this node. Settings: docs/settings.md."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, reports, required, text in _COMMANDS:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(reports=reports, required=required)
    return parser


def _ingest(settings: Settings, world: World) -> _Reports:
    from processors.city import passes

    alive = heartbeat.Heartbeat(settings)
    alive.beat()
    for report in passes(settings, world, alive):
        alive.beat()
        yield report


def _inspect(settings: Settings, world: World) -> _Reports:
    from processors.survey import inspect

    yield inspect(settings, world)


def _verify(settings: Settings, world: World) -> _Reports:
    from processors.verify import verify

    yield verify(settings, world, sys.stderr)


def _health(settings: Settings, _world: World) -> _Reports:
    heartbeat.check(settings, time.time)
    yield from ()


_COMMANDS: tuple[tuple[str, Callable[[Settings, World], _Reports], tuple[str, ...], str], ...] = (
    ("ingest", _ingest, ("city", "endpoint"), "take in what is new, once or every so often"),
    ("inspect", _inspect, ("city",), "what is there and what waits; nothing is written"),
    ("verify", _verify, ("city", "endpoint"), "compare table, archive and Cosmos by id; findings on stderr"),
    ("health", _health, ("city",), "exit code 0 while an ingest of these settings moves"),
)


def _show(error: ProcessorError) -> None:
    for line in (f"Error: {error}", f"Try: {error.hint}"):
        # A name in a sensor's database could else move a terminal's cursor, or write lines of its own into the log.
        print("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
