"""What bad input may come to: an error that a user can act on. Anything else leaves the test as it is."""

from __future__ import annotations

import faulthandler
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from processors.errors import ProcessorError
from processors.report import MAX_BYTES, Report, encode
from submitter.errors import Explained

T = TypeVar("T")

HANGS_S = 120.0
"""A net, and no measure of speed: what takes longer than this will not end."""


@contextmanager
def ends() -> Iterator[None]:
    """Ends the process, with what it was doing on stderr, when the block does not end."""
    faulthandler.dump_traceback_later(HANGS_S, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def told(error: Explained) -> str:
    """The error's name, after it has been told as programs tell it: on stderr, and one of a run in a report."""
    assert str(error).startswith("cannot ")
    assert error.hint
    assert error.exit_code in {1, 2, 3}
    if not isinstance(error, ProcessorError):
        return type(error).__name__
    report = Report(
        city="denver", node="n", started_at=datetime.now(UTC), seconds=0, databases=1, failures={"s1": error}
    )
    line = encode(report.document()).encode()
    assert len(line) <= MAX_BYTES
    assert json.loads(line)["errors"]
    return type(error).__name__


def drawn(strategy: SearchStrategy[T], check: Callable[[T], object], *, count: int, by: int | None = None) -> None:
    """Checks so many examples: always the same ones, or those of a seed."""

    @given(strategy)
    def each(example: T) -> None:
        check(example)

    chosen = settings(
        max_examples=count,
        derandomize=by is None,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if by is None else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )(each)
    (chosen if by is None else seed(by)(chosen))()
