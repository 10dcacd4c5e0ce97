"""Whether a long run still moves: it touches a file, and `python -m processors health` looks how old that is.

Imports little: every uploader of a machine is asked twice a minute, and Polars and the settings take half a second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from processors.durations import parse_duration_s
from processors.errors import UnhealthyError
from processors.files import make_folder, open_private
from processors.names import SETTINGS_FILE, partition_value, slug_of

if TYPE_CHECKING:
    from processors.model import Database
    from processors.pipeline import Taken
    from processors.settings import Settings

PATIENCE_S = 600.0
"""A part of a batch that takes longer is stuck. A run that waits for Cosmos to come back tries more often
(`backoff.LONGEST_S`)."""

SELDOM_S = 1.0
"""Least time between two beats within a batch."""

PASSES = 3
"""Passes that may be missed."""


def path(settings: Settings) -> Path:
    """The file that a run of these settings touches."""
    return of_city(settings.state, settings.city)


def of_city(state: Path, city: str) -> Path:
    """The file that a run of this city touches, in a folder of state."""
    # Encoded: a slug has slashes where the name has full-width ones.
    return state / f"{partition_value(slug_of(city))}.heartbeat"


class Heartbeat:
    """Touches the file at the start of the run, of each database, and after each part of a batch and each pass."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic):
        """`clock` counts seconds and never falls."""
        self._path = path(settings)
        self._clock = clock
        self._beat_at = clock()

    def beat(self) -> None:
        """The run moves. Where the file cannot be written the checkpoint says so better; `check` finds it untouched."""
        self._beat_at = self._clock()
        with suppress(OSError):
            make_folder(self._path.parent)
            descriptor = open_private(self._path, os.O_WRONLY)
            try:
                os.utime(descriptor)
            finally:
                os.close(descriptor)

    def database(self, database: Database, expected_rows: int) -> None:  # noqa: ARG002 - see `world.Progress`
        """See `world.Progress`."""
        self.beat()

    def moving(self) -> None:
        """See `world.Progress`; a file is not touched for each document."""
        if self._clock() - self._beat_at >= SELDOM_S:
            self.beat()

    def batch(self, database: Database, taken: Taken) -> None:  # noqa: ARG002
        """See `world.Progress`."""
        self.beat()


def check(settings: Settings, now: Callable[[], float]) -> None:
    """Passes when the run of these settings has moved of late.

    Args:
        settings: Those of the run.
        now: Seconds since the epoch.

    Raises:
        UnhealthyError: It has not, or never began.
    """
    limit_s = _limit_s(settings.every, settings.start_delay)
    file = path(settings)
    hint = "read the log of the container, then restart it; the next run goes on where this one stopped"
    try:
        age_s = now() - file.stat().st_mtime
    except OSError as exc:
        raise UnhealthyError("see the run move", file, hint=hint) from exc
    if age_s > limit_s:
        raise UnhealthyError("see the run move", file, why=f"untouched for {age_s:.0f} s of {limit_s:.0f} s", hint=hint)


def surely_well(environment: Mapping[str, str], now: Callable[[], float]) -> bool:
    """Whether the run that has these variables has moved of late, for all that they alone can tell.

    False says nothing: the settings may be in a file, or be wrong, or nothing moves. `check` knows, and says why.

    Args:
        environment: Of the run, as a container gives it to its health check; wrong settings make no run that moves.
        now: Seconds since the epoch.
    """
    own = {name: value for name, value in environment.items() if name.upper().startswith("COSMOS_") and value}
    city = own.get("COSMOS_CITY", "")
    if not city or not all(map(str.isupper, own)) or Path(SETTINGS_FILE).exists():
        return False
    state = Path(own.get("COSMOS_NODE_FOLDER", ""), own.get("COSMOS_STATE", "state"))
    try:
        every, start_delay = (parse_duration_s(own.get(name)) for name in ("COSMOS_EVERY", "COSMOS_START_DELAY"))
        age_s = now() - of_city(state, city).stat().st_mtime
    except (OSError, ValueError):
        return False
    return age_s <= _limit_s(every, start_delay)


def _limit_s(every: object, start_delay: object) -> float:
    """Seconds without a beat after which the run is stuck; what is no number asks for no patience."""
    every_s, start_s = (number if isinstance(number, float) else 0.0 for number in (every, start_delay))
    return max(PATIENCE_S, PASSES * every_s, start_s)
