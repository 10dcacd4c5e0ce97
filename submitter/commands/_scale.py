"""`bacalhau-cosmos cosmos scale`: throughput, by the control plane."""
# ruff: noqa: PLC0415 - the other packages are imported when they are used, so that help stays fast

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import AsOutput, Assigned, Config, Endpoint
from submitter.commands._settings import load_settings
from submitter.errors import UsageError
from submitter.output import Output, chosen, show_document, show_rows

if TYPE_CHECKING:
    from fleet.scale import Change, Place, Throughput

EXAMPLE = "Example: bacalhau-cosmos cosmos scale --maximum 4000 --container readings"


def scale(
    *,
    maximum: Annotated[
        int | None, typer.Option(help="Autoscale maximum in RU/s, a multiple of 1,000; nothing is set without --apply.")
    ] = None,
    container: Annotated[
        str | None, typer.Option(help="Whose maximum.", show_default="the database's, which its containers share")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Set it, and wait until it is so.")] = False,
    subscription: Annotated[
        str | None, typer.Option(help="Azure subscription of the account.", show_default="COSMOS_SUBSCRIPTION")
    ] = None,
    resource_group: Annotated[
        str | None, typer.Option(help="Its resource group.", show_default="COSMOS_RESOURCE_GROUP")
    ] = None,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: AsOutput = None,
) -> None:
    """Show the throughput of the database and its containers, or set an autoscale maximum.

    Takes an identity with a role of the control plane, such as 'Cosmos DB Operator' (docs/identity.md), and no key.
    With --maximum alone it says what would change. A maximum above the setting scale_limit is refused.
    """
    if maximum is None and (apply or container is not None):
        raise UsageError(
            "scale",
            "--apply" if apply else "--container",
            why="there is no --maximum to set",
            hint="give --maximum RU/S",
        )
    named = {"endpoint": endpoint, "subscription": subscription, "resource_group": resource_group}
    required = ("endpoint", "subscription", "resource_group")
    settings = load_settings(named, assigned, config, required=required).settings
    place = _place(settings)
    change, found = asyncio.run(_do(place, maximum, container, apply, settings.scale_limit))
    if change is None:
        _show(place, found, output)
    else:
        _show_change(place, change, found if apply else [], output)


async def _do(
    place: "Place", maximum: int | None, container: str | None, apply: bool, limit: int
) -> "tuple[Change | None, list[Throughput]]":
    """The change, None where none is asked for; and what there is, after it where it was applied."""
    from fleet.scale import SCOPE, change, open_scaler
    from processors.identity import proven

    async with proven(SCOPE) as credential, open_scaler(place, credential) as scaler:
        found = await scaler.read()
        if maximum is None:
            return None, found
        wanted = change(found, container, maximum, limit)
        if not apply or wanted.is_none:
            return wanted, [wanted.before]
        typer.echo(f"setting {wanted.after.name} to {maximum:,} RU/s ...", err=True)
        return wanted, [await scaler.apply(wanted)]


def _place(settings: Any) -> "Place":
    from fleet.scale import Place
    from processors.endpoint import account_name

    name = account_name(settings.endpoint)
    if not name:
        raise UsageError(
            "scale",
            "COSMOS_ENDPOINT",
            why="its host is no account's of Azure, and only they have a control plane",
            hint="set it to https://<account>.documents.azure.com",
        )
    return Place(settings.subscription, settings.resource_group, name, settings.database)


def _show(place: "Place", found: "list[Throughput]", output: Output | None) -> None:
    rows = [_row(each) for each in found]
    if chosen(output) == "json":
        show_document({"account": place.name, "throughput": rows})
    else:
        show_rows(rows, "table")


def _row(each: "Throughput") -> dict[str, Any]:
    return {
        "name": each.name,
        "mode": each.mode,
        "ruS": each.ru_s,
        "floorRuS": each.floor_ru_s,
        "pending": each.pending,
    }


def _show_change(place: "Place", change: "Change", now: "list[Throughput]", output: Output | None) -> None:
    row = {
        "name": change.after.name,
        "beforeRuS": change.before.ru_s,
        "afterRuS": change.after.ru_s,
        "takesHours": change.takes_hours,
        "outcome": _outcome(change, now),
    }
    if chosen(output) == "json":
        show_document({"account": place.name, **row})
    else:
        show_rows([row], "table")
    if not now and not change.is_none:
        typer.echo("nothing is set: --apply does it", err=True)


def _outcome(change: "Change", now: "list[Throughput]") -> str:
    if change.is_none:
        return "as it was"
    if not now:
        return "dry run"
    return "pending" if now[0].pending else "applied"
