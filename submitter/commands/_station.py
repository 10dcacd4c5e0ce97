"""One sensor that writes until it is stopped. Imports no Typer: see `submitter.entry`."""
# ruff: noqa: PLC0415 - numpy is imported when a signal can stop the process already

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from submitter.commands._stop import stop_signal


def run(data: Path, variables: Mapping[str, str]) -> None:
    """Write `<data>/sensor_data.db` as the variables say, until SIGTERM or SIGINT.

    Raises:
        ConfigError: With every variable that is missing or wrong.
        SensorsError: The database cannot be written.
    """
    with stop_signal() as stop:
        from sensors.station import station_of, write

        station = station_of(variables)
        name = station.sensor.sensor_id
        written = write(
            data,
            station,
            clock=lambda: datetime.now(UTC),
            sleep=stop.wait,
            stopped=stop.is_set,
            started=lambda _: _say(f"{name} writes to {data}, {station.rate_hz:g} readings a second"),
        )
    _say(f"{name} wrote {written.rows} rows")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - stderr is talk
