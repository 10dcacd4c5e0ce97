from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors import checkpoint
from processors.detect import State, detect, detectors
from processors.schema import IS_ANOMALY, MEASURE_NAMES

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]

USING = detectors(robust_z_threshold=8.0, stuck_rows=3, limits={})


def in_calls(rows: pl.DataFrame, cuts: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    marked, found = [], []
    state: State = {}
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        out, anomalies, following = detect(rows[start:end], state, USING)
        state = {kind: pl.read_ipc(io.BytesIO(checkpoint._pack(frame))) for kind, frame in following.items()}
        marked.append(out)
        found.append(anomalies)
    return pl.concat(marked), pl.concat(found)


@pytest.mark.parametrize("seed", range(6))
def test_any_split_gives_the_same_rows_and_anomalies(conformed: Build, seed: int) -> None:
    source = random.Random(seed)
    rows = conformed(
        [
            {"sensorId": source.choice("ab"), "temperatureC": source.choice([20.0, 20.0, 21.0, 99.0, None])}
            for _ in range(200)
        ]
    )
    whole, found = in_calls(rows, [])
    split, found_split = in_calls(rows, sorted(source.choices(range(201), k=6)))
    assert whole.equals(split)
    assert found.equals(found_split)
    assert whole.drop(IS_ANOMALY).equals(rows)
    hit = set(found["rowId"])
    for row_id, value, verdict in whole.select("rowId", "temperatureC", IS_ANOMALY).rows():
        assert verdict is (None if value is None else row_id in hit)
    assert {"limit", "stuck"} <= set(found["kind"])


def test_an_anomaly_says_which_value_by_which_measure_and_how_far(conformed: Build) -> None:
    _, found, _ = detect(conformed([{"temperatureC": 85.0, "humidityPct": 130.0}, {"voltageV": -3.6}]), {}, USING)
    told = ["rowId", "measure", "kind", "value", "score", "threshold"]
    assert found.select(told).rows() == [
        (1, "humidityPct", "limit", 130.0, 0.3, 1e-9),
        (2, "voltageV", "limit", -3.6, 0.1, 1e-9),
    ]


def test_a_row_with_anomalies_of_several_kinds_has_one_each(conformed: Build) -> None:
    _, found, _ = detect(conformed([{"temperatureC": 99.0}] * 3), {}, USING)
    assert found.select("rowId", "kind").rows() == [(1, "limit"), (2, "limit"), (3, "limit"), (3, "stuck")]


def test_unknown_is_not_normal(conformed: Build) -> None:
    rows = conformed([{}, {"temperatureC": 20.0}, {"temperatureC": 99.0, "voltageV": None}])
    marked, _, _ = detect(rows, {}, USING)
    assert marked[IS_ANOMALY].to_list() == [None, False, True]


def test_nothing_and_rows_without_a_value(conformed: Build) -> None:
    for rows in ([], [{}], [{}] * 200):
        marked, found, state = detect(conformed(rows), {}, USING)
        assert marked[IS_ANOMALY].to_list() == [None] * len(rows)
        assert marked[IS_ANOMALY].dtype == pl.Boolean
        assert found.is_empty()
        assert found.columns == ["rowId", "sensorId", "observedAt", "measure", "kind", "value", "score", "threshold"]
        assert state.keys() == {"limit", "robust_z", "stuck"}


def test_one_measure_does_not_hide_another(conformed: Build) -> None:
    for name in MEASURE_NAMES:
        rows = conformed([{other: 1e7 if other == name else None for other in MEASURE_NAMES}])
        _, found, _ = detect(rows, {}, USING)
        assert found["measure"].to_list() == [name]


def test_thresholds_and_limits_are_those_asked_for(conformed: Build) -> None:
    limit, robust_z, stuck = detectors(robust_z_threshold=5.5, stuck_rows=7, limits={"temperatureC": (0.0, 10.0)})
    assert (limit.kind, robust_z.kind, stuck.kind) == ("limit", "robust_z", "stuck")
    assert (robust_z.threshold, stuck.threshold) == (5.5, 7.0)
    assert limit.score(conformed([{"temperatureC": 20.0}]), None)[0]["temperatureC"].item() == 1.0
