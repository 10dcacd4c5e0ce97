"""What waits for what, when the files are deployed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from bicep import syntax
from bicep.evaluate import Scope, evaluate
from bicep.parse import parse
from bicep.walk import entry, nodes_of
from tests.infra.conftest import ROOT

AZURE = ROOT / "infra" / "azure"


def awaited(path: Path, name: str) -> set[str]:
    """All that a statement names, by way of others too: Azure deploys it after the resources and modules among them."""
    named = {each.name: each for each in parse(path).statements if not isinstance(each, syntax.Output)}
    seen: set[str] = set()
    due = [name]
    while due:
        nodes = nodes_of(named[due.pop()])
        fresh = {node.name for node in nodes if isinstance(node, syntax.Name)} - seen
        seen |= fresh
        due += fresh
    return seen


def test_roles_are_changed_one_after_the_other() -> None:
    """Else Azure answers 412, "another user operation in progress which requires an exclusive lock"."""
    path = AZURE / "modules" / "roles.bicep"
    roles = [each for each in parse(path).statements if isinstance(each, syntax.Resource) and "/sqlRole" in each.type]
    assert [each.name for each in roles] == ["edgeWriter", "edgeVerifier", "edgeCheck", "assignments"]
    for before, after in pairwise(roles):
        assert before.name in awaited(path, after.name)
    for each in roles:
        batches = [evaluate(one.arguments[0], Scope(path, {})) for one in each.decorators if one.name == "batchSize"]
        assert batches == ([1] if isinstance(each.body, syntax.Loop) else [])


def test_modules_wait_for_the_account_but_are_told_nothing_of_it() -> None:
    """A name that is an output is not known before it is deployed, so `what-if` would not show what has it."""
    path = AZURE / "main.bicep"
    modules = [each for each in parse(path).statements if isinstance(each, syntax.Module)]
    names = {each.name for each in modules}
    for each in modules:
        assert each.name == "account" or "account" in awaited(path, each.name)
        parameters = entry(each.body, "params")
        assert isinstance(parameters, syntax.Object)
        inside = nodes_of(syntax.Variable("params", parameters, each.line))
        assert names.isdisjoint(node.name for node in inside if isinstance(node, syntax.Name))
