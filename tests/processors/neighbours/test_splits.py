"""The same minutes give the same findings and the same state, however they are cut into calls."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from processors.neighbours import State
from processors.neighbours.state import APART, BLOCKS, COURSE, DAYS, EPISODES, VERSION, restored, stored
from processors.schema import SENSOR_ID
from tests.harness.town import BEGIN, compared, means, minute, weather

DAY = 1_440
SCHEMAS = {"blocks": BLOCKS, "course": COURSE, "days": DAYS, "apart": APART, "episodes": EPISODES}


@pytest.fixture(scope="module")
def eventful() -> pl.DataFrame:
    """Six days and, a month and more later, one more: faults, weather, silences, late starts and an odd minute."""
    city = weather(6 * DAY, 7)
    city[1, 400:1_000] += 3
    city[2, 2 * DAY :] -= 2
    city[3, 3 * DAY : 4 * DAY + 7] = np.nan
    city[4, : DAY + 333] = np.nan
    city[:, 5 * DAY + 300 : 5 * DAY + 330] += 8
    city[:4, 5 * DAY + 1_000 : 5 * DAY + 1_030] += 20
    city[:, 5 * DAY + 700 : 5 * DAY + 731] = np.nan
    dice = np.random.default_rng(5)
    city[dice.random(city.shape) < 0.02] = np.nan
    later = weather(DAY, 7, seed=3)
    later[1, :300] += 9
    rows = pl.concat([means(city), means(later, begin=BEGIN + timedelta(days=36))])
    return rows.with_columns(pressurePa=100_000 + 40 * pl.col("temperatureC"))


@pytest.fixture(scope="module")
def in_one_call(eventful: pl.DataFrame) -> tuple[pl.DataFrame, State]:
    return compared(eventful)


@pytest.mark.parametrize("seed", range(3))
def test_any_split_into_calls_gives_the_same(
    eventful: pl.DataFrame, in_one_call: tuple[pl.DataFrame, State], seed: int
) -> None:
    source = random.Random(seed)
    whole, state = in_one_call
    assert {"sensor", "environment"} == set(whole["kind"])
    assert len(whole) > 5
    begins = (400, 2 * DAY, 5 * DAY + 300, 5 * DAY + 330, 5 * DAY + 1_030, 36 * DAY)
    cuts = [begin + source.randrange(1, 5) for begin in begins] + source.sample(range(37 * DAY), 40)
    split, following = compared(eventful, [minute(number) for number in sorted(cuts)])
    assert split.equals(whole)
    for name, frame in stored(state).items():
        assert stored(following)[name].equals(frame), name


def test_the_order_of_rows_within_a_call_does_not_matter(
    eventful: pl.DataFrame, in_one_call: tuple[pl.DataFrame, State]
) -> None:
    assert compared(eventful.sample(fraction=1, shuffle=True, seed=1))[0].equals(in_one_call[0])


def test_nothing_is_known_of_nothing() -> None:
    found, state = compared(means(weather(10, 4)).clear())
    assert found.is_empty()
    assert all(frame.is_empty() for frame in stored(state).values())


def damaged() -> list[Mapping[str, pl.DataFrame]]:
    good = stored(State())
    name = f"blocks.{VERSION}"
    odd = pl.DataFrame([[None] * len(BLOCKS)], schema=BLOCKS, orient="row")
    return [
        {key: frame for key, frame in good.items() if key != name},
        good | {name: good[name].drop(SENSOR_ID)},
        good | {name: good[name].cast({"n": pl.Float64})},
        good | {name: odd},
        {key.replace(f".{VERSION}", f".{VERSION + 1}"): frame for key, frame in good.items()},
    ]


@pytest.mark.parametrize("frames", damaged())
def test_a_state_that_is_not_as_expected_is_not_trusted(frames: Mapping[str, pl.DataFrame]) -> None:
    assert restored(stored(State())) is not None
    assert restored(frames) is None


def test_the_state_is_bounded_whatever_the_time() -> None:
    sensors = 4
    _, short = compared(means(weather(9 * DAY, sensors)))
    _, long = compared(means(weather(11 * DAY, sensors)))
    for name in SCHEMAS:
        assert len(getattr(long, name)) <= max(len(getattr(short, name)), sensors), name
    assert len(long.blocks) <= 25 * sensors
