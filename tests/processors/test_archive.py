"""The archive as others read it, and what becomes of a commit that was not finished or was damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta

import duckdb
import polars as pl
import pytest

from processors.archive import Archive
from processors.errors import ArchiveError
from processors.names import partition_value
from tests.harness import databases, oracle
from tests.harness.databases import START, readings
from tests.harness.node import Node

NAMES = ("plain", "a/b #1?*[x]", "sala dell'acqua 50%", "Ångström 温度", "x=1", "..", "a\nb")


class Cut(BaseException):
    """The process ends here."""


def cut_at(monkeypatch: pytest.MonkeyPatch, node: Node, name: str, call: int) -> None:
    """A run that ends before the n-th call of a function of the archive."""
    holder, _, attribute = name.rpartition(".")
    target = Archive if holder else __import__("processors.archive", fromlist=["archive"])
    original: Callable[..., object] = getattr(target, attribute)
    calls = iter(range(1, 1000))

    def patched(*args: object, **kwargs: object) -> object:
        if next(calls) == call:
            raise Cut
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(target, attribute, patched)
        with pytest.raises(Cut):
            node.run()


def test_one_hive_dataset_whose_names_decode(node: Node) -> None:
    node.city = "São Paulo #1"
    databases.create(node.database(), readings(35, sensors=NAMES))
    node.run()
    pattern = f"{node.archive}/**/*.parquet"
    frame = pl.scan_parquet(pattern, hive_partitioning=True).select("city", "sensor", "sensorId").collect()
    assert set(frame["city"]) == {"São Paulo #1"}
    assert set(frame["sensor"]) == set(NAMES)
    assert frame["sensor"].to_list() == frame["sensorId"].to_list()
    with duckdb.connect() as connection:
        found = connection.execute(
            'SELECT DISTINCT city, sensor, "sensorId", date FROM read_parquet(?, hive_partitioning = true)', [pattern]
        ).fetchall()
    assert {row[:3] for row in found} == {("São Paulo #1", name, name) for name in NAMES}
    assert {str(row[3]) for row in found} == {"2026-11-22"}


def test_a_name_too_long_for_a_folder_is_cut_and_stays_unique(node: Node) -> None:
    names = ("温" * 300 + "a", "温" * 300 + "b")
    assert partition_value(names[0]) != partition_value(names[1])
    databases.create(node.database("s" * 255), readings(10, sensors=names))
    node.run()
    node.forget()
    assert node.run().rows == 0
    assert {fact[0] for fact in node.facts()} == set(names)


def test_modes(node: Node) -> None:
    databases.create(node.database(), [{**readings(1)[0], "timestamp": "x"}, *readings(5)])
    node.run()
    for root in (node.archive, node.state):
        for path in (root, *root.rglob("*")):
            assert path.stat().st_mode & 0o777 == (0o750 if path.is_dir() else 0o640), path


def test_a_folder_name_with_pattern_characters(node: Node) -> None:
    node.root = node.root / "disk [1] *?"
    databases.create(node.database(), readings(30))
    node.run()
    node.forget()
    databases.execute(node.database(), "DELETE FROM sensor_readings WHERE id <= 20")
    assert node.run().notices == ()


def test_an_unfinished_commit_survives_the_loss_of_the_checkpoint(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Committed by its manifest, files still aside; the rows are gone from the table since."""
    rows = readings(30)
    databases.create(node.database(), rows[:20])
    node.run(page_rows=10)
    databases.append(node.database(), rows[20:])
    cut_at(monkeypatch, node, "Archive._move_in_place", 1)
    node.forget()
    databases.execute(node.database(), "DELETE FROM sensor_readings")
    assert node.run().notices == ()
    assert len(node.facts()) == 30


