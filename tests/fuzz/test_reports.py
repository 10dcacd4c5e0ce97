"""What nodes and their orchestrator say, mutated: it is shown, or told to be none; and nothing lands elsewhere."""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from network.errors import NetworkError
from submitter.client import Client
from submitter.commands.submit import _local
from submitter.config import Orchestrator, offered, orchestrator
from submitter.errors import SubmitError
from submitter.handle import Handle
from submitter.logs import first_line
from submitter.output import show_document, show_rows
from submitter.report import document, exit_code, outcome, rows
from submitter.spec import JobSpec
from submitter.states import NodeState
from submitter.watch import View
from tests.fuzz import hostile
from tests.fuzz.guard import drawn, ends, told
from tests.fuzz.mutate import mutated

TESTS = Path(__file__).parents[1]
JOB = JobSpec("ingest", "denver", "ingest-denver-1", "ops", frozenset({"docker"}), (), publishes=True, body=b"{}")
HANDLE = Handle("j-1", JOB, ("n1", "n2"))
CODES = {0, 1, 2, 3, 4, 5, 130}

REPORTS = [
    (TESTS / "golden" / "report.json").read_text(encoding="utf-8"),
    '{"schemaVersion":1,"kind":"inspect","rows":5,"newest":"2026-11-22T04:00:00Z","backlogRows":1,"seconds":0.5}',
    '{"schemaVersion":1,"kind":"verify","rows":5,"documents":5,"missing":0,"extra":1,"differing":0,"exitCode":1}',
]

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), hostile.texts, st.sampled_from(["\ud800", "\x1b[2J", "1"]),
    st.sampled_from([10**4_000, -(10**4_299), 2**63, 1e308, -1, 255, 256, 137, 130]),
)  # fmt: skip
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile.texts, inner, max_size=3), max_leaves=6
)
NAMES = [
    "schemaVersion",
    "kind",
    "exitCode",
    "errors",
    "documents",
    "seconds",
    "rowsRead",
    "newest",
    "requestUnits",
    "city",
]
changes = st.dictionaries(st.sampled_from(NAMES), anything, max_size=4)


def shown(stdouts: list[str | None], exits: list[int | None], state: NodeState = NodeState.DONE) -> int:
    """The exit code of two nodes that said so; it is also printed in each way there is."""
    views = [
        View(HANDLE.id, node, state, f"e-{node}", exit_code=code, stdout=said, truncated=len(said or "") > 2_048)
        for node, said, code in zip(HANDLE.nodes, stdouts, exits, strict=True)
    ]
    with ends():
        outcomes = [outcome(HANDLE, view) for view in views]
        assert exit_code(outcomes) in CODES
        assert printed(lambda: show_rows(rows(outcomes), "table"))
        whole = document([HANDLE], outcomes)
        assert json.loads(printed(lambda: show_document(whole)), parse_constant=pytest.fail)["exitCode"] in CODES
        json.loads(printed(lambda: show_rows(rows(outcomes), "json")), parse_constant=pytest.fail)
    return exit_code(outcomes)


def printed(show: Any) -> str:
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")
    with contextlib.redirect_stdout(output):
        show()
    output.flush()
    return output.buffer.getvalue().decode()  # type: ignore[attr-defined]


def attempt(seed: int, folder: Path) -> str:
    """One report of mutated bytes, as Bacalhau's JSON brings it: what is no UTF-8 is replaced."""
    folder.mkdir(exist_ok=True)
    dice = random.Random(seed)
    content = mutated(dice.choice(REPORTS).encode(), dice, page=64)
    if dice.random() < 0.1:
        content = content * 9
    code = shown(
        [content[:2_048].decode(errors="replace"), dice.choice(REPORTS)],
        [dice.choice([0, 0, 1, 5, None]), 0],
        dice.choice([NodeState.DONE, NodeState.WORKING, NodeState.FAILED]),
    )
    return f"exit code {code}"


def test_a_mutated_report_is_shown_or_none() -> None:
    for seed in range(300):
        attempt(seed, Path("/"))


def check_changed(case: tuple[str, list[dict[str, Any]], NodeState]) -> None:
    text, changed, state = case
    shown([json.dumps(json.loads(text) | each) for each in changed], [0, 0], state)


def test_values_of_other_types_are_shown_or_left_out() -> None:
    case = st.tuples(st.sampled_from(REPORTS), st.lists(changes, min_size=2, max_size=2), st.sampled_from(NodeState))
    drawn(case, check_changed, count=150)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "[" * 100_000, '{"a":' * 100_000, "9" * 5_000, "NaN", "null", "\ufeff{}", '{"schemaVersion":true}'),
        *('{"schemaVersion":1,"seconds":NaN}', '{"schemaVersion":1,"seconds":1e999}', '{"schemaVersion":1,"kind":[]}'),
        '{"schemaVersion":1,"kind":"ingest","documents":"\\ud800"}',
    ],
)
def test_a_strange_report(text: str) -> None:
    assert shown([text, REPORTS[0]], [0, 0]) in CODES


