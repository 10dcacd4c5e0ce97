"""What Cosmos has of a city's labels and alarms, counted as it arrives."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from processors.containers import ANOMALIES, LABEL
from processors.cosmos import Account
from processors.detect.thresholds import DEFAULT_THRESHOLDS
from processors.feedback.labels import Verdict
from processors.feedback.tune import Labels, Proposal, proposed, rounded
from processors.query import Query, Selection, newest_first, oldest_first, open_reader
from processors.query.readings import newest, oldest

_SHORTEST = timedelta(days=1)


@dataclass
class Alarms:
    """Alarms of a kind that are stored.

    Attributes:
        before: Those that reach the present threshold.
        after: Those that reach the proposed one.
        judged_at: The highest threshold that one of them was judged with.
    """

    before: int = 0
    after: int = 0
    judged_at: float = 0.0


@dataclass(frozen=True)
class Period:
    """From the first to the last that is stored of a city.

    Attributes:
        first: Time of the first reading or alarm.
        last: Time of the last one.
    """

    first: datetime
    last: datetime

    @property
    def days(self) -> float:
        """How long it is; one at least, lest an alarm in a minute becomes a thousand a day."""
        return max(self.last - self.first, _SHORTEST) / timedelta(days=1)


@dataclass(frozen=True)
class Tuning:
    """What is proposed for a city.

    Attributes:
        period: That it is counted in; None where nothing is stored.
        kinds: Kind -> what is proposed for it.
        alarms: Kind -> its alarms.
    """

    period: Period | None
    kinds: Mapping[str, Proposal]
    alarms: Mapping[str, Alarms] = field(default_factory=dict)

    @property
    def changes(self) -> dict[str, float]:
        """Kind -> threshold, of those that are not as they were."""
        return {
            kind: each.after
            for kind, each in self.kinds.items()
            if each.after is not None and each.after != each.before
        }


def tuning(account: Account, city: str, since: datetime | None, thresholds: Mapping[str, float]) -> Tuning:
    """What the labels of a city propose, and what would become of its alarms.

    Memory is bounded by the different scores of labelled alarms.

    Args:
        account: Where labels, alarms and readings are.
        city: As its folder is named.
        since: Observed then or later; None for all.
        thresholds: Kind -> the present one, where it differs from the default.

    Raises:
        EndpointError: The account cannot be reached, or refuses us.
        SinkError: The database or a container is missing.
    """
    present = {**DEFAULT_THRESHOLDS, **thresholds}
    readings, alarms = Selection(city, since=since), Selection(city, since=since, alarms=True)
    with open_reader(account, account.container) as reader:
        ends = _times(filter(None, (oldest(reader, readings), *newest(reader, readings, 1))))
    with open_reader(account, ANOMALIES) as reader:
        for first in (oldest_first(alarms, 1), newest_first(alarms, 1)):
            ends += _times(reader.rows(first))
        labels = by_score(reader.rows(_labels(readings)))
        kinds = [*present, *sorted(labels.keys() - present.keys())]
        proposals = {kind: proposed(labels.get(kind, {}), present.get(kind)) for kind in kinds}
        counted = counts(reader.rows(_alarms(alarms)), proposals)
    for kind in sorted(counted.keys() - proposals.keys()):
        proposals[kind] = proposed({}, None)
    return Tuning(Period(min(ends), max(ends)) if ends else None, proposals, counted)


def by_score(labels: Iterable[Mapping[str, Any]]) -> dict[str, dict[float, Labels]]:
    """Kind of alarm -> score -> how many are labelled true and false; what has no score tells nothing."""
    found: dict[str, dict[float, Labels]] = defaultdict(lambda: defaultdict(Labels))
    for label in labels:
        score = _number(label, "score")
        if score is None or label.get("label") not in set(Verdict):
            continue
        at = found[str(label.get("alarmKind"))][rounded(score)]
        if label["label"] == Verdict.TRUE:
            at.true += 1
        else:
            at.false += 1
    return {kind: dict(scores) for kind, scores in found.items()}


def counts(alarms: Iterable[Mapping[str, Any]], proposals: Mapping[str, Proposal]) -> dict[str, Alarms]:
    """Kind -> how many of its alarms reach the threshold, before and after; all, where there is none to set."""
    found: dict[str, Alarms] = defaultdict(Alarms)
    for alarm in alarms:
        score, judged_at = _number(alarm, "score"), _number(alarm, "threshold")
        if score is None or judged_at is None:
            continue
        proposal = proposals.get(str(alarm.get("kind")))
        of_kind = found[str(alarm.get("kind"))]
        of_kind.before += proposal is None or proposal.before is None or score >= proposal.before
        of_kind.after += proposal is None or proposal.after is None or score >= proposal.after
        of_kind.judged_at = max(of_kind.judged_at, judged_at)
    return dict(found)


def _labels(selection: Selection) -> Query:
    where, parameters = selection.conditions()
    text = f"SELECT c.alarmKind, c.label, c.score FROM c{where} AND c.kind = @label"  # noqa: S608
    return Query(text, {**parameters, "@label": LABEL})


def _alarms(selection: Selection) -> Query:
    where, parameters = selection.conditions()
    return Query(f"SELECT c.kind, c.score, c.threshold FROM c{where}", parameters)  # noqa: S608


def _times(documents: Iterable[Mapping[str, Any]]) -> list[datetime]:
    """Of documents that have a readable one."""
    times: list[datetime] = []
    for document in documents:
        with suppress(ValueError):
            times.append(datetime.fromisoformat(str(document.get("observedAt"))).replace(tzinfo=UTC))
    return times


def _number(document: Mapping[str, Any], name: str) -> float | None:
    value = document.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and value is not None and value > 0 else None
