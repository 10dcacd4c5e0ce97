"""One sensor with a process of its own, told what it is by variables: what a container of the manager runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from pathlib import Path

from sensors.cities import City
from sensors.errors import ConfigError
from sensors.layout import station_path
from sensors.sensor import MODELS, Model, Sensor, drawn
from sensors.simulator import live
from sensors.written import Written

MOST_TEXT = 200
"""Characters of a name."""


@dataclass(frozen=True)
class Station:
    """A sensor and how it writes.

    Attributes:
        sensor: Equal ones write equal rows.
        rate_hz: Readings a second.
        anomaly_probability: Long-run share of readings that an anomaly disturbs.
    """

    sensor: Sensor
    rate_hz: float
    anomaly_probability: float


def station_of(variables: Mapping[str, str]) -> Station:
    """The station that variables describe.

    Args:
        variables: Name -> text. SENSOR_SEED may be left out; the model may be any, and has the noise of the first
            of `MODELS` when it is none of them.

    Raises:
        ConfigError: With every variable that is missing or wrong.
    """
    given = _Given(variables)
    sensor_id, name, model, manufacturer, firmware = map(given.text, _TEXTS)
    latitude = given.number("SENSOR_LATITUDE", "from -90 to 90", lambda n: abs(n) <= 90)
    longitude = given.number("SENSOR_LONGITUDE", "from -180 to 180", lambda n: abs(n) <= 180)
    offset_h = given.number("SENSOR_UTC_OFFSET_H", "hours from -14 to 14", lambda n: abs(n) <= 14)
    rate_hz = given.number("READINGS_PER_SECOND", "above 0, at most 1000", lambda n: 0 < n <= 1000)
    probability = given.number("ANOMALY_PROBABILITY", "from 0 to below 1", lambda n: 0 <= n < 1)
    seed = given.seed()
    if given.problems:
        raise ConfigError(
            "start the sensor",
            sensor_id or "one without a name",
            why="; ".join(given.problems),
            hint="set each of these variables; `bacalhau-cosmos sensors station --help` lists all of them",
        )
    city = City(name, region="", code="", latitude=latitude, longitude=longitude, utc_offset_h=offset_h)
    make = replace(_like(model), name=model, manufacturer=manufacturer)
    sensor = drawn(sensor_id, city, make, folder=name, seed=seed)
    own = replace(sensor, firmware_version=firmware, latitude=latitude, longitude=longitude)
    return Station(own, rate_hz, probability)


def write(
    data: Path,
    station: Station,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], object],
    stopped: Callable[[], bool],
    started: Callable[[int], None] = lambda _: None,
) -> Written:
    """Write `<data>/sensor_data.db` until stopped; a database that is there is continued. See `simulator.live`.

    Raises:
        SensorsError: It cannot be written.
    """
    (written,) = live(
        data,
        [station.sensor],
        clock=clock,
        sleep=sleep,
        stopped=stopped,
        rate_hz=station.rate_hz,
        anomaly_probability=station.anomaly_probability,
        started=started,
        layout=lambda folder, _: station_path(folder),
    )
    return written


_TEXTS = ("SENSOR_ID", "SENSOR_CITY", "SENSOR_MODEL", "SENSOR_MANUFACTURER", "SENSOR_FIRMWARE")


class _Given:
    """Reads variables, and notes what is wrong with each; what cannot be read is empty or 0."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        text = self._there(name)
        if len(text) > MOST_TEXT or not text.isprintable():
            self.problems.append(f"{name} is longer than {MOST_TEXT} characters, or has some that cannot be printed")
        return text

    def number(self, name: str, bounds: str, holds: Callable[[float], bool]) -> float:
        text = self._there(name)
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if text and not (isfinite(number) and holds(number)):
            self.problems.append(f"{name}={text[:MOST_TEXT]!r} is not a number {bounds}")
        return number

    def seed(self) -> int:
        text = self._variables.get("SENSOR_SEED") or "0"
        try:
            return int(text)
        except ValueError:
            self.problems.append(f"SENSOR_SEED={text[:MOST_TEXT]!r} is not a whole number")
            return 0

    def _there(self, name: str) -> str:
        text = self._variables.get(name, "").strip()
        if not text:
            self.problems.append(f"{name} is not set")
        return text


def _like(name: str) -> Model:
    return next((model for model in MODELS if model.name == name), MODELS[0])
