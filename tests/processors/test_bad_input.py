"""What a person can get wrong, and what a machine can: the text, the hint, the exit code, and nothing lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from azure.cosmos import CosmosClient, PartitionKey

from processors.checkpoint import open_checkpoint
from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.report import Report
from processors.settings import Settings
from tests.harness import databases, oracle, processor
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import Answer, Plan, StrictCosmos


def run(node: Node, account: Account, **more: object) -> Report:
    settings = Settings(
        endpoint=account.endpoint,
        database=account.database,
        container=account.container,
        city=node.city,
        data=node.data,
        **{"state": node.state, "archive": node.archive, "page_rows": 20, **more},  # type: ignore[arg-type]
    )
    (report,) = passes(settings, World(), Silent())
    return report


def stored(account: Account) -> dict[str, dict[str, object]]:
    return oracle.documents(account, "readings")


def assert_whole(node: Node, account: Account, archive: Path | None = None) -> None:
    """Each row of the one database is a document and in the archive, once."""
    rows = set(oracle.table(node.database()))
    assert oracle.once(oracle.stated(stored(account).values())) == rows
    assert oracle.once(oracle.archived(archive or node.archive)) == rows


def no_folder(node: Node) -> None:
    pass


def empty_folder(node: Node) -> None:
    node.data.mkdir()


def other_city(node: Node) -> None:
    (node.data / "Denvver").mkdir(parents=True)


def no_sensors(node: Node) -> None:
    (node.data / "denver").mkdir(parents=True)


def empty_sensor(node: Node) -> None:
    node.database().parent.mkdir(parents=True)


@pytest.mark.parametrize(
    ("make", "error", "hint"),
    [
        (no_folder, "cannot look for cities in: {data}: No such file or directory", "set the data folder"),
        (empty_folder, "cannot find the city: {data}/denver: there is no such folder", "has no cities"),
        (other_city, "cannot find the city: {data}/denver: there is no such folder", "did you mean Denvver?"),
        (no_sensors, "cannot find databases of the city: denver: nothing matches", "put each at"),
        (empty_sensor, "cannot find databases of the city: denver: nothing matches", "put each at"),
    ],
)
def test_a_city_without_data(node: Node, account: Account, make: Callable[[Node], None], error: str, hint: str) -> None:
    make(node)
    report = run(node, account)
    assert report.exit_code == 2
    assert str(report.stopped_by).startswith(error.format(data=node.data))
    assert report.stopped_by is not None
    assert hint in report.stopped_by.hint


def not_sqlite(path: Path) -> None:
    path.write_bytes(b"hello, I am a text file\n" * 100)


def no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    databases.create(path, readings(500))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def no_table(path: Path) -> None:
    databases.remove(path)
    databases.execute(path, "CREATE TABLE other (id INTEGER PRIMARY KEY)")


def no_columns(path: Path) -> None:
    databases.remove(path)
    databases.execute(path, "CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY, time TEXT, sensor_id TEXT)")


@pytest.mark.parametrize(
    ("spoil", "error", "hint"),
    [
        (not_sqlite, "is not a SQLite database", "put the sensor's SQLite database there"),
        (no_bytes, "it is empty (0 bytes)", "let the sensor write"),
        (truncated, "it ends in the middle of a page", ".recover"),
        (no_table, "there is no table sensor_readings; there are: other", "set `table`"),
        (no_columns, "it has no column timestamp; it has id, time, sensor_id", "[columns] timestamp"),
    ],
)
def test_a_bad_database_among_good_ones(
    node: Node, account: Account, spoil: Callable[[Path], None], error: str, hint: str
) -> None:
    databases.create(node.database(), readings(30))
    node.database("bad").parent.mkdir()
    spoil(node.database("bad"))
    report = run(node, account)
    assert report.exit_code == 5
    assert error in str(report.failures["bad"])
    assert str(node.database("bad")) in str(report.failures["bad"])
    assert hint in report.failures["bad"].hint
    assert_whole(node, account)
    databases.create(node.database("bad"), readings(10, seed=2))
    assert run(node, account).exit_code == 0
    assert len(stored(account)) == 40


def test_a_database_damaged_in_the_middle(node: Node, account: Account) -> None:
    """The rows before the damage arrive, and those after it once it is repaired."""
    good = databases.create(node.root / "good.db", readings(2000))
    databases.execute(good, "PRAGMA wal_checkpoint(TRUNCATE)")
    databases.copy(good, node.database())
    content = bytearray(good.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096 * 8] = b"\xff" * 4096 * 8
    node.database().write_bytes(content)
    report = run(node, account, page_rows=200)
    assert report.exit_code == 1
    assert "malformed" in str(report.failures["s1"])
    assert 0 < report.taken.rows < 2000
    databases.copy(good, node.database())
    assert run(node, account, page_rows=500).taken.rows == 2000 - report.taken.rows
    assert_whole(node, account)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process in an exclusive transaction."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA journal_mode = DELETE'); c.execute('BEGIN EXCLUSIVE'); print('held', flush=True);"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        ["python3", "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.kill()


def test_a_locked_database(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(30))
    databases.create(node.database("other"), readings(10, seed=2))
    with locked(node.database()):
        report = run(node, account)
    assert report.exit_code == 5
    assert "database is locked for 5 s" in str(report.failures["s1"])
    assert "a writer holds it" in report.failures["s1"].hint
    assert report.failures["s1"].retryable
    assert run(node, account).taken.rows == 30


@contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[Path]:
    """A file system of that size."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def grow(folder: Path, kibibytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kibibytes}k", folder], check=True)


