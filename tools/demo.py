"""The whole job on this machine: sensors' SQLite -> Polars -> Cosmos (emulator) -> Parquet, and back out again.

Every step is a command that a user can type; the demo prints it before it runs it.
"""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clean
import emulator
from rich.console import Console
from rich.table import Table

ROOT = emulator.ROOT
DEMO = clean.DEMO
PICTURE = ROOT / "demo-day.png"
COMMAND = Path(sys.executable).with_name("bacalhau-cosmos")

CITIES = ("Boston", "Denver", "Seattle")
SENSORS = 4
PERIOD_S = 8
FAULTS = ("null=20", "nan=5", "text=3", "bad_timestamp=3", "no_sensor_id=2", "duplicate=10", "gap=3")

console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def main() -> int:
    began = time.monotonic()
    endpoint = place()
    environment = {**os.environ, "COSMOS_ENDPOINT": endpoint}
    if not DEMO.exists():
        step("make database and containers")
        call(environment, "cosmos", "create")
        simulate(environment)
        DEMO.write_text(json.dumps({"cities": CITIES, "endpoint": endpoint, "done": True}))
    else:
        step("the sensors' databases are there from the last demo")
    reports = []
    for city in CITIES:
        step(f"take in {city}: read, conform, transform, detect, send, archive, move the checkpoint")
        reports.append(json.loads(call(environment, "run", "--city", city, "--output", "json")))
    show(reports)
    documents = read_back(environment)
    if any(report["rowsRead"] for report in reports) or not PICTURE.exists():
        draw(environment, CITIES[0])
    lost = compare(documents)
    if not any(report["rowsRead"] for report in reports):
        console.print("Nothing new since the last demo: no row was read and no document was written.")
    console.print(f"\nDone in {time.monotonic() - began:.0f} s. The emulator keeps the documents at {endpoint}:")
    console.print(f"  export COSMOS_ENDPOINT={endpoint}")
    console.print("  .venv/bin/bacalhau-cosmos query --city Denver --anomalies")
    console.print("  make demo    # again: finds nothing new       make clean    # ends and removes it")
    return 1 if lost else 0


def place() -> str:
    """Endpoint of the account to use: the user's, or the demo's own emulator."""
    if endpoint := os.environ.get("COSMOS_ENDPOINT"):
        step(f"use the account at {endpoint}")
    elif running := emulator.running():
        endpoint = running.endpoint
        step(f"use the emulator of the last demo at {endpoint}")
    else:
        forget("the emulator of the last demo has ended, and its documents with it")
        endpoint = emulator.start().endpoint
        step(f"started a Cosmos emulator at {endpoint}")
    if DEMO.exists():
        last = json.loads(DEMO.read_text())
        if not last["done"] or last["endpoint"] != endpoint:
            forget("the last demo was another one")
    return endpoint


def forget(why: str) -> None:
    """Removes the last demo's data, so that this one begins anew."""
    if DEMO.exists():
        step(f"{why}: begin anew")
        clean.demo_data()
        DEMO.unlink()


def simulate(environment: dict[str, str]) -> None:
    """Databases with a day of readings."""
    taken = [city for city in CITIES if (ROOT / "data" / city).exists()]
    if taken:
        raise SystemExit(f"Error: data/{taken[0]} exists and is not the demo's\nTry: move it away, or `make clean`")
    DEMO.write_text(json.dumps({"cities": CITIES, "done": False}))
    step(f"simulate {len(CITIES)} cities of {SENSORS} sensors, a day at one reading in {PERIOD_S} s, some broken")
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    call(
        environment,
        *("sensors", "simulate", "--sensors", str(SENSORS), "--period", f"{PERIOD_S}s", "--seed", "7"),
        *("--start", yesterday.strftime("%Y-%m-%dT%H:%M:%SZ"), "--output", "json"),
        *(word for city in CITIES for word in ("--city", city)),
        *(word for fault in FAULTS for word in ("--fault", fault)),
    )


