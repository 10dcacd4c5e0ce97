"""All that a plan is made of: what waits, what a month brings, what each lever would change, and what it is charged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from processors import charges, discover
from processors.charges import Learned
from processors.city import recipe
from processors.containers import RUNS
from processors.rehearsal import Rehearsal, Tried, rehearse, sample
from processors.rehearsal.counting import Counted
from processors.rehearsal.levers import Lever, levers
from processors.rehearsal.month import Month, month
from processors.rehearsal.pricing import Priced, price
from processors.rehearsal.probe import Probed, choose, probe
from processors.rehearsal.rates import Rates, rates
from processors.rehearsal.samples import Samples
from processors.rehearsal.stage import learned as charged_before
from processors.settings import Settings
from processors.world import World

HOURLY_S = 3_600.0
"""From one pass to the next, where `every` does not say."""


@dataclass(frozen=True)
class Pulled:
    """A lever, and a month with it.

    Attributes:
        lever: Which.
        month: Container -> what is written to it.
        kept_bytes: Container -> bytes of its documents, each once.
    """

    lever: Lever
    month: Mapping[str, Priced]
    kept_bytes: Mapping[str, float]


@dataclass(frozen=True)
class Foreseen:
    """A city, as it is foreseen.

    Attributes:
        settings: With the city as its folder is written.
        made_at: UTC.
        rehearsal: What a run would do now.
        backlog: Container -> what it would write.
        sampled: What the latest rows came to.
        rates: How fast rows come.
        month: Container -> what a month of them brings.
        kept_bytes: Likewise, bytes of documents, each once.
        pass_s: Seconds from one pass to the next.
        pulled: Levers.
        sensors: Sensor id -> share of the city's documents, and bytes a month in the container that gets most of it.
        learned_at: When the newest charge was read that is known; None where none is.
        probed: What was learned for this plan alone, None without a probe.
    """

    settings: Settings
    made_at: datetime
    rehearsal: Rehearsal
    backlog: Mapping[str, Priced]
    sampled: Counted
    rates: Rates
    month: Mapping[str, Priced]
    kept_bytes: Mapping[str, float]
    pass_s: float
    pulled: Sequence[Pulled]
    sensors: Mapping[str, tuple[float, float]]
    learned_at: datetime | None
    probed: Probed | None


def foresee(settings: Settings, world: World, *, probing: bool) -> Foreseen:
    """The city as it would be taken in from now on.

    Args:
        settings: Of a run; the account is needed for a probe only.
        world: Clocks, and what ends it early.
        probing: Whether charges are read from writes that are made for that.

    Raises:
        ProcessorError: What would end a run; of the account only where it is probed.
        Stopped: It was asked to end.
    """
    made_at = world.now()
    settings = settings.model_copy(update={"city": discover.databases(settings.data, settings.city)[0].city})
    form = recipe(settings).form
    pulls = levers(form)
    samples = Samples()
    rehearsal = rehearse(settings, world, samples.see)
    tried = sample(settings, world, [form, *(lever.form for lever in pulls)], samples.see)
    coming = rates(settings, made_at)
    pass_s = settings.every or HOURLY_S
    known = _own(charged_before(settings), settings)
    reported = _report_bytes(known) or rehearsal.counted.largest.get(RUNS, 0)
    waiting = _with_reports_of(rehearsal.counted.writes, reported)
    months = [_month(each, coming, settings, pass_s, reported) for each in tried]
    probed = None
    if probing:
        wanted = [waiting, *(each.writes for each in months)]
        probed = probe(settings, choose(pl.concat(wanted), samples), made_at, world.stop)
        known = _own(charges.learn(known, probed.observations), settings)
    learned = Learned(known)
    return Foreseen(
        settings=settings,
        made_at=made_at,
        rehearsal=rehearsal,
        backlog=price(waiting, learned),
        sampled=tried[0].counted,
        rates=coming,
        month=price(months[0].writes, learned),
        kept_bytes=months[0].kept_bytes,
        pass_s=pass_s,
        pulled=[
            Pulled(lever, price(each.writes, learned), each.kept_bytes)
            for lever, each in zip(pulls, months[1:], strict=True)
        ],
        sensors=_sensors(tried[0].counted, months[0]),
        learned_at=_newest(known),
        probed=probed,
    )


def _month(tried: Tried, coming: Rates, settings: Settings, pass_s: float, report_bytes: int) -> Month:
    return month(
        tried,
        coming.present,
        readings=settings.container,
        pass_s=pass_s,
        hold_s=settings.hold,
        report_bytes=report_bytes,
    )


def _report_bytes(known: pl.DataFrame) -> int | None:
    """Size of the report of a pass, as most were that were charged; None where none was.

    A rehearsal's own report is shorter: it has not been charged.
    """
    reports = known.filter(pl.col("container") == RUNS, pl.col("operation") == charges.INSERT).sort("documents")
    return None if reports.is_empty() else round(reports["bytes"][-1] / reports["documents"][-1])


def _with_reports_of(writes: pl.DataFrame, size: int) -> pl.DataFrame:
    is_report = pl.col("container") == RUNS
    return writes.with_columns(pl.when(is_report).then(size).otherwise(pl.col("size")).cast(pl.Int64).alias("size"))


def _own(known: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """What is known of the account; of the one that was charged last where the settings name none."""
    if settings.endpoint:
        return charges.of_account(known, settings.endpoint, settings.database)
    if known.is_empty():
        return known
    newest = known.sort("at").row(-1, named=True)
    return charges.of_account(known, newest["endpoint"], newest["database"])


def _newest(known: pl.DataFrame) -> datetime | None:
    newest = known["at"].max()
    assert newest is None or isinstance(newest, datetime)
    return newest


def _sensors(counted: Counted, coming: Month) -> dict[str, tuple[float, float]]:
    """Sensor id -> share of all documents, and bytes a month in its fullest container; the largest first."""
    documents: dict[str, int] = {}
    stored: dict[tuple[str, str], int] = {}
    totals: dict[str, int] = {}
    for (container, key), partition in counted.partitions.items():
        sensor = key[1]
        documents[sensor] = documents.get(sensor, 0) + partition.documents
        stored[container, sensor] = stored.get((container, sensor), 0) + partition.bytes
        totals[container] = totals.get(container, 0) + partition.bytes
    whole = sum(documents.values())
    most: dict[str, float] = {}
    for (container, sensor), size in stored.items():
        share = size / totals[container] if totals[container] else 0.0
        most[sensor] = max(most.get(sensor, 0.0), share * coming.kept_bytes.get(container, 0.0))
    return {
        sensor: (count / whole, most[sensor])
        for sensor, count in sorted(documents.items(), key=lambda pair: (-pair[1], pair[0]))
    }
