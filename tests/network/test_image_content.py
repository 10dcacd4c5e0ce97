"""What goes into an image, and what is cut from it."""

from __future__ import annotations

import importlib
import io
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ("processors", "sensors")


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools")


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "tools")
    return importlib.import_module("sensors.images.context")


def pins(path: Path) -> dict[str, str]:
    """Name -> version, condition and hashes."""
    blocks = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8"))
    cleaned = (re.sub(r"^ *#.*\n?", "", block, flags=re.MULTILINE).strip() for block in blocks)
    return {block.partition("==")[0]: block for block in cleaned if block}


@pytest.mark.parametrize("image", IMAGES)
def test_the_lock_of_an_image_is_part_of_the_common_one(image: str) -> None:
    common = pins(ROOT / "requirements.lock")
    own = pins(ROOT / image / "requirements.lock")
    differing = [name for name, pin in own.items() if common.get(name) != pin]
    assert not differing, "make it again, see CONTRIBUTING.md"
    assert len(own) > 10


@pytest.mark.parametrize("image", IMAGES)
def test_the_lock_of_an_image_has_what_the_project_asks_for_there(image: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"][image]]
    own = pins(ROOT / image / "requirements.lock")
    names = {re.split(r"[^\w.-]", each)[0].lower() for each in asked}
    assert names <= own.keys()
    assert not own.keys() & {"pytest", "mypy", "ruff", "matplotlib", "duckdb"}


@pytest.mark.parametrize("image", IMAGES)
def test_the_same_files_give_the_same_digest_and_any_change_another(content: ModuleType, image: str) -> None:
    files = content.read(ROOT, image)
    arguments = {"VERSION": "1"}
    digest = content.digest_of(files, arguments)
    assert re.fullmatch("[0-9a-f]{12}", digest)
    assert digest == content.digest_of(content.read(ROOT, image), dict(arguments))
    changed = [
        content.digest_of({**files, "README.md": b""}, arguments),
        content.digest_of({**files, "processors/new.py": b""}, arguments),
        content.digest_of(files, {"VERSION": "2"}),
    ]
    assert len({digest, *changed}) == 4


def test_an_image_is_made_of_the_packages_and_of_nothing_that_makes_others(content: ModuleType) -> None:
    names = content.read(ROOT, "processors").keys()
    assert {"pyproject.toml", "processors/Dockerfile", "processors/requirements.lock", "submitter/cli.py"} <= names
    assert not {"sensors/Dockerfile", "sensors/requirements.lock", "requirements.lock"} & names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", ".", "data/"))]


def test_the_archive_holds_the_files_and_certificates_only_when_there_are_any(content: ModuleType) -> None:
    files = {"a/b.py": b"x = 1\n"}
    with tarfile.open(fileobj=io.BytesIO(content.archive(files, b"CERT"))) as tar:
        assert tar.getnames() == ["a/b.py", "ca-bundle.crt"]
        assert tar.extractfile("a/b.py").read() == b"x = 1\n"
    with tarfile.open(fileobj=io.BytesIO(content.archive(files, None))) as tar:
        assert tar.getnames() == ["a/b.py"]


@pytest.mark.usefixtures("tools")
def test_a_stripped_library_is_smaller_and_works(tmp_path: Path) -> None:
    strip = importlib.import_module("strip_symbols").strip
    spec = importlib.util.find_spec("yaml._yaml")
    assert spec is not None
    assert spec.origin is not None
    library = tmp_path / Path(spec.origin).name
    library.write_bytes(Path(spec.origin).read_bytes())
    before = library.stat().st_size
    saved = strip(library)
    assert 0 < saved == before - library.stat().st_size
    use = (
        "import importlib.util, yaml;"
        f"spec = importlib.util.spec_from_file_location('yaml._yaml', {str(library)!r});"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module); print(module.get_version())"
    )
    done = subprocess.run([sys.executable, "-c", use], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert strip(library) == 0


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"INPUT(libc.so.6)\n" * 9, b"\x7fELF\x01\x01" + bytes(100)])
@pytest.mark.usefixtures("tools")
def test_what_is_no_library_stays_as_it_is(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(data)
    assert importlib.import_module("strip_symbols").strip(path) == 0
    assert path.read_bytes() == data
