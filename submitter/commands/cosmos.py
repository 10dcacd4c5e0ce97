"""`bacalhau-cosmos cosmos`: the account, its database and its containers."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import AsOutput, Assigned, Config, Endpoint
from submitter.commands._scale import EXAMPLE, scale
from submitter.commands._settings import load_settings
from submitter.output import chosen, show_document, show_rows

if TYPE_CHECKING:
    from processors.check import Step
    from processors.cosmos import Account

app = typer.Typer(no_args_is_help=True, help="Check and prepare the Cosmos DB account.")


@app.callback()
def cosmos() -> None:
    """Check and prepare the Cosmos DB account."""


@app.command(epilog="Example: bacalhau-cosmos cosmos check --endpoint http://127.0.0.1:8081")
def check(
    *, endpoint: Endpoint = None, assigned: Assigned = None, config: Config = None, output: AsOutput = None
) -> None:
    """Try every step that a run takes to Cosmos DB: reach it, be let in, find the containers, write, read back.

    One document is written to the container `runs`, and deleted.
    """
    from processors.check import check

    steps = check(_account(endpoint, assigned, config))
    rows = [_row(step) for step in steps]
    if chosen(output) == "json":
        show_document({"ok": all(row["outcome"] == "ok" for row in rows), "steps": rows})
    else:
        show_rows(rows, "table")
    for step in steps:
        if step.error is not None:
            raise step.error


@app.command(epilog="Example: bacalhau-cosmos cosmos create --endpoint http://127.0.0.1:8081")
def create(
    *,
    update: Annotated[
        bool, typer.Option("--update", help="Give containers that exist the indexing policy and TTL of the settings.")
    ] = False,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: AsOutput = None,
) -> None:
    """Create the database and the containers that are missing; say how those that exist differ from the settings.

    Takes the account key (COSMOS_KEY): a data-plane role may write documents, not create or change containers.
    """
    from processors.containers import making

    made = making.create(_account(endpoint, assigned, config), update=update)
    if chosen(output) == "json":
        differing = {name: list(texts) for name, texts in made.differing.items()}
        lists = {"created": list(made.created), "existed": list(made.existed), "updated": list(made.updated)}
        show_document({**lists, "differing": differing})
    else:
        outcomes = {"created": made.created, "existed": made.existed, "updated": made.updated}
        rows = ({"name": name, "outcome": word} for word, names in outcomes.items() for name in names)
        differs = {name: {"differs": "; ".join(texts)} for name, texts in made.differing.items()}
        show_rows((row | differs.get(row["name"], {}) for row in rows), "table")


app.command(epilog=EXAMPLE)(scale)


def _account(endpoint: str | None, assigned: list[str] | None, config: Any) -> "Account":
    from processors.city import account

    return account(load_settings({"endpoint": endpoint}, assigned, config, required=("endpoint",)).settings)


def _row(step: "Step") -> dict[str, Any]:
    error = step.error
    row = {
        "step": step.name,
        "outcome": step.outcome,
        "milliseconds": None if step.milliseconds is None else round(step.milliseconds, 1),
        "error": None if error is None else str(error),
        "try": None if error is None else error.hint,
    }
    return row | ({"notice": "; ".join(step.notices)} if step.notices else {})
