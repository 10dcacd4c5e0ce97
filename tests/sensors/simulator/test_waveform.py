"""What measures are like without anomalies: weather, days, weeks and noise."""

from datetime import timedelta

import numpy as np
import pytest

from sensors import waveform
from sensors.simulator import fleet_of
from tests.harness.simulated import MIDNIGHT, sensor_of, times_of


class TestWaveform:
    MONTH = times_of(28 * 288, 300_000)

    def test_sensors_of_a_city_share_its_weather_and_cities_do_not(self):
        here, there = fleet_of("denver", 2, 7)
        away = sensor_of("berlin")
        daily = [waveform.usual(each, self.MONTH)[2] for each in (here, there, away)]
        assert np.corrcoef(daily[0], daily[1])[0, 1] > 0.99
        assert abs(np.corrcoef(daily[0], daily[2])[0, 1]) < 0.7
        assert np.ptp(daily[0] - daily[1]) == pytest.approx(0, abs=1e-6)
        assert abs(np.mean(daily[0] - daily[1])) > 1

    def test_temperature_has_a_day_and_humidity_goes_against_it(self):
        temperature, humidity, *_ = waveform.usual(sensor_of(), self.MONTH)
        local_hour = ((self.MONTH // 300_000 / 12) - 7) % 24
        by_hour = [temperature[(local_hour >= hour) & (local_hour < hour + 1)].mean() for hour in range(24)]
        assert np.argmax(by_hour) in (14, 15)
        assert max(by_hour) - min(by_hour) > 5
        assert np.corrcoef(temperature, humidity)[0, 1] < -0.7

    def test_voltage_falls_a_little_with_temperature(self):
        temperature, *_, voltage = waveform.usual(sensor_of(), self.MONTH)
        assert np.corrcoef(temperature, voltage)[0, 1] < -0.9
        assert np.ptp(voltage) < 0.5

    def test_vibration_has_a_work_week(self):
        *_, vibration, _ = waveform.usual(sensor_of(), self.MONTH)
        local = [MIDNIGHT + timedelta(minutes=5 * n) - timedelta(hours=7) for n in range(len(self.MONTH))]
        at_noon = {day: [] for day in range(7)}
        for at, value in zip(local, vibration, strict=True):
            if at.hour == 12:
                at_noon[at.weekday()].append(value)
        means = [np.mean(at_noon[day]) for day in range(7)]
        assert min(means[:5]) > 1.5 * max(means[5:])

    @pytest.mark.parametrize("city", ["denver", "singapore", "nowhere in particular"])
    def test_pressure_is_at_sea_level_in_pascal_everywhere(self, city):
        pressure = waveform.usual(sensor_of(city), self.MONTH)[2]
        assert abs(pressure.mean() - 101_325) < 600
        assert 200 < pressure.std() < 1_500
        assert np.abs(np.diff(pressure)).max() < 100

    def test_each_model_has_its_own_noise(self):
        spreads = {}
        for sensor in fleet_of("denver", 4, 7):
            spreads[sensor.model.name] = waveform.noise(sensor, 10_000, 5_000).std(axis=1)
            assert spreads[sensor.model.name] == pytest.approx(sensor.model.noise.as_tuple(), rel=0.05)
        assert len({tuple(spread) for spread in spreads.values()}) == 4
