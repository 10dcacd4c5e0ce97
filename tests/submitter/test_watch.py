from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from submitter.errors import Answered, ApiError, OrchestratorError
from submitter.handle import Handle
from submitter.nodes import Node
from submitter.spec import Template, render
from submitter.states import NodeState, snapshot
from submitter.watch import CONTACT_EVERY_S, LONGEST_WAIT_S, PATIENCE_S, changes
from tests.harness.orchestrator import recorded

Q, R, D, F, L, W = (
    NodeState.QUEUED,
    NodeState.RUNNING,
    NodeState.DONE,
    NodeState.FAILED,
    NodeState.LOST,
    NodeState.WORKING,
)


def handle(kind="ops", job_id="j-1", nodes=("denver-1",)):
    text = f"Type: {kind}\nTasks: [{{Engine: {{Type: docker}}}}]"
    job = render(Template("t", "t", text), "denver", datetime(2026, 11, 22, tzinfo=UTC), given={}, offered={})
    return Handle(job_id, job, nodes)


@dataclass
class Network:
    """Answers with recordings, in turn; the last one stays."""

    answers: dict[str, list]
    lost: tuple[str, ...] = ()
    hints: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def job(self, job_id):
        waiting = self.answers[job_id]
        self.asked += 1
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return snapshot(recorded(answer) if isinstance(answer, str) else answer)

    def nodes(self):
        return tuple(Node(name, {}, frozenset(), connected=False, approved=True, last_seen="") for name in self.lost)

    def advice(self, _job_id):
        return self.hints


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def followed(network, *handles, deadline_s=600.0, lines=None, time=None):
    time = time or Time()
    lines = lines or {}
    return list(
        changes(
            network,
            handles or [handle()],
            deadline_s=deadline_s,
            clock=lambda: time.now,
            sleep=time.sleep,
            first_line=lambda _job, execution: lines.get(execution),
        )
    )


def states(views):
    return [view.state for view in views]


def pending():
    answer = recorded("running")
    return {**answer, "Executions": {"Items": []}, "Job": {**answer["Job"], "State": {"StateType": "Pending"}}}


def test_queued_running_done():
    views = followed(Network({"j-1": [pending(), "running", "running", "completed"]}))
    assert states(views) == [Q, R, D]
    last = views[-1]
    assert (last.node, last.exit_code, last.why) == ("denver-1", 0, "")
    assert last.stdout.startswith('{"schemaVersion":1')
    assert last.execution_id == recorded("completed")["Executions"]["Items"][0]["ID"]


def test_a_running_node_has_printed_nothing_that_is_known():
    assert followed(Network({"j-1": ["running", "completed"]}))[1].stdout is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("image-missing", 'image not available: "localhost:15731/none:1"'),
        ("bid-rejected", "rejected bid: this node does not resolve environment variable HOME_X"),
        ("out-of-memory", "memory limit exceeded"),
        ("node-restarted", "Failing due to node restart"),
        ("node-disappeared", "node has disappeared"),
    ],
)
def test_a_node_that_failed_says_why(name, why):
    views = followed(Network({"j-1": [name]}))
    assert states(views) == [Q, F]
    assert why in views[-1].why


def test_bacalhaus_hint_comes_along():
    execution = recorded("image-missing")["Executions"]["Items"][0]["ID"]
    views = followed(Network({"j-1": ["image-missing"]}, hints={execution: "look"}))
    assert views[-1].hint == "look"


def test_a_job_that_no_node_took():
    views = followed(Network({"j-1": ["no-node"]}))
    assert states(views) == [Q, F]
    assert "don't match required selectors" in views[-1].why
    assert views[-1].execution_id is None


def test_a_node_that_the_job_never_reached():
    views = followed(Network({"j-1": ["completed"]}), handle(nodes=("denver-1", "denver-2")))
    assert [(view.node, view.state) for view in views[2:]] == [("denver-1", D), ("denver-2", F)]
    assert views[-1].why == "the job is completed and never reached this node"


def test_a_node_that_joined_late_is_followed_too():
    views = followed(Network({"j-1": ["completed"]}), handle(nodes=("other",)))
    assert ("denver-1", D) in [(view.node, view.state) for view in views]


def test_the_last_execution_of_a_node_counts():
    answer = recorded("image-missing")
    ended = recorded("completed")["Executions"]["Items"][0]
    answer["Executions"]["Items"].insert(0, {**ended, "JobVersion": 1})
    assert states(followed(Network({"j-1": [answer]}))) == [Q, D]


