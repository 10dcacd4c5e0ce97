"""What nodes and orchestrators answer, and what values bring into a job, does only what it should."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from submitter import spec
from submitter.client import Client
from submitter.config import Orchestrator as Place
from submitter.errors import OrchestratorError, ResultError, SubmitError, tell
from submitter.fetch import fetch, unpack
from submitter.handle import Handle
from submitter.nodes import Matched
from submitter.spec import JobSpec, render
from submitter.states import NodeState
from submitter.watch import View
from tests.harness.orchestrator import JOBS, Orchestrator, recorded
from tests.security.test_hostile_names import TEXTS

SPECS = sorted(path.stem for path in (Path(__file__).parents[2] / "jobs").glob("*.yaml"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SPARSE = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 20), "GNU.sparse.numblocks": "1"}


def rendered(name: str, /, **given: str) -> JobSpec:
    return render(spec.find(name), "denver", NOW, given=given, offered={})


def leaves(value: Any, path: tuple[object, ...] = ()) -> dict[tuple[object, ...], Any]:
    """Every value of a document that is no list or mapping, by where it stands."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {at: leaf for name, inner in pairs for at, leaf in leaves(inner, (*path, name)).items()}
    return {path: value}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", SPECS)
def test_a_value_of_a_job_is_a_text_in_its_place_or_refused(name: str, text: str) -> None:
    template = spec.find(name)
    plain = leaves(json.loads(rendered(name).body))
    for value in spec.placeholders(template.text).keys() - {"city"}:
        try:
            made = leaves(json.loads(rendered(name, **{value: text}).body))
        except SubmitError:
            continue
        assert made.keys() == plain.keys()
        changed = {place: leaf for place, leaf in made.items() if leaf != plain[place] and place[-1] != "Name"}
        assert all(isinstance(leaf, str) and text in leaf for leaf in changed.values())
        assert all(isinstance(plain[place], str) for place in changed)


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['x']", "!!python/name:os.system", "!x 1", "&a [*a]"])
def test_a_spec_makes_no_objects(tmp_path: Path, tag: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"Type: ops\nTasks: [{{Engine: {{Type: docker}}}}]\nMeta: {tag}\n")
    with pytest.raises(SubmitError):
        rendered(str(path))
    assert yaml.safe_load("a: 1") == {"a": 1}


def packed(name: str, content: bytes = b"x", *, headers: dict[str, str] | None = None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo(name)
        member.size, member.pax_headers = len(content), headers or {}
        tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        packed("a", headers={"path": "a\0b"}),
        packed("a", headers={"path": "a/../../outside"}),
        packed("a\nError: forged"),
        packed("a\x1b[2J"),
        packed("a\udcff"),
        packed(""),
        packed("."),
        packed("a" * 5000),
        packed("a", headers=SPARSE),
        packed("a", headers={"GNU.sparse.map": "x", "GNU.sparse.size": "10"}),
        packed("a", headers={"size": "9" * 30}),
    ],
    ids=range(11),
)
def test_results_that_may_not_be_unpacked(content: bytes, tmp_path: Path) -> None:
    target = tmp_path / "below" / "target"
    with pytest.raises(ResultError):
        unpack(io.BytesIO(content), target)
    assert all(target in path.parents for path in tmp_path.rglob("*") if path.is_file())


def test_what_is_unpacked_has_no_rights_of_its_own(tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        member = tarfile.TarInfo("a")
        member.mode, member.uid, member.size = 0o6777, 0, 1
        tar.addfile(member, io.BytesIO(b"x"))
    unpack(io.BytesIO(made.getvalue()), tmp_path)
    assert (tmp_path / "a").stat().st_mode & 0o7111 == 0


class Published:
    """Every execution has the same results."""

    def results(self, job_id: str) -> list[str]:
        return [f"http://127.0.0.1/{job_id}/{name}" for name in ("e1", "e2")]

    def download(self, url: str, into: Any) -> None:
        into.write(packed("a", url.encode()))


def views(*nodes: str) -> list[View]:
    return [View("j", node, NodeState.DONE, execution_id=f"e{number}") for number, node in enumerate(nodes, start=1)]


def test_a_nodes_results_are_in_a_folder_of_its_own_whatever_it_is_called(tmp_path: Path) -> None:
    handle = Handle("j", rendered("verify"), (), (), ())
    written = fetch(Published(), handle, views("../../outside", ".."), tmp_path / "out")
    assert len({*written}) == 2
    assert all(path.resolve().parent == tmp_path / "out" / handle.name for path in written)
    with pytest.raises(ResultError, match="another node's are in"):
        fetch(Published(), handle, views("n/1", "n_1"), tmp_path / "out")


@pytest.mark.parametrize("name", ["x; rm -rf ~", "$(x)", "a b", "", "a\n", 7, None])
def test_a_job_id_is_a_word_that_can_be_copied_into_a_shell(name: object) -> None:
    with Orchestrator() as there, Client(Place(port=there.port)) as client:
        there.answers("PUT", JOBS, {**recorded("put"), "JobID": name})
        with pytest.raises(OrchestratorError, match="no Bacalhau orchestrator"):
            client.put(rendered("verify"), Matched((), ()))


def test_an_error_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    tell(SubmitError("submit", "x\x1b]0;forged\x07", why="two\nlines\x9b2J", hint="\x1b[1A\u202etry"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "".join(lines).isprintable()
