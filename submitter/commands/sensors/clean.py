"""`bacalhau-cosmos sensors clean`: documents leave Cosmos, and local data with them where that is asked for."""
# ruff: noqa: PLC0415 - sensors and processors are imported when they are used, so that help stays fast

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import AsOutput
from submitter.commands._since import instant
from submitter.commands._stop import stop_signal
from submitter.commands.sensors import _options as options
from submitter.commands.sensors._account import account_of
from submitter.commands.sensors._ask import confirmed
from submitter.commands.sensors._local import local_data
from submitter.commands.sensors._project import changing, load, say
from submitter.errors import INTERRUPTED, UsageError, nearest
from submitter.output import chosen, show_document, show_rows

if TYPE_CHECKING:
    from processors.cosmos import Account
    from processors.erase import Erased
    from processors.query import Selection
    from sensors.manager.removal import Removal
    from sensors.manager.settings import Loaded

EXAMPLE = "Example: bacalhau-cosmos sensors clean --city amsterdam --before 30d --dry-run"

_LISTED = 8


@dataclass(frozen=True)
class _Found:
    """What is to go.

    Attributes:
        account: Where the documents are.
        selection: Which documents.
        documents: Their number, by container.
        removal: Local files; None where they stay.
    """

    account: "Account"
    selection: "Selection"
    documents: Mapping[str, int]
    removal: "Removal | None"

    def __str__(self) -> str:
        told = f"{sum(self.documents.values()):,} documents from {self.account.database} at {self.account.endpoint}"
        return f"{told}, and {self.removal}" if self.removal is not None else told

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not any(self.documents.values()) and not (self.removal and self.removal.paths)


def clean(
    *,
    city: Annotated[str | None, typer.Option(help="Only this city.", show_default="all")] = None,
    sensor: Annotated[str | None, typer.Option(help="Only this sensor, by its id.", show_default="all")] = None,
    before: Annotated[
        str | None,
        typer.Option(help="Only what was observed earlier: 30d ago, or 2026-11-20T00:00:00Z.", show_default="all"),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Local data, state and archive too, of all cities or of --city.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: options.Config = None,
    output: AsOutput = None,
) -> None:
    """Delete ALL documents from Cosmos DB, unless narrowed: readings, aggregates, anomalies, labels of them, and runs.

    They are counted first. Interrupted, the same command goes on. Uploaders keep their positions and send no reading
    again; --local deletes the positions too, with the readings. With --sensor, runs stay: they are a whole city's.
    """
    if local and (sensor is not None or before is not None):
        raise UsageError(
            "clean",
            "--local with --sensor or --before",
            why="databases and archives are not cut",
            hint="leave out --local, or delete a whole city or everything",
        )
    how = chosen(output)
    at = None if before is None else instant(before, datetime.now(UTC), "--before")
    loaded = load(options.wanted(config=config))
    found = _find(loaded, city, sensor, at, local=local)
    if dry_run or found.is_empty:
        _show(found, how, dry_run=dry_run)
        return
    if how == "table":
        show_rows(_counts(found), how)
    if not confirmed(f"Delete {found}?", yes=yes, doing="clean"):
        say("nothing was deleted")
        return
    told: dict[str, Erased] = {}
    with changing(loaded.places, "clean") as step:
        # Again: containers may have been started while a person was asked, and now they cannot be.
        removal = local_data(loaded.places, found.selection.city) if local else None
        step(f"delete {found}")
        try:
            _erase(found, told)
        except BaseException:
            gone = sum(each.documents for each in told.values())
            say(f"deleted {gone:,} documents of {sum(found.documents.values()):,}; the same command goes on")
            raise
        if removal is not None:
            _remove(loaded, removal)
    _show(found, how, erased=told, left=_left(found))


def _find(loaded: "Loaded", city: str | None, sensor: str | None, before: datetime | None, *, local: bool) -> _Found:
    from processors import erase
    from processors.query import Selection

    account = account_of(loaded.cosmos, "clean")
    folders = {each.name: each.folder for each in loaded.fleet.cities}
    selection = Selection(folders.get(city, city) if city is not None else None, sensor, before=before)
    removal = local_data(loaded.places, selection.city) if local else None
    found = _Found(account, selection, erase.count(account, selection), removal)
    if found.is_empty:
        _refuse_unknown(loaded, found)
    return found


def _refuse_unknown(loaded: "Loaded", found: _Found) -> None:
    """Nothing is found of a city or sensor that is misspelled, and of one that has nothing."""
    from processors import erase

    if found.selection.city is None and found.selection.sensor is None:
        return
    cities, sensors = erase.known(found.account)
    if loaded.places.data.is_dir():
        cities |= {path.name for path in loaded.places.data.iterdir() if path.is_dir()}
    cities |= {each.folder for each in loaded.fleet.cities}
    sensors |= {each.sensor_id for each in loaded.fleet.sensors}
    for kind, name, there in (("city", found.selection.city, cities), ("sensor", found.selection.sensor, sensors)):
        if name is not None and name not in there:
            listed = sorted(there)
            more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
            raise UsageError(
                f"find the {kind}",
                name,
                why=f"no document and nothing here is of it{nearest(name, there)}",
                hint=f"there are {', '.join(listed[:_LISTED]) or 'none at all'}{more}",
            )


def _erase(found: _Found, told: "dict[str, Erased]") -> None:
    """Deletes the documents; `told` has what is gone, however this ends."""
    from processors.erase import erase
    from processors.errors import Stopped

    with stop_signal() as stop, _bar(sum(found.documents.values())) as show:

        def progress(container: str, so_far: "Erased") -> None:
            told[container] = so_far
            show(sum(each.documents for each in told.values()))

        try:
            told.update(erase(found.account, found.selection, stop=stop, progress=progress))
        except Stopped:
            raise typer.Exit(INTERRUPTED) from None


def _remove(loaded: "Loaded", removal: "Removal") -> None:
    from sensors.manager.removal import remove

    remove(removal)
    say(f"deleted {removal} in {loaded.places.root}")


def _left(found: _Found) -> Mapping[str, int]:
    from processors import erase

    left = erase.count(found.account, found.selection)
    if any(left.values()):
        say("Note: what is left was written meanwhile, or has no full partition key and is not of this program")
    return left


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("deleting documents", total=total)
        yield lambda done: bar.update(task, completed=done)


def _counts(found: _Found) -> Iterator[dict[str, Any]]:
    for name, documents in found.documents.items():
        yield {"container": name, "documents": documents}


def _show(
    found: _Found,
    how: str,
    *,
    dry_run: bool = False,
    erased: "Mapping[str, Erased] | None" = None,
    left: Mapping[str, int] | None = None,
) -> None:
    rows = [
        {
            **row,
            "deleted": 0 if erased is None else erased[row["container"]].documents,
            "requestUnits": None if erased is None else erased[row["container"]].request_units,
            "left": row["documents"] if left is None else left[row["container"]],
        }
        for row in _counts(found)
    ]
    if how == "table":
        show_rows(rows if erased is not None else _counts(found), how)
        if erased is None:
            say(f"would delete {found}" if dry_run else "there is nothing to delete")
        return
    selection, removal = found.selection, found.removal
    show_document(
        {
            "schemaVersion": 1,
            "dryRun": dry_run,
            "city": selection.city,
            "sensor": selection.sensor,
            "before": selection.before.isoformat() if selection.before else None,
            "containers": rows,
            "local": None
            if removal is None
            else {
                "paths": [str(path) for path in removal.paths],
                "files": removal.files,
                "bytes": removal.bytes,
                "deleted": erased is not None,
            },
        }
    )
