"""The whole `python -m processors`, as a process of its own: documents a second, CPU, memory, start-up.

The kernel's peak memory of a child begins with the peak of the process that started it (the two share memory
until the child's exec), so whoever calls this must be small: databases and stages are made in other processes.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.data import CITY
from bench.discard import serving
from tests.harness import emulator

CAP_MB = 400
"""Peak memory that no run may pass, whatever the number of rows."""

_KB_A_MB = 1024


@dataclass(frozen=True)
class Run:
    """What one run came to.

    Attributes:
        rows: Read.
        documents: Taken by the endpoint: readings, aggregates and anomalies.
        seconds: From the start of the process to its end.
        cpu_s: User and system time of the process.
        peak_mb: Most resident memory.
    """

    rows: int
    documents: int
    seconds: float
    cpu_s: float
    peak_mb: float

    @property
    def documents_a_second(self) -> float:
        """Over the whole life of the process, its start included."""
        return self.documents / self.seconds

    @property
    def cpu_us_a_document(self) -> float:
        """Does not depend on how long the endpoint took, and little on who else used the machine."""
        return self.cpu_s / self.documents * 1e6


@dataclass(frozen=True)
class Span:
    """How long a process took: the least of several, wall and CPU each for itself."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True)
class Start:
    """What the start of a run consists of; each includes the one before.

    Attributes:
        interpreter: Python alone.
        imports: Python with all that a run imports.
        one_row: A whole run with one row: imports, connecting, reading, writing, leaving.
        packages: Own import seconds of packages, the ten that take most.
    """

    interpreter: Span
    imports: Span
    one_row: Span
    packages: dict[str, float]


def discarded(data: Path) -> Run:
    """A run against an endpoint that checks, counts and discards.

    Raises:
        RuntimeError: The run failed, or what arrived is not what it reported.
    """
    with serving() as endpoint:
        run = _run(data, endpoint.url)
        arrived = [counts for name, counts in endpoint.counts().items() if name != "runs"]
        distinct = sum(counts.distinct for counts in arrived)
        if distinct != run.documents or any(counts.refused for counts in arrived):
            raise RuntimeError(f"{run.documents} documents were reported and {distinct} arrived: {arrived}")
        return run


def emulated(data: Path) -> Run:
    """A run against a new emulator with empty containers.

    Raises:
        RuntimeError: The run failed, or there is no emulator that works.
    """
    with emulator.serving() as url:
        _create_containers(url)
        return _run(data, url)


def start(data: Path, repeats: int = 5) -> Start:
    """Where the start of a run goes.

    Args:
        data: With one row.
        repeats: Of each measurement.
    """
    module = "processors.city"
    return Start(
        interpreter=_least(_timed("-c", "pass") for _ in range(repeats)),
        imports=_least(_timed("-c", f"import {module}") for _ in range(repeats)),
        one_row=_least(discarded(data) for _ in range(repeats)),
        packages=_import_times(module),
    )


def _run(data: Path, url: str) -> Run:
    with tempfile.TemporaryDirectory(prefix="bench-run-", dir=data.parent) as folder:
        environment = _environment() | {
            "COSMOS_ENDPOINT": url,
            "COSMOS_CITY": CITY,
            "COSMOS_DATA": str(data),
            "COSMOS_STATE": f"{folder}/state",
            "COSMOS_ARCHIVE": f"{folder}/archive",
        }
        begun = time.perf_counter()
        command = [sys.executable, "-m", "processors", "ingest"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            said = process.stdout.read()
            used = _end(process)
        seconds = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"the run ended with exit code {process.returncode}: {said.decode()}")
    if used.ru_maxrss <= (own := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss):
        raise RuntimeError(f"{used.ru_maxrss} KB may be the peak of this process ({own} KB), not of the run")
    report = json.loads(said)
    return Run(
        rows=report["rowsRead"],
        documents=sum(report["documents"].values()),
        seconds=seconds,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / _KB_A_MB,
    )


def _environment() -> dict[str, str]:
    """Ours, without settings of a run, and with Python's cache of compiled modules: without it imports take thrice."""
    ours = os.environ.items()
    return {name: value for name, value in ours if not name.startswith(("COSMOS_", "PYTHONDONTWRITEBYTECODE"))}


def _least(times: Iterable[Span | Run]) -> Span:
    every = list(times)
    return Span(min(one.seconds for one in every), min(one.cpu_s for one in every))


def _timed(*arguments: str) -> Span:
    begun = time.perf_counter()
    with subprocess.Popen([sys.executable, *arguments], env=_environment()) as process:
        used = _end(process)
    return Span(time.perf_counter() - begun, used.ru_utime + used.ru_stime)


def _end(process: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """What the process used, once it has ended."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used


def _import_times(module: str) -> dict[str, float]:
    """Package -> seconds of its own modules, the ten that take most."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment()).stderr
    total: Counter[str] = Counter()
    for line in told.splitlines()[1:]:
        own_us, _, name = line.removeprefix("import time:").split("|")
        total[_package(name.strip())] += int(own_us)
    return {name: own_us / 1e6 for name, own_us in total.most_common(10)}


def _package(module: str) -> str:
    """`azure.cosmos` of `azure.cosmos.aio`; else the first name, and one name for Python's own library."""
    first, *rest = module.split(".")
    if first.lstrip("_") in sys.stdlib_module_names or first in sys.stdlib_module_names:
        return "standard library"
    return f"{first}.{rest[0]}" if first == "azure" and rest else first


def _create_containers(url: str) -> None:
    """In another process: see the head of this file."""
    program = (
        "import sys; from processors.containers import making; from processors.cosmos import Account;"
        " making.create(Account(sys.argv[1], '', 'SensorData'))"
    )
    subprocess.run([sys.executable, "-c", program, url], check=True)
