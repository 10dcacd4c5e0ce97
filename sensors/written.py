"""What a run wrote, so that a reader of the database can be compared with it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sensors import anomalies, faults
from sensors.plan import from_ms
from sensors.readings import Piece
from sensors.sensor import Sensor


@dataclass(frozen=True)
class Written:
    """What one run added to one database.

    Attributes:
        path: The database.
        city: As in the folder name.
        sensor_id: As in the sensor's rows.
        rows: Rows added.
        first_at: When the first of them was truly taken, whatever its stamp says; None without rows.
        last_at: The same of the last one.
        anomalies: Rows by `anomaly_type`.
        missing: Readings without a row because of a `missing_data` anomaly.
        faults: Faults made, by kind.
    """

    path: Path
    city: str
    sensor_id: str
    rows: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    anomalies: Mapping[str, int] = field(default_factory=dict)
    missing: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)


class Tally:
    """Adds up pieces as they are stored."""

    def __init__(self, path: Path, sensor: Sensor) -> None:
        self._path = path
        self._sensor = sensor
        self._rows = self._missing = 0
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._anomalies: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._rows

    def add(self, piece: Piece) -> None:
        """Count one more piece, the next in time."""
        if piece.last_ms is not None:
            self._first_ms = piece.first_ms if self._first_ms is None else self._first_ms
            self._last_ms = piece.last_ms
        self._rows += len(piece.columns[0])
        self._missing += piece.missing
        self._anomalies += piece.anomalies
        self._faults += piece.faults

    def written(self) -> Written:
        """The sum; kinds that did not happen are left out."""
        return Written(
            path=self._path,
            city=self._sensor.folder,
            sensor_id=self._sensor.sensor_id,
            rows=self._rows,
            first_at=None if self._first_ms is None else from_ms(self._first_ms),
            last_at=None if self._last_ms is None else from_ms(self._last_ms),
            anomalies={kind: self._anomalies[kind] for kind in anomalies.KINDS if self._anomalies[kind]},
            missing=self._missing,
            faults={kind: self._faults[kind] for kind in faults.KINDS if self._faults[kind]},
        )