def show(reports: list[dict[str, Any]]) -> None:
    table = Table(title="What came of it")
    table.add_column("city")
    for column in ("rows read", "documents", "aggregates", "anomalies", "rejects", "request units", "documents/s"):
        table.add_column(column, justify="right")
    for report in reports:
        documents = report["documents"]
        units = report["requestUnits"]
        table.add_row(
            report["city"],
            f"{report['rowsRead']:,}",
            *(f"{documents[name]:,}" for name in ("readings", "aggregates", "anomalies")),
            f"{report['rejects']:,}",
            "-" if units is None else f"{units:,.0f}",
            f"{sum(documents.values()) / report['seconds']:,.0f}",
        )
    console.print(table)
    for report in reports:
        rules = ", ".join(f"{entry['rule']} {entry['rows']}" for entry in report["rejectsByRule"])
        if rules:
            console.print(f"{report['city']}: rejected for not meeting {rules}; kept in archive/_rejects")


def read_back(environment: dict[str, str]) -> int:
    """Readings that Cosmos holds."""
    step("query the documents back out of Cosmos")
    asked = ("query", "--count", "--output", "json")
    return sum(json.loads(call(environment, *asked, "--city", city))["count"] for city in CITIES)


def compare(documents: int) -> bool:
    """Says whether each row is a document or a reject; True when one is neither."""
    rows = sum(count_rows(path) for city in CITIES for path in (ROOT / "data" / city).glob("*/sensor_data.db"))
    rejects = sum(
        len(path.read_text(encoding="utf-8").splitlines())
        for city in CITIES
        for path in (ROOT / "archive" / "_rejects" / f"city={city}").rglob("*.jsonl")
    )
    equal = rows == documents + rejects
    verdict = "every row accounted for" if equal else "IT DOES NOT ADD UP"
    console.print(f"{rows:,} rows in SQLite = {documents:,} documents + {rejects:,} rejects: {verdict}")
    return not equal


def count_rows(path: Path) -> int:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        count: int = connection.execute("SELECT count(*) FROM sensor_readings").fetchone()[0]
        return count
    finally:
        connection.close()


def draw(environment: dict[str, str], city: str) -> None:
    """A picture of one sensor's day, with its anomalies marked."""
    from matplotlib.dates import DateFormatter  # noqa: PLC0415 - slow to import, used once
    from matplotlib.figure import Figure  # noqa: PLC0415

    sensor = min(path.name for path in (ROOT / "data" / city).iterdir())
    step(f"draw the day of {sensor}")
    asked = ("--city", city, "--sensor", sensor, "--limit", "50000", "--output", "json")
    readings = [row for row in json.loads(call(environment, "query", *asked)) if "temperatureC" in row]
    anomalies = json.loads(call(environment, "query", "--anomalies", *asked))
    marked = [row for row in anomalies if row["measure"] == "temperatureC"]
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(*points(readings, "temperatureC"), linewidth=0.6, color="#4878a8", label="temperature")
    axes.plot(*points(marked, "value"), "o", color="#d62728", markersize=4, label=f"anomaly ({len(marked)})")
    axes.set(title=f"{sensor}, {city}: one day as Cosmos holds it", xlabel="UTC", ylabel="°C")
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right")
    figure.savefig(PICTURE, dpi=110)
    console.print(f"wrote {PICTURE.relative_to(ROOT)}")


def points(rows: list[dict[str, Any]], name: str) -> tuple[Any, Any]:
    """Times and values, in order of time."""
    rows = sorted(rows, key=lambda row: row["observedAt"])
    return [datetime.fromisoformat(row["observedAt"]) for row in rows], [row[name] for row in rows]


def step(text: str) -> None:
    console.print(f"\n[bold]· {text}[/bold]")


def call(environment: dict[str, str], *arguments: str) -> str:
    """Runs our command and gives its stdout; its progress and errors go to the terminal."""
    console.print(f"  $ bacalhau-cosmos {shlex.join(arguments)}", style="dim", soft_wrap=True)
    command: list[str | Path] = [COMMAND, *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return str(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
