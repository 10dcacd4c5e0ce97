"""The fleet that a configuration describes: each sensor with its place, its make and its rates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sensors.cities import city_named, is_known
from sensors.config import City, Config, Model
from sensors.manager.fleet import CityPlan, Fleet, SensorPlan, folder_of
from sensors.manager.settings.variables import Given
from sensors.sensor import MODELS

_T = TypeVar("_T")
_MODELS = {model.name: model for model in MODELS}
_MONTHS = (datetime(2026, 1, 1), datetime(2026, 7, 1))  # noqa: DTZ001 - local times, of whatever zone
"""Times without and with daylight saving, in either half of the world."""


def planned(config: Config, given: Mapping[str, Given]) -> Fleet:
    """The fleet; what is given wins over what a city says of its own, and that over the file's defaults.

    Args:
        config: Checked.
        given: By name of the variable.
    """
    values = {name: each.value for name, each in given.items()}
    cities = config.cities[: values.get("MAX_CITIES", config.max_cities)]
    return Fleet(
        cities=tuple(_city(city, config, values) for city in cities),
        upload_interval_s=values.get("UPLOAD_INTERVAL", config.upload_interval),
        registry=values.get("DOCKER_REGISTRY", config.images.registry) or "",
        organisation=values.get("DOCKER_ORG", config.images.organisation) or "",
        tag=values.get("tag", config.images.tag),
    )


def standard_offset_h(zone: str) -> float:
    """Hours from UTC to a zone's standard time: the lesser of two, for daylight saving puts clocks forward."""
    offsets = [month.replace(tzinfo=ZoneInfo(zone)).utcoffset() for month in _MONTHS]
    return min(offset.total_seconds() / 3600 for offset in offsets if offset is not None)


def _city(city: City, config: Config, values: Mapping[str, Any]) -> CityPlan:
    defaults = config.defaults
    folder = folder_of(city.name)
    latitude, longitude, offset_h = _place(city)
    models = city.models or defaults.models or tuple(Model(name=model.name) for model in MODELS)
    sensors = []
    for number in range(1, _first(values.get("SENSORS_PER_CITY"), city.sensors, defaults.sensors) + 1):
        model, manufacturer, firmware = _make(models, number)
        sensors.append(
            SensorPlan(
                city=city.name,
                folder=folder,
                number=number,
                latitude=latitude,
                longitude=longitude,
                utc_offset_h=offset_h,
                model=model,
                manufacturer=manufacturer,
                firmware=firmware,
                readings_per_second=_first(
                    values.get("READINGS_PER_SECOND"), city.readings_per_second, defaults.readings_per_second
                ),
                anomaly_probability=_first(
                    values.get("ANOMALY_PROBABILITY"), city.anomaly_probability, defaults.anomaly_probability
                ),
            )
        )
    return CityPlan(city.name, folder, tuple(sensors))


def _first(given: _T | None, own: _T | None, default: _T) -> _T:
    return next((value for value in (given, own) if value is not None), default)


def _place(city: City) -> tuple[float, float, float]:
    """Latitude, longitude and offset: as written, else of the known city, else what follows from its name."""
    known = city_named(city.name)
    latitude = known.latitude if city.latitude is None else city.latitude
    longitude = known.longitude if city.longitude is None else city.longitude
    if city.time_zone is not None:
        return latitude, longitude, standard_offset_h(city.time_zone)
    return latitude, longitude, known.utc_offset_h if is_known(city.name) else round(longitude / 15)


def _make(models: tuple[Model, ...], number: int) -> tuple[str, str, str]:
    """Model, manufacturer and firmware of the n-th sensor: models in turn, and then each one's versions in turn."""
    turn, position = divmod(number - 1, len(models))
    model = models[position]
    known = _MODELS.get(model.name)
    manufacturer = model.manufacturer or (known.manufacturer if known else "")
    versions = model.firmware or (known.firmware if known else ())
    return model.name, manufacturer, versions[turn % len(versions)]
