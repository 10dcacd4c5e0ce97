"""Job specs of mutated bytes and hostile structure, and hostile values: a job, or exit code 2 with what is wrong."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from submitter import config
from submitter.errors import SubmitError
from submitter.nodes import Node, match
from submitter.spec import MAX_BODY_BYTES, JobSpec, Template, find, placeholders, render
from tests.fuzz import hostile
from tests.fuzz.guard import drawn, ends, told
from tests.fuzz.mutate import mutated

JOBS = sorted((Path(__file__).parents[2] / "jobs").glob("*.yaml"))
NOW = datetime(2026, 11, 22, 4, 49, 22, 965_000, tzinfo=UTC)
NODE = Node("n1", {"city": "denver"}, frozenset({"docker"}), connected=True, approved=True, last_seen="")
OFFERED = {"image": "localhost:5000/i@sha256:00", "data": "/data", "endpoint": "http://127.0.0.1:8081"}

Outcome = tuple[str, JobSpec | None]


def rendered(template: Template, given: dict[str, str] | None = None) -> Outcome:
    """What `submit --dry-run` makes of it, and whether a node would do."""
    with ends():
        try:
            job = render(template, "denver", NOW, given=given or {}, offered=OFFERED)
            assert len(job.body) <= MAX_BODY_BYTES
            json.loads(job.body, parse_constant=pytest.fail)
            match([NODE], job)
        except SubmitError as error:
            return told(error), None
    return "rendered", job


def attempt(seed: int, folder: Path) -> str:
    dice = random.Random(seed)
    path = folder / "spec.yaml"
    path.write_bytes(mutated(dice.choice(JOBS).read_bytes(), dice, page=64))
    try:
        template = find(str(path))
    except SubmitError as error:
        return told(error)
    return rendered(template)[0]


def test_a_mutated_spec_is_a_job_or_an_error(tmp_path: Path) -> None:
    for seed in range(200):
        attempt(seed, tmp_path)


def nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + "1" + closing * depth


LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
)
JOB = "Name: j\nType: ops\nCount: 1\nTasks:\n  - Name: t\n    Engine: {Type: docker, Params: {Image: i}}\n"
HOSTILE = {
    "laughs": JOB + LAUGHS,
    "laughs in a merge": JOB + LAUGHS + "\nz: {<<: [*a0]}",
    "a loop": JOB + "z: &z [*z]",
    "a loop of mappings": JOB + "z: &z {y: *z}",
    "a merge with itself": JOB + "z: &z {<<: *z}",
    "an alias that is none": JOB + "z: *nobody",
    "deep flow": JOB + "z: " + nested(30_000, "[", "]"),
    "deep mapping": JOB + "z: " + nested(30_000, "{a: ", "}"),
    "deep block": JOB + "z:\n" + "".join(f"{' ' * n}-\n" for n in range(1, 1_500)),
    "a little deep": JOB + "z: " + nested(400, "[", "]"),
    "a megabyte": JOB + "z: " + "x" * 1_000_000,
    "many items": JOB + "z: [" + "1," * 50_000 + "]",
    "many documents": JOB + "---\n" + JOB,
    "nothing": "",
    "a comment": "# nothing",
    "a text": "ops",
    "a list": "- Type: ops",
    "python": JOB + "z: !!python/object/apply:os.system [id]",
    "unknown tag": JOB + "z: !mine 1",
    "binary": JOB + "z: !!binary aGk=",
    "bad binary": JOB + "z: !!binary 'é'",
    "a set": JOB + "z: !!set {a, b}",
    "ordered": JOB + "z: !!omap [a: 1]",
    "pairs": JOB + "z: !!pairs [a: 1]",
    "a date": JOB + "z: 2026-11-22",
    "no date": JOB + "z: 2026-99-99",
    "a date before all": JOB + "z: 0001-01-01T00:00:00+23:59",
    "no time stamp": JOB + "z: !!timestamp x",
    "no integer": JOB + "z: !!int x",
    "an empty integer": JOB + "z: !!int ''",
    "an empty number": JOB + "z: !!float ''",
    "no truth": JOB + "z: !!bool x",
    "a huge integer": JOB + "z: " + "9" * 10_000,
    "a huge hexadecimal": JOB + "z: 0x" + "f" * 10_000,
    "sexagesimal": JOB + "z: " + "59:" * 2_000 + "59.5",
    "not a number": JOB + "z: .nan",
    "infinity": JOB + "z: -.inf",
    "a key that is a list": JOB + "? [a, b]\n: 1",
    "a key that is a date": JOB + "2026-11-22: 1",
    "a key that is nothing": JOB + "? \n: 1",
    "keys of two types": JOB + "1: a\n'1': b",
    "two keys": JOB + "Name: other",
    "two keys below": JOB.replace("{Type: docker,", "{Type: docker, Type: wasm,"),
    "controls": JOB + "z: '\0'",
    "a surrogate": JOB + 'z: "\\ud800"',
    "private use": JOB + "z: '\ue0000\ue001'",
    "bidi": JOB + "z: '\u202e'",
    "tabs": JOB + "\tz: 1",
    "constraints are a number": JOB + "Constraints: 5",
    "constraints are a text": JOB + "Constraints: city",
    "constraints are a mapping": JOB + "Constraints: {Key: city}",
    "constraints of numbers": JOB + "Constraints: [1, null, [2]]",
    "values are a number": JOB + "Constraints: [{Key: a, Operator: in, Values: 5}]",
    "values are a text": JOB + "Constraints: [{Key: a, Operator: in, Values: abc}]",
    "values are a mapping": JOB + "Constraints: [{Key: [], Operator: {}, Values: {a: 1}}]",
    "tasks are a mapping": "Type: ops\nTasks: {a: 1}",
    "tasks of texts": "Type: ops\nTasks: [a]",
    "an engine that is a text": "Type: ops\nTasks: [{Engine: docker, Publisher: [1]}]",
    "a type that is a list": "Type: [ops]\nTasks: [{}]",
    "a name that is a mapping": JOB.replace("Name: j", "Name: {a: 1}"),
    "labels that are a number": JOB + "Labels: 5",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_structure_is_a_job_or_an_error(name: str) -> None:
    rendered(Template("spec", "spec.yaml", HOSTILE[name]))


PLACES = [
    "{{{{.{0}}}}}", '"{{{{.{0}}}}}"', "'a {{{{.{0}}}}} b'", '{{{{or (index . "{0}") "{1}"}}}}',
    '"{{{{ or (index . "{0}") "{1}" }}}}"', "{{{{ .{0} | printf }}}}", "{{{{if .{0}}}}}", "{{{{.{0}.{1}}}}}",
    "{{{{.{0}", "}}}}{{{{", "{{{{ .{0} }}}}: 1", "|\n    {{{{.{0}}}}}",
    "&a {{{{.{0}}}}}", "!!str {{{{.{0}}}}}", "*{{{{.{0}}}}}", "[{{{{.{0}}}}}, {{{{.{0}}}}}]", "# {{{{.{0}}}}}",
]  # fmt: skip
places = st.builds(
    lambda place, name, default: place.format(name, default),
    st.sampled_from(PLACES),
    st.sampled_from(["value", "city", "name", "data", "v\u0661", "_", "x" * 300]),
    hostile.texts,
)
values = st.one_of(hostile.texts, hostile.written_numbers, st.just("x" * 10_000), st.text(max_size=9))


def check_places(case: tuple[list[str], str, str]) -> None:
    wanted, value, name = case
    text = JOB + "".join(f"z{number}: {place}\n" for number, place in enumerate(wanted))
    template = Template("spec", "spec.yaml", text)
    _, job = rendered(template, {name: value})
    if job is None:
        return
    plain, other = rendered(template, {name: "7"})
    assert other is not None, f"{value!r} makes a job, and 7 does not: {plain}"
    same_shape(json.loads(job.body), json.loads(other.body), value)


def same_shape(one: Any, other: Any, value: str) -> None:
    """A value is never more than a text or an integer where the placeholder was."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other) or value in str(list(one))
        for left, right in zip(one.values(), other.values(), strict=True):
            same_shape(left, right, value)
    elif isinstance(one, list):
        for left, right in zip(one, other, strict=True):
            same_shape(left, right, value)
    elif one != other:
        assert value in str(one)


def test_a_value_is_never_more_than_a_text() -> None:
    drawn(
        st.tuples(st.lists(places, max_size=3), values, st.sampled_from(["value", "name", "data"])),
        check_places,
        count=150,
    )


def check_assigned(pairs: list[str]) -> None:
    with ends():
        try:
            given = config.assigned(pairs)
        except SubmitError as error:
            told(error)
            return
    for path in JOBS:
        template = find(str(path))
        rendered(
            template, {name: value for name, value in given.items() if name in placeholders(template.text)} | given
        )


def test_what_is_assigned_fills_our_specs_or_is_refused() -> None:
    names = st.sampled_from(
        ["stage", "image", "data", "page_rows", "every", "memory", "city", "nobody", "", " data ", "a=b"]
    )
    pairs = st.builds(
        lambda name, equals, value: name + equals + value, names, st.sampled_from(["=", "", "=="]), values
    )
    drawn(st.lists(pairs, max_size=3), check_assigned, count=40)


def attempt_places(seed: int, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    case = st.tuples(st.lists(places, max_size=3), values, st.sampled_from(["value", "name", "data"]))
    drawn(case, check_places, count=30, by=seed)
    return "values"


SUBJECTS = {"job specs": attempt, "values of job specs": attempt_places}
