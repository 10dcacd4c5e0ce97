"""The rows of one sensor as a function of their position, so pieces of any size join to the same table."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sensors import anomalies, faults, waveform
from sensors.anomalies import MISSING_DATA
from sensors.faults import Fault, Placement
from sensors.sensor import Sensor
from sensors.waveform import Times

_LABEL_TEXTS = np.array([None, *anomalies.KINDS], dtype=object)
_DECIMALS = 4  # finer than any sensor, coarser than what sin() differs by from one processor to the next


class Piece(NamedTuple):
    """Some rows and what is true of them.

    Attributes:
        columns: One list for each of `table.READING_COLUMNS`, of equal length.
        anomalies: Rows by anomaly kind.
        missing: Readings that have no row because of a `missing_data` anomaly.
        faults: Faults that begin here, by kind.
        first_ms: True time of the first row, whatever its stamp says; None when there are no rows.
        last_ms: True time of the last row.
    """

    columns: tuple[list[object], ...]
    anomalies: Counter[str]
    missing: int
    faults: Counter[str]
    first_ms: int | None
    last_ms: int | None


@dataclass(frozen=True)
class Readings:
    """What a sensor stores from `start_ms` on, one reading a period."""

    sensor: Sensor
    start_ms: int
    period_ms: int
    probability: float
    placement: Placement

    def piece(self, first: int, stop: int) -> Piece:
        """Readings `first` to `stop - 1`, counted from the start."""
        count = stop - first
        # One reading earlier, because the first row after a gap carries the gap's mark.
        times_ms = self.start_ms + np.arange(first - 1, stop, dtype=np.int64) * self.period_ms
        disturbed = anomalies.at(self.sensor, times_ms, self.period_ms, self.probability)
        noise = waveform.noise(self.sensor, int(times_ms[0]) // self.period_ms, count + 1)
        values = waveform.usual(self.sensor, times_ms) + noise
        np.clip(values[1], 0, 100, out=values[1])
        np.abs(values[3], out=values[3])
        anomalies.disturb(values, noise, times_ms, disturbed)

        missing = disturbed.labels == MISSING_DATA
        labels = disturbed.labels[1:].copy()
        labels[missing[:-1] & (labels == 0)] = MISSING_DATA
        copies = np.where(missing[1:], 0, 1)
        stamps_ms = times_ms[1:].copy()
        here = list(self.placement.within(first, stop))
        for fault in here:
            covered = slice(max(fault.first - first, 0), fault.first + fault.readings - first)
            if fault.kind == "gap":
                copies[covered] = 0
            elif fault.kind == "duplicate":
                copies[covered] = 2
            elif fault.kind == "clock_back":
                stamps_ms[covered] -= faults.CLOCK_JUMP_MS
            elif fault.kind == "clock_forward":
                stamps_ms[covered] += faults.CLOCK_JUMP_MS

        stored = np.repeat(np.arange(count), copies)
        stored_labels = labels[stored]
        stamps = np.datetime_as_string(stamps_ms[stored].astype("datetime64[ms]"), unit="ms").tolist()
        flags: list[object] = (stored_labels > 0).astype(np.int64).tolist()
        columns: tuple[list[object], ...] = (
            [stamp + "+00:00" for stamp in stamps],
            [self.sensor.sensor_id] * len(stored),
            *values[:, 1:][:, stored].round(_DECIMALS).tolist(),
            flags,  # status_code: upstream writes 1 on an anomaly, 0 otherwise
            flags,
            _LABEL_TEXTS[stored_labels].tolist(),
        )
        _break_rows(columns, here, np.cumsum(copies) - copies, first)
        per_label = np.bincount(stored_labels, minlength=len(_LABEL_TEXTS)).tolist()
        return Piece(
            columns=columns,
            anomalies=Counter({kind: n for kind, n in zip(anomalies.KINDS, per_label[1:], strict=True) if n}),
            missing=int(np.count_nonzero(missing[1:])),
            faults=Counter(fault.kind for fault in here if fault.first >= first),
            first_ms=int(times_ms[1 + stored[0]]) if len(stored) else None,
            last_ms=int(times_ms[1 + stored[-1]]) if len(stored) else None,
        )


def _break_rows(
    columns: tuple[list[object], ...],
    here: list[Fault],
    row_of: Times,
    first: int,
) -> None:
    """Put into single rows what only SQLite's loose types can hold."""
    stamps, sensor_ids, *measures = columns[: 2 + len(waveform.MEASURES)]
    for fault in here:
        row = int(row_of[max(fault.first - first, 0)])
        if fault.kind == "null":
            measures[fault.choice % len(measures)][row] = None
        elif fault.kind == "nan":
            measures[fault.choice % len(measures)][row] = faults.NAN_TEXT
        elif fault.kind == "text":
            measures[0][row] = faults.NUMBER_TEXT
        elif fault.kind == "bad_timestamp":
            stamps[row] = faults.BAD_TIMESTAMPS[fault.choice % len(faults.BAD_TIMESTAMPS)]
        elif fault.kind == "no_sensor_id":
            sensor_ids[row] = ""
