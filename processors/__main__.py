"""`python -m processors <command>`: settings from the environment; reports on stdout, all else on stderr."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator

from processors import heartbeat, survey, verify
from processors.city import World, passes
from processors.errors import ProcessorError
from processors.report import Report, encode
from processors.settings import Settings, load

_Reports = Iterator[Report] | Iterator[survey.InspectReport] | Iterator[verify.VerifyReport]


def main(arguments: list[str] | None = None) -> int:
    """Runs until the pass is over, or with `COSMOS_EVERY` until SIGTERM; the exit code is the last report's."""
    chosen = _parser().parse_args(arguments)
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
    alive = heartbeat.Heartbeat(settings)
    alive.beat()
    for report in passes(settings, world, alive):
        alive.beat()
        yield report


def _inspect(settings: Settings, world: World) -> _Reports:
    yield survey.inspect(settings, world)


def _verify(settings: Settings, world: World) -> _Reports:
    yield verify.verify(settings, world, sys.stderr)


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
