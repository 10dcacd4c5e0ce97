"""Thresholds from labels, by one rule for each kind of anomaly.

1. Only labels count whose alarm reaches the present threshold, and at least `LEAST_LABELS` of them.
2. A threshold costs one for each false alarm that reaches it and `MISSED_COST` for each true one that does not.
   The cheapest is proposed; of several the lowest, which changes least.
3. It is never below the present one, because what lies below was never stored, and never above `MOST` times it, so
   that a few labels do not silence a kind: what is then still false is for the next time.

Alarms that nobody labelled are taken for neither true nor false. An alarm that is no longer raised may give way to
one that it kept silent (`detect.alarm`), which no stored alarm tells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

LEAST_LABELS = 5

MISSED_COST = 5
"""False alarms that weigh as much as one that is missed. The profiles of the Numenta Anomaly Benchmark have 9 of them
(standard: 1 to 0.11) and 4.5 (few false positives: 1 to 0.22); here few are wanted."""

MOST = 2.0

FIGURES = 4
"""Significant figures of the scores of stored alarms (`detect.alarm`)."""


@dataclass
class Labels:
    """How many alarms of one score are labelled so."""

    true: int = 0
    false: int = 0


@dataclass(frozen=True)
class Proposal:
    """What follows from the labels of a kind.

    Attributes:
        true: Alarms labelled true.
        false: Alarms labelled false.
        before: The present threshold; None for a kind that has none to set.
        after: The proposed one.
        note: Why, for people.
    """

    true: int
    false: int
    before: float | None
    after: float | None
    note: str


def proposed(labels: Mapping[float, Labels], present: float | None) -> Proposal:
    """The threshold that the rule finds for a kind.

    Args:
        labels: Score (see `rounded`) -> the labels of the alarms that have it.
        present: Score from which on there is an alarm; None where that cannot be set.
    """
    true, false = sum(each.true for each in labels.values()), sum(each.false for each in labels.values())
    if present is None:
        return Proposal(true, false, None, None, "has no threshold to set")
    known = {score: each for score, each in sorted(labels.items()) if score >= present}
    after, note = _cheapest(known, present) if true + false else (present, "no labels")
    return Proposal(true, false, present, after, note)


def _cheapest(labels: Mapping[float, Labels], present: float) -> tuple[float, str]:
    true, false = sum(each.true for each in labels.values()), sum(each.false for each in labels.values())
    if true + false < LEAST_LABELS:
        return present, f"too few labels of alarms that reach {present:g}: {true + false}, not {LEAST_LABELS}"
    if not false:
        return present, f"all labels are true; whether less would do is not known: below {present:g} nothing is stored"
    best, saved, note = present, 0, f"none from {present:g} to {MOST * present:g} is better"
    missed = spared = 0
    for score, each in labels.items():
        missed, spared = missed + each.true, spared + each.false
        above = _above(score)
        if above > MOST * present:
            break
        if spared - MISSED_COST * missed > saved:
            best, saved = above, spared - MISSED_COST * missed
            note = f"spares {spared} of {false} false alarms, misses {missed} of {true} true ones"
    return best, note


def rounded(score: float) -> float:
    """The score with as many figures as are stored."""
    return float(f"{score:.{FIGURES - 1}e}")


def _above(score: float) -> float:
    """The next threshold that a stored score does not reach."""
    decimals = FIGURES - 1 - math.floor(math.log10(score))
    return round(score + 10.0**-decimals, decimals)
