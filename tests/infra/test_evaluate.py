"""Bicep expressions and their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bicep import syntax
from bicep.errors import BicepError
from bicep.evaluate import Scope, Unknown, evaluate
from bicep.parse import parse

VALUES = {"one": 1, "list": ["a", "b"], "each": {"role": "readings", "paths": ["/a"]}, "account": Unknown("account")}


def value(path: Path, written: str) -> Any:
    path.write_text(f"var it = {written}\n", encoding="utf-8")
    (statement,) = parse(path).statements
    assert isinstance(statement, syntax.Variable)
    return evaluate(statement.value, Scope(path, VALUES))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("-one + 3 % 2", 0),
        ("one == 1 && !(one > 1)", True),
        ("one == 2 || one <= 1", True),
        ("true || true && false", True),
        ("one == 2 && account.on", False),
        ("one == 1 || account.on", True),
        ("each.role == 'readings' ? 'x' : 'y'", "x"),
        ("one > 1 ? 'a' : one == 1 ? 'b' : 'c'", "b"),
        ("null", None),
        ("null ?? null", None),
        ("null ?? 'else'", "else"),
        ("'A' =~ 'a'", True),
        ("'${each.role}/${list[1]}?'", "readings/b?"),
        ("'it\\'s \\${one}'", "it's ${one}"),
        ("'${contains(each, 'role') ? 'yes' : 'no'}'", "yes"),
        ("length(each.paths) > 1", False),
        ("contains(list, 'b')", True),
        ("concat(list, [one])", ["a", "b", 1]),
        ("empty({})", True),
        ("[for x in list: { name: x }]", [{"name": "a"}, {"name": "b"}]),
        ("[for (x, i) in list: '${i}${x}']", ["0a", "1b"]),
        ("{ a: 1, 'b.c': [true, false] }", {"a": 1, "b.c": [True, False]}),
        ("{\n  a: 1 // more\n\n  b: [\n    1\n    2\n  ]\n}", {"a": 1, "b": [1, 2]}),
        ("account.id", Unknown("account.id")),
        ("'${account.id}/dbs/x'", Unknown("account.id/dbs/x")),
        ("length(account.list) > 1", Unknown("length(account.list)")),
        ("guid(account.id, one, 'x')", Unknown("guid(account.id, 1, x)")),
        ("resourceGroup().location", Unknown("resourceGroup().location")),
    ],
)
def test_values(tmp_path: Path, written: str, expected: Any) -> None:
    assert value(tmp_path / "it.bicep", written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "1 +",
        "[1 2]",
        "{ a: 1 b: 2 }",
        "{ a: 1, a: 2 }",
        "'",
        "'it''s'",
        "two",
        "each.none",
        "size(list)",
        "one ? 1",
        "#",
        "''' '''",
    ],
)
def test_what_has_no_value(tmp_path: Path, written: str) -> None:
    with pytest.raises(BicepError, match="line 1"):
        value(tmp_path / "it.bicep", written)
