"""All that a plan is made of: what waits, what a month brings, what each lever would change, and what it is charged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from processors import charges, discover
from processors.charges import Learned
from processors.city import recipe
from processors.containers import RUNS
from processors.rehearsal import Rehearsal, Tried, apart, history, rehearse, sample
from processors.rehearsal.counting import Counted
from processors.rehearsal.levers import SELDOM_S, Lever, later, levers
from processors.rehearsal.month import Month, month
from processors.rehearsal.pricing import Priced, price
from processors.rehearsal.probe import Probed, choose, probe
from processors.rehearsal.rates import Rates, rates
from processors.rehearsal.samples import Samples
from processors.settings import Settings
from processors.world import World

HOURLY_S = 3_600.0
"""From one pass to the next, where `every` does not say."""


@dataclass(frozen=True)
class Coming:
    """What a month brings.

    Attributes:
        written: Container -> what is written to it.
        kept_bytes: Container -> bytes of its documents, each once.
    """

    written: Mapping[str, Priced]
    kept_bytes: Mapping[str, float]


@dataclass(frozen=True)
class Pulled:
    """A lever, and a month with it.

    Attributes:
        lever: Which.
        coming: None where a month is not known.
    """

    lever: Lever
    coming: Coming | None


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
        coming: In a month of them; None where it is not known how fast they come, or what they come to.
        pass_s: Seconds from one pass to the next.
        pulled: Levers.
        sensors: Sensor id -> share of the city's documents, and container -> bytes a month; the largest share first.
        learned_at: When the newest charge was read that is known; None where none is.
        probed: What was learned for this plan alone, None without a probe.
    """

    settings: Settings
    made_at: datetime
    rehearsal: Rehearsal
    backlog: Mapping[str, Priced]
    sampled: Counted
    rates: Rates
    coming: Coming | None
    pass_s: float
    pulled: Sequence[Pulled]
    sensors: Mapping[str, tuple[float, Mapping[str, float]]]
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
    pass_s = settings.every or HOURLY_S
    form = recipe(settings).form
    pulls = levers(form)
    samples = Samples()
    rehearsal = rehearse(settings, world, samples.see)
    tried = sample(settings, world, [form, *(lever.form for lever in pulls)], samples.see)
    coming = rates(settings, made_at)
    charged = apart.learned(settings)
    known = history.of_account(charged, settings)
    reported = history.report_bytes(known) or rehearsal.counted.largest.get(RUNS, 0)
    waiting = history.with_reports_of(rehearsal.counted.writes, reported)
    own, *others = (_month(each, coming, settings, pass_s, reported) for each in tried)
    if seldom := later(form, settings.every):
        pulls = [*pulls, seldom]
        others.append(_month(tried[0], coming, settings, SELDOM_S, reported))
    probed = None
    if probing:
        wanted = [waiting, *(each.writes for each in (own, *others) if each is not None)]
        probed = probe(settings, choose(pl.concat(wanted), samples), made_at, world.stop)
        known = history.of_account(charges.learn(charged, probed.observations), settings, probed.policies)
    learned = Learned(known)
    return Foreseen(
        settings=settings,
        made_at=made_at,
        rehearsal=rehearsal,
        backlog=price(waiting, learned),
        sampled=tried[0].shown,
        rates=coming,
        coming=_priced(own, learned),
        pass_s=pass_s,
        pulled=[Pulled(lever, _priced(each, learned)) for lever, each in zip(pulls, others, strict=True)],
        sensors=_sensors(tried[0].shown, own),
        learned_at=history.newest(known),
        probed=probed,
    )


def _month(tried: Tried, coming: Rates, settings: Settings, pass_s: float, report_bytes: int) -> Month | None:
    return month(
        tried,
        coming.present,
        readings=settings.container,
        pass_s=pass_s,
        hold_s=0.0 if settings.every is None else settings.hold,  # `rounds.show_waiting`
        report_bytes=report_bytes,
    )


def _priced(found: Month | None, learned: Learned) -> Coming | None:
    return None if found is None else Coming(price(found.writes, learned), found.kept_bytes)


def _sensors(counted: Counted, coming: Month | None) -> dict[str, tuple[float, Mapping[str, float]]]:
    """Sensor id -> share of all documents, and container -> bytes a month; the largest share first."""
    documents: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    stored: dict[str, Counter[str]] = {}
    for (container, key), partition in counted.partitions.items():
        sensor = key[1]
        documents[sensor] += partition.documents
        sizes[container] += partition.bytes
        stored.setdefault(sensor, Counter())[container] += partition.bytes
    kept = {} if coming is None else coming.kept_bytes
    return {
        sensor: (
            count / documents.total(),
            {name: kept[name] * size / sizes[name] for name, size in stored[sensor].items() if name in kept},
        )
        for sensor, count in sorted(documents.items(), key=lambda pair: (-pair[1], pair[0]))
    }
