"""What one sensor is: its identity, its make, and how it differs from its neighbours."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from sensors.cities import City, city_named
from sensors.errors import RequestError
from sensors.randomness import generator


@dataclass(frozen=True)
class Levels:
    """One number for each measure, in the units of the table."""

    temperature_c: float
    humidity_pct: float
    pressure_pa: float
    vibration_mm_s: float
    voltage_v: float

    def as_tuple(self) -> tuple[float, float, float, float, float]:
        """In the order of `waveform.MEASURES`."""
        return (
            self.temperature_c,
            self.humidity_pct,
            self.pressure_pa,
            self.vibration_mm_s,
            self.voltage_v,
        )


@dataclass(frozen=True)
class Model:
    """A make of sensor; `noise` is the standard deviation of its readings."""

    name: str
    manufacturer: str
    firmware: tuple[str, ...]
    noise: Levels


MODELS = (
    Model("EnvMonitor-3000", "EnviroTech", ("1.4.2", "1.5.0"), Levels(0.25, 1.2, 35.0, 0.15, 0.030)),
    Model("AirData-Plus", "DataLogger", ("3.15.21",), Levels(0.15, 0.8, 20.0, 0.10, 0.020)),
    Model("WeatherStation Pro", "SensorCorp", ("2.1.0", "2.0.4"), Levels(0.08, 0.5, 12.0, 0.08, 0.015)),
    Model("TempSensor Pro", "SensorTech", ("1.2.0", "1.3.1"), Levels(0.40, 2.0, 60.0, 0.25, 0.050)),
)

_SPREAD = Levels(0.6, 2.5, 40.0, 0.15, 0.06)
_MOST_SENSORS = 9_999
_FIRST_INSTALLATION = date(2023, 1, 1)


@dataclass(frozen=True)
class Sensor:
    """One sensor; equal sensors write equal rows. `offset` is its own constant error."""

    seed: int
    folder: str
    city: City
    sensor_id: str
    model: Model
    firmware_version: str
    serial_number: str
    latitude: float
    longitude: float
    deployment_type: str
    installation_date: str
    height_m: float
    offset: Levels = field(repr=False)

    @property
    def key(self) -> tuple[int, str, str]:
        """What its random numbers are drawn for."""
        return (self.seed, self.city.slug, self.sensor_id)


def fleet_of(city: str, count: int, seed: int = 0, node: str = "") -> list[Sensor]:
    """`count` sensors of a city; the n-th one is the same whatever the count.

    Args:
        city: Any name; it becomes the name of the folder as it is written.
        count: 1 to 9,999, the four digits of a sensor id.
        seed: Another seed gives the same ids with other weather, other errors and other readings.
        node: Where the sensors write; the end of their ids, so that two nodes of a city have sensors of their own.

    Raises:
        RequestError: The city cannot be a folder name, or the count is out of range.
    """
    if not 1 <= count <= _MOST_SENSORS:
        raise RequestError(
            "make sensors",
            city,
            why=f"{count} is not between 1 and {_MOST_SENSORS:,}",
            hint="ask for at least one sensor, for example --sensors 4",
        )
    place = city_named(city)
    return [_sensor(city, place, number, seed, node) for number in range(1, count + 1)]


def drawn(sensor_id: str, city: City, model: Model, *, folder: str, seed: int) -> Sensor:
    """A sensor with all else about it drawn for its id: the same id in the same city is the same sensor."""
    rng = generator(seed, city.slug, sensor_id, "identity")
    installed = _FIRST_INSTALLATION + timedelta(days=int(rng.integers(0, 900)))
    offset = rng.standard_normal(5) * _SPREAD.as_tuple()
    return Sensor(
        seed=seed,
        folder=folder,
        city=city,
        sensor_id=sensor_id,
        model=model,
        firmware_version=model.firmware[int(rng.integers(len(model.firmware)))],
        serial_number=f"SENSOR-{rng.integers(16**6):06X}",
        latitude=round(city.latitude + float(rng.uniform(-0.05, 0.05)), 4),
        longitude=round(city.longitude + float(rng.uniform(-0.05, 0.05)), 4),
        deployment_type=("stationary_unit", "mobile_unit")[int(rng.random() < 0.2)],
        installation_date=installed.isoformat(),
        height_m=round(float(rng.uniform(1.5, 12.0)), 1),
        offset=Levels(*(float(value) for value in offset)),
    )


def _sensor(folder: str, city: City, number: int, seed: int, node: str) -> Sensor:
    sensor_id = f"SENSOR_{city.region}_{city.code}_{number:04d}" + (f"_{node}" if node else "")
    return drawn(sensor_id, city, MODELS[(number - 1) % len(MODELS)], folder=folder, seed=seed)
