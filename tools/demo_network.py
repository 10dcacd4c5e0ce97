"""The whole job on a real Bacalhau network on this machine: sensors on its nodes, `submit`, a query, `verify`.

Every step is a command that a user can type; it is printed before it runs.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from network import processes, record

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("bacalhau-cosmos")
FOLDER = ROOT / ".network"

SENSORS = 4
RATE = 20
WRITTEN_S = 60.0
ENDED_S = 60.0

console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def main() -> int:
    began = time.monotonic()
    network = record.running(FOLDER)
    if network is None:
        raise SystemExit("Error: no network is up\nTry: make network")
    step(f"sensors on every node of {', '.join(network.cities)}, until they have written for a while")
    call("submit", "--all", "--spec", "simulate", "--set", f"sensors={SENSORS}", "--set", f"rate={RATE}")
    try:
        wait_for_rows(network)
        step("what is on the nodes")
        call("submit", "--all", "--spec", "inspect")
        step("take in what is there: one job a city, one container a node, beside its data")
        call("submit", "--all")
    finally:
        step("end the sensors")
        end_sensors(network)
    step("take in what they wrote meanwhile")
    call("submit", "--all")
    step("query the documents back out of Cosmos")
    endpoint = ("--endpoint", network.cosmos_endpoint)
    call("query", *endpoint, "--limit", "5", "--output", "table")
    step("verify: SQLite, archive and Cosmos, document by document, on each node")
    verified = json.loads(call("submit", "--all", "--spec", "verify", "--output", "json"))
    reports = [node["report"] for job in verified["jobs"] for node in job["nodes"]]
    totals = {
        name: sum(report[name] for report in reports)
        for name in ("rows", "documents", "missing", "extra", "differing", "waiting")
    }
    counted = json.loads(call("query", *endpoint, "--count", "--output", "json"))["count"]
    whole = totals["rows"] == totals["documents"] == counted and not totals["waiting"] and not verified["exitCode"]
    console.print(
        f"\n{totals['rows']:,} rows in SQLite on {len(reports)} nodes, {counted:,} readings in Cosmos: "
        f"{totals['missing']} missing, {totals['extra']} extra, {totals['differing']} differing: "
        + ("every row accounted for, verified by id" if whole else "IT DOES NOT ADD UP")
    )
    console.print(f"Done in {time.monotonic() - began:.0f} s. The network stays up:")
    console.print("  .venv/bin/bacalhau-cosmos network status")
    console.print(f"  .venv/bin/bacalhau-cosmos submit --city {network.cities[0]}")
    console.print("  .venv/bin/bacalhau-cosmos network down    # ends it; make clean removes its data too")
    return 0 if whole else 1


def wait_for_rows(network: record.Record) -> None:
    """Until each node's sensors have databases that grow."""
    folders = [node.folder for node in network.nodes]
    grown = {folder: size(folder) for folder in folders}
    if not processes.until(lambda: all(size(f) > grown[f] + 200_000 for f in folders), WRITTEN_S):
        raise SystemExit("Error: the sensors do not write\nTry: .venv/bin/bacalhau-cosmos network status")


def size(folder: Path) -> int:
    """Bytes of the databases of a node, with what their writers have not folded in yet."""
    return sum(
        path.stat().st_size for path in (folder / "data").rglob("sensor_data.db*") if not path.name.endswith("-shm")
    )


def end_sensors(network: record.Record) -> None:
    """Ends the daemons with Bacalhau's own command line; returns when their containers are gone."""
    program = network.program(record.ORCHESTRATOR).argv[0]
    place = ("--api-host", network.host, "--api-port", str(network.api_port))
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "BACALHAU_DIR": home, "BACALHAU_DISABLEANALYTICS": "true"}
        for city in network.cities:
            console.print(f"  $ bacalhau job stop simulate-{city}", style="dim", soft_wrap=True)
            command = [program, "job", "stop", f"simulate-{city}", "--quiet", *place]
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not processes.until(lambda: not writing(network), ENDED_S):
        raise SystemExit("Error: the sensors do not end\nTry: docker ps, and .venv/bin/bacalhau-cosmos network down")


def writing(network: record.Record) -> bool:
    """Whether a container of the sensors' image runs."""
    listed = ["docker", "ps", "--quiet", "--filter", f"ancestor={network.images['sensor_image']}"]
    return bool(subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split())


def step(text: str) -> None:
    console.print(f"\n[bold]· {text}[/bold]")


def call(*arguments: str) -> str:
    """Runs our command, shows its stdout unless it is JSON, and gives it."""
    console.print(f"  $ bacalhau-cosmos {shlex.join(arguments)}", style="dim", soft_wrap=True)
    command: list[str | Path] = [COMMAND, *arguments]
    shown = "json" not in arguments
    if shown and arguments[0] == "submit":
        command += ["--output", "table"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if shown:
        console.print(done.stdout, end="", soft_wrap=True, markup=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return str(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
