import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from network import processes, record
from network.errors import NetworkError
from network.layout import NodeRecord
from network.record import Program, Record


@pytest.fixture
def living(layout):
    """A record whose programs are a process of this test."""
    layout.folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        started = processes.start_time(process.pid)
        programs = tuple(
            Program(name, process.pid, started, port, ("/bin/x", "serve"), {"A": "ä"}, layout.log(name))
            for name, port in (("registry", 5000), ("emulator", 8081), ("orchestrator", 1234), ("denver-1", 1235))
        )
        yield Record(
            folder=layout.folder,
            host="127.0.0.1",
            api_port=1234,
            image_registry="localhost:5000",
            cosmos_endpoint="http://127.0.0.1:8081",
            data=layout.data,
            cities=("denver",),
            nodes=(NodeRecord("denver-1", "denver", layout.data / "denver-1"),),
            programs=programs,
        )
        process.kill()


def test_a_network_that_is_up_is_read_as_it_was_written(living):
    assert record.running(living.folder) is None
    record.save(living)
    assert record.running(living.folder) == living
    assert [path.name for path in living.folder.iterdir()] == ["network.json"]


@pytest.mark.parametrize("change", [{"pid": 2**22 + 1}, {"started": "1"}, {"started": ""}])
def test_none_is_up_when_the_orchestrator_has_ended(living, change):
    record.save(living.with_program(replace(living.program("orchestrator"), **change)))
    assert record.running(living.folder) is None


def test_it_is_up_without_one_of_its_nodes(living):
    lame = living.with_program(replace(living.program("denver-1"), started="1"))
    record.save(lame)
    assert record.running(living.folder) == lame
    assert [program.name for program in lame.programs if not program.alive] == ["denver-1"]


def test_images_of_another_port_are_not_there(living, layout):
    record.save(living)
    images = {"image": "localhost:5000/processor@sha256:1", "sensor_image": "localhost:5001/sensor@sha256:2"}
    layout.images.write_text(json.dumps(images))
    assert record.running(living.folder).images == {"image": images["image"]}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schemaVersion": 2}', '{"schemaVersion": 1}'])
def test_a_record_that_is_none_says_what_to_do(layout, text):
    layout.folder.mkdir()
    layout.record.write_text(text)
    with pytest.raises(NetworkError, match="cannot read the network's record") as refusal:
        record.running(layout.folder)
    assert "network down" in refusal.value.hint


def test_a_write_that_fails_leaves_the_old_record(living, monkeypatch):
    record.save(living)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        record.save(replace(living, host="localhost"))
    assert record.load(record.Layout(living.folder)) == living


@pytest.mark.parametrize("content", [b"\xff", b"[" * 100_000, b"null", b"[]", b"5"])
def test_what_is_no_record_or_no_list_of_images_is_told_or_left_out(living, layout, content):
    record.save(living)
    layout.images.write_bytes(content)
    assert record.running(living.folder) == living
    layout.record.write_bytes(content)
    with pytest.raises(NetworkError, match="it is not what this version writes"):
        record.running(living.folder)


@pytest.mark.parametrize(
    "change",
    [
        *({"apiPort": "1234"}, {"apiPort": 0}, {"apiPort": 2**70}, {"apiPort": True}, {"host": 5}, {"host": "a\nb"}),
        *({"programs": []}, {"registry": None}),
    ],
)
def test_a_record_with_a_value_of_another_type_is_none(living, layout, change):
    record.save(living)
    layout.record.write_text(json.dumps(json.loads(layout.record.read_bytes()) | change))
    with pytest.raises(NetworkError, match="it is not what this version writes"):
        record.running(living.folder)
