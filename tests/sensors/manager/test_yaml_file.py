"""YAML with lines: what values are, where they stand, and what is refused."""

from __future__ import annotations

import pytest

from sensors.manager.settings.yaml_file import dotted, parse


def told(text: str) -> list[str]:
    return [problem.told("f.yaml") for problem in parse(text).problems]


def test_words_are_what_yaml_1_2_says() -> None:
    text = "[NO, on, 12:30, 2026-11-20, 0x10, 1_000, .inf, 007, 1.50, 1e3, -2, true, False, null, ~, '5', a b]"
    assert parse(text).value == [
        *("NO", "on", "12:30", "2026-11-20", "0x10", "1_000", ".inf"),
        *(7, 1.5, 1000.0, -2, True, False, None, None, "5", "a b"),
    ]


def test_every_value_has_its_line() -> None:
    document = parse("# comment\ncities:\n  - name: A\n    models: [{name: x},\n      {name: y}]\n  -\n    name: B\n")
    lines = {
        ("cities",): 2,
        ("cities", 0): 3,
        ("cities", 0, "models"): 4,
        ("cities", 0, "models", 1, "name"): 5,
        ("cities", 1, "name"): 7,
    }
    assert {location: document.line_of(location) for location in lines} == lines


def test_what_is_absent_has_the_line_of_what_should_hold_it() -> None:
    document = parse("a: 1\ncities:\n  - latitude: 5\n")
    assert document.line_of(("cities", 0, "name")) == 3
    assert document.line_of(("cities", 7)) == 2
    assert document.line_of(("schema_version",)) == 1


def test_a_key_that_stands_twice_is_told_with_both_lines_and_the_first_counts() -> None:
    document = parse("a: 1\nb:\n  c: 2\n  c: 3\na: 4\n")
    assert document.value == {"a": 1, "b": {"c": 2}}
    assert told("a: 1\nb:\n  c: 2\n  c: 3\na: 4\n") == [
        "f.yaml:4: b.c: stands twice, first in line 3",
        "f.yaml:5: a: stands twice, first in line 1",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", "f.yaml:3: is no YAML: expected ',' or ']', but got ':'"),
        ("a: 1\n\tb: 2\n", "f.yaml:2: is no YAML: found character '\\t' that cannot start any token"),
        ("a: *x\n", "f.yaml:1: is no YAML: found undefined alias 'x'"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: is no YAML: but found another document"),
        ("a: 1\nb: \x07\n", "f.yaml:2: is no YAML: it has a character that no text has"),
        ("[" * 3000, "f.yaml:1: is nested too deeply"),
        ("a: &x [*x]\n", "f.yaml:1: a[0]: contains itself"),
        ("a:\n  b: !!binary aGk=\n", "f.yaml:2: a.b: is nothing that tag:yaml.org,2002:binary can be"),
        ("a: !!int five\n", "f.yaml:1: a: is nothing that tag:yaml.org,2002:int can be"),
        ("a: " + "9" * 5000, "f.yaml:1: a: is nothing that tag:yaml.org,2002:int can be"),
        ("? [a]\n: 1\n", "f.yaml:1: a key is one word"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    assert told(text) == [problem]


def test_an_alias_costs_nothing_however_often_it_stands() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    document = parse("\n".join(lines))
    assert document.problems == ()
    assert isinstance(document.value, dict)
    assert document.value["a1"][8] == ["x", "x"]


def test_nothing_is_nothing() -> None:
    assert (parse("").value, parse("# only this\n").value, parse("").problems) == (None, None, ())


def test_locations_are_written_as_people_count() -> None:
    assert dotted(("cities", 2, "models", 0, "name")) == "cities[2].models[0].name"
    assert dotted(()) == ""
