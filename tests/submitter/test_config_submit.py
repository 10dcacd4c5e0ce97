import base64

import pytest

from submitter.config import Local, Orchestrator, assigned, offered, orchestrator, seconds
from submitter.errors import SettingsError, UsageError

LOCAL = Local("127.0.0.1", 4321, {"image": "localhost:5001/p@sha256:1", "data": "/net/data"})


def test_without_anything_it_is_the_usual_place():
    assert orchestrator({}, None) == Orchestrator("127.0.0.1", 1234)


def test_a_local_network_is_taken_when_neither_host_nor_port_is_set():
    assert orchestrator({"BACALHAU_API_KEY": "k"}, LOCAL).address == "127.0.0.1:4321"
    assert orchestrator({"BACALHAU_API_PORT": "99"}, LOCAL).address == "127.0.0.1:99"
    assert orchestrator({"BACALHAU_API_HOST": "edge.example"}, LOCAL).address == "edge.example:1234"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:99"),
        ("::1", "http://[::1]:99"),
        ("[::1]", "http://[::1]:99"),
        ("https://edge.example", "https://edge.example:99"),
        ("https://edge.example:7/", "https://edge.example:7"),
        (" edge.example ", "http://edge.example:99"),
    ],
)
def test_a_host_is_written_as_for_the_bacalhau_cli(host, url):
    assert orchestrator({"BACALHAU_API_HOST": host, "BACALHAU_API_PORT": "99"}, None).url == url


def test_tls(tmp_path):
    ca_file = tmp_path / "ca.pem"
    ca_file.touch()
    place = orchestrator(
        {
            "BACALHAU_API_TLS_USETLS": "True",
            "BACALHAU_API_TLS_CAFILE": str(ca_file),
            "BACALHAU_API_TLS_INSECURE": "0",
        },
        None,
    )
    assert (place.url, place.ca_file, place.insecure) == ("https://127.0.0.1:1234", ca_file, False)


def test_credentials_are_sent_as_the_bacalhau_cli_sends_them():
    assert orchestrator({"BACALHAU_API_KEY": " k "}, None).authorization == "Bearer k"
    basic = orchestrator({"BACALHAU_API_USERNAME": "ann", "BACALHAU_API_PASSWORD": "p:w"}, None).authorization
    assert basic == "Basic " + base64.b64encode(b"ann:p:w").decode()
    assert orchestrator({"BACALHAU_API_KEY": ""}, None).authorization is None


@pytest.mark.parametrize("host", ["edge.example", "http://edge.example", "10.0.0.7", "127.0.0.1.example", "::2"])
@pytest.mark.parametrize("who", [{"KEY": "secret"}, {"USERNAME": "ann", "PASSWORD": "secret"}])
def test_credentials_do_not_travel_in_clear_text(host, who):
    environment = {f"BACALHAU_API_{name}": value for name, value in {"HOST": host, **who}.items()}
    with pytest.raises(SettingsError, match=r"clear text: set BACALHAU_API_TLS_USETLS=true") as caught:
        orchestrator(environment, None)
    assert "secret" not in str(caught.value)
    assert orchestrator({"BACALHAU_API_HOST": host}, None).authorization is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "[::1]", "0.0.0.0", "https://edge.example"])
def test_credentials_travel_on_this_machine_and_by_tls(host):
    assert orchestrator({"BACALHAU_API_HOST": host, "BACALHAU_API_KEY": "k"}, None).authorization == "Bearer k"


def test_any_certificate_will_do_on_this_machine_alone():
    insecure = {"BACALHAU_API_TLS_USETLS": "1", "BACALHAU_API_TLS_INSECURE": "1"}
    assert orchestrator({**insecure, "BACALHAU_API_HOST": "localhost"}, None).insecure
    with pytest.raises(SettingsError, match="TLS_INSECURE is for this machine: set BACALHAU_API_TLS_CAFILE"):
        orchestrator({**insecure, "BACALHAU_API_HOST": "edge.example"}, None)


def test_credentials_are_not_in_the_text_of_the_settings():
    assert "sesame" not in repr(orchestrator({"BACALHAU_API_KEY": "sesame"}, None))


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"PORT": "99999"}, "PORT '99999'"),
        ({"PORT": "x"}, "PORT 'x'"),
        ({"HOST": "a/b"}, "HOST 'a/b'"),
        ({"HOST": "u:secret@a"}, "HOST is neither"),
        ({"HOST": "a\u2100b"}, "HOST 'a\u2100b' is neither"),
        ({"HOST": "ftp://a"}, "HOST is no URL"),
        ({"HOST": "http://u:secret@a"}, "HOST is no URL"),
        ({"HOST": "http://a:99999"}, "HOST is no URL"),
        ({"TLS_USETLS": "yes"}, "TLS_USETLS 'yes'"),
        ({"TLS_CAFILE": "/missing.pem"}, "TLS_CAFILE '/missing.pem'"),
        ({"KEY": "a", "USERNAME": "b"}, "exclude each other"),
        ({"USERNAME": "b"}, "PASSWORD is not"),
        ({"PASSWORD": "b"}, "USERNAME is not"),
        ({"KEY": "ké\ny"}, "characters that no key has"),
    ],
)
def test_a_setting_that_does_not_hold_is_named(environment, told):
    with pytest.raises(SettingsError, match=told) as caught:
        orchestrator({f"BACALHAU_API_{name}": value for name, value in environment.items()}, None)
    assert caught.value.exit_code == 2
    assert "secret" not in str(caught.value)


def test_all_problems_are_told_together():
    with pytest.raises(SettingsError, match=r"PORT.*PASSWORD is not.*TLS_INSECURE"):
        orchestrator({"BACALHAU_API_PORT": "0", "BACALHAU_API_USERNAME": "a", "BACALHAU_API_TLS_INSECURE": "2"}, None)


def test_assignments():
    assert assigned(["a=1", " b =x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize("pairs", [["a"], ["=1"], ["a=1", "a=2"]])
def test_an_assignment_is_name_and_value_once(pairs):
    with pytest.raises(UsageError):
        assigned(pairs)


def test_the_environment_comes_before_the_local_network():
    environment = {"SUBMIT_STAGE": "raw", "SUBMIT_IMAGE": "mine", "OTHER": "x"}
    place = orchestrator({}, LOCAL)
    assert offered(environment, LOCAL, place) == {"image": "mine", "data": "/net/data", "stage": "raw"}


def test_values_of_a_local_network_stay_there():
    assert offered({}, LOCAL, orchestrator({"BACALHAU_API_HOST": "edge.example"}, LOCAL)) == {}


@pytest.mark.parametrize(
    ("host", "port", "same"), [("localhost", "4321", True), ("::1", "4321", True), ("localhost", "1", False)]
)
def test_a_local_network_is_known_by_any_name_of_this_machine(host, port, same):
    place = orchestrator({"BACALHAU_API_HOST": host, "BACALHAU_API_PORT": port}, LOCAL)
    assert offered({}, LOCAL, place) == (LOCAL.values if same else {})


def test_lengths_of_time():
    assert [seconds(text) for text in ("90", "90s", "10m", "2h", "1d")] == [90, 90, 600, 7200, 86400]


@pytest.mark.parametrize("text", ["", "0", "-1", "1w", "1.5h", "ten"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(UsageError):
        seconds(text)
