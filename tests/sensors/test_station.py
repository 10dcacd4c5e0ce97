"""One sensor with a process of its own: what it writes, what it refuses, how it ends, and what it costs."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensors.cities import City
from sensors.errors import ConfigError, SensorsError
from sensors.sensor import MODELS, drawn
from sensors.simulator import live
from sensors.station import Station, station_of, write
from submitter.commands.sensors import app

ROOT = Path(__file__).parents[2]
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
ENDS_S = 120
AMSTERDAM = {
    "SENSOR_ID": "AMS_SENSOR001",
    "SENSOR_CITY": "Amsterdam",
    "SENSOR_LATITUDE": "52.3676",
    "SENSOR_LONGITUDE": "4.9041",
    "SENSOR_UTC_OFFSET_H": "1",
    "SENSOR_MODEL": "WeatherStation Pro",
    "SENSOR_MANUFACTURER": "SensorCorp",
    "SENSOR_FIRMWARE": "2.0.4",
    "READINGS_PER_SECOND": "2",
    "ANOMALY_PROBABILITY": "0.2",
}


def rows_of(path: Path, columns: str = "*") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM sensor_readings ORDER BY id").fetchall()


def written(data: Path, station: Station, readings: int) -> Path:
    """The database after so many readings, of which some may be missing, from midnight on."""
    times = [MIDNIGHT]

    def sleep(seconds: float) -> None:
        times.append(times[-1] + timedelta(seconds=seconds))

    write(data, station, clock=lambda: times[-1], sleep=sleep, stopped=lambda: len(times) > readings)
    return data / "sensor_data.db"


class TestRows:
    def test_have_what_the_variables_say(self, tmp_path: Path) -> None:
        path = written(tmp_path, station_of({**AMSTERDAM, "ANOMALY_PROBABILITY": "0"}), 3)
        assert [each.name for each in tmp_path.iterdir()] == ["sensor_data.db"]
        identity = "sensor_id, location, latitude, longitude, original_timezone, model, manufacturer, firmware_version"
        assert set(rows_of(path, identity)) == {
            ("AMS_SENSOR001", "Amsterdam", 52.3676, 4.9041, "+01:00", "WeatherStation Pro", "SensorCorp", "2.0.4")
        }
        stamps = [stamp for (stamp,) in rows_of(path, "timestamp")]
        assert stamps == [f"2026-11-20T00:00:0{second}+00:00" for second in ("0.000", "0.500", "1.000")]

    @pytest.mark.parametrize("seed", [None, "7"])
    def test_are_those_that_simulate_writes_for_the_same_sensor(self, tmp_path: Path, seed: str | None) -> None:
        city = City("Amsterdam", "NL", "AMS", 52.3676, 4.9041, 1)
        drawn_for_id = drawn("AMS_SENSOR001", city, MODELS[2], folder="Amsterdam", seed=int(seed or "0"))
        same = replace(drawn_for_id, firmware_version="2.0.4", latitude=52.3676, longitude=4.9041)
        times = [MIDNIGHT]
        (simulated,) = live(
            tmp_path / "simulated",
            [same],
            clock=lambda: times[-1],
            sleep=lambda seconds: times.append(times[-1] + timedelta(seconds=seconds)),
            rate_hz=2,
            count=400,
            anomaly_probability=0.2,
        )
        own = written(tmp_path, station_of({**AMSTERDAM, **({} if seed is None else {"SENSOR_SEED": seed})}), 400)
        assert rows_of(own) == rows_of(simulated.path)
        assert len(rows_of(own)) > 100

    def test_of_an_unknown_model_have_its_name_and_the_noise_of_the_first(self) -> None:
        model = station_of({**AMSTERDAM, "SENSOR_MODEL": "Grandfather's"}).sensor.model
        assert (model.name, model.noise) == ("Grandfather's", MODELS[0].noise)
        assert station_of(AMSTERDAM).sensor.model.noise == MODELS[2].noise != MODELS[0].noise


class TestVariables:
    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            *((name, "") for name in AMSTERDAM),
            ("SENSOR_ID", "a\nb"),
            ("SENSOR_CITY", "x" * 201),
            ("SENSOR_LATITUDE", "91"),
            ("SENSOR_LONGITUDE", "-180.5"),
            ("SENSOR_UTC_OFFSET_H", "nan"),
            ("READINGS_PER_SECOND", "0"),
            ("READINGS_PER_SECOND", "1001"),
            ("ANOMALY_PROBABILITY", "1"),
            ("ANOMALY_PROBABILITY", "5%"),
            ("SENSOR_SEED", "1.5"),
        ],
    )
    def test_each_is_checked(self, name: str, wrong: str) -> None:
        with pytest.raises(ConfigError, match=name) as caught:
            station_of({**AMSTERDAM, name: wrong})
        assert ";" not in caught.value.why
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize("direct", [True, False], ids=["as a container", "as a command"])
    def test_all_that_are_wrong_are_told_at_once(self, tmp_path: Path, direct: bool) -> None:
        wrong = {**AMSTERDAM, "SENSOR_ID": "", "SENSOR_LATITUDE": "north", "READINGS_PER_SECOND": "-1"}
        with started(tmp_path, wrong, *([] if direct else ["--data", "data"])) as process:
            _, told = process.communicate(timeout=ENDS_S)
        assert process.returncode == 2
        assert all(name in told for name in ("SENSOR_ID is not set", "SENSOR_LATITUDE='north'", "READINGS_PER_SECOND"))
        assert "\nTry: " in told
        assert not list(tmp_path.iterdir())

    def test_the_command_takes_them_all(self, tmp_path: Path) -> None:
        other = dict.fromkeys(AMSTERDAM, "")
        result = CliRunner().invoke(app, ["station", "--data", str(tmp_path)], env={**other, "SENSOR_SEED": "x"})
        assert isinstance(result.exception, ConfigError)
        assert [name for name in (*AMSTERDAM, "SENSOR_SEED") if name not in str(result.exception)] == []


@contextmanager
def started(folder: Path, variables: Mapping[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    """The process as the image starts it, with the image's own variables; killed at the end if it still runs."""
    (threads,) = re.findall(
        r"^ENV (OPENBLAS_NUM_THREADS)=(\d+)$", (ROOT / "sensors/Dockerfile").read_text(), re.MULTILINE
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SENSOR_")}
    program = "from submitter.entry import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "sensors", "station", *options],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **dict([threads]), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


class TestProcess:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    @pytest.mark.parametrize("options", [[], ["--data", "data"]], ids=["as a container", "as a command"])
    def test_writes_until_it_is_asked_to_end(self, tmp_path: Path, number: int, options: list[str]) -> None:
        with started(tmp_path, {**AMSTERDAM, "ANOMALY_PROBABILITY": "0"}, *options) as process:
            assert first_line(process) == "AMS_SENSOR001 writes to data, 2 readings a second\n"
            process.send_signal(number)
            said, told = process.communicate(timeout=ENDS_S)
        assert (process.returncode, said) == (0, "")
        rows = len(rows_of(tmp_path / "data/sensor_data.db"))
        assert told == f"AMS_SENSOR001 wrote {rows} rows\n"
        assert [each.name for each in (tmp_path / "data").iterdir()] == ["sensor_data.db"]

    def test_ends_with_the_error_where_it_cannot_write(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("a file in the place of the folder")
        with started(tmp_path, AMSTERDAM) as process:
            _, told = process.communicate(timeout=ENDS_S)
        assert process.returncode == 1
        assert re.fullmatch(r"Error: cannot write readings: data/sensor_data\.db: .*\nTry: .*\n", told)

    @pytest.mark.skipif(sys.platform == "win32", reason="NOT TESTED with a full disk: no limit on files here")
    def test_ends_with_the_error_where_there_is_no_room_and_goes_on_when_there_is(self, tmp_path: Path) -> None:
        full = (
            "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000));"
            "sys.argv[1:] = ['sensors', 'station'];"
            "from submitter.entry import main; main()"
        )
        pace = {**AMSTERDAM, "READINGS_PER_SECOND": "1000", "ANOMALY_PROBABILITY": "0"}
        environment = {**os.environ, **pace, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", full],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=ENDS_S,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert "Error: cannot write readings: data/sensor_data.db: " in done.stderr
        path = tmp_path / "data/sensor_data.db"
        before = rows_of(path)
        assert len(before) > 50
        with started(tmp_path, pace) as process:
            assert first_line(process)
        assert rows_of(path)[: len(before)] == before
        assert len(rows_of(path)) > len(before)

    def test_stays_small_and_starts_quickly(self, tmp_path: Path) -> None:
        """The promise for fifty on one machine: below 40 MB at its highest and 0.5 s of processor time to a row."""
        if not Path("/proc/self/status").exists():
            pytest.skip("NOT TESTED what a sensor's process costs: /proc is missing")
        with started(tmp_path, {**AMSTERDAM, "ANOMALY_PROBABILITY": "0"}) as process:
            assert "writes" in first_line(process)
            highest_kb = status(process, "VmHWM")
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        used_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        assert highest_kb < 40_000
        assert used_s < 0.5

    def test_does_not_grow(self, tmp_path: Path) -> None:
        """Rows leave nothing behind: neither pages of the database in SQLite's cache nor noise that is over."""
        if not Path("/proc/self/status").exists():
            pytest.skip("NOT TESTED whether a sensor's process grows: /proc is missing")
        with started(tmp_path, {**AMSTERDAM, "READINGS_PER_SECOND": "1000", "ANOMALY_PROBABILITY": "0"}) as process:
            first_line(process)
            path = tmp_path / "data/sensor_data.db"
            wait_for(path, 2_000)
            before_kb = status(process, "VmRSS")
            wait_for(path, 12_000)
            grown_kb = status(process, "VmRSS") - before_kb
        assert grown_kb < 1_500
        assert path.stat().st_size > 3_000_000


def status(process: subprocess.Popen[str], name: str) -> int:
    """Kilobytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def wait_for(path: Path, rows: int) -> None:
    deadline = time.monotonic() + ENDS_S
    with closing(sqlite3.connect(path, timeout=5)) as connection:
        while connection.execute("SELECT max(id) FROM sensor_readings").fetchone()[0] < rows:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_disk_that_cannot_be_written_is_an_error_of_the_world(tmp_path: Path) -> None:
    (tmp_path / "sensor_data.db").mkdir()
    with pytest.raises(SensorsError) as caught:
        written(tmp_path, station_of(AMSTERDAM), 1)
    assert caught.value.exit_code == 1
