"""Settings from mutated files, hostile environments and flags: they hold, or exit code 2 with all that is wrong."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import strategies as st
from typer.testing import CliRunner

from processors.city import recipe
from processors.errors import SettingsError
from processors.settings import Settings, load
from submitter.cli import app
from tests.fuzz import hostile
from tests.fuzz.guard import drawn, ends, told
from tests.fuzz.mutate import mutated

FILE = b"""# of one node
endpoint = "http://127.0.0.1:8081"
city = "denver"
node_folder = "nodes/one"
data = "data"
every = "30s"
start_delay = 1.5
stage = "schematized"
page_rows = 5_000
source_time_zone = "America/Denver"
coordinate_decimals = 3
drop_fields = ["latitude", "model"]
hash_fields = ["serialNumber"]
hash_key = "a key"

[columns]
timestamp = "ts"
temperature = "temp_c"

[thresholds]
spike = 7.5

[limits]
temperatureC = [-40.0, 85.0]
"""
NAMES = [*Settings.model_fields]

numbers = st.sampled_from(
    [
        "0",
        "-1",
        "1e999",
        "nan",
        "-inf",
        "9" * 400,
        "1_000",
        "0x10",
        "1.5",
        "30s",
        "1e3s",
        "9" * 400 + "h",
        "0ms",
        "5 m",
        "\u0663",
    ]
)
lists = ["[]", "[1]", '["latitude", "latitude"]', '["\\ud800"]', "[[[[]]]]", "[" * 30_000, "null", '"x"', "1" * 5_000]
tables = [
    *("{}", '{"a": 1}', '{"temperatureC": [1, 1]}', '{"temperatureC": [NaN, 1]}', '{"temperature": 5}', "{" * 900),
    *('{"temperatureC": [-1e999, 1e999]}', '{"timestamp": "\\ud800"}', '{"id": ""}', '{"temperatureC": [-1e400, 0]}'),
]
shapes = st.sampled_from(lists) | st.sampled_from(tables)
paths = st.sampled_from(
    ["/", "..", "a/../../b", "~", "/dev/null", "x" * 5_000, "\udcff", "a\nb", " ", ".", "/proc/self/mem"]
)
escaped = st.binary(max_size=12).map(os.fsdecode)
values = st.one_of(numbers, shapes, paths, escaped, hostile.texts, hostile.written_numbers).map(
    lambda text: text.replace("\0", "")
)
environments = st.dictionaries(st.sampled_from(NAMES), values, min_size=1, max_size=5)


@contextmanager
def environment(given: Mapping[str, str]) -> Iterator[None]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COSMOS_")}
    own = {f"COSMOS_{name.upper()}": value for name, value in given.items()}
    with mock.patch.dict(os.environ, inherited | own, clear=True):
        yield


def refused(given: Mapping[str, str]) -> str:
    """What is said of these; empty when they hold."""
    with environment(given), ends():
        try:
            recipe(load({}).settings)
        except SettingsError as error:
            told(error)
            return str(error)
    return ""


def check_environment(given: Mapping[str, str]) -> None:
    said = refused(given)
    for name, value in given.items():
        if refused({name: value}):
            assert f"{name} " in said or f"{name}." in said, f"{name} is wrong by itself, and not named: {said}"


def shown(*arguments: str) -> str:
    """What the command line does with these: 0 or 2, and never a traceback."""
    with ends():
        result = CliRunner().invoke(app, ["config", "show", "--output", "json", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in {0, 2}, result.output
    if result.exit_code == 0:
        assert json.loads(result.stdout, parse_constant=pytest.fail).keys() == set(NAMES)
        return "shown"
    assert "Error" in result.stderr
    return "refused"


def check_shown(given: Mapping[str, str]) -> None:
    with environment(given):
        shown()
    with environment({}):
        shown(*(part for name, value in given.items() for part in ("--set", f"{name}={value}")))


def test_every_problem_of_the_environment_is_named() -> None:
    drawn(environments, check_environment, count=60)


def test_the_command_line_shows_what_holds_and_refuses_the_rest() -> None:
    drawn(environments, check_shown, count=15)


def test_a_mutated_file_holds_or_is_refused(tmp_path: Path) -> None:
    for seed in range(150):
        attempt_file(seed, tmp_path)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 50_000, "a." * 2_000 + "b = 1 1", "page_rows = " + "9" * 5_000, "a = {" * 9_999]
)
def test_a_file_that_is_deep_or_long_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with ends(), pytest.raises(SettingsError) as failed:
        load({}, file=path)
    told(failed.value)


def attempt_file(seed: int, folder: Path) -> str:
    path = folder / "a.toml"
    path.write_bytes(mutated(FILE, random.Random(seed), page=32))
    with environment({}):
        try:
            with ends():
                recipe(load({}, file=path).settings)
        except SettingsError as error:
            told(error)
            return "refused"
        shown("--config", str(path))
    return "held"


PROGRAMS = {
    "inspect": {"city": "denver\udcff", "data": "da\udcffta", "page_rows": "1e400"},
    "verify": {"endpoint": "http://[::1", "key": "\udcff", "limits": "[" * 30_000},
    "health": {"city": "\udcff", "state": "\udcff"},
    "ingest": {"city": "denver", "data": "\udcff", "state": "\udcfe", "endpoint": "http://127.0.0.1:9"},
}


@pytest.mark.parametrize("command", PROGRAMS)
def test_the_program_says_so_too(tmp_path: Path, command: str) -> None:
    with environment(PROGRAMS[command]):
        done = subprocess.run(
            [sys.executable, "-m", "processors", command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "error", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=False,
            timeout=120,
        )
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert b"Error: cannot " in done.stderr
    assert b"\nTry: " in done.stderr
    assert done.returncode in {1, 2, 3}


def attempt(seed: int, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    drawn(environments, check_environment, count=10, by=seed)
    drawn(environments, check_shown, count=3, by=seed)
    return "environment"


SUBJECTS = {"settings files": attempt_file, "settings": attempt}
