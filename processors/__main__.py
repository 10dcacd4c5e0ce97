"""`python -m processors`: one city, settings from the environment; the report on stdout, all else on stderr."""

from __future__ import annotations

import signal
import sys

from processors.city import Silent, World, passes
from processors.errors import ProcessorError
from processors.report import Report, encode
from processors.settings import load


def main() -> int:
    """Runs until the pass is over, or with `COSMOS_EVERY` until SIGTERM; the exit code is the last report's."""
    world = World()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: world.stop.set())
    code = 0
    try:
        settings = load({}, required=("city", "endpoint")).settings
        for report in passes(settings, world, Silent()):
            print(encode(report.document()), flush=True)
            _explain(report)
            code = report.exit_code
    except ProcessorError as exc:
        _show(exc)
        code = exc.exit_code
    return code


def _explain(report: Report) -> None:
    for failure in report.failures.values():
        _show(failure)
    if report.stopped_by is not None:
        _show(report.stopped_by)


def _show(error: ProcessorError) -> None:
    print(f"Error: {error}\nTry: {error.hint}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
