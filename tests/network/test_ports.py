import socket

import pytest

from network import ports
from network.errors import NetworkError


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_passed_over(taken):
    (found,) = ports.free([taken])
    assert taken < found < taken + ports.TRIES


def test_a_free_port_is_kept_and_all_are_different(taken):
    first, second, third = ports.free([taken, taken, taken])
    assert len({taken, first, second, third}) == 4
    assert ports.free([third, third]) != ports.free([first, first])
    assert ports.free([second])[0] == second


def test_a_port_that_another_address_listens_on_is_taken():
    """The emulator and Bacalhau's publisher listen on all addresses."""
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]
        assert ports.free([port]) != [port]


def test_no_free_port_says_how_to_find_who_has_them(taken, monkeypatch):
    monkeypatch.setattr(ports, "TRIES", 1)
    with pytest.raises(NetworkError, match=str(taken)) as refusal:
        ports.free([taken])
    assert "ss -ltnp" in refusal.value.hint
