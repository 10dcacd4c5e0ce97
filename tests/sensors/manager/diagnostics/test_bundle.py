"""The archive for a bug report: what is in it, who can read it, and that no byte of it is a secret."""

from __future__ import annotations

import base64
import gzip
import json
import os
import stat
import tarfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from sensors.errors import RequestError, SensorsError
from sensors.manager import state
from sensors.manager.diagnostics import bundle, env_file
from sensors.manager.diagnostics.check import Section, failed, masked
from sensors.manager.diagnostics.mask import MASK, masking, secrets_of
from sensors.manager.project import Places
from tests.chaos.disk import mounted

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

KEY = base64.b64encode(b"?>~recognisable account key\xfb\xff\xfe of many bytes").decode()
CLIENT = "client-secret~of.azure_Q1"
OTHER = "hunter2-of-a-name-that-nobody-knows"
UNNAMED = base64.b64encode(bytes(range(3, 67))).decode()
"""In no variable: found by its looks alone."""

SAS = "U2hhcmVkQWNjZXNzU2ln"
PASTED = "QWNjb3VudEtleUluQVN0cmluZw"
"""Short: found by what stands before them."""

SECRETS = (KEY, CLIENT, OTHER, UNNAMED, SAS, PASTED)

EVERYWHERE = f"""
key {KEY} and {quote(KEY, safe="")} and {json.dumps({"k": KEY})} and {KEY.rstrip("=")} and {KEY.encode().hex()}
AZURE_CLIENT_SECRET={CLIENT} then '{CLIENT}', also {OTHER}
{UNNAMED} or {quote(UNNAMED, safe="")}
AccountEndpoint=https://x.documents.azure.com:443/;AccountKey={PASTED};Database=x
https://x.blob.core.windows.net/c/f?sv=2024-01-01&sig={SAS}&se=2027
"""


def forms(secret: str) -> set[bytes]:
    raw = secret.encode()
    texts = {secret, quote(secret, safe=""), secret[:-2], json.dumps(secret)[1:-1], repr(secret)[1:-1], raw.hex()}
    texts |= {base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    return {text.encode() for text in texts} | {raw[at : at + 10] for at in range(len(raw) - 10)}


def assert_silent(content: bytes) -> None:
    for secret in SECRETS:
        told = [form for form in forms(secret) if form in content]
        assert not told, (told, content[:3000].decode(errors="replace"))


@pytest.fixture
def project(places: Places) -> Places:
    """With secrets in every file that is taken, and in names of others."""
    root = places.root
    (root / "config").mkdir()
    for name in ("docker-compose.yml", "sensors.yaml", "config/cities.txt"):
        (root / name).write_text(f"# {name}\n{EVERYWHERE}", encoding="utf-8")
    state.remember(places, project=f"weather-{OTHER}", images={"sensors": f"x:{UNNAMED}"})
    (root / ".env").write_text(
        f"# was COSMOS_KEY={PASTED}\nCOSMOS_KEY={KEY}\nAZURE_CLIENT_SECRET='{CLIENT}'\nWHATEVER=\"{OTHER}\"\n"
        f"COSMOS_ENDPOINT=https://x.documents.azure.com/;AccountKey={PASTED}\nUPLOAD_INTERVAL=30s\nMAX_CITIES={SAS}\n"
        f"= {UNNAMED}\nCONNECTION=AccountKey={PASTED};sig={SAS}\n",
        encoding="utf-8",
    )
    for folder in (places.data, places.state, places.archive):
        (folder / "amsterdam").mkdir(parents=True)
        (folder / "amsterdam" / "file.db").write_bytes(EVERYWHERE.encode())
    (places.archive / f"{OTHER}.parquet").write_bytes(b"12345")
    return places


def contents(places: Places, **more: object) -> dict[str, str]:
    read = env_file.read(places.environment)
    mask = masking(secrets_of({"AZURE_CLIENT_SECRET": CLIENT}, read.values))
    found = [Section("A", (failed(f"n {OTHER}", EVERYWHERE, EVERYWHERE, EVERYWHERE.splitlines()),))]
    given: dict[str, object] = {
        "places": places,
        "env_file": read,
        "versions": {"docker": EVERYWHERE, "python": "3.13.1"},
        "logs": lambda: {"uploader-a": EVERYWHERE * 3, "sensor-a-1": f"ERROR {KEY}\n"},
        "mask": mask,
        **more,
    }
    return bundle.contents(masked(found, mask), **given)  # type: ignore[arg-type]


def members(path: Path) -> dict[str, bytes]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["report.tar.gz", "report.tgz", "report.zip"])
def test_no_byte_of_it_is_a_secret(project: Places, name: str) -> None:
    path = project.root / name
    bundle.write(path, contents(project), NOW)
    assert_silent(path.read_bytes())
    if path.suffix != ".zip":
        assert_silent(gzip.decompress(path.read_bytes()))
    found = members(path)
    for member, content in found.items():
        assert_silent(member.encode() + b"\n" + content)
    assert {member.removeprefix("bacalhau-cosmos-diagnostics/") for member in found} == {
        "diagnostics.txt",
        "diagnostics.json",
        "versions.json",
        "env.txt",
        "files.txt",
        "docker-compose.yml",
        "sensors.yaml",
        "config/cities.txt",
        "state.json",
        "logs/uploader-a.txt",
        "logs/sensor-a-1.txt",
    }


