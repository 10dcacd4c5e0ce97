"""Cities by any name, and their sensors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.cities import city_named
from sensors.errors import RequestError
from sensors.simulator import fleet_of


class TestFleet:
    def test_known_cities_have_their_place_and_offset(self):
        denver = city_named("DENVER")
        assert (denver.name, denver.utc_offset) == ("Denver", "-07:00")
        assert (denver.latitude, denver.longitude) == pytest.approx((39.74, -104.99), abs=0.01)
        assert city_named("new_york") == city_named("New York")
        assert city_named("mumbai").utc_offset == "+05:30"

    @given(name=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
    def test_any_name_is_a_city_on_the_map(self, name):
        city = city_named(name)
        assert city == city_named(name)
        assert abs(city.latitude) <= 60
        assert abs(city.utc_offset_h - city.longitude / 15) <= 0.5 or city.region != "XX"
        assert fleet_of(name, 1)[0].sensor_id.isascii()

    @pytest.mark.parametrize("name", ["", " ", "..", "a/b", "a\\b", ".hidden", " denver", "den\nver", "-"])
    def test_a_name_that_is_no_folder_is_refused(self, name):
        with pytest.raises(RequestError, match="folder"):
            fleet_of(name, 1)

    def test_a_sensor_is_the_same_in_a_fleet_of_any_size(self):
        assert fleet_of("denver", 2, 7) == fleet_of("denver", 5, 7)[:2]
        assert len({sensor.model.manufacturer for sensor in fleet_of("denver", 4)}) == 4

    def test_two_nodes_of_a_city_have_sensors_of_their_own(self):
        here, there = (fleet_of("denver", 2, 7, node) for node in ("denver-1", "denver-2"))
        assert [sensor.sensor_id for sensor in here] == ["SENSOR_CO_DEN_0001_denver-1", "SENSOR_CO_DEN_0002_denver-1"]
        assert not {sensor.sensor_id for sensor in here} & {sensor.sensor_id for sensor in there}

    @pytest.mark.parametrize("count", [0, 10_000])
    def test_counts_beyond_an_id_are_refused(self, count):
        with pytest.raises(RequestError, match="between 1 and 9,999"):
            fleet_of("denver", count)
