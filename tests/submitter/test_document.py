"""YAML as JSON knows it: the same as PyYAML where that is JSON, and a line number where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from submitter.document import MAX_DEPTH, DocumentError, load

JOBS = sorted((Path(__file__).parents[2] / "jobs").glob("*.yaml"))


def loaded(text):
    return load(text, lambda _: None)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a",
            "'1'",
            "1",
            "-1",
            "0x1F",
            "0o17",
            "017",
            "1_000",
            "190:20:30",
            "1.5",
            "-.5",
            "1e3",
            "1.0e+3",
            "6.8523015e+5",
        ),
        *("true", "False", "yes", "off", "~", "null", "''", '"a\\tb\\u00e9"', "|\n  a\n  b", ">-\n  a\n  b", "!!str 1"),
        *(
            "[]",
            "{}",
            "[1, [2, {a: 3}]]",
            "a: 1\nb: {c: [~]}",
            "- a\n-\n  - b",
            "? a\n: b",
            "a: &x [1]\nb: *x\nc: [*x]",
        ),
        *(
            "a: &x {b: 1}\nc: {<<: *x, d: 2}",
            "a: &x {b: 1, e: 5}\nc: {b: 3, <<: *x}",
            "!!int 5",
            "!!float 1.5",
            "!!map {a: 1}",
        ),
        *(
            "x: &a {k: 1}\ny: &b {k: 2, l: 3}\nz: {<<: [*a, *b]}",
            "'<<': 1",
            "# only a comment",
            "",
            "--- a\n...",
            "a: !  1",
        ),
    ],
)
def test_what_json_knows_is_what_pyyaml_reads(text):
    assert json.dumps(loaded(text)) == json.dumps(yaml.safe_load(text))


def test_keys_are_what_is_written():
    assert loaded("{1: a, true: b, on: c, 1.50: d}") == {"1": "a", "true": "b", "on": "c", "1.50": "d"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2026-11-22", "line 2: '2026-11-22' is no timestamp of JSON"),
        ("!!int ''", "is no int"),
        ("!!int x", "is no int"),
        ("!!float ''", "is no float"),
        ("!!bool x", "is no bool"),
        ("!!timestamp x", "is no timestamp"),
        ("!!binary aGk=", "is no binary"),
        ("0001-01-01T00:00:00+23:59", "is no timestamp"),
        ("59:" * 500 + "59.5", "is no number"),
        ("9" * 9_999, "is no number"),
        (".inf", "is no number of JSON"),
        ("!mine a", "is no !mine"),
        ("!!set {a}", "nothing is known of the tag"),
        ("!!python/object/apply:os.system [id]", "nothing is known of the tag"),
        ("[a]: 1", "a key is no text"),
        ("a: 1\na: 2", "line 2: the key 'a' comes twice"),
        ("{'1': a, 1: b}", "the key '1' comes twice"),
        ("&a [*a]", r"\*a names nothing that is complete before it"),
        ("&a {<<: *a}", r"\*a names nothing"),
        ("{<<: 1}", "<< brings something that is no mapping"),
        ("a\n---\nb", "line 2: a second document begins"),
        ("[" * (MAX_DEPTH + 1), f"nested more than {MAX_DEPTH} deep"),
        ("a: [", "expected (the )?node content"),
        ("a: '\0'", "control characters|special characters"),
    ],
)
def test_what_json_does_not_know_is_refused_where_it_stands(text, told):
    with pytest.raises(DocumentError, match=told):
        loaded(text)


def test_aliases_of_aliases_are_refused_before_they_are_written_out():
    """A kilobyte that would be 9^11 texts."""
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    with pytest.raises(DocumentError, match=r"line 8: it takes more than 4,000,000 bytes, its aliases written out"):
        loaded("\n".join(lines))


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_our_own_specs_are_read_as_ever(path):
    text = path.read_text().replace("{{", "<").replace("}}", ">")
    assert loaded(text) == yaml.safe_load(text)
