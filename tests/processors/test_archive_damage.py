"""Files of the archive that are not as they were written, also where they can be read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from processors import manifest
from processors.archive import Archive
from processors.errors import ArchiveError
from processors.model import BEFORE_FIRST, Database
from tests.harness import databases, oracle
from tests.harness.databases import readings
from tests.harness.node import Node

SPOILED = (3, 25, 31)
"""Rows with a time stamp that cannot be read."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Node:
    node = Node(tmp_path_factory.mktemp("before"))
    rows = readings(50)
    for number in SPOILED:
        rows[number - 1]["timestamp"] = "soon"
    databases.create(node.database(), rows)
    node.run()
    return node


@pytest.fixture
def node(before: Node, tmp_path: Path) -> Node:
    return before.copy(tmp_path)


def manifests(node: Node) -> list[Path]:
    return [path for path in node.archive.glob("_manifests/**/*.json") if path.name != "generation.json"]


def edit(path: Path, **changed: object) -> None:
    """One value is another; all else stays as it was written."""
    line = json.loads(path.read_bytes())
    assert line.keys() >= changed.keys()
    path.write_text(json.dumps({**line, **changed}))


@pytest.mark.parametrize(
    "changed", [{"last_id": 30}, {"last_id": 10}, {"after": 5}, {"rows": 1}, {"files": []}, {"rejects": 0}, {"seal": 1}]
)
def test_a_changed_manifest_is_made_again_from_its_files(node: Node, before: Node, changed: dict[str, object]) -> None:
    """A digit of the position would lose the rows between, or send them twice."""
    for path in manifests(node):
        edit(path, **changed)
    node.forget()
    assert node.run().rows == 0
    assert node.everything() == before.everything()
    assert node.memory.writes == before.memory.writes


@pytest.mark.parametrize("changed", [{"baseId": 5}, {"position": 20}, {"ordinal": 2}, {"anchors": []}, {"parent": "x"}])
def test_a_changed_beginning_is_told_without_a_checkpoint_and_mended_with_one(
    node: Node, before: Node, changed: dict[str, object]
) -> None:
    (path,) = node.archive.glob("_manifests/**/generation.json")
    whole = json.loads(path.read_bytes())
    edit(path, **changed)
    assert node.run().rows == 0
    mended = json.loads(path.read_bytes())
    assert [mended[name] for name in ("baseId", "position", "ordinal", "parent")] == [
        whole[name] for name in ("baseId", "position", "ordinal", "parent")
    ]
    edit(path, **changed)
    node.forget()
    with pytest.raises(ArchiveError, match=r"generation\.json: it is damaged") as failed:
        node.run()
    assert "restore" in failed.value.hint
    assert node.everything() == before.everything()


@pytest.mark.parametrize("name", ["start.json", "generation.json"])
def test_what_a_later_version_wrote_stays_as_it_is(node: Node, name: str) -> None:
    (path,) = node.archive.glob(f"_manifests/**/{name}")
    line = json.loads(path.read_bytes())
    del line["seal"]
    line |= {"schemaVersion": 4, "more": "of it"}
    path.write_text(json.dumps({**line, "seal": manifest._seal(line)}))
    before = path.read_bytes()
    node.forget()
    with pytest.raises(ArchiveError, match="version 4 wrote it, this is 3"):
        node.run()
    assert path.read_bytes() == before


def test_a_data_file_of_the_same_shape_with_another_value_is_repaired(node: Node, before: Node) -> None:
    """Parquet has no checksum of its own: the value would go into windows and come out as a document."""
    for path in node.archive.glob("city=*/**/*.parquet"):
        frame = pl.read_parquet(path, hive_partitioning=False)
        frame.with_columns(pl.col("temperatureC") + 1).write_parquet(path)
    node.forget()
    assert node.run().notices
    assert node.everything() == before.everything()
    assert node.run().notices == ()


def lost(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def another(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"soon", b"late"))


@pytest.mark.parametrize("damage", [lost, cut, empty, another])
def test_rejects_are_written_again_from_the_table(node: Node, before: Node, damage: Callable[[Path], None]) -> None:
    for path in node.archive.glob("_rejects/**/*.jsonl"):
        damage(path)
    node.forget()
    assert node.run().notices == ("rejects repaired up to row 20", "rejects repaired up to row 40")
    assert node.everything() == before.everything()
    assert node.memory.writes == before.memory.writes
    node.forget()
    assert node.run().notices == ()


def test_rejects_that_the_table_has_lost_are_named_and_the_run_goes_on(node: Node, before: Node) -> None:
    for path in node.archive.glob("_rejects/**/*.jsonl"):
        path.unlink()
    databases.execute(node.database(), "DELETE FROM sensor_readings WHERE id < 30")
    node.forget()
    notices = node.run().notices
    assert [notice.partition(":")[0] for notice in notices] == [
        "1 rejects up to row 20 are lost",
        "2 rejects up to row 40 are lost",
    ]
    assert node.memory.contents == before.memory.contents
    assert oracle.archived(node.archive) == oracle.archived(before.archive)


def test_a_damaged_manifest_whose_rejects_are_gone_too_is_an_error(node: Node) -> None:
    """Row 40 was the batch's last: without it the next batch would begin too early, and rows be sent again."""
    databases.execute(node.database(), "UPDATE sensor_readings SET timestamp = 'soon' WHERE id = 40")
    node.forget()
    shutil.rmtree(node.archive)
    node.run()
    for path in manifests(node):
        path.write_bytes(b"{")
    for path in node.archive.glob("_rejects/**/*.jsonl"):
        path.unlink()
    node.forget()
    with pytest.raises(ArchiveError, match="files that it named are gone") as failed:
        node.run()
    assert "restore" in failed.value.hint


def test_batches_are_those_whose_names_are_positions(node: Node) -> None:
    archive = Archive(node.archive, Database("denver", "s1", node.database()))
    (generation,) = archive.lives()
    for name in ("x.json", "020.json", "20.json.json", "-.json", "1e3.json"):
        (node.archive / "_manifests/city=denver/sensor=s1" / generation / name).write_bytes(b"{}")
    assert archive.batches(generation) == [BEFORE_FIRST, 20, 40]
