"""What to write: a past period, its pace and what goes wrong, checked before anything is touched."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sensors import anomalies
from sensors.errors import RequestError
from sensors.faults import Faults

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Plan:
    """A past period: readings at `start`, `start + period_s` and so on, before `end`.

    Attributes:
        start: With a zone; whole milliseconds are kept.
        end: With a zone; not included.
        period_s: At least a millisecond, in whole milliseconds.
        anomaly_probability: The long-run share of readings an anomaly disturbs, 0 up to but not including 1.
        faults: Rows to break, for each database.
    """

    start: datetime
    end: datetime
    period_s: float = 5.0
    anomaly_probability: float = anomalies.DEFAULT_PROBABILITY
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        to_period_ms(self.period_s)
        check_probability(self.anomaly_probability)
        for name, at in (("start", self.start), ("end", self.end)):
            if at.tzinfo is None:
                raise RequestError(
                    "plan readings",
                    f"{name} {at}",
                    why="it has no time zone",
                    hint="add one, for example +00:00",
                )
        if self.end <= self.start:
            raise RequestError(
                "plan readings",
                f"{self.start.isoformat()} to {self.end.isoformat()}",
                why="the period ends before it begins",
                hint="give an end after the start",
            )

    @property
    def readings(self) -> int:
        """How many readings each sensor takes, before gaps and duplicates."""
        return -(-(to_ms(self.end) - to_ms(self.start)) // to_period_ms(self.period_s))


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970; what is below a millisecond is dropped."""
    return (at - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """The time, in UTC."""
    return _EPOCH + ms * _MS


def to_period_ms(period_s: float) -> int:
    """The period in whole milliseconds.

    Raises:
        RequestError: It is below one, or not whole.
    """
    period_ms = round(float(period_s) * 1000, 6)
    if not (period_ms >= 1 and period_ms.is_integer()):
        raise RequestError(
            "plan readings",
            f"a period of {period_s} s",
            why="time stamps have whole milliseconds",
            hint="give at least 0.001 s, in whole milliseconds",
        )
    return int(period_ms)


def check_probability(probability: float) -> None:
    """Pass a share that anomalies can have.

    Raises:
        RequestError: It is not in [0, 1).
    """
    if not 0 <= probability < 1:
        raise RequestError(
            "make anomalies",
            f"probability {probability}",
            why="it is a share of the readings, from 0 to below 1",
            hint="give a share such as 0.001",
        )
