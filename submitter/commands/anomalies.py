"""`bacalhau-cosmos anomalies`: what people say of them, and the thresholds that follow."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import AsOutput, Assigned, Config, Endpoint
from submitter.commands._settings import load_settings
from submitter.commands._since import instant
from submitter.errors import UsageError
from submitter.output import chosen, plain, show_document, show_rows

if TYPE_CHECKING:
    from processors.feedback.stored import Period, Tuning
    from processors.settings import Loaded

app = typer.Typer(no_args_is_help=True, help="Say which anomalies are false alarms, and find thresholds from that.")

_THRESHOLDS = "thresholds"
_FROM_STORED = (
    "Alarms a day are counted from those stored: one that is no longer raised may give way to one that it kept silent."
)


@app.callback()
def anomalies() -> None:
    """Say which anomalies are false alarms, and find thresholds from that."""


@app.command(epilog="Example: bacalhau-cosmos anomalies label dathmirk26p6tity-17-temperatureC-spike --false-alarm")
def label(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Of anomalies, as `query --anomalies` shows them.")],
    *,
    false_alarm: Annotated[bool, typer.Option("--false-alarm", help="Nothing was wrong.")] = False,
    true: Annotated[bool, typer.Option("--true", help="Something was.")] = False,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: AsOutput = None,
) -> None:
    """Say of anomalies whether they are true or false alarms; to say it again replaces what was said.

    Labels are documents of their own in the container `anomalies`. When one of the ids is no anomaly's, nothing is
    stored.
    """
    from processors.city import account
    from processors.feedback.labels import Verdict
    from processors.feedback.labels import label as store

    if false_alarm == true:
        raise UsageError(
            "label the anomaly",
            "--false-alarm and --true" if true else "no label",
            why="it is one or the other" if true else "it must be said what it is",
            hint="give one of --false-alarm and --true",
        )
    settings = load_settings({"endpoint": endpoint}, assigned, config, required=("endpoint",)).settings
    stored = store(account(settings), ids, Verdict.TRUE if true else Verdict.FALSE_ALARM, datetime.now(UTC))
    show_rows(
        stored,
        chosen(output),
        columns=("label", "city", "sensorId", "observedAt", "measure", "alarmKind", "score", "of"),
    )


@app.command(epilog="Example: bacalhau-cosmos anomalies tune --city denver --since 30d --apply")
def tune(
    *,
    city: Annotated[
        str | None, typer.Option(help="One city, as its folder is named.", show_default="COSMOS_CITY")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Anomalies observed then or later: 2h, 30d or 2026-11-20T00:00:00Z.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the thresholds into the settings file.")] = False,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: AsOutput = None,
) -> None:
    """Propose thresholds from the labels of a city's anomalies; nothing is changed without --apply.

    A threshold is raised where that spares false alarms, and a true one that would be missed weighs as much as five
    of them. At least five labels of a kind are needed.
    """
    from processors.city import account
    from processors.feedback.settings_file import write_thresholds
    from processors.feedback.stored import tuning
    from processors.settings import FILE

    start = None if since is None else instant(since, datetime.now(UTC))
    loaded = load_settings({"city": city, "endpoint": endpoint}, assigned, config, required=("city", "endpoint"))
    if apply:
        _refuse_overruled(loaded)
    settings, file = loaded.settings, config or FILE
    tuned = tuning(account(settings), settings.city, start, settings.thresholds)
    if apply and tuned.changes:
        write_thresholds(file, tuned.changes)
    if tuned.period is None:
        typer.echo(plain(f"nothing is stored of {settings.city} in this time"), err=True)
    thresholds = {**settings.thresholds, **tuned.changes}
    if chosen(output) == "json":
        applied = str(file) if apply and tuned.changes else None
        show_document(_document(settings.city, tuned, thresholds, applied))
    else:
        show_rows(_rows(tuned), "table")
        typer.echo(_FROM_STORED, err=True)
    _tell_what_is_next(thresholds, file, tuned, applied=apply)


def _refuse_overruled(loaded: "Loaded") -> None:
    """What a file says would not hold where a flag or the environment says otherwise."""
    origin = loaded.origins[_THRESHOLDS]
    hints = {"flag": "leave out --set thresholds=...", "environment": "unset COSMOS_THRESHOLDS"}
    if origin in hints:
        raise UsageError(
            "take --apply",
            _THRESHOLDS,
            why=f"they come from the {origin}, which goes before the settings file",
            hint=hints[origin],
        )


def _rows(tuned: "Tuning") -> Iterator[dict[str, Any]]:
    for each in _kinds(tuned):
        yield {
            "kind": each["kind"],
            "true": each["labels"]["true"],
            "false": each["labels"]["false"],
            "threshold": each["threshold"]["before"],
            "proposed": each["threshold"]["after"],
            "alarms/day": _told(each["alarmsPerDay"]["before"]),
            "then": _told(each["alarmsPerDay"]["after"]),
            "why": each["note"],
        }


def _told(rate: Mapping[str, Any] | None) -> float | str | None:
    if rate is None:
        return None
    return f">= {rate['value']}" if rate["atLeast"] else rate["value"]


def _document(city: str, tuned: "Tuning", thresholds: Mapping[str, float], applied: str | None) -> dict[str, Any]:
    period = tuned.period
    return {
        "schemaVersion": 1,
        "city": city,
        "period": None
        if period is None
        else {"first": period.first.isoformat(), "last": period.last.isoformat(), "days": round(period.days, 3)},
        "kinds": list(_kinds(tuned)),
        _THRESHOLDS: dict(thresholds),
        "applied": applied,
    }


def _kinds(tuned: "Tuning") -> Iterator[dict[str, Any]]:
    from processors.feedback.stored import Alarms

    for kind, proposal in tuned.kinds.items():
        alarms = tuned.alarms.get(kind, Alarms())
        yield {
            "kind": kind,
            "labels": {"true": proposal.true, "false": proposal.false},
            "threshold": {"before": proposal.before, "after": proposal.after},
            "alarmsPerDay": {
                "before": _rate(alarms.before, tuned.period, proposal.before, alarms.judged_at),
                "after": _rate(alarms.after, tuned.period, proposal.after, alarms.judged_at),
            },
            "note": proposal.note,
        }


def _rate(alarms: int, period: "Period | None", threshold: float | None, judged_at: float) -> dict[str, Any] | None:
    """At least so many, where some were judged with a higher threshold: what lay below that was not stored."""
    if period is None:
        return None
    return {
        "value": round(alarms / period.days, 3),
        "atLeast": threshold is not None and judged_at > threshold,
    }


def _tell_what_is_next(thresholds: Mapping[str, float], file: Path, tuned: "Tuning", *, applied: bool) -> None:
    if not tuned.changes:
        typer.echo("No threshold is changed.", err=True)
        return
    if not applied:
        typer.echo("Nothing is written. To write it into the settings file: --apply", err=True)
        return
    given = json.dumps(thresholds)
    lines = [
        plain(f"Written to {file}. It holds for `run` where that file is read; elsewhere:"),
        f"  bacalhau-cosmos run --set 'thresholds={given}'",
        "Jobs of `submit` set no thresholds. Nodes read bacalhau-cosmos.toml in the folder that jobs mount, which is",
        "/var/lib/bacalhau-cosmos where no --set data= says otherwise. In that file on each node of the city:",
        f"  [{_THRESHOLDS}]",
        *(f"  {kind} = {threshold}" for kind, threshold in thresholds.items()),
    ]
    typer.echo("\n".join(lines), err=True)