def test_the_archive_s_disk_is_full(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(400))
    with small_disk(node.root / "small", 100) as archive:
        report = run(node, account, archive=archive)
        assert report.exit_code == 1
        assert "No space left on device" in str(report.failures["s1"])
        assert "free some space" in report.failures["s1"].hint
        assert 0 < report.taken.rows < 400
        grow(archive, 4000)
        again = run(node, account, archive=archive, page_rows=33)
        assert (again.exit_code, again.taken.rows) == (0, 400 - report.taken.rows)
        assert_whole(node, account, archive)


@pytest.mark.parametrize("kibibytes", [4, 12, 64, 120, 200])
def test_the_state_s_disk_is_full(node: Node, account: Account, kibibytes: int) -> None:
    databases.create(node.database(), readings(400))
    with small_disk(node.root / "small", kibibytes) as state:
        report = run(node, account, state=state)
        assert report.exit_code == 1
        assert report.stopped_by is not None
        assert "state" in str(report.stopped_by) or "checkpoint" in str(report.stopped_by)
        assert "space" in report.stopped_by.hint or "--state" in report.stopped_by.hint
        grow(state, 8000)
        again = run(node, account, state=state, page_rows=33)
        assert again.exit_code == 0
        assert not list(state.rglob("*damaged*")), again.taken.notices
        assert_whole(node, account)


def test_a_full_disk_does_not_make_a_sound_checkpoint_a_damaged_one(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(40))
    with small_disk(node.root / "small", 4000) as state:
        assert run(node, account, state=state).exit_code == 0
        filler = state / "filler"
        with filler.open("wb", buffering=0) as output:
            try:
                while output.write(b"\0" * 4096):
                    pass
            except OSError:
                pass
        databases.append(node.database(), readings(40, seed=2, start=START + timedelta(days=1)))
        report = run(node, account, state=state)
        assert report.exit_code == 1
        assert not list(state.rglob("*damaged*"))
        filler.unlink()
        assert run(node, account, state=state).exit_code == 0
        assert_whole(node, account)


def test_nobody_answers(node: Node) -> None:
    databases.create(node.database(), readings(30))
    report = run(node, Account("http://127.0.0.1:9", "", "any"))
    assert report.exit_code == 3
    assert "cannot connect to Cosmos DB: http://127.0.0.1:9: no answer" in str(report.stopped_by)
    assert report.stopped_by is not None
    assert "COSMOS_ENDPOINT" in report.stopped_by.hint


@pytest.mark.parametrize("from_request", [0, 8])
def test_the_key_is_refused(node: Node, strict: StrictCosmos, from_request: int) -> None:
    """At once, or in the middle of a run: what has been archived is not sent again, and nothing is missing."""
    databases.create(node.database(), readings(100))
    answer = Answer(401, {"code": "Unauthorized", "message": "The input authorization token can't serve the request."})
    strict.plan = lambda request: answer if from_request == 0 or request.batch_number >= 4 else None
    report = run(node, strict.account)
    assert report.exit_code == 3
    assert "401: The input authorization token" in str(report.stopped_by)
    assert report.stopped_by is not None
    assert "check COSMOS_KEY" in report.stopped_by.hint
    strict.plan = Plan()
    again = run(node, strict.account)
    assert (again.exit_code, again.taken.rows) == (0, 100 - report.taken.rows)
    assert_whole(node, strict.account)


