"""What a project is configured by, and what of it is wrong, without telling a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensors.errors import ConfigError
from sensors.manager.diagnostics import env_file
from sensors.manager.diagnostics.check import Check, Outcome
from sensors.manager.diagnostics.env_file import EnvFile
from sensors.manager.diagnostics.settings import configuration, file_checks, strays, variables
from sensors.manager.fleet import Fleet

KNOWN = ("COSMOS_ENDPOINT", "COSMOS_KEY", "COSMOS_DATABASE", "COSMOS_CITY")


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_what_is_to_run(fleet: Fleet) -> None:
    first, note = configuration((fleet, "sensors.yaml", ["2 of 3 cities"]))
    assert (first.outcome, first.found) == (Outcome.OK, "sensors.yaml: 2 cities, 3 sensors, an upload every 30 s")
    assert (note.outcome, note.found) == (Outcome.OK, "2 of 3 cities")


def test_a_configuration_that_does_not_hold() -> None:
    (check,) = configuration(ConfigError("use", "sensors.yaml", why="2 problems\nline 1\nline 2", hint="mend them"))
    assert (check.outcome, check.remedy) == (Outcome.FAILED, "mend them")


def test_each_variable_says_by_what_it_is_set() -> None:
    filed = EnvFile({"COSMOS_DATABASE": "Other", "COSMOS_ENDPOINT": "http://127.0.0.1:1", "MAX_CITIES": "3"})
    environment = {"COSMOS_ENDPOINT": "https://x.documents.azure.com:443/", "COSMOS_KEY": "hush"}
    found = by_name(list(variables(environment, filed, {"COSMOS_CONTAINER": "readings"})))
    assert {name: check.found for name, check in found.items()} == {
        "COSMOS_ENDPOINT": "https://x.documents.azure.com:443 (environment; .env says otherwise)",
        "COSMOS_KEY": "is set (environment)",
        "COSMOS_DATABASE": "Other (.env)",
        "COSMOS_CONTAINER": "readings (configuration or default)",
        "MAX_CITIES": "3 (.env)",
    }


def test_an_empty_variable_is_not_set() -> None:
    found = by_name(list(variables({"COSMOS_ENDPOINT": ""}, EnvFile({"COSMOS_ENDPOINT": ""}), {})))
    assert found["COSMOS_ENDPOINT"].outcome is Outcome.FAILED
    assert "set COSMOS_ENDPOINT in .env" in found["COSMOS_ENDPOINT"].remedy


def test_names_that_nobody_reads_are_warned_of_with_what_was_meant() -> None:
    filed = EnvFile({"COSMOS_ENDPONT": "x", "OTHER": "y", "COSMOS_KEY": "z"})
    found = list(strays({"COSMOS_XYZZY": "1", "cosmos_city": "denver"}, filed, KNOWN))
    assert [(check.name, check.outcome) for check in found] == [
        ("COSMOS_XYZZY", Outcome.WARNING),
        ("COSMOS_ENDPONT", Outcome.WARNING),
    ]
    assert "did you mean COSMOS_ENDPOINT?" in found[1].found
    assert ("unset" in found[0].remedy, ".env" in found[1].remedy) == (True, True)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such bits")
@pytest.mark.parametrize(("mode", "outcome"), [(0o600, "ok"), (0o640, "warning"), (0o604, "warning")])
def test_a_file_that_others_can_read(tmp_path: Path, mode: int, outcome: str) -> None:
    path = tmp_path / ".env"
    path.write_text("COSMOS_KEY=hushhush\n")
    path.chmod(mode)
    (check,) = file_checks(path, env_file.read(path), {"hushhush"})
    assert check.outcome.value == outcome
    assert "hushhush" not in repr(check)
    assert check.remedy == ("" if outcome == "ok" else f"chmod 600 {path}")


def test_a_file_without_a_secret_may_be_read_by_all(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("MAX_CITIES=3\n")
    path.chmod(0o644)
    (check,) = file_checks(path, env_file.read(path), {"hushhush"})
    assert (check.outcome, check.found) == (Outcome.OK, "1 variable")


def test_lines_that_are_none_are_named_by_number_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n= hushhush\nB='2'  # more\nexport C=\"x y\"\n")
    read = env_file.read(path)
    assert read.values == {"A": "1", "B": "2", "C": "x y"}
    check = next(file_checks(path, read, ()))
    assert (check.outcome, check.found) == (Outcome.FAILED, "no NAME=value: line 2")
    assert "hushhush" not in repr(check) + caplog.text


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    (check,) = file_checks(path, env_file.read(path), ())
    assert (check.outcome, check.found) == (Outcome.OK, "there is none")


@pytest.mark.parametrize("content", [None, b"A=\xff\xfe"])
def test_a_file_that_cannot_be_read_fails(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / ".env"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    (check,) = file_checks(path, env_file.read(path), ())
    assert check.outcome is Outcome.FAILED
