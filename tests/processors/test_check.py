import dataclasses
import itertools
import json

import pytest

from processors.check import check
from processors.containers import making
from processors.containers.definition import Definition
from processors.errors import EndpointError, SettingsError, SinkError
from processors.query import Query, open_reader
from tests.harness.strict import Answer

NAMES = ["endpoint", "identity", "database", "containers", "partition keys", "write", "read back", "delete"]


def outcomes(steps):
    return {step.name: step.outcome for step in steps}


def failure(steps):
    (failed,) = [step for step in steps if step.outcome == "failed"]
    return failed.name, failed.error


def test_every_step_succeeds_and_nothing_stays(account):
    ticks = itertools.count()
    steps = check(account, clock=lambda: float(next(ticks)))
    assert [step.name for step in steps] == NAMES
    assert {step.outcome for step in steps} == {"ok"}
    assert {step.milliseconds for step in steps} == {1_000.0}
    with open_reader(account, "runs") as reader:
        assert list(reader.rows(Query("SELECT * FROM c"))) == []


def test_with_a_key_the_second_step_is_the_key(account):
    assert check(dataclasses.replace(account, key="a2V5"))[1].name == "key"


@pytest.mark.parametrize(
    ("changes", "name", "kind"),
    [
        ({"endpoint": "http://127.0.0.1:1"}, "endpoint", EndpointError),
        ({"endpoint": "http://example.com"}, "endpoint", SettingsError),
        ({"key": "???"}, "key", SettingsError),
        ({"database": "nothing"}, "database", SinkError),
        ({"container": "nothing"}, "containers", SinkError),
    ],
)
def test_the_first_step_that_fails_is_the_last_one_tried(account, changes, name, kind):
    steps = check(dataclasses.replace(account, **changes))
    failed, error = failure(steps)
    assert (failed, type(error)) == (name, kind)
    at = [step.name for step in steps].index(name)
    assert {step.outcome for step in steps[:at]} <= {"ok"}
    assert {step.outcome for step in steps[at + 1 :]} == {"not tried"}
    assert all((step.milliseconds is None) == (step.outcome == "not tried") for step in steps)


def test_an_account_that_answers_401_is_reached_and_its_key_is_what_fails(strict):
    strict.plan = lambda _: Answer(401, {"message": "No."})
    steps = check(dataclasses.replace(strict.account, key="a2V5"))
    name, error = failure(steps)
    assert name == "key"
    assert outcomes(steps)["endpoint"] == "ok"
    assert "COSMOS_KEY" in error.hint


def test_a_container_with_another_partition_key_is_named(account):
    wrong = dataclasses.replace(account, container="wrong")
    making.create(wrong, [Definition("wrong", ("/id",), ())])
    name, error = failure(check(wrong))
    assert name == "partition keys"
    assert f"{account.database}/wrong" in str(error)
    assert "/id" in str(error)


@pytest.mark.parametrize(
    ("method", "answer", "name"),
    [
        ("POST", Answer(403, {"message": "Read only."}), "write"),
        ("GET", Answer(404, {"message": "Gone."}), "read back"),
        ("GET", Answer(200, {"id": "another"}), "read back"),
        ("DELETE", Answer(403, {"message": "Kept."}), "delete"),
    ],
)
def test_what_was_written_is_deleted_whatever_fails(strict, method, answer, name):
    strict.plan = lambda request: answer if request.method == method and "/docs" in request.path else None
    steps = check(strict.account)
    assert failure(steps)[0] == name
    deleted = [request for request in strict.exchanges if request.method == "DELETE"]
    assert len(deleted) == (name != "write")


def test_what_is_written_would_expire_by_itself(strict):
    check(strict.account)
    (written,) = [r for r in strict.exchanges if r.method == "POST" and r.path.rstrip("/").endswith("docs")]
    assert json.loads(written.body)["ttl"] == 60
