"""In which form readings leave: which of them, how many in a document, and how much of each is said.

Two batches of the same form become the same documents, however the rows were split into batches. So the form is
written down with each batch, for those who ask later what its documents should be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, get_args

Stage = Literal["raw", "schematized", "sanitized", "aggregated"]
"""How far readings are refined before they leave; of the last, none leaves."""

Send = Literal["all", "changes", "anomalies"]
"""Which readings leave: all, those that say something new, or anomalies with what was around them."""

Descriptions = Literal["each", "once"]
"""Whether each reading says what its sensor is, or one document for the sensor and month."""

_MOST = 10**9

STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True)
class Form:
    """The form of a batch's readings.

    Attributes:
        stage: How far they are refined.
        send: Which leave.
        dead_band: For `changes`: measure -> how far it may be from the reading that left last.
        swinging_door: For `changes`: measure -> how far it may be from the line between the readings that left.
        context_rows: For `anomalies`: readings of the sensor before and after an anomaly that leave with it.
        bucket_rows: Readings of a document; 1: each has its own.
        bucket_s: Seconds of a bucket, counted from 1970; None: it ends by its rows alone.
        descriptions: Where it stands what a sensor is.
        resolution: Measure -> step that its values are rounded to.
        thresholds: Unless all leave: kind -> score from which on it is an anomaly, for those that differ.
        limits: Likewise: measure -> lower and upper limit of its sensor, for those that differ.
    """

    stage: Stage = "sanitized"
    send: Send = "all"
    dead_band: Mapping[str, float] = field(default_factory=dict)
    swinging_door: Mapping[str, float] = field(default_factory=dict)
    context_rows: int = 0
    bucket_rows: int = 1
    bucket_s: float | None = None
    descriptions: Descriptions = "each"
    resolution: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def sends_each(self) -> bool:
        """Whether each reading leaves with the batch that brought it, in a document of its own."""
        return self.stage != "aggregated" and self.send == "all" and self.bucket_rows == 1

    def document(self) -> dict[str, Any]:
        """The form as JSON, without what is as by default."""
        plain = asdict(Form())
        return {name: value for name, value in asdict(self).items() if name == "stage" or value != plain[name]}

    def encode(self) -> str:
        """The form as text, the same for the same form."""
        return json.dumps(self.document(), sort_keys=True)


def form_of(document: Mapping[str, Any]) -> Form | None:
    """The form that was written down, None where it is not one that this version knows."""
    names = {each.name for each in fields(Form)}
    stage = document.get("stage")
    if stage not in STAGES or not document.keys() <= names:
        return None
    if document.get("send", "all") not in get_args(Send):
        return None
    if document.get("descriptions", "each") not in get_args(Descriptions):
        return None
    return Form(**document)


def is_step(step: float) -> bool:
    """Whether values can be rounded to whole steps of it: nine digits at most, before and after the point."""
    if not 0 < step <= _MOST:
        return False
    exact = exact_step(step)
    return exact.numerator <= _MOST and exact.denominator <= _MOST


def exact_step(step: float) -> Fraction:
    """The step as its decimal text has it."""
    return Fraction(Decimal(repr(step)))
