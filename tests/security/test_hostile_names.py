"""Names that are made to become SQL, a path, a pattern or a line of a log stay names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors import heartbeat, manifest, query
from processors.cosmos import Account
from processors.discover import is_folder_name
from processors.errors import ProcessorError, SettingsError
from processors.manifest import Manifest
from processors.model import BEFORE_FIRST
from processors.query import Selection
from processors.settings import Settings, load
from tests.harness import databases, processor
from tests.harness.databases import readings
from tests.harness.node import Node

TEXTS = {
    "sql": "x'; DROP TABLE sensor_readings; --",
    "quoted identifier": 'x" OR "1"="1',
    "cosmos sql": "x' OR 1=1 --",
    "parent": "../../../../outside",
    "hidden parent": "..",
    "absolute": "/outside",
    "encoded parent": "%2e%2e%2foutside",
    "format": "%s%n{0}{{.city}}$(touch outside)`touch outside`",
    "glob": "*?[a-z]**",
    "yaml": "!!python/object/apply:os.system [touch outside]",
    "newline": "a\nError: forged\r\nTry: forged",
    "terminal": "\x1b]0;forged\x07\x1b[2J",
    "hive": "a/date=2026-01-01/b=c",
    "long": "x" * 900,
    "long and not ASCII": "ö" * 400,
    "bidirectional": "a\u202egnp.exe",
    "full width": "\uff0f\uff0e\uff0e\uff0foutside",
    "combined": "e\u0301\u200b",
    "regular expression": "^.*$",
}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node; at the end nothing has been made outside it."""
    node = Node(tmp_path / "deep" / "er" / "node")
    yield node
    assert {path for path in tmp_path.rglob("*") if node.root not in (path, *path.parents)} == {
        tmp_path / "deep",
        tmp_path / "deep" / "er",
    }
    assert not list(node.root.rglob("outside*"))


def test_sensor_ids_are_values_everywhere(node: Node) -> None:
    rows = [{**row, "sensor_id": text} for text in TEXTS.values() for row in readings(2)]
    path = databases.create(node.database(), rows)
    before = digest(path)
    node.run()
    assert {fact[0] for fact in node.facts()} == set(TEXTS.values())
    assert digest(path) == before
    folders = {path.name for path in (node.archive / "city=denver").iterdir()}
    assert len(folders) == len(TEXTS)
    assert all(name.isascii() and len(name) < 256 for name in folders)


@pytest.mark.parametrize("text", [text for text in TEXTS.values() if is_folder_name(text)])
def test_folders_of_cities_and_sensors_are_names(node: Node, text: str) -> None:
    node.city = text
    databases.create(node.database(text), readings(3))
    node.run()
    assert len(node.facts()) == 3
    assert node.run().rows == 0
    assert [path.parent for path in node.state.rglob("checkpoint.db")] == [node.state / text]


@pytest.mark.parametrize("name", ["text", "table", "columns"])
def test_tables_and_columns_are_identifiers(node: Node, name: str) -> None:
    hostile = {key: text for key, text in TEXTS.items() if len(text) < 300}
    columns = ", ".join(f'"{text.replace(chr(34), 2 * chr(34))}" TEXT' for text in hostile.values())
    path = databases.create(node.database(), readings(2), columns=f"{databases.UPSTREAM}, {columns}")
    table = TEXTS["sql"]
    quoted = f'"{table}"'
    databases.execute(path, f"ALTER TABLE sensor_readings RENAME TO {quoted}", "CREATE TABLE sensor_readings (kept)")
    if name == "columns":
        databases.execute(path, f'ALTER TABLE {quoted} RENAME COLUMN temperature TO "t""), (SELECT 1) --"')
    before = digest(path)
    if name == "text":
        with pytest.raises(ProcessorError, match="no column"):
            node.run()
    else:
        mapped = {"temperature": 't"), (SELECT 1) --'} if name == "columns" else {}
        assert node.run(table=table, columns=mapped).readings == 2
        assert all("temperatureC" in item for item in node.memory.contents["readings"].values())
    assert digest(path) == before


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_name_in_the_settings_that_is_not_there_is_an_error(node: Node, text: str) -> None:
    path = databases.create(node.database(), readings(2))
    before = digest(path)
    with pytest.raises(ProcessorError):
        node.run(table=text)
    with pytest.raises(ProcessorError):
        node.run(columns={"temperature": text})
    assert digest(path) == before


@pytest.mark.parametrize("text", [text for text in TEXTS.values() if not is_folder_name(text)])
def test_a_city_that_is_no_folder_is_refused_with_the_settings(text: str) -> None:
    with pytest.raises(SettingsError, match="city"):
        load({"city": text})
    with pytest.raises(ValueError, match="not the name of a folder"):
        Settings(city=text)


@pytest.mark.parametrize("text", [text for text in TEXTS.values() if is_folder_name(text)])
def test_a_heartbeat_is_in_the_state_folder(tmp_path: Path, text: str) -> None:
    settings = Settings(city=text, state=tmp_path)
    assert heartbeat.path(settings).parent == tmp_path
    heartbeat.Heartbeat(settings).beat()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("file", ["../outside.parquet", "/outside.parquet", "city=denver/../../outside", "a\0b"])
def test_a_manifest_cannot_name_a_file_outside_the_archive(node: Node, file: str) -> None:
    databases.create(node.database(), readings(2))
    node.run()
    (path,) = node.archive.glob("_manifests/**/start.json")
    told = manifest.read_manifest(path, path.parent.name, BEFORE_FIRST)
    assert told is not None
    forged = Manifest(told.generation, told.after, told.last_id, 2, 0, [file], told.anchors)
    path.write_bytes(manifest.encode(forged))
    assert manifest.read_manifest(path, path.parent.name, BEFORE_FIRST) is None
    node.forget()
    assert node.run().rows == 0
    assert len(node.facts()) == 2


@pytest.mark.parametrize("generation", ["../x", "/x", "x/../../y"])
def test_a_manifest_cannot_name_a_generation_outside_the_archive(tmp_path: Path, generation: str) -> None:
    path = tmp_path / "0.json"
    path.write_bytes(manifest.encode(Manifest(generation, 0, 1, 0, 1, [], [])))
    assert manifest.read_manifest(path, "x", 0) is None


def test_selections_are_parameters_of_a_query(account: Account, node: Node) -> None:
    hostile = [TEXTS["sql"], TEXTS["quoted identifier"], TEXTS["cosmos sql"], "@city", '"} OR true', "\\' OR 1=1"]
    rows = [{**row, "sensor_id": text} for text in (*hostile, "other") for row in readings(1)]
    databases.create(node.database(), rows)
    assert processor.run(node, account).code == 0
    with query.open_reader(account, "readings") as reader:
        for text in hostile:
            found = list(reader.rows(query.newest_first(Selection(sensor=text), 10)))
            assert [item["sensorId"] for item in found] == [text]
            assert not sum(reader.rows(query.count(Selection(city=text))))


def test_an_error_is_one_line_of_the_log_whatever_a_database_is_called(account: Account, node: Node) -> None:
    """Table names of a sensor's database are in the error that says which there are."""
    path = databases.create(node.database("s\n\x1b[2Jforged"))
    databases.execute(path, f'ALTER TABLE sensor_readings RENAME TO "{TEXTS["newline"]}{TEXTS["terminal"]}"')
    done = processor.run(node, account)
    assert done.code == 1
    assert [line.partition(":")[0] for line in done.errors.splitlines()] == ["Error", "Try"]
    assert done.errors.replace("\n", "").isprintable()