def test_an_unfinished_commit_with_a_damaged_manifest(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    databases.create(node.database(), [*readings(10), {**readings(1)[0], "timestamp": "x"}])
    cut_at(monkeypatch, node, "Archive._move_in_place", 1)
    for manifest in node.archive.glob("_manifests/**/start.json"):
        manifest.write_bytes(b"")
    assert node.run().rows == 0
    assert len(node.facts()) == 10
    assert len(oracle.rejects(node.archive)) == 1


def test_what_was_never_committed_is_not_seen(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the manifest, and the rows never come back: a plain reader sees none of it."""
    databases.create(node.database(), readings(20))
    node.run()
    older = databases.copy(node.database(), node.root / "older.db")
    before = oracle.archived(node.archive)
    databases.append(node.database(), readings(20, seed=2, start=START + timedelta(days=1)))
    cut_at(monkeypatch, node, "write_whole", 1)
    databases.copy(older, node.database())
    assert node.run().rows == 0
    assert oracle.archived(node.archive) == before


def damage_files(node: Node) -> None:
    files = sorted(node.archive.glob("city=*/**/*.parquet"))
    files[0].write_bytes(files[0].read_bytes()[:100])
    files[1].write_bytes(b"")
    files[2].unlink()


def damage_manifests(node: Node) -> None:
    for path in node.archive.glob("_manifests/**/*.json"):
        if path.name != "generation.json":
            path.write_bytes(path.read_bytes()[:30])


def lose_days(node: Node) -> None:
    for folder in node.archive.glob("city=*/sensor=*"):
        shutil.rmtree(folder)


@pytest.mark.parametrize("damage", [damage_files, damage_manifests, lose_days])
def test_damage_is_repaired_from_the_table_when_the_checkpoint_is_gone(
    node: Node, damage: Callable[[Node], None]
) -> None:
    databases.create(node.database(), [*readings(90), {**readings(1)[0], "timestamp": "x"}])
    node.run()
    before, writes = deepcopy(node.everything()), node.memory.writes.copy()
    damage(node)
    node.forget()
    assert node.run().rows == 0
    assert (node.everything(), node.memory.writes) == (before, writes)
    assert node.run().notices == ()


def test_damage_that_the_table_cannot_repair_is_an_error_that_names_the_file(node: Node) -> None:
    databases.create(node.database(), readings(90))
    node.run()
    damage_files(node)
    node.forget()
    databases.execute(node.database(), "DELETE FROM sensor_readings WHERE id < 50")
    with pytest.raises(ArchiveError, match=r"cannot repair the archive: city=denver/.*\.parquet.*no longer") as failed:
        node.run()
    assert failed.value.hint == "restore the files from a copy of the archive"


def test_a_damaged_beginning_does_not_stop_a_run_that_has_its_checkpoint(node: Node) -> None:
    databases.create(node.database(), readings(20))
    node.run()
    for path in node.archive.glob("_manifests/**/generation.json"):
        path.write_bytes(b"{")
    databases.append(node.database(), readings(5, seed=2, start=START + timedelta(days=1)))
    assert node.run().rows == 5
    assert len(node.facts()) == 25


def test_an_archive_begun_anew_is_not_doubled_when_the_checkpoint_is_lost(node: Node) -> None:
    databases.create(node.database(), readings(90))
    node.run()
    shutil.rmtree(node.archive)
    databases.append(node.database(), readings(30, seed=2, start=START + timedelta(days=1)))
    assert node.run().rows == 30
    node.forget()
    assert node.run(page_rows=13).rows == 0
    assert len(oracle.once(oracle.archived(node.archive))) == 30


def test_a_manifest_says_what_it_commits(node: Node) -> None:
    databases.create(node.database(), readings(20))
    node.run()
    (path,) = node.archive.glob("_manifests/**/start.json")
    manifest = json.loads(path.read_text())
    assert (manifest["schemaVersion"], manifest["rows"], manifest["rejects"], manifest["last_id"]) == (3, 20, 0, 20)
    assert all((node.archive / name).is_file() for name in manifest["files"])
