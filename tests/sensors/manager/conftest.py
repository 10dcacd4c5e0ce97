"""Projects for tests of the manager."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensors.manager.fleet import CityPlan, Fleet, SensorPlan, folder_of
from sensors.manager.project import Places, places_of


def city(name: str, sensors: int) -> CityPlan:
    """A city whose sensors differ in nothing but their number."""
    folder = folder_of(name)
    made = tuple(
        SensorPlan(
            city=name,
            folder=folder,
            number=number,
            latitude=52.3676,
            longitude=-104.9903,
            utc_offset_h=5.5,
            model="EnvMonitor-3000",
            manufacturer="EnviroTech",
            firmware="1.4.2",
            readings_per_second=1.0,
            anomaly_probability=0.05,
        )
        for number in range(1, sensors + 1)
    )
    return CityPlan(name, folder, made)


@pytest.fixture
def fleet() -> Fleet:
    """Two cities, one of whose names has everything that a file could stumble over."""
    return Fleet((city("Amsterdam", 2), city('St. John\'s ${HOME} "#1": São', 1)), upload_interval_s=30.0)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty project."""
    return places_of(tmp_path)