def test_executions_of_older_versions_are_nobodys():
    new = recorded("daemon-running")
    new["Job"]["Version"] = 2
    old = {**recorded("daemon-failed")["Executions"]["Items"][0], "JobVersion": 1}
    ours = {**new["Executions"]["Items"][0], "JobVersion": 2}
    new["Executions"]["Items"] = [old, old]
    newer = {**new, "Executions": {"Items": [old, old, ours]}}
    views = followed(Network({"j-1": [new, newer]}), handle("daemon"), lines={ours["ID"]: "{}", old["ID"]: "old"})
    assert [(view.state, view.stdout) for view in views] == [(Q, None), (W, "{}")]


def test_a_daemon_is_done_when_its_first_line_was_read():
    execution = recorded("daemon-running")["Executions"]["Items"][0]["ID"]
    lines = {}
    network = Network({"j-1": ["daemon-running"]})
    time = Time()
    seen = []
    for view in changes(
        network,
        [handle("daemon")],
        deadline_s=60,
        clock=lambda: time.now,
        sleep=time.sleep,
        first_line=lambda _job, asked: lines.get(asked),
    ):
        seen.append((view.state, view.stdout))
        if view.state is R:
            lines[execution] = "{}"
    assert seen == [(Q, None), (R, None), (W, "{}")]


def test_a_daemon_that_failed_once_is_waited_for_and_twice_is_not():
    twice = recorded("daemon-failed")
    once = {**twice, "Executions": {"Items": twice["Executions"]["Items"][:1]}}
    views = followed(Network({"j-1": [once, twice]}), handle("daemon"))
    assert states(views) == [Q, R, F]
    assert (views[-1].exit_code, views[-1].stdout) == (3, "hi\n")
    assert views[-1].why == "execution completed unexpectedly"


def test_a_daemon_that_was_stopped_has_failed():
    views = followed(Network({"j-1": ["daemon-running", "daemon-stopped"]}), handle("daemon"))
    assert states(views) == [Q, R, F]


def test_a_node_out_of_contact_is_lost_until_it_returns():
    network = Network({"j-1": ["running"] * 40 + ["completed"]}, lost=("denver-1",))
    time = Time()
    seen = []
    for view in changes(
        network,
        [handle()],
        deadline_s=600,
        clock=lambda: time.now,
        sleep=time.sleep,
        first_line=lambda _job, _execution: None,
    ):
        seen.append((view.state, time.now >= CONTACT_EVERY_S))
        if view.state is L:
            network.lost = ()
    assert seen == [(Q, False), (R, False), (L, True), (R, True), (D, True)]


def test_several_jobs_in_one_loop():
    network = Network({"j-1": ["running", "running", "completed"], "j-2": ["completed"]})
    views = followed(network, handle(), handle(job_id="j-2"))
    assert [(view.job_id, view.state) for view in views] == [
        ("j-1", Q),
        ("j-2", Q),
        ("j-1", R),
        ("j-2", D),
        ("j-1", D),
    ]
    assert network.asked == 4


def test_waits_grow_and_begin_again_at_a_change():
    time = Time()
    followed(Network({"j-1": ["running"] * 20 + ["completed"]}), time=time)
    assert time.slept[0] == 0.1
    assert time.slept == sorted(time.slept)
    assert time.slept[-1] == LONGEST_WAIT_S
    assert len(time.slept) == 20


def test_the_deadline_leaves_the_last_views():
    time = Time()
    views = followed(Network({"j-1": ["running"]}), deadline_s=7.5, time=time)
    assert states(views) == [Q, R]
    assert time.now == pytest.approx(7.5)


def away(passing=True):
    return OrchestratorError("watch", "there", why="refused", hint="wait", passing=passing)


def test_an_orchestrator_that_starts_again_is_waited_for():
    assert states(followed(Network({"j-1": ["running", away(), away(), "completed"]}))) == [Q, R, D]


def test_patience_with_an_orchestrator_ends():
    time = Time()
    with pytest.raises(OrchestratorError):
        followed(Network({"j-1": ["running", away()]}), time=time)
    assert PATIENCE_S <= time.now < PATIENCE_S + 2


@pytest.mark.parametrize("error", [away(passing=False), ApiError("watch", "there", Answered(404, "job not found"))])
def test_other_errors_end_the_watch(error):
    time = Time()
    with pytest.raises(type(error)):
        followed(Network({"j-1": [error]}), time=time)
    assert time.now == 0


def test_nothing_to_watch():
    assert followed(Network({}), replace(handle(), nodes=())) == []
