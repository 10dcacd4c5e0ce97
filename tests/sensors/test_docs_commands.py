"""Every command of the sensor manager's pages, typed in order on a real engine by somebody who has a clone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.manager import OURS
from tests.harness.pages import Person, blocks

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "sensors").glob("*.md"))

OTHER = {
    "$ sudo apt-get install git make python3 python3-venv": "installs packages",
    "$ brew install git python@3.12 go": "macOS",
    "> wsl --install Ubuntu-24.04": "Windows",
    "$ git clone ADDRESS bacalhau-cosmos && cd bacalhau-cosmos": "the clone is here already, and its tools are made",
    "$ sudo make engine": "installs packages, and changes users",
    "$ docker run --detach --name cosmos-emulator --publish 127.0.0.1:8081:8081 --publish 127.0.0.1:1234:1234 \\": (
        "pulls Microsoft's image"
    ),
    "COSMOS_ENDPOINT=https://ACCOUNT.documents.azure.com:443/": "an account in Azure",
}
"""First lines of blocks that are not run, and why."""

IN_A_PROJECT = {"operation.md", "troubleshooting.md"}
"""Pages that begin in a project's folder; the others begin in a clone."""

SMALL = "MAX_CITIES=2\nSENSORS_PER_CITY=1\nUPLOAD_INTERVAL=5\n"

GOES_ON = {
    ".tools/bin/cosmium": "Listening",
    "bacalhau-cosmos sensors simulate --city amsterdam --sensors 5 --live": '"kind":"simulate"',
    "bacalhau-cosmos run --city amsterdam --every": '"outcome":"complete"',
}
"""Beginnings of commands that go on until Ctrl-C, and what each says once it is at work."""

BEGINS_S = 120.0
PORT = "8081"


def test_blocks_are_run_or_it_is_said_why_not() -> None:
    not_run = {block.first_line for page in PAGES for block in blocks(page) if block.kind not in ("sh", "ini")}
    assert not_run == set(OTHER)


@pytest.fixture
def person(request: pytest.FixtureRequest, emulator: str, tmp_path: Path) -> Iterator[Person]:
    """In a clone, or in a project that is configured and was never started."""
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in (".tools", ".venv", "sensor-manager.sh"):
        (clone / name).symlink_to(ROOT / name)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    # Images of a name that is nobody else's.
    person = Person(clone, {**kept, "DOCKER_ORG": f"docs-{os.getpid()}"})
    try:
        if request.param in IN_A_PROJECT:
            person.type('export PATH="$PWD/.venv/bin:$PATH"; mkdir ../project; cd ../project')
            person.type("bacalhau-cosmos sensors init")
            (person.cwd / ".env").write_text(f"COSMOS_ENDPOINT={emulator}\n{SMALL}", encoding="utf-8")
            person.environment = {**person.environment, "COSMOS_DATABASE": f"docs-{request.param.partition('.')[0]}"}
        yield person
    finally:
        person.interrupt_all()
        for memory in tmp_path.glob("*/.sensors"):
            person.cwd = memory.parent
            person.type(f"{clone}/.venv/bin/bacalhau-cosmos sensors cleanup --yes")


@pytest.mark.network
@pytest.mark.parametrize(
    ("person", "page"), [(page.name, page) for page in PAGES], ids=[page.name for page in PAGES], indirect=["person"]
)
def test_commands_of_the_page(person: Person, page: Path) -> None:
    port = _free_port()
    for block in blocks(page):
        text = block.text.replace(PORT, port)
        if block.kind == "ini":
            (person.cwd / ".env").write_text(text + SMALL, encoding="utf-8")
        elif block.kind == "sh":
            for line in block.commands:
                _type(person, line.replace(PORT, port))
    assert set(person.interrupt_all().values()) <= {0}


def _type(person: Person, line: str) -> None:
    for beginning, sign in GOES_ON.items():
        if line.startswith(beginning):
            person.leave_running(line, sign, BEGINS_S)
            return
    # It looks at all of the machine, and ends with 1 where a check fails: a full disk is no fault of the page.
    looks = line.startswith("bacalhau-cosmos sensors diagnostics")
    person.type(line, may_end_with=(0, 1) if looks else (0,))


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
