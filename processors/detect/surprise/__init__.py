"""How rare a step is for its sensor, in bits: histograms learned as the rows come.

For each series (a measure of a sensor) each step (`steps`) is looked at by its features (`features`), each on a grid
that the first steps fix (`grid`), and its surprise is -log2 of the share of earlier steps in the same bin (`counts`),
the mean over features and grids. Alerts are few (`rare`), and say what was usual (`usual`).

Measured against published detectors in docs/anomalies.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from processors.detect.contract import FINDING, Judged
from processors.detect.rare import MEMORY, rare
from processors.detect.surprise.lesson import LEARNED, NOTHING, SCORE, Lesson, learn
from processors.detect.surprise.steps import OPEN, SERIES, known, steps
from processors.detect.surprise.usual import usual
from processors.schema import MEASURE_NAMES, SENSOR_ID

SILENCE_STEPS = 100

_SENSOR = ""
"""In place of a measure: the row of the state that is the sensor's own, with its steps and alerts."""


class Surprise:
    """Score: bits of a step; the rows that do not end one are unknown, as are the steps of the warm-up.

    Of several measures that are known in a row each is less rare, by as many bits as make it as rare for one of them to
    be found by chance as it is for one alone (Bonferroni's correction).
    """

    kind = "surprise"
    version = 2
    in_bits = False

    def __init__(self, threshold_bits: float):
        self.threshold = threshold_bits

    @property
    def carries(self) -> Mapping[str, pl.DataType]:
        """One row for each series, with what is open and what it has learned, and one for each sensor's alerts."""
        return {SENSOR_ID: pl.String(), "measure": pl.String(), **OPEN, **LEARNED, **MEMORY}

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        values, numbers = known(rows)
        mine = numbers.join(state, on=SERIES, how="left", maintain_order="left").with_columns(
            pl.col(name).fill_null(pl.lit(blank, self.carries[name])) for name, blank in NOTHING.items()
        )
        ended, following = steps(values, mine)
        lessons, learned = _lessons(ended, mine.select("series", *LEARNED))
        judged = _judged(rows, lessons)
        before = state.filter(pl.col("measure") == _SENSOR)
        alerts, sensors = self._alerts(judged.join(numbers, on="series"), _ends(rows, ended), before)
        told = [(lesson.steps.drop(SCORE).join(alerts, on=["series", "row"]), lesson) for lesson in lessons]
        found = [usual(own, lesson) for own, lesson in told if len(own)]
        own = (
            numbers.lazy()
            .join(following.lazy(), on="series", maintain_order="left")
            .join(learned.lazy(), on="series", maintain_order="left")
            .drop("series")
        )
        now = pl.concat([own, sensors.lazy()], how="diagonal")
        others = state.lazy().join(now, on=SERIES, how="anti", maintain_order="left")
        state_now = (
            pl.concat([others, now], how="diagonal").select(*self.carries).sort(SERIES).collect(engine="in-memory")
        )
        return Judged(_wide(judged, len(rows)), self._findings(found, numbers), state_now)

    def _alerts(
        self, judged: pl.DataFrame, ends: pl.DataFrame, before: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The `series`, `row` and `score` of the steps that are alerts; and the sensors' own state.

        Args:
            judged: The steps with their scores and whose they are.
            ends: The rows that end a step of their sensor, in order.
            before: The sensors' own state.
        """
        own = ends.group_by(SENSOR_ID, maintain_order=True).len("now").join(before, on=SENSOR_ID, how="left")
        own = own.with_columns(pl.col("steps").fill_null(0), pl.col("alerts").fill_null(0.0))
        counted = ends.join(own, on=SENSOR_ID, maintain_order="left").select(
            "row", no=pl.col("steps") + pl.int_range(pl.len()).over(SENSOR_ID)
        )
        candidates = (
            judged.with_columns(excess=pl.col(SCORE) - self.threshold)
            .filter(pl.col("excess") >= 0)
            .join(counted, on="row")
            .sort("row", -pl.col("excess"), "measure")
        )
        alerts, memory = rare(candidates, own, by=[SENSOR_ID], silence=SILENCE_STEPS)
        sensors = own.select(SENSOR_ID, pl.col("steps") + pl.col("now")).join(memory, on=SENSOR_ID)
        return alerts.select("series", "row", SCORE), sensors.with_columns(measure=pl.lit(_SENSOR)).drop("now")

    def _findings(self, alerts: list[pl.DataFrame], numbers: pl.DataFrame) -> pl.DataFrame:
        named = [
            part.join(numbers, on="series")
            .with_columns(kind=pl.lit(self.kind), threshold=pl.lit(self.threshold))
            .select(*FINDING)
            for part in alerts
        ]
        return pl.concat([pl.DataFrame(schema=FINDING), *(part.cast(FINDING) for part in named)]).sort("row")  # type: ignore[arg-type]


_SCORED: dict[str, pl.DataType] = {"series": pl.UInt32(), "row": pl.UInt32(), SCORE: pl.Float64()}


def _lessons(ended: pl.DataFrame, series: pl.DataFrame) -> tuple[list[Lesson], pl.DataFrame]:
    """The lessons of the steps, more than one where a series begins anew, and the series after them."""
    lessons = []
    while len(ended):
        taught = pl.col("series").is_in(ended["series"].unique().implode())
        lesson = learn(ended, series.filter(taught))
        lessons.append(lesson)
        series, ended = pl.concat([series.filter(~taught), lesson.series]), lesson.rest
    return lessons, series


def _judged(rows: pl.DataFrame, lessons: Sequence[Lesson]) -> pl.DataFrame:
    """The steps (`_SCORED`) that are known to be more or less rare, corrected for the number of measures."""
    scored = [lesson.steps.select(*_SCORED).filter(pl.col(SCORE).is_not_null()) for lesson in lessons]
    at_once = rows.select(pl.sum_horizontal(pl.col(name).is_not_null() for name in MEASURE_NAMES)).to_series()
    by_chance = pl.lit(at_once.cast(pl.Float64).log(2)).gather(pl.col("row"))
    return pl.concat([pl.DataFrame(schema=_SCORED), *scored]).with_columns(pl.col(SCORE) - by_chance)


def _ends(rows: pl.DataFrame, ended: pl.DataFrame) -> pl.DataFrame:
    """The rows that end a step, in order, and their sensors."""
    mark = pl.zeros(len(rows), pl.UInt8, eager=True).scatter(ended["row"], 1)
    return rows.select(SENSOR_ID).with_row_index("row").filter(mark == 1)


def _wide(judged: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Scores, one column a measure, one row a row."""
    measure = pl.col("series") % len(MEASURE_NAMES)
    parts = [judged.filter(measure == at) for at in range(len(MEASURE_NAMES))]
    unknown = pl.repeat(None, rows, dtype=pl.Float64, eager=True)
    return pl.DataFrame(
        {
            name: unknown.clone().scatter(part["row"], part[SCORE]) if len(part) else unknown
            for name, part in zip(MEASURE_NAMES, parts, strict=True)
        }
    )
