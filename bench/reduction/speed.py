"""The choice alone: rows a second, in large batches and in small ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import polars as pl

from processors.conform import conform
from processors.form import Form
from processors.leave import leave
from processors.schema import ALARM, COLUMNS, IS_ANOMALY
from processors.transform import transform
from tests.harness.kinds import BOUNDS, KINDS, Kind, rows_of

PAGE_ROWS = 20_000
FEW_ROWS = 60
_PAGES = 5
_FEW = 50
_SEED = 7

FORMS = {
    "dead bands of five measures": Form(send="changes", dead_band=BOUNDS),
    "a swinging door, four dead bands": Form(
        send="changes",
        swinging_door={"temperatureC": BOUNDS["temperatureC"]},
        dead_band={name: bound for name, bound in BOUNDS.items() if name != "temperatureC"},
    ),
    "swinging doors of five measures": Form(send="changes", swinging_door=BOUNDS),
    "anomalies, 10 around": Form(send="anomalies", context_rows=10),
}


@dataclass(frozen=True)
class Speed:
    """How fast one form chooses.

    Attributes:
        kind: Of the rows.
        form: Its name.
        sensors: In turn.
        page: Rows a second of the usual batch of `PAGE_ROWS`.
        page_cpu: Rows a second of processor time, of all threads: says most where others use the machine too.
        few: Rows a second of the usual batch of `FEW_ROWS`.
    """

    kind: Kind
    form: str
    sensors: int
    page: float
    page_cpu: float
    few: float


def measure() -> list[Speed]:
    """All forms over all kinds, with one sensor and with a hundred."""
    found = []
    for kind in KINDS:
        for sensors in (1, 100):
            rows = _prepared(kind, sensors)
            for name, form in FORMS.items():
                page, page_cpu = _usual(rows, form, PAGE_ROWS)
                few, _ = _usual(rows[: FEW_ROWS * _FEW], form, FEW_ROWS)
                found.append(Speed(kind, name, sensors, page, page_cpu, few))
    return found


def _prepared(kind: Kind, sensors: int) -> pl.DataFrame:
    rows = rows_of(kind, PAGE_ROWS * _PAGES, seed=_SEED, sensors=sensors)
    known = {column.source: column.dtype for column in COLUMNS}
    page = pl.DataFrame(
        [pl.Series(name, [row.get(name) for row in rows], dtype) for name, dtype in known.items() if name != "id"]
    ).with_row_index("id", 1)
    valid = conform(page.cast({"id": pl.Int64}), default_zone="UTC").valid
    flags = {IS_ANOMALY: pl.lit(value=False), ALARM: pl.lit(value=False)}
    return transform(valid, {})[0].with_columns(**flags)


def _usual(rows: pl.DataFrame, form: Form, batch_rows: int) -> tuple[float, float]:
    carried: Mapping[str, pl.DataFrame] = {}
    seconds, cpu_s = [], []
    for page in rows.iter_slices(batch_rows):
        begun, used = time.perf_counter(), time.process_time()
        carried = leave(page, carried, form).carried
        seconds.append(time.perf_counter() - begun)
        cpu_s.append(time.process_time() - used)
    return batch_rows / median(seconds), batch_rows / median(cpu_s)
