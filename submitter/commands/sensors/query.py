"""`bacalhau-cosmos sensors query`: what the sensors' databases hold, and what of it is in Cosmos."""
# ruff: noqa: PLC0415 - sensors and processors are imported when they are used, so that help stays fast

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import AsOutput
from submitter.commands.sensors._project import say
from submitter.commands.sensors._stored import Stored, stored
from submitter.commands.sensors._watched import Here, here
from submitter.errors import UsageError, nearest
from submitter.output import chosen, show_document, show_pairs, show_rows

if TYPE_CHECKING:
    from sensors.manager.look.contents import Contents, Known

EXAMPLE = "Example: bacalhau-cosmos sensors query 'New York' 2"

VERSION = 1
"""Of the JSON document."""


def query(
    city: Annotated[str | None, typer.Argument(help="As people write it, in any case.", show_default=False)] = None,
    sensor: Annotated[str | None, typer.Argument(help="Its number or its id.", show_default="all")] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every database.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Only which sensors there are.")] = False,
    sensor_id: Annotated[str | None, typer.Option(help="The sensor of this id, in whatever city.")] = None,
    output: AsOutput = None,
) -> None:
    """Show what databases hold: table, rows, the last five, sensor ids, locations; and the documents in Cosmos."""
    from sensors.errors import SensorsError
    from sensors.manager.look.contents import known, read

    project = here()
    there = known(project.places.data, project.fleet, datetime.now(UTC))
    wanted = _wanted(project, there, city, sensor, all_=all_ or listed, sensor_id=sensor_id)
    how = chosen(output)
    if listed:
        _show_list(wanted, how)
        return
    found: list[tuple[Known, Contents | SensorsError]] = []
    for each in wanted:
        try:
            found.append((each, read(each.found.path)))
        except SensorsError as error:
            found.append((each, error))
    asked = {
        (each.found.folder, name) for each, held in found if not isinstance(held, Exception) for name in held.sensor_ids
    }
    documents, why = stored(project.cosmos, sorted(asked))
    if why is not None:
        say(f"Note: documents in Cosmos are not known: {why}")
    if how == "json":
        databases = [_document(each, held, documents) for each, held in found]
        show_document({"schemaVersion": VERSION, "kind": "databases", "databases": databases, "cosmosError": why})
    else:
        for each, held in found:
            _show(each, held, documents)


def _wanted(
    project: Here, there: "Sequence[Known]", city: str | None, sensor: str | None, *, all_: bool, sensor_id: str | None
) -> "Sequence[Known]":
    """The databases that were asked for, at least one.

    Raises:
        UsageError: None is so called, or none was asked for.
    """
    from sensors.manager.look.contents import of_city, of_sensor

    if not there:
        raise UsageError(
            "query", str(project.places.data), why="it holds no database", hint="start sensors: `sensors start`"
        )
    if sensor_id is None and city is None and not all_:
        raise UsageError("query", "databases", why="none was named", hint=_cities(there))
    chosen_ = there
    if city is not None:
        chosen_ = of_city(there, city)
        if not chosen_:
            near = nearest(city.casefold(), {each.city.casefold() for each in there})
            raise UsageError("find the city", city, why=f"it has no database{near}", hint=_cities(there))
    for name in (sensor, sensor_id):
        if name is None:
            continue
        before, chosen_ = chosen_, of_sensor(chosen_, name)
        if not chosen_:
            names = {each.sensor_id or each.found.sensor for each in before}
            raise UsageError(
                "find the sensor",
                name,
                why=f"no database is its{nearest(name.upper(), names)}",
                hint="`bacalhau-cosmos sensors query --list` lists the sensors there are",
            )
    return chosen_


def _cities(there: "Sequence[Known]") -> str:
    names = ", ".join(dict.fromkeys(each.city for each in there))
    return f"name a city and perhaps a sensor, or --all, --list or --sensor-id ID; cities: {names}"


def _show_list(wanted: "Sequence[Known]", how: str) -> None:
    rows = [
        {
            "city": each.city,
            "sensor": each.found.sensor,
            "sensorId": each.sensor_id,
            "path": str(each.found.path),
        }
        for each in wanted
    ]
    show_rows(rows, how)


def _show(each: "Known", held: "Contents | Exception", documents: Stored) -> None:
    from sensors.manager.look.watch_text import size_text

    if isinstance(held, Exception):
        show_pairs([("database", str(each.found.path)), ("error", str(held))])
    else:
        show_pairs(
            [
                ("database", str(held.path)),
                ("city", each.city),
                ("size", size_text(held.size_bytes)),
                ("rows", held.rows),
                ("sensor ids", ", ".join(held.sensor_ids)),
                ("locations", ", ".join(held.locations)),
                *_in_cosmos(each, held, documents),
            ]
        )
        typer.echo("")
        show_rows(held.columns, "table")
        if held.samples:
            typer.echo("")
            show_rows(held.samples, "table")
    typer.echo("")


def _in_cosmos(each: "Known", held: "Contents", documents: Stored) -> Iterator[tuple[str, str]]:
    for name in held.sensor_ids:
        found = documents.get((each.found.folder, name))
        if found is not None:
            newest = "" if found.newest is None else f", newest {found.newest}"
            yield f"in Cosmos, {name}", f"{found.documents} documents{newest}"


def _document(each: "Known", held: "Contents | Exception", documents: Stored) -> dict[str, Any]:
    head: dict[str, Any] = {
        "city": each.city,
        "folder": each.found.folder,
        "sensor": each.found.sensor,
        "path": str(each.found.path),
        "error": None,
    }
    if isinstance(held, Exception):
        return {**head, "error": str(held)}
    return {
        **head,
        "sizeBytes": held.size_bytes,
        "columns": held.columns,
        "rows": held.rows,
        "samples": held.samples,
        "sensorIds": held.sensor_ids,
        "locations": held.locations,
        "cosmos": [
            {"sensorId": name, "documents": found.documents, "newest": found.newest}
            for name in held.sensor_ids
            if (found := documents.get((each.found.folder, name))) is not None
        ],
    }
