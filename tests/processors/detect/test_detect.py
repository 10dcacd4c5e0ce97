from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors import checkpoint
from processors.detect import Detected, State, detect, detectors
from processors.detect.alarm import ALARM
from processors.detect.thresholds import DEFAULT_THRESHOLDS, UNITS
from processors.schema import IS_ANOMALY, MEASURE_NAMES

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]

USING = detectors(thresholds={"stuck": 3.0}, limits={})


def packed(state: State) -> dict[str, pl.DataFrame]:
    return {name: pl.read_ipc(io.BytesIO(checkpoint._pack(frame))) for name, frame in state.items()}


def in_calls(rows: pl.DataFrame, cuts: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    marked, alarms = [], []
    state: State = {}
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        detected = detect(rows[start:end], state, USING)
        assert detected.notices == ()
        state = packed(detected.state)
        marked.append(detected.rows)
        alarms.append(detected.alarms)
    return pl.concat(marked), pl.concat(alarms)


def on(rows: pl.DataFrame) -> Detected:
    return detect(rows, {}, USING)


@pytest.mark.parametrize("seed", range(6))
def test_any_split_gives_the_same_rows_and_alarms(conformed: Build, seed: int) -> None:
    source = random.Random(seed)
    rows = conformed(
        [
            {"sensorId": source.choice("ab"), "temperatureC": source.choice([20.0, 20.0, 21.0, 22.0, 99.0, None])}
            for _ in range(400)
        ]
    )
    whole, alarms = in_calls(rows, [])
    split, alarms_split = in_calls(rows, sorted(source.choices(range(401), k=6)))
    assert whole.equals(split)
    assert alarms.equals(alarms_split)
    assert whole.drop(IS_ANOMALY).equals(rows)
    assert set(alarms["rowId"]) <= set(whole.filter(pl.col(IS_ANOMALY))["rowId"])
    hot = whole.filter(pl.col("temperatureC") > 85)
    assert hot[IS_ANOMALY].all()
    assert 0 < len(alarms) < len(hot)


def test_an_alarm_says_which_value_by_which_measure_how_far_and_what_is_usual(conformed: Build) -> None:
    alarms = on(
        conformed(
            [
                {"sensorId": "a", "temperatureC": 85.0, "humidityPct": 130.0, "voltageV": -3.6},
                {"sensorId": "b", "voltageV": -3.6},
            ]
        )
    ).alarms
    assert alarms.columns == [*ALARM, "explanation"]
    assert alarms.drop("observedAt", "explanation").rows() == [
        (1, "a", "humidityPct", "limit", 130.0, 0.3, 1e-9, 0.0, 100.0, None, ["voltageV limit"]),
        (2, "b", "voltageV", "limit", -3.6, 0.1, 1e-9, 0.0, 36.0, None, []),
    ]


def test_unknown_is_not_normal(conformed: Build) -> None:
    rows = conformed(
        [
            {"observedAt": None},
            {"temperatureC": 20.0, "observedAt": None},
            {"temperatureC": 99.0, "voltageV": None, "observedAt": None},
        ]
    )
    assert on(rows).rows[IS_ANOMALY].to_list() == [None, False, True]


def test_nothing_and_rows_without_a_value(conformed: Build) -> None:
    for rows in ([], [{}], [{}] * 200):
        detected = on(conformed(rows))
        assert detected.rows[IS_ANOMALY].dtype == pl.Boolean
        assert not detected.rows[IS_ANOMALY].any()
        assert detected.alarms.is_empty()
        assert detected.alarms.columns == [*ALARM, "explanation"]
        kinds = {f"{detector.kind}.{detector.version}" for detector in USING}
        assert detected.state.keys() == {*kinds, "alarms.1"}


def test_one_row_each_of_many_sensors(conformed: Build) -> None:
    many = [{"sensorId": f"s{index}", "temperatureC": 20.0, "voltageV": 12.0} for index in range(10_000)]
    detected = on(conformed(many))
    assert len(detected.rows) == 10_000
    assert detected.alarms.is_empty()
    rows = conformed([*many[:300], *many[:300]])
    assert in_calls(rows, [])[0].equals(in_calls(rows, [300])[0])


def test_one_measure_does_not_hide_another(conformed: Build) -> None:
    for name in MEASURE_NAMES:
        rows = conformed([{other: 1e7 if other == name else None for other in MEASURE_NAMES}])
        assert on(rows).alarms["measure"].to_list() == [name]


def test_thresholds_and_limits_are_those_asked_for(conformed: Build) -> None:
    asked = detectors(thresholds={"stuck": 2.0}, limits={"temperatureC": (0.0, 10.0)})
    rows = conformed(
        [{"temperatureC": 20.0}, {"sensorId": "b", "humidityPct": 40.0}, {"sensorId": "b", "humidityPct": 40.0}]
    )
    assert detect(rows, {}, asked).alarms.select("kind", "score", "threshold").rows() == [
        ("limit", 1.0, 1e-9),
        ("stuck", 2.0, 2.0),
    ]


@pytest.mark.parametrize("kind", sorted(DEFAULT_THRESHOLDS.keys() - {"sensor", "environment"}))
def test_every_threshold_that_can_be_set_is_used_and_has_a_unit(kind: str) -> None:
    """Those of the comparison of sensors are not a detector's."""
    assert UNITS.keys() == DEFAULT_THRESHOLDS.keys()
    (one,) = [each for each in detectors(thresholds={kind: 12.5}, limits={}) if each.kind == kind]
    assert one.threshold == 12.5  # type: ignore[attr-defined]


WARM = [{"temperatureC": 20.0 + index, "humidityPct": 40.0 + index} for index in range(5)]


@pytest.mark.parametrize("name", ["alarms", *(detector.kind for detector in USING)])
def test_what_was_learned_in_another_version_is_learned_anew_and_said(conformed: Build, name: str) -> None:
    state = packed(on(conformed(WARM)).state)
    (key,) = [key for key in state if key.startswith(f"{name}.")]
    state[f"{name}.0"] = state.pop(key)
    detected = detect(conformed(WARM), state, USING)
    assert detected.notices == (f"what {name} had learned is of another version: it learns anew",)
    assert detected.state[key].equals(on(conformed(WARM)).state[key])
    assert f"{name}.0" not in detected.state


@pytest.mark.parametrize("name", ["alarms", *(detector.kind for detector in USING)])
@pytest.mark.parametrize(
    "damage",
    [
        lambda frame: frame.drop("sensorId"),
        lambda frame: frame.with_columns(pl.lit(None, pl.String).alias("sensorId")),
        lambda frame: frame.with_columns(pl.lit(1, pl.Int8).alias("sensorId")),
        lambda frame: frame.with_columns(more=pl.lit(1)),
        lambda frame: frame.select("sensorId").drop("sensorId"),
    ],
)
def test_what_is_not_as_it_was_written_is_learned_anew_and_said(
    conformed: Build, name: str, damage: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    state = packed(on(conformed(WARM)).state)
    (key,) = [key for key in state if key.startswith(f"{name}.")]
    if state[key].is_empty():
        state[key] = state[key].clear(1)
    state[key] = damage(state[key])
    detected = detect(conformed(WARM), state, USING)
    assert detected.notices == (f"what {name} had learned is not readable: it learns anew",)
    assert detected.state[key].equals(on(conformed(WARM)).state[key])


def test_the_memory_of_alarms_has_each_sensor_once(conformed: Build) -> None:
    state = packed(on(conformed(WARM)).state)
    state["alarms.1"] = pl.concat([state["alarms.1"]] * 2)
    detected = detect(conformed(WARM), state, USING)
    assert detected.notices == ("what alarms had learned is not readable: it learns anew",)
    assert len(detected.rows) == len(WARM)