def test_the_test_knows_a_secret_when_it_sees_one() -> None:
    for secret in SECRETS:
        with pytest.raises(AssertionError):
            assert_silent(f"x {secret[3:16]} x".encode())


def test_what_is_no_secret_is_there(project: Places) -> None:
    told = contents(project)
    assert told["env.txt"].splitlines() == [
        f"COSMOS_KEY={MASK}",
        f"AZURE_CLIENT_SECRET={MASK}",
        f"WHATEVER={MASK}",
        f"COSMOS_ENDPOINT={MASK}",
        "UPLOAD_INTERVAL=30s",
        f"MAX_CITIES={MASK}",
        f"CONNECTION={MASK}",
        "line 8 is no NAME=value",
    ]
    assert "data/amsterdam/file.db" in told["files.txt"]
    assert f"             5  archive/{MASK}.parquet" in told["files.txt"]
    assert json.loads(told["diagnostics.json"])["ok"] is False
    assert json.loads(told["versions.json"])["python"] == "3.13.1"
    assert json.loads(told["state.json"])["project"] == f"weather-{MASK}"
    assert "https://x.documents.azure.com:443/" in told["sensors.yaml"]


def test_files_that_are_not_there_are_left_out(places: Places) -> None:
    told = contents(places)
    assert set(told) == {
        "diagnostics.txt", "diagnostics.json", "versions.json", "env.txt", "files.txt",
        "logs/uploader-a.txt", "logs/sensor-a-1.txt",
    }  # fmt: skip
    assert (told["env.txt"], told["files.txt"]) == ("", "")


def test_a_file_that_is_no_text_is_taken_as_far_as_it_is(project: Places) -> None:
    (project.root / "sensors.yaml").write_bytes(b"a: \xff\xfe b\n")
    assert contents(project)["sensors.yaml"].startswith("a: \ufffd")


def test_links_are_named_and_not_followed(project: Places, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "inside-of-a-link").touch()
    try:
        (project.data / "link").symlink_to(outside, target_is_directory=True)
    except OSError:
        pytest.skip("this user may not make links")
    assert "inside-of-a-link" not in contents(project)["files.txt"]


def test_its_owner_alone_can_read_it(project: Places) -> None:
    path = project.root / "report.tar.gz"
    before = os.umask(0)
    try:
        bundle.write(path, contents(project), NOW)
    finally:
        os.umask(before)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as tar:
        assert {(entry.mode, entry.uid, entry.uname, entry.mtime) for entry in tar} == {(0o600, 0, "", NOW.timestamp())}


def test_a_file_that_is_there_is_not_replaced(project: Places) -> None:
    path = project.root / "report.zip"
    path.write_text("mine")
    for refuse in (lambda: bundle.check_name(path), lambda: bundle.write(path, {"a": "b"}, NOW)):
        with pytest.raises(RequestError, match="it is there"):
            refuse()
    assert path.read_text() == "mine"


def test_one_that_comes_at_the_last_moment_is_not_replaced(project: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project.root / "report.zip"
    monkeypatch.setattr(bundle, "check_name", lambda path: path.write_text("mine"))
    with pytest.raises(RequestError, match="it is there"):
        bundle.write(path, {"a": "b"}, NOW)
    assert path.read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="links take a right on Windows")
def test_a_link_to_nowhere_is_not_written_through(project: Places) -> None:
    path = project.root / "report.zip"
    path.symlink_to(project.root / "elsewhere.zip")
    with pytest.raises(RequestError):
        bundle.write(path, {"a": "b"}, NOW)
    assert not (project.root / "elsewhere.zip").exists()


@pytest.mark.parametrize("name", ["report", "report.tar", "report.gz", "report.txt"])
def test_a_name_that_is_no_archives_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="which archive"):
        bundle.check_name(tmp_path / name)


def test_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(SensorsError) as caught:
        bundle.write(tmp_path / "none" / "report.zip", {"a": "b"}, NOW)
    assert not isinstance(caught.value, RequestError)


@pytest.mark.root
def test_on_a_full_disk_nothing_of_it_stays(tmp_path: Path) -> None:
    noise: Mapping[str, str] = {"noise": base64.b64encode(os.urandom(3_000_000)).decode()}
    with mounted(tmp_path) as disk:
        disk.fill(100_000)
        with pytest.raises(SensorsError, match="No space left"):
            bundle.write(tmp_path / "report.tar.gz", noise, NOW)
        assert not (tmp_path / "report.tar.gz").exists()
