from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from processors.detect.rare import HALF_LIFE, MEMORY, RISE_BITS, rare

SILENCE = 10

NOTHING = pl.DataFrame({"key": ["a"], "alertAt": [None], "alerts": [0.0]}, schema={"key": pl.String, **MEMORY})


def alerts(candidates: Sequence[tuple[int, float]], cuts: Sequence[int] = ()) -> tuple[list[int], float]:
    """Numbers of the rows that are alerts, and how many count as of the last."""
    memory, found = NOTHING, []
    for start, end in zip([0, *cuts], [*cuts, len(candidates)], strict=True):
        part = [{"key": "a", "no": no, "excess": excess} for no, excess in candidates[start:end]]
        frame = pl.DataFrame(part, schema={"key": pl.String, "no": pl.Int64, "excess": pl.Float64})
        told, memory = rare(frame, memory, by=["key"], silence=SILENCE)
        found += told["no"].to_list()
    return found, memory["alerts"].item()


@pytest.mark.parametrize("cuts", [[], [1, 3], [2, 2, 4]])
def test_within_the_silence_all_is_part_of_the_alert(cuts: list[int]) -> None:
    rows = [(0, 9.0), (1, 99.0), (SILENCE, 99.0), (SILENCE + 1, 9.0), (SILENCE + 2, 9.0), (2 * SILENCE + 2, 9.0)]
    assert alerts(rows, cuts)[0] == [0, SILENCE + 1, 2 * SILENCE + 2]


def test_each_alert_of_late_raises_what_the_next_one_needs() -> None:
    step = SILENCE + 1
    enough = [(step * n, RISE_BITS * n) for n in range(6)]
    assert alerts(enough)[0] == [step * n for n in range(6)]
    short = [(step * n, RISE_BITS * 0.9) for n in range(3)]
    assert alerts(short)[0] == [0]


def test_an_alert_counts_half_after_the_half_life() -> None:
    found, count = alerts([(0, 0.0), (HALF_LIFE, RISE_BITS * 0.4), (HALF_LIFE + 1, RISE_BITS * 0.6)])
    assert found == [0, HALF_LIFE + 1]
    assert count == pytest.approx(1.5, abs=1e-3)


def test_no_candidate() -> None:
    assert alerts([]) == ([], 0.0)