@cache
def recorded() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_bytes()) for path in sorted((TESTS / "submitter/recorded").glob("*.json"))}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from places(inner)


def attempt_answer(seed: int, folder: Path) -> str:
    """An answer of the orchestrator in which one value is another, or is missing."""
    folder.mkdir(exist_ok=True)
    dice = random.Random(seed)
    answer = deepcopy(dice.choice([*recorded().values()]))
    inner, key = dice.choice([*places(answer)])
    if dice.random() < 0.2 and isinstance(inner, dict):
        del inner[key]
    else:
        inner[key] = dice.choice([None, 5, -1, "", "x", [], {}, [None], {"a": None}, True, 1e300, "\ud800", 10**30])
    said = []
    with Client(Orchestrator()) as client:
        client._api.call_api = lambda *_, **__: answer
        for ask in (client.nodes, lambda: client.job("j"), lambda: client.advice("j"), lambda: client.results("j")):
            try:
                with ends():
                    said.append(type(ask()).__name__)
            except SubmitError as error:
                said.append(type(error).__name__)
    return "answers"


def test_a_mutated_answer_of_the_orchestrator_is_understood_or_told() -> None:
    for seed in range(300):
        attempt_answer(seed, Path("/"))


def check_log(messages: list[Any]) -> None:
    with ends():
        line = first_line(messages)
    assert line is None or isinstance(line, str)


def test_a_log_of_anything_has_a_first_line_or_none() -> None:
    values = st.fixed_dictionaries({}, optional={"Type": scalars, "Line": anything})
    message = st.fixed_dictionaries({}, optional={"value": values | anything, "error": anything}) | anything
    drawn(st.lists(message, max_size=4), check_log, count=100)


RECORD = json.dumps(
    {
        "schemaVersion": 1,
        "host": "127.0.0.1",
        "apiPort": 1234,
        "registry": "localhost:5000",
        "cosmosEndpoint": "http://127.0.0.1:8081",
        "data": "/data",
        "cities": ["denver"],
        "nodes": [{"name": "denver-1", "city": "denver", "folder": "/data/denver-1"}],
        "programs": [
            {
                "name": "orchestrator",
                "pid": 1,
                "started": "STARTED",
                "port": 1234,
                "argv": ["bacalhau", "serve"],
                "environment": {},
                "log": "/log",
            }
        ],
    }
)
IMAGES = '{"image": "localhost:5000/processors@sha256:00", "sensors_image": "localhost:5000/sensors@sha256:00"}'


def attempt_record(seed: int, folder: Path) -> str:
    """The record of a local network, or that of its images, damaged; its orchestrator is the first process there is."""
    folder.mkdir(exist_ok=True)
    dice = random.Random(seed)
    started = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    contents = {"network.json": RECORD.replace("STARTED", started), "images.json": IMAGES}
    name = dice.choice([*contents])
    for each, text in contents.items():
        content = text.encode()
        (folder / each).write_bytes(mutated(content, dice, page=32) if each == name else content)
    if dice.random() < 0.5:
        value = json.loads(contents[name])
        inner, key = dice.choice([*places(value)])
        inner[key] = dice.choice([None, 5, -1, "", "x", [], {}, [None], True, 1e300, 2**70, "/", "\u0000", "\ud800"])
        (folder / name).write_text(json.dumps(value))
    try:
        with ends():
            local = _local(folder)
            place = orchestrator({}, local)
            offered({}, local, place)
            Client(place).__exit__(None, None, None)
    except (NetworkError, SubmitError) as error:
        return told(error)
    return "none" if local is None else "local network"


def test_a_damaged_record_of_a_network_is_none_or_told(tmp_path: Path) -> None:
    for seed in range(300):
        attempt_record(seed, tmp_path)


@pytest.mark.parametrize("name", ["network.json", "images.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, "", "null", "[]", "5", "\x00", '{"schemaVersion": 1}'])
def test_a_strange_record(tmp_path: Path, name: str, text: str) -> None:
    attempt_record(0, tmp_path)
    (tmp_path / "network.json").write_text(RECORD)
    (tmp_path / name).write_text(text)
    try:
        assert _local(tmp_path) is None
    except NetworkError as error:
        told(error)


SUBJECTS = {"reports": attempt, "orchestrator's answers": attempt_answer, "network records": attempt_record}
