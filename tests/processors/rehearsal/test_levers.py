"""Levers: other forms, each once, and what is said of them."""

from __future__ import annotations

import pytest

from processors.form import Form
from processors.rehearsal.levers import BOUNDS, LEVERS, RESOLUTION, SELDOM_S, later, levers, told


def names(form: Form) -> list[str]:
    return [each.name for each in levers(form)]


def test_each_lever_makes_another_form() -> None:
    found = levers(Form())
    assert [each.name for each in found] == [name for name, _, _ in LEVERS]
    assert Form() not in [each.form for each in found]


def test_what_is_set_already_is_no_lever() -> None:
    assert "bucket_rows=60" not in names(Form(bucket_rows=50))
    assert names(Form("aggregated")) == []
    assert not [name for name in names(Form("raw")) if "descriptions" in name or "resolution" in name]
    assert "send=changes" not in names(Form(send="anomalies"))


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ({"temperatureC": 0.5}, "0.5 °C"),
        ({"temperatureC": 0.5, "pressurePa": 50.0}, "0.5 °C and 50 Pa"),
        (BOUNDS, "0.5 °C, 2 %, 50 Pa, 0.1 mm/s and 0.05 V"),
        (RESOLUTION, "0.01 °C, 0.1 %, 10 Pa, 0.01 mm/s and 0.01 V"),
    ],
)
def test_steps_are_told_in_their_units(steps: dict[str, float], text: str) -> None:
    assert told(steps) == text


@pytest.mark.parametrize(("every_s", "name"), [(None, None), (60.0, "every=15m"), (SELDOM_S, None), (3_600.0, None)])
def test_passes_that_are_less_often(every_s: float | None, name: str | None) -> None:
    lever = later(Form(bucket_rows=9), every_s)
    assert (None if lever is None else lever.name) == name
    assert lever is None or lever.form == Form(bucket_rows=9)
