"""Secrets are in no text: not of settings, and not of errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from processors.settings import FILE, load
from tests.processors.settings.conftest import SECRET, file, problems


def test_secrets_are_not_shown(env: Callable[..., None]) -> None:
    env(key=SECRET, hash_key=SECRET)
    loaded = load({})
    assert loaded.settings.key.get_secret_value() == loaded.settings.hash_key.get_secret_value() == SECRET
    assert SECRET not in repr(loaded) + str(loaded.settings) + loaded.settings.model_dump_json()


@pytest.mark.parametrize("written", [f'["{SECRET}"]', f'{{ a = "{SECRET}" }}', f'{{ "{SECRET}" = 1 }}', "12345678"])
@pytest.mark.parametrize("name", ["key", "hash_key"])
def test_secrets_are_not_in_errors(name: str, written: str) -> None:
    file(f"{name} = {written}\npage_rows = 0\n")
    told = problems()
    assert f"{name} = ****** ({FILE})" in told
    assert "12345678" not in told


@pytest.mark.parametrize("name", ["key", "hash_key"])
def test_a_secret_that_is_no_text(env: Callable[..., None], name: str) -> None:
    env(**{name: f"{SECRET}\udcdf"})
    told = problems()
    assert f"{name} = ****** (environment)" in told
    assert "no UTF-8 text" in told
    assert SECRET not in told


def test_secrets_are_not_in_errors_of_other_settings(env: Callable[..., None]) -> None:
    env(key=SECRET, hash_key=SECRET, hash_fields='["model"]', drop_fields='["model"]')
    assert "both dropped and hashed: model" in problems()
    env(page_rows="0", columns="[")
    problems({"nope": SECRET}, required=("city",))


def test_a_hash_needs_a_key() -> None:
    assert "hash_fields needs hash_key" in problems({"hash_fields": ("model",)})
    assert load({"hash_fields": ("model",), "hash_key": "k"}).settings.hash_fields == ("model",)
