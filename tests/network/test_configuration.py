import json
import re
from pathlib import Path

import pytest

from network import configuration
from network.configuration import Bus, Ports
from network.layout import nodes_of
from network.processes import MARKER

PORTS = Ports(api=21, bus=22, registry=23, emulator=24, node_apis=(25, 26), publishers=(27, 28))
BUS = Bus(22)


@pytest.fixture
def denver(layout, tmp_path):
    """The second node of a city, and its configuration."""
    node = nodes_of(layout, ["denver"], 2)[1]
    start = configuration.node(layout, PORTS, BUS, tmp_path / "bacalhau", node, 1)
    return start, json.loads((layout.node("denver-2") / "config.yaml").read_text())


def test_a_node_offers_its_data_and_its_label_and_nothing_else(denver, layout):
    _, told = denver
    assert told["Labels"] == {"city": "denver"}
    assert told["Compute"]["AllowListedLocalPaths"] == [f"{layout.data}:rw"]
    assert told["Compute"]["Orchestrators"] == ["nats://127.0.0.1:22"]
    assert told["API"] == {"Host": "127.0.0.1", "Port": 26}
    assert told["Publishers"]["Types"]["Local"] == {"Address": "127.0.0.1", "Port": 28}
    assert "Engines" not in told


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("COSMOS_KEY", True),
        ("AZURE_CLIENT_SECRET", True),
        ("MY_COSMOS_KEY", False),
        ("PATH", False),
        ("COSMOS_", False),
    ],
)
def test_a_job_may_have_the_variables_of_ours_alone(denver, name, allowed):
    _, told = denver
    # As Bacalhau does: unanchored.
    assert any(re.search(pattern, name) for pattern in told["Compute"]["Env"]["AllowList"]) == allowed


def test_a_node_has_every_variable_that_the_example_has_and_no_secret(denver, layout):
    start, _ = denver
    example = (configuration.TEMPLATES / "node.env").read_text().splitlines()
    names = {line.partition("=")[0] for line in example if line and not line.startswith("#")}
    assert dict(start.environment) == {
        MARKER: str(layout.folder),
        "COSMOS_ENDPOINT": "http://127.0.0.1:24",
        "COSMOS_NODE_FOLDER": "denver-2",
        **dict.fromkeys(names - {"COSMOS_ENDPOINT", "COSMOS_NODE_FOLDER"}, ""),
    }
    assert names >= {"COSMOS_KEY", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"}


def test_an_orchestrator_talks_to_itself_alone(denver, layout, tmp_path):
    """Its client would also try the default port, where another network's orchestrator may be."""
    _, node = denver
    configuration.orchestrator(layout, PORTS, BUS, tmp_path / "bacalhau")
    told = json.loads((layout.folder / "orchestrator" / "config.yaml").read_text())
    assert told["Compute"] == {"Orchestrators": ["nats://127.0.0.1:22"]}
    assert told["Orchestrator"]["Port"] == 22
    assert told["Orchestrator"]["Auth"] == node["Compute"]["Auth"] == {"Token": BUS.token}
    assert Bus(22).token != BUS.token
    assert BUS.token not in repr(BUS)


def test_a_lost_node_is_noticed_after_five_heartbeats(denver, layout, tmp_path):
    _, node = denver
    configuration.orchestrator(layout, PORTS, BUS, tmp_path / "bacalhau")
    told = json.loads((layout.folder / "orchestrator" / "config.yaml").read_text())
    seconds = [
        int(text.removesuffix("s"))
        for text in (node["Compute"]["Heartbeat"]["Interval"], told["Orchestrator"]["NodeManager"]["DisconnectTimeout"])
    ]
    assert seconds[1] == 5 * seconds[0] == 10
    assert all(each["DisableAnalytics"] and each["UpdateConfig"]["Interval"] == "0s" for each in (node, told))


@pytest.mark.usefixtures("denver")
def test_no_configuration_is_for_others_to_read(layout):
    assert (layout.node("denver-2") / "config.yaml").stat().st_mode & 0o077 == 0


def test_what_the_user_has_in_the_environment_does_not_overrule_it(monkeypatch):
    for name in (
        "BACALHAU_API_PORT",
        "COSMOS_KEY",
        "AZURE_CLIENT_SECRET",
        "OTEL_TRACES_EXPORTER",
        "REGISTRY_HTTP_ADDR",
    ):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("DOCKER_HOST", "kept")
    whole = configuration.whole_environment({"COSMOS_KEY": ""})
    assert whole["DOCKER_HOST"] == "kept"
    assert whole["COSMOS_KEY"] == ""
    assert "theirs" not in whole.values()


def test_the_emulator_has_its_documents_again(layout, tmp_path):
    saved = layout.folder / "emulator" / "documents.json"
    layout.folder.mkdir()
    assert not configuration.documents_lost(layout)
    assert "-InitialData" not in configuration.emulator(layout, PORTS, tmp_path / "cosmium").argv
    saved.write_text('{"databases": {}}')
    assert not configuration.documents_lost(layout)
    argv = configuration.emulator(layout, PORTS, tmp_path / "cosmium").argv
    loaded = argv[argv.index("-InitialData") + 1]
    assert argv[argv.index("-Persist") + 1] == str(saved)
    assert json.loads(Path(loaded).read_text()) == {"databases": {}}
    assert not saved.exists()


@pytest.mark.parametrize("left", [None, "", '{"databases": {"Sens'])
def test_an_emulator_that_could_not_save_has_the_documents_of_before(layout, tmp_path, left):
    saved = layout.folder / "emulator" / "documents.json"
    saved.parent.mkdir(parents=True)
    saved.write_text('{"databases": {}}')
    configuration.emulator(layout, PORTS, tmp_path / "cosmium")
    if left is not None:
        saved.write_text(left)
    assert configuration.documents_lost(layout)
    argv = configuration.emulator(layout, PORTS, tmp_path / "cosmium").argv
    assert Path(argv[argv.index("-InitialData") + 1]).read_text() == '{"databases": {}}'
