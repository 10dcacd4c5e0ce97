"""Every fault there is, by name: each is set up before a run, strikes in it, and is over when the run has ended."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial

from tests.chaos.disk import memory_limit
from tests.chaos.points import POINTS
from tests.chaos.scene import Scene
from tests.harness.strict import faults as strict
from tests.harness.strict.exchange import Exchange
from tests.harness.strict.faults import Answer

Fault = Callable[[Scene], AbstractContextManager[None]]

LITTLE_RU_PER_S = 100.0
"""A run needs several times that."""

RUN_S = 0.6
"""About how long a run takes: moments are drawn from it."""

MOST_WRITES = 200
"""Of a sensor beside a run: one that the faults make slow must not leave more than the next can take in."""

_MIB = 1024 * 1024

_TIMES = 3
"""Strikes of a fault of the service in a run: some fall on a batch that another fault has, or that is never sent."""


@contextmanager
def _service(name: str, scene: Scene) -> Iterator[None]:
    def strike(exchange: Exchange) -> Answer:
        scene.fired[name] += 1
        fault = strict.Fault(
            name,
            exchange.batch_number,
            operation=scene.dice.randrange(100),
            status=scene.dice.choice(strict.TRANSIENT_IN_BATCHES),
            advice_ms=scene.dice.randint(1, 50),
        )
        if name == strict.ROTATED:
            scene.from_now_on(fault.answer)
        return fault.answer(exchange)

    for _ in range(_TIMES):
        scene.at_batch(strike)
    yield


@contextmanager
def _throttled(scene: Scene) -> Iterator[None]:
    before = len(scene.strict.exchanges)
    scene.strict.throughput = LITTLE_RU_PER_S
    yield
    scene.strict.throughput = None
    if any(exchange.status == 429 and exchange.fault is None for exchange in scene.strict.exchanges[before:]):
        scene.fired["throttled"] += 1


@contextmanager
def _killed_at_a_point(point: str, scene: Scene) -> Iterator[None]:
    scene.interference["point"] = POINTS[point]
    yield
    scene.fired[f"killed {point}"] += scene.ended_with(137)


@contextmanager
def _killed_at_a_touch(scene: Scene) -> Iterator[None]:
    scene.interference["touch"] = (str(scene.world.root), scene.dice.randrange(1, 60))
    yield
    scene.fired["killed at a touch of a file"] += scene.ended_with(-signal.SIGKILL)


@contextmanager
def _killed_before_a_write(scene: Scene) -> Iterator[None]:
    def strike(_: Exchange) -> Answer:
        scene.running().signal(signal.SIGKILL)
        scene.fired["killed before a write"] += 1
        return strict.RESET

    scene.at_batch(strike)
    yield


@contextmanager
def _killed_after_a_write(scene: Scene) -> Iterator[None]:
    """The write takes effect, and nobody is there to hear of it."""

    def strike(_: Exchange) -> None:
        scene.running().signal(signal.SIGKILL)
        scene.fired["killed after a write"] += 1

    scene.at_batch(strike)
    yield


@contextmanager
def _killed_at_random(scene: Scene) -> Iterator[None]:
    with _later(scene, lambda: scene.running().signal(signal.SIGKILL)):
        yield
    scene.fired["killed at a random moment"] += scene.ended_with(-signal.SIGKILL)


@contextmanager
def _terminated(scene: Scene) -> Iterator[None]:
    def strike(_: Exchange) -> None:
        scene.running().signal(signal.SIGTERM)
        scene.fired["SIGTERM"] += 1

    scene.at_batch(strike)
    yield


@contextmanager
def _full(part: str, scene: Scene) -> Iterator[None]:
    def strike(_: Exchange) -> None:
        scene.disks[part].fill(scene.dice.randrange(10) * 4096)
        scene.fired[f"{part} disk full"] += 1

    scene.at_batch(strike)
    yield
    scene.disks[part].empty()


@contextmanager
def _read_only(scene: Scene) -> Iterator[None]:
    def strike(_: Exchange) -> None:
        scene.disks["archive"].protect()
        scene.fired["archive read-only"] += 1

    scene.at_batch(strike)
    yield
    scene.disks["archive"].release()


@contextmanager
def _clock_jumps(scene: Scene) -> Iterator[None]:
    def strike(_: Exchange) -> None:
        scene.running().signal(signal.SIGUSR1)
        scene.fired["clock jumps"] += 1

    scene.interference["jumps_s"] = [scene.dice.choice((-1, 1)) * 10 ** scene.dice.uniform(0, 8) for _ in range(2)]
    scene.at_batch(strike)
    scene.at_batch(strike)
    yield


@contextmanager
def _out_of_memory(scene: Scene) -> Iterator[None]:
    limit = int(scene.dice.uniform(12, 28) * _MIB)
    with memory_limit(f"chaos-{os.getpid()}-{id(scene):x}", limit) as (processes, events):
        scene.interference["cgroup"] = str(processes)
        yield
        counted = dict(line.split() for line in events.read_text().splitlines())
        scene.fired["out of memory"] += int(counted.get("oom_kill", 0)) > 0


@contextmanager
def _locked(scene: Scene) -> Iterator[None]:
    path = scene.world.database(scene.sensor())
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("UPDATE sensor_readings SET id = id WHERE id = 0")
        with _later(scene, holder.close):
            yield
    scene.fired["source locked"] += 1


def _changed(name: str, change: Callable[[Scene, str], None], scene: Scene) -> Iterator[None]:
    """Before the run or in it."""
    sensor = scene.sensor()

    def strike(_: Exchange | None) -> None:
        change(scene, sensor)
        scene.fired[name] += 1

    if scene.dice.random() < 0.5:
        strike(None)
    else:
        scene.at_batch(strike)
    yield


@contextmanager
def _recreated(scene: Scene) -> Iterator[None]:
    yield from _changed("source recreated", lambda s, sensor: s.world.recreate(sensor, s.rows()), scene)


@contextmanager
def _vacuumed(scene: Scene) -> Iterator[None]:
    yield from _changed("source vacuumed", lambda s, sensor: s.world.vacuum(sensor), scene)


@contextmanager
def _older_copy(scene: Scene) -> Iterator[None]:
    yield from _changed("source replaced by an older copy", lambda s, sensor: s.world.put_back(sensor, s.rows()), scene)


@contextmanager
def _old_rows_deleted(scene: Scene) -> Iterator[None]:
    yield from _changed("source without its older rows", lambda s, sensor: s.world.forget_old(sensor), scene)


@contextmanager
def _truncated(scene: Scene) -> Iterator[None]:
    sensor = scene.sensor()
    scene.world.cut(sensor)
    scene.fired["source truncated"] += 1
    yield
    scene.world.mend(sensor)


@contextmanager
def _still_written(scene: Scene) -> Iterator[None]:
    stop = threading.Event()
    sensor = scene.sensor()

    def write() -> None:
        for _ in range(MOST_WRITES):
            if stop.wait(0.02):
                return
            with scene.lock, suppress(sqlite3.Error):
                scene.world.append(sensor, 3)
                scene.fired["source still being written"] = 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


@contextmanager
def _two_runs(scene: Scene) -> Iterator[None]:
    def strike(_: Exchange) -> None:
        scene.others.append(scene.begin())

    scene.at_batch(strike)
    yield
    for other in scene.others:
        other.ended()
        scene.fired["two runs at once"] += 1


@contextmanager
def _checkpoint_gone(scene: Scene) -> Iterator[None]:
    for path in scene.world.checkpoint.parent.glob("checkpoint.db*"):
        path.unlink()
        scene.fired["checkpoint gone"] = 1
    yield


@contextmanager
def _checkpoint_damaged(scene: Scene) -> Iterator[None]:
    path = scene.world.checkpoint
    if path.exists():
        whole = path.read_bytes()
        start = scene.dice.choice((0, scene.dice.randrange(len(whole) + 1)))
        path.write_bytes(whole[:start] + scene.dice.randbytes(scene.dice.choice((0, 4096))))
        scene.fired["checkpoint damaged"] += 1
    yield


@contextmanager
def _later(scene: Scene, action: Callable[[], object]) -> Iterator[None]:
    """Does it at a moment of the run, drawn by chance."""
    delay_s = scene.dice.uniform(0, RUN_S)
    over = threading.Event()

    def wait() -> None:
        scene.running()
        over.wait(delay_s)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


FAULTS: dict[str, Fault] = {
    **{name: partial(_service, name) for name in strict.NAMES},
    "throttled": _throttled,
    **{f"killed {point}": partial(_killed_at_a_point, point) for point in POINTS},
    "killed at a touch of a file": _killed_at_a_touch,
    "killed before a write": _killed_before_a_write,
    "killed after a write": _killed_after_a_write,
    "killed at a random moment": _killed_at_random,
    "SIGTERM": _terminated,
    "archive disk full": partial(_full, "archive"),
    "state disk full": partial(_full, "state"),
    "archive read-only": _read_only,
    "clock jumps": _clock_jumps,
    "out of memory": _out_of_memory,
    "source locked": _locked,
    "source recreated": _recreated,
    "source vacuumed": _vacuumed,
    "source replaced by an older copy": _older_copy,
    "source without its older rows": _old_rows_deleted,
    "source truncated": _truncated,
    "source still being written": _still_written,
    "two runs at once": _two_runs,
    "checkpoint gone": _checkpoint_gone,
    "checkpoint damaged": _checkpoint_damaged,
}
"""Name -> how it is done. The names are those of the table in docs/reliability.md."""
