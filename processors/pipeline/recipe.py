"""What a run does to rows, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from processors.detect import Detector, detectors
from processors.form import Form
from processors.transform.privacy import Privacy


@dataclass(frozen=True)
class Recipe:
    """What a run does to rows, the same for every database of a city.

    Attributes:
        page_rows: Rows of a batch.
        default_zone: IANA zone of stamps that say none.
        form: In which form readings leave.
        privacy: What must not leave.
        detectors: In the order in which anomalies are listed.
        readings: Name of the container of readings.
        destination: Account and database, as text.
        skip_replays: Whether documents that a run before has sent are asked for, and not sent again.
    """

    page_rows: int
    default_zone: str
    form: Form
    privacy: Privacy
    detectors: Sequence[Detector]
    readings: str
    destination: str = ""
    skip_replays: bool = False

    def judges(self) -> Sequence[Detector]:
        """The detectors of its form: what is an anomaly decides which readings leave, unless all do."""
        if self.form.send == "all":
            return self.detectors
        limits = {measure: (low, high) for measure, (low, high) in self.form.limits.items()}
        return detectors(thresholds=self.form.thresholds, limits=limits)


@dataclass(frozen=True)
class Taken:
    """What came of one batch, or of many.

    Attributes:
        rows: Read.
        conformed: Of these, without those that broke a rule.
        sent: Readings that left, in documents of their own or with others.
        readings: Documents of readings that were taken.
        aggregates: Likewise.
        anomalies: Likewise.
        rejects: Rule -> rows that broke it.
        rejected: Rows that broke one.
        notices: For people.
    """

    rows: int = 0
    conformed: int = 0
    sent: int = 0
    readings: int = 0
    aggregates: int = 0
    anomalies: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    notices: tuple[str, ...] = ()

    def __add__(self, other: Taken) -> Taken:
        """Both together."""
        rules = self.rejects.keys() | other.rejects.keys()
        return Taken(
            rows=self.rows + other.rows,
            conformed=self.conformed + other.conformed,
            sent=self.sent + other.sent,
            readings=self.readings + other.readings,
            aggregates=self.aggregates + other.aggregates,
            anomalies=self.anomalies + other.anomalies,
            rejects={rule: self.rejects.get(rule, 0) + other.rejects.get(rule, 0) for rule in sorted(rules)},
            rejected=self.rejected + other.rejected,
            notices=(*self.notices, *other.notices),
        )
