"""`python -m bench.network`: from `submit` to the last report on a real network, split into its parts.

Each round gives every node of two cities new rows, then starts `submit` for one city and `bacalhau job run` of the
same spec for the other at the same moment; the next round swaps the cities. What `submit` adds is the difference.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.data import Databases, Shape, database_in
from network import checks, record
from network.layout import OWNER
from network.record import Record
from sensors.layout import database_path

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("bacalhau-cosmos")
CITIES = ("denver", "chicago")
ROWS = 10_000
PARTS = ("submit", "schedule", "container start", "process", "report", "whole")


@dataclass(frozen=True)
class Round:
    """One pair.

    Attributes:
        parts: Seconds of each part of `submit`, by `PARTS`; on several nodes those of the last one to end.
        plain_s: The whole of `bacalhau job run`.
    """

    parts: Sequence[float]
    plain_s: float

    @property
    def added_s(self) -> float:
        """What `submit` took longer."""
        return self.parts[-1] - self.plain_s


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table for each number of nodes."""
    parser = argparse.ArgumentParser(prog="python -m bench.network", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 8], help="nodes of each city, one table for each")
    parser.add_argument("--rounds", type=int, default=6, help="pairs, after one that is not counted")
    options = parser.parse_args(arguments)
    for nodes in options.nodes:
        with tempfile.TemporaryDirectory(prefix="bench-network-") as folder, _network(Path(folder), nodes) as up:
            _show(nodes, [_round(up, Path(folder), number) for number in range(options.rounds + 1)][1:])
    return 0


def _show(nodes: int, rounds: Sequence[Round]) -> None:
    print(f"{ROWS:,} new rows of a city on {nodes} node(s): seconds over {len(rounds)} pairs")
    columns = [(name, [each.parts[index] for each in rounds]) for index, name in enumerate(PARTS)]
    columns += [("bacalhau job run", [each.plain_s for each in rounds]), ("added", [each.added_s for each in rounds])]
    print(f"  {'':18}{'minimum':>9}{'median':>9}")
    for name, values in columns:
        print(f"  {name:18}{min(values):9.2f}{median(values):9.2f}")


@contextmanager
def _network(folder: Path, nodes: int) -> Iterator[Record]:
    place = ("--folder", str(folder / ".network"))
    cities = [word for city in CITIES for word in ("--city", city)]
    try:
        _run(COMMAND, "network", "up", *cities, "--nodes", str(nodes), *place)
        _run(sys.executable, ROOT / "tools" / "images.py", *place)
        up = record.running(folder / ".network")
        assert up is not None
        yield up
    finally:
        _run(COMMAND, "network", "down", *place)


def _round(up: Record, folder: Path, number: int) -> Round:
    ours, theirs = CITIES if number % 2 else CITIES[::-1]
    for node in up.nodes:
        _new_rows(node.folder, node.city, number, ROWS // (len(up.nodes) // len(CITIES)), folder / "made")
    values = {"image": up.images["image"], "data": str(up.data)}
    given = [word for name, text in {**values, "city": theirs}.items() for word in ("-V", f"{name}={text}")]
    began = time.time()
    with subprocess.Popen(
        [checks.bacalhau(), "job", "run", *given, ROOT / "jobs" / "ingest.yaml"],
        env=_environment(up, folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as plain:
        command: list[str | Path] = [
            COMMAND,
            "submit",
            "--city",
            ours,
            "--network-folder",
            up.folder,
            "--output",
            "json",
        ]
        with tempfile.TemporaryFile() as output:
            with subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as submit:
                ended = _ends(submit, plain)
            output.seek(0)
            told = json.load(output)
    assert (submit.returncode, plain.returncode) == (0, 0), (submit.returncode, plain.returncode)
    return Round(_parts(up, told, began, ended[0]), ended[1] - began)


def _ends(*processes: subprocess.Popen[bytes]) -> list[float]:
    """When each ended."""
    ended = [0.0] * len(processes)
    while not all(ended):
        for index, process in enumerate(processes):
            if not ended[index] and process.poll() is not None:
                ended[index] = time.time()
        time.sleep(0.005)
    return ended


def _parts(up: Record, told: dict[str, Any], began: float, ended: float) -> list[float]:
    (job,) = told["jobs"]
    created = _seconds(_ask(up, f"jobs/{job['jobId']}")["Job"]["CreateTime"])
    scheduled = {
        each["ID"]: _seconds(each["CreateTime"]) for each in _ask(up, f"jobs/{job['jobId']}/executions")["Items"]
    }
    nodes = [(scheduled[node["executionId"]], *_span(node["report"])) for node in job["nodes"]]
    assert sum(node["report"]["rowsRead"] for node in job["nodes"]) == ROWS
    last_scheduled, start, done = max(nodes, key=lambda node: node[-1])
    return [
        created - began,
        last_scheduled - created,
        start - last_scheduled,
        done - start,
        ended - done,
        ended - began,
    ]


def _span(report: dict[str, Any]) -> tuple[float, float]:
    start = datetime.fromisoformat(report["startedAt"]).timestamp()
    return start, start + float(report["seconds"])


def _seconds(nanoseconds: int) -> float:
    return nanoseconds / 1e9


def _ask(up: Record, path: str) -> Any:
    with urllib.request.urlopen(f"http://{up.host}:{up.api_port}/api/v1/orchestrator/{path}", timeout=30) as answer:
        return json.load(answer)


def _new_rows(node: Path, city: str, number: int, rows: int, made: Path) -> None:
    """A sensor of its own, so that every round finds the same rows to read."""
    sensor = f"{node.name}-{number}"
    target = database_path(node / "data", city, sensor)
    target.parent.mkdir(parents=True)
    shutil.copyfile(database_in(Databases(made).data(Shape(rows))), target)
    for path in (node / "data", node / "data" / city, target.parent, target):
        os.chown(path, OWNER, OWNER)


def _environment(up: Record, folder: Path) -> dict[str, str]:
    place = {
        "BACALHAU_API_HOST": up.host,
        "BACALHAU_API_PORT": str(up.api_port),
        "BACALHAU_DIR": str(folder / "cli"),
        "BACALHAU_DISABLEANALYTICS": "true",
        "BACALHAU_UPDATECONFIG_INTERVAL": "0",
    }
    return {**os.environ, **place}


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
