"""One pass over a city's databases, each with its own position and outcome; or a pass every so often."""

from __future__ import annotations

import hashlib
import shutil
import socket
from collections.abc import Iterator, Mapping

from processors import backoff, discover, planned, spending
from processors.checkpoint import FILE as CHECKPOINT
from processors.checkpoint import open_checkpoint
from processors.compare import compare
from processors.containers import RUNS
from processors.cosmos import Account
from processors.detect import detectors
from processors.errors import CityError, ProcessorError, Stopped
from processors.form import Form
from processors.pipeline import Recipe, Taken
from processors.report import Report
from processors.rounds import Lasting, Means, scratch, show_waiting, take_rounds
from processors.settings import Settings
from processors.sink import open_sink
from processors.tally import Tally
from processors.transform.privacy import Privacy
from processors.world import Progress, Silent, World

__all__ = ["Silent", "World", "account", "node_name", "passes", "recipe", "start_delay_s"]


def form(settings: Settings) -> Form:
    """In which form the settings ask readings to leave."""
    changes = settings.send == "changes"
    return Form(
        stage=settings.stage,
        send=settings.send,
        dead_band=settings.dead_band if changes else {},
        swinging_door=settings.swinging_door if changes else {},
        context_rows=settings.context_rows if settings.send == "anomalies" else 0,
        bucket_rows=settings.bucket_rows,
        bucket_s=settings.bucket_seconds,
        descriptions=settings.descriptions,
        resolution=settings.resolution,
        thresholds={} if settings.send == "all" else settings.thresholds,
        limits={} if settings.send == "all" else {name: list(pair) for name, pair in settings.limits.items()},
    )


def recipe(settings: Settings) -> Recipe:
    """What the settings ask to do to rows."""
    return Recipe(
        page_rows=settings.page_rows,
        default_zone=settings.source_time_zone,
        form=form(settings),
        privacy=Privacy(
            coordinate_decimals=settings.coordinate_decimals,
            drop=settings.drop_fields,
            hash=settings.hash_fields,
            hash_key=settings.hash_key.get_secret_value().encode(),
        ),
        detectors=detectors(thresholds=settings.thresholds, limits=settings.limits),
        readings=settings.container,
        destination=f"{settings.endpoint}/{settings.database}/{settings.container}",
        skip_replays=settings.skip_replays,
    )


def account(settings: Settings) -> Account:
    """Where the settings say that documents go."""
    return Account(
        settings.endpoint,
        settings.key.get_secret_value(),
        settings.database,
        settings.container,
        settings.indexed,
        settings.ttl,
    )


def node_name(settings: Settings) -> str:
    """The host, and the node's folder where several nodes share a host."""
    return f"{socket.gethostname()}/{settings.node_folder}".rstrip("/")


def start_delay_s(settings: Settings) -> float:
    """Seconds before the first of many passes: spread over `start_delay`, the same for the same `node_name`."""
    digest = hashlib.sha256(f"{node_name(settings)} {settings.city}".encode()).digest()
    return settings.start_delay * int.from_bytes(digest[:4]) / 2**32


def passes(settings: Settings, world: World, progress: Progress) -> Iterator[Report]:
    """The report of each pass: of one, or of one every `settings.every` seconds until `world.stop` is set.

    The report of a pass is stored in `runs` before it is yielded. With `every`, a pass that fails is reported and
    the next one tries again, ever later (`backoff`), unless the failure is one that trying again cannot mend; and a
    pass that cannot keep up ends after the round in which its time is over, so that it is reported, and the next
    one begins at once. The first of them waits its `start_delay_s`.
    """
    if settings.every is not None and world.stop.wait(start_delay_s(settings)):
        return
    lasting = Lasting()
    failed = 0
    while True:
        begun = world.clock()
        report = _pass(settings, world, progress, lasting)
        yield report
        if settings.every is None or world.stop.is_set() or not _may_recover(report, settings):
            return
        stopped = report.stopped_by is not None
        failed = backoff.failures(failed, stopped=stopped, rows=report.taken.rows)
        if stopped:
            lasting.shown.clear()
        elapsed_s = world.clock() - begun
        if world.stop.wait(backoff.wait_s(settings.every, elapsed_s, failed, jitter=world.jitter())):
            return


def _may_recover(report: Report, settings: Settings) -> bool:
    """A city that has been taken in and whose databases are gone has lost its disk, and is not waited for."""
    error = report.stopped_by
    lost = isinstance(error, CityError) and (settings.state / settings.city / CHECKPOINT).exists()
    return error is None or (error.retryable and not lost)


def _pass(settings: Settings, world: World, progress: Progress, lasting: Lasting) -> Report:
    until = None if settings.every is None else world.clock() + settings.every
    tally = Tally(world)
    try:
        tally.databases = discover.databases(settings.data, settings.city)
        settings = settings.model_copy(update={"city": tally.databases[0].city})
        with (
            open_checkpoint(settings.state, settings.city) as checkpoint,
            open_sink(account(settings), stop=world.stop, paces=lasting.paces, meter=tally.meter) as sink,
        ):
            if checkpoint.put_aside is not None:
                tally.add(Taken(notices=(f"checkpoint damaged, put aside as {checkpoint.put_aside}, made anew",)))
            shutil.rmtree(scratch(settings), ignore_errors=True)
            purse = spending.purse(settings, checkpoint, tally.meter, world)
            means = Means(settings, recipe(settings), world, progress, checkpoint, sink, tally, purse, lasting)
            try:
                take_rounds(tally.databases, means, until)
                show_waiting(settings.city, means)
                compare(tally.databases, means, until)
            except Stopped:
                tally.interrupted = True
            except ProcessorError as exc:
                tally.stop(exc)
            _settle(means, sink.policies)
            report = _report(tally, settings)
            sink.put_run(report.document())
            # What the report was charged is in no report, and is what the next plan wants to know.
            own = {RUNS: sink.policies[RUNS]}
            spending.keep(settings, checkpoint, own, tally.meter, purse, world.now())
            purse.settle()
            return report
    except Stopped:
        tally.interrupted = True
    except ProcessorError as exc:
        tally.stop(exc)
    return _report(tally, settings)


def _settle(means: Means, policies: Mapping[str, str]) -> None:
    """What the pass has spent is kept, also where it failed, and what there is to say of it is told."""
    settings, tally, purse = means.settings, means.tally, means.purse
    foretold, notices = planned.read(settings.state / settings.city)
    if foretold is not None and foretold.positions == means.positions:
        if foretold.form == means.recipe.form.encode():
            tally.planned = foretold
        else:
            notices += (f"{planned.FILE} was made for readings in another form, and is not compared with",)
    try:
        purse.settle()
        notices += spending.keep(settings, means.checkpoint, policies, tally.meter, purse, means.world.now())
    except ProcessorError as exc:
        tally.stop(exc)
    if purse.closed and tally.behind():
        notices += (f"ru_budget {settings.ru_budget} is used up: what waits is for the next run",)
    elif purse.budget is not None and purse.rows and tally.meter.spent.request_units is None:
        notices += ("ru_budget ends nothing here: the service states no charges",)
    tally.add(Taken(notices=notices))


def _report(tally: Tally, settings: Settings) -> Report:
    return tally.report(city=settings.city, node=node_name(settings), continuous=settings.every is not None)