def test_a_container_is_missing_or_has_another_partition_key(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(30))
    missing = run(node, replace(account, container="elsewhere"))
    assert missing.exit_code == 1
    assert f"cannot read the container: {account.database}/elsewhere: 404" in str(missing.stopped_by)
    assert missing.stopped_by is not None
    assert "cosmos create" in missing.stopped_by.hint
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        client.get_database_client(account.database).create_container("elsewhere", PartitionKey("/id"))
    other = run(node, replace(account, container="elsewhere"))
    assert other.exit_code == 1
    assert "partition key is /id, expected /city, /sensorId, /month" in str(other.stopped_by)
    assert not node.archive.exists()
    assert run(node, account).exit_code == 0
    assert_whole(node, account)


@pytest.mark.parametrize(
    ("content", "settings", "error"),
    [
        (b"city = ", {}, "cannot be read as TOML"),
        (b"\xff\xfe", {}, "cannot be read as TOML"),
        (b'citty = "x"', {}, "citty (bacalhau-cosmos.toml): no such setting, did you mean city?"),
        (b"", {"page_rows": "many"}, "page_rows = 'many' (environment)"),
        (b"", {"endpoint": None}, "endpoint: missing"),
    ],
)
def test_settings_that_cannot_be_used(
    node: Node, account: Account, content: bytes, settings: dict[str, object], error: str
) -> None:
    (node.root / "bacalhau-cosmos.toml").write_bytes(content)
    done = processor.run(node, account, **settings)
    assert (done.code, done.reports) == (2, [])
    assert error in done.errors
    assert "\nTry: mend each of them" in done.errors
    assert "Traceback" not in done.errors


def test_two_runs_at_once(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(30))
    with open_checkpoint(node.state, node.city):
        done = processor.run(node, account)
    assert done.code == 1
    assert f"cannot start a run: denver: process {os.getpid()} on " in done.errors
    assert "Try: wait for it to end, or stop it first" in done.errors
    assert done.reports[0]["exitCode"] == 1
    assert stored(account) == {}


def test_an_error_is_shown_once_and_the_report_is_all_of_stdout(node: Node, account: Account) -> None:
    node.city = "nowhere"
    databases.create(Node(node.root).database(), readings(5))
    done = processor.run(node, account)
    assert done.code == 2
    assert done.errors.count("Error:") == done.errors.count("Try:") == 1
    assert done.reports[0]["errors"][0]["error"] in done.errors


@pytest.mark.parametrize("city", ["New York", "São Paulo #1", "50% [off]?", "é" * 60])
def test_names_of_cities_and_sensors(node: Node, account: Account, city: str) -> None:
    sensors = ("a/b", "a#b", "a b", "a\\b?", "温度", "s" * 300, "a", "A", " a")
    node.city = city
    databases.create(node.database("folder #1 % [x]"), readings(36, sensors=sensors))
    databases.create(node.database("ü" * 60), readings(9, seed=2))
    report = run(node, account)
    assert (report.exit_code, report.taken.readings) == (0, 45)
    items = stored(account).values()
    assert {item["city"] for item in items} == {city}
    assert {str(item["sensorId"]) for item in items} == {*sensors, "s1"}
    assert oracle.once(oracle.stated(items)) == oracle.once(oracle.archived(node.archive))
    node.forget()
    again = run(node, account)
    assert (again.exit_code, again.taken.rows, again.taken.notices) == (0, 0, ())


def test_a_row_that_cosmos_will_never_take_is_kept_with_its_reason(node: Node, account: Account) -> None:
    columns = databases.UPSTREAM + ", note TEXT"
    rows = [{**row, "note": "x"} for row in readings(10)]
    rows[4]["note"] = "x" * 2_200_000
    databases.create(node.database(), rows, columns=columns)
    report = run(node, account, stage="raw")
    assert (report.exit_code, report.taken.readings, report.taken.rejected) == (0, 9, 1)
    (reject,) = oracle.rejects(node.archive)
    assert (reject["rowId"], reject["rules"]) == (5, ["accepted_by_cosmos_413"])
    assert len(oracle.archived(node.archive)) == 10
    assert {item["rowId"] for item in stored(account).values()} == set(range(1, 11)) - {5}


def test_a_writer_that_writes_meanwhile(node: Node, account: Account) -> None:
    """Its transaction is seen whole or not at all, and what was not seen comes with the next run."""
    databases.create(node.database(), readings(30))
    with closing(sqlite3.connect(node.database())) as writer:
        databases.insert(writer, readings(10, seed=2, start=START + timedelta(days=1)))
        assert len(list(writer.execute("SELECT * FROM sensor_readings"))) == 40
        program_rows = processor.run(node, account).reports[0]["rowsRead"]
        writer.commit()
    assert program_rows == 30
    assert run(node, account).taken.rows == 10
    assert_whole(node, account)
