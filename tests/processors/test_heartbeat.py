"""Whether a long run still moves, as the image's health check asks."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from processors import heartbeat
from processors.city import World, passes
from processors.cosmos import Account
from processors.errors import ProcessorError, UnhealthyError
from processors.heartbeat import PATIENCE_S, Heartbeat, check, surely_well
from processors.settings import FILE, Settings, load
from tests.harness import databases, processor
from tests.harness.databases import readings
from tests.harness.node import Node
from tests.harness.strict import Exchange, StrictCosmos


def touched(settings: Settings, at: float) -> None:
    Heartbeat(settings).beat()
    os.utime(heartbeat.path(settings), (at, at))


@pytest.mark.parametrize(
    ("more", "limit_s"),
    [({}, PATIENCE_S), ({"every": 30}, PATIENCE_S), ({"every": 3600}, 10_800), ({"start_delay": 7200}, 7200)],
)
def test_a_run_is_healthy_until_it_has_not_moved_for_its_limit(
    tmp_path: Path, more: dict[str, float], limit_s: float
) -> None:
    settings = Settings(city="denver", state=tmp_path / "state", **more)  # type: ignore[arg-type]
    touched(settings, 1_000_000.0)
    check(settings, lambda: 1_000_000.0 + limit_s)
    with pytest.raises(UnhealthyError, match=f"{limit_s:.0f} s") as caught:
        check(settings, lambda: 1_000_001.0 + limit_s)
    assert caught.value.exit_code == 1


def test_a_run_that_never_began_is_not_healthy(tmp_path: Path) -> None:
    with pytest.raises(UnhealthyError, match=r"denver\.heartbeat"):
        check(Settings(city="Denver", state=tmp_path), lambda: 0.0)


def test_an_ingest_beats_and_the_health_check_finds_it(tmp_path: Path, account: Account) -> None:
    node = Node(tmp_path)
    databases.create(node.database(), readings(5))
    health = ("-m", "processors", "health")
    with processor.started(node, account, health) as process:
        before = processor.ended(process)
    assert (before.code, before.reports) == (1, [])
    assert "see the run move" in before.errors
    assert processor.run(node, account).code == 0
    with processor.started(node, account, health) as process:
        assert processor.ended(process).code == 0


HOUR_AGO = 1_000_000.0 - 3_600
MINUTE_AGO = 1_000_000.0 - 60


@pytest.mark.parametrize(
    ("variables", "beat_at", "sure"),
    [
        ({}, MINUTE_AGO, True),
        ({}, HOUR_AGO, False),
        ({}, None, False),
        ({"COSMOS_EVERY": "30"}, HOUR_AGO, False),
        ({"COSMOS_EVERY": "1h"}, HOUR_AGO, True),
        ({"COSMOS_EVERY": "often"}, HOUR_AGO, False),
        ({"COSMOS_EVERY": "often"}, MINUTE_AGO, False),
        ({"COSMOS_START_DELAY": "7200"}, HOUR_AGO, True),
        ({"COSMOS_CITY": "denver"}, MINUTE_AGO, True),
        ({"COSMOS_CITY": "boston"}, MINUTE_AGO, False),
        ({"COSMOS_CITY": ""}, MINUTE_AGO, False),
        ({"COSMOS_CITY": "\udcff"}, MINUTE_AGO, False),
        ({"cosmos_state": "elsewhere"}, MINUTE_AGO, False),
        ({"COSMOS_STATE": ""}, MINUTE_AGO, True),
        ({"COSMOS_STATE": "elsewhere"}, MINUTE_AGO, False),
        ({"COSMOS_NODE_FOLDER": "one"}, MINUTE_AGO, False),
    ],
)
def test_the_short_cut_is_sure_only_where_the_settings_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], beat_at: float | None, sure: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("COSMOS_")]:
        monkeypatch.delenv(name)
    if beat_at is not None:
        touched(Settings(city="Denver"), beat_at)
    environment = {"COSMOS_CITY": "Denver", **variables}
    assert surely_well(environment, lambda: 1_000_000.0) is sure
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if sure:
        check(load({}, required=("city",)).settings, lambda: 1_000_000.0)
    else:
        with pytest.raises(ProcessorError):
            check(load({}, required=("city",)).settings, lambda: 1_000_000.0)


def test_a_settings_file_leaves_the_short_cut_unsure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touched(Settings(city="Denver"), 1_000_000.0)
    assert surely_well({"COSMOS_CITY": "Denver"}, lambda: 1_000_000.0)
    FILE.write_text("state = 'elsewhere'")
    assert not surely_well({"COSMOS_CITY": "Denver"}, lambda: 1_000_000.0)


def test_a_health_check_that_finds_all_well_is_cheap(tmp_path: Path, account: Account) -> None:
    node = Node(tmp_path)
    databases.create(node.database(), readings(5))
    assert processor.run(node, account).code == 0
    heavy = "{'polars', 'azure', 'aiohttp', 'pydantic'}"
    program = (
        "import sys; from processors.__main__ import main; code = main(['health'])\n"
        f"print(code, *({heavy} & sys.modules.keys()), file=sys.stderr)"
    )
    with processor.started(node, account, ("-c", program)) as process:
        assert processor.ended(process).errors.split() == ["0"]


def test_a_state_folder_that_cannot_be_written_is_the_checkpoints_to_tell(tmp_path: Path, account: Account) -> None:
    node = Node(tmp_path)
    databases.create(node.database(), readings(5))
    node.state.write_text("a file in the place of the folder")
    ended = processor.run(node, account)
    assert ended.code == 1
    assert [report["outcome"] for report in ended.reports] == ["failed"]
    assert "Error: cannot" in ended.errors
    assert "Traceback" not in ended.errors


def test_a_command_that_is_not_known_is_a_usage_error(tmp_path: Path, account: Account) -> None:
    with processor.started(Node(tmp_path), account, ("-m", "processors", "digest")) as process:
        ended = processor.ended(process)
    assert ended.code == 2
    assert "ingest" in ended.errors


def test_a_page_that_takes_long_beats_while_it_moves(tmp_path: Path, strict: StrictCosmos) -> None:
    """3,000 rows are 30 batches; in the middle of them the file is made to look old."""
    node = Node(tmp_path)
    databases.create(node.database(), readings(3_000, step_s=0.01))
    settings = Settings(
        endpoint=strict.endpoint,
        database=strict.account.database,
        city=node.city,
        data=node.data,
        state=node.state,
        archive=node.archive,
    )
    ages = {}

    def plan(exchange: Exchange) -> None:
        if exchange.container == "readings" and exchange.batch_number == 2:
            os.utime(heartbeat.path(settings), (1_000_000.0, 1_000_000.0))
        elif exchange.container == "readings" and exchange.batch_number == 29:
            ages["last"] = heartbeat.path(settings).stat().st_mtime

    strict.plan = plan
    (report,) = passes(settings, World(), Heartbeat(settings, itertools.count().__next__))
    assert report.taken.rows == 3_000
    assert ages["last"] > 1_000_000.0
