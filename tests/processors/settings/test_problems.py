"""All problems are told together, each with field, value and origin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from processors.errors import SettingsError
from processors.settings import FILE
from tests.processors.settings.conftest import SECRET, file, problems


@pytest.mark.parametrize("content", [b"city = ", b"\xff\xfe", b"city = 'a'\ncity = 'b'"])
def test_a_file_that_cannot_be_read_is_a_problem_among_others(content: bytes) -> None:
    FILE.write_bytes(content)
    told = problems({"page_rows": 0})
    assert f"{FILE}: cannot be read as TOML" in told
    assert "page_rows = 0 (flag)" in told


def test_all_problems_are_told_together_with_field_value_and_origin(env: Callable[..., None]) -> None:
    file('stage = "cooked"\nspeed = 3\n')
    env(page_rows="none", citty="denver", thresholds='{"stuck": 0}', columns="{", drop_fields='["nope"]')
    told = problems({"coordinate_decimals": 9, "fast": True}, required=("endpoint", "city"))
    for expected in (
        f"stage = 'cooked' ({FILE}):",
        f"speed ({FILE}): no such setting",
        "page_rows = 'none' (environment):",
        "COSMOS_CITTY (environment): no such setting, did you mean COSMOS_CITY?",
        "not above 0: stuck",
        "columns = '{' (environment):",
        "cannot be hidden: nope",
        "coordinate_decimals = 9 (flag):",
        "fast (flag): no such setting",
        "endpoint: missing; give --endpoint or set COSMOS_ENDPOINT",
        "city: missing; give --city or set COSMOS_CITY",
    ):
        assert expected in told
    assert told.count(";") >= 10


def test_a_variable_that_is_not_json_hides_no_other(env: Callable[..., None]) -> None:
    env(columns="{", city="denver")
    told = problems(required=("city",))
    assert "columns = '{' (environment)" in told
    assert "JSON" in told
    assert "city" not in told


@pytest.mark.parametrize(
    ("name", "suggested"),
    [("COSMOS_CITTY", "COSMOS_CITY"), ("cosmos_endpont", "COSMOS_ENDPOINT"), ("COSMOS_PAGEROWS", "COSMOS_PAGE_ROWS")],
)
def test_an_unknown_variable_names_the_closest(monkeypatch: pytest.MonkeyPatch, name: str, suggested: str) -> None:
    monkeypatch.setenv(name, SECRET)
    assert f"{name} (environment): no such setting, did you mean {suggested}?" in problems()


def test_an_unknown_name_that_is_like_none_has_no_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMOS_XQZ", SECRET)
    file(f'zzz = "{SECRET}"\nCOSMOS_CITY = "denver"\n')
    told = problems()
    assert "COSMOS_XQZ (environment): no such setting;" in told + ";"
    assert f"zzz ({FILE}): no such setting" in told
    assert f"COSMOS_CITY ({FILE}): no such setting, did you mean city?" in told
    assert told.count("did you mean") == 1


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "page_rows = " + "9" * 5_000], ids=["deep", "digits"])
def test_a_file_that_python_cannot_take_is_a_problem_among_others(text: str) -> None:
    file(text)
    told = problems(required=("city",))
    assert f"{FILE}: cannot be read as TOML" in told
    assert "city: missing" in told


def test_a_variable_that_is_nested_too_deep_hides_no_other(env: Callable[..., None]) -> None:
    env(limits="[" * 20_000, page_rows="many")
    told = problems()
    assert "limits = '[[[" in told
    assert "page_rows = 'many'" in told
    assert len(told) < 1_000


def test_what_is_wrong_together_is_told_beside_what_is_wrong_alone() -> None:
    told = problems({"hash_fields": ["model"], "drop_fields": ["model"], "hash_key": "x", "page_rows": 0})
    assert "page_rows = 0" in told
    assert "both dropped and hashed: model" in told


def test_an_error_about_a_name_that_is_no_utf8_can_be_printed() -> None:
    error = SettingsError("use", Path("a\udcff"), why="\udcfe", hint="\udcfd")
    assert (str(error), error.hint) == ("cannot use: a\\udcff: \\udcfe", "\\udcfd")
    caused = SettingsError("use", "it", hint="x")
    caused.__cause__ = OSError(2, "No such file", "b\udcff")
    f"{error}{error.hint}{caused}".encode()


@pytest.mark.parametrize(
    "values", [{"drop_fields": ["\ud800"]}, {"columns": {"\ud800": "x"}}, {"limits": {"\ud800": [0, 1]}}]
)
def test_half_a_character_is_a_problem_like_others(values: dict[str, Any]) -> None:
    assert "\\ud800" in problems(values)
