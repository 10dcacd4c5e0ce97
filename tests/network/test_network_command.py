import json
import subprocess
import sys

import pytest

from network import processes


def test_without_a_network_down_is_content_and_status_is_not(cli, layout):
    result = cli("down", "--folder", layout.folder)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"wasUp": False, "processesEnded": 0, "containersRemoved": 0}
    assert "No network is up" in cli("down", "--folder", layout.folder, "--output", "table").stdout
    assert not layout.folder.exists()
    result = cli("status", "--folder", layout.folder)
    assert result.exit_code == 1
    assert "none is up" in result.stderr
    assert "network up --city" in result.stderr


def test_purge_leaves_a_folder_of_somebody_else_alone(cli, tmp_path):
    (tmp_path / "thesis.txt").touch()
    assert cli("down", "--purge", "--folder", tmp_path).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_wrong_request_starts_nothing(cli, layout):
    result = cli("up", "--city", "a/b", "--folder", layout.folder)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: cannot name a node: a/b: ")
    assert not layout.folder.exists()


@pytest.mark.usefixtures("network_marker")
def test_programs_without_a_record_are_told(cli, layout):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as left:
        try:
            result = cli("status", "--folder", layout.folder)
            assert result.exit_code == 1
            assert "1 programs of one are left" in result.stderr
            assert "network down" in result.stderr
            result = cli("down", "--folder", layout.folder)
            assert json.loads(result.stdout)["processesEnded"] == 1
            assert processes.start_time(left.pid) == ""
        finally:
            left.kill()


@pytest.fixture
def network_marker(layout, monkeypatch):
    """What this test starts belongs to the network of the folder."""
    monkeypatch.setenv(processes.MARKER, str(layout.folder))
