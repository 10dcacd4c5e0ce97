"""A stand-in for `docker` that does as it is told, and a registry that has the tags it is told of."""

from __future__ import annotations

import http.server
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

DOCKER = """#!{python} -IS
import hashlib, json, os, sys, tarfile
from pathlib import Path
folder = Path(__file__).parent
words = sys.argv[1:]
plan = json.loads((folder / "plan.json").read_text())
made = folder / "made"
known = plan["known"] + (made.read_text().split() if made.exists() else [])
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")
if words[0] in plan["fails"]:
    print(plan["fails"][words[0]])
    sys.exit(1)
def id_of(name):
    return "sha256:" + hashlib.sha256(name.partition(":")[0].encode()).hexdigest()
if words[:2] == ["image", "inspect"]:
    print(id_of(words[-1]))
    sys.exit(0 if words[-1] in known else 1)
if words[0] == "images":
    print(*map(id_of, known), sep="\\n")
if words[0] == "build":
    print(*plan["says"], sep="\\n")
    names = tarfile.open(fileobj=sys.stdin.buffer, mode="r|").getnames()
    (folder / "names").write_text(json.dumps(names))
    with made.open("a") as out:
        out.write(words[words.index("--tag") + 1] + "\\n")
if words[0] == "push":
    print("0.1.0: digest: sha256:" + "d" * 64 + " size: 1234")
"""


@dataclass
class Docker:
    """The stand-in's folder, first on PATH."""

    folder: Path
    plan: dict[str, object] = field(
        default_factory=lambda: {"known": ["python:3.11-slim-bookworm"], "fails": {}, "says": []}
    )

    def set(self, **plan: object) -> None:
        self.plan.update(plan)
        (self.folder / "plan.json").write_text(json.dumps(self.plan))

    def calls(self, first: str) -> list[list[str]]:
        lines = (self.folder / "calls").read_text().splitlines()
        return [words for words in map(json.loads, lines) if words[0] == first]


def stand_in(folder: Path) -> Docker:
    """In a new folder, to be put first on PATH."""
    folder.mkdir()
    (folder / "docker").write_text(DOCKER.format(python=sys.executable))
    (folder / "docker").chmod(0o755)
    (folder / "calls").touch()
    fake = Docker(folder)
    fake.set()
    return fake


class Registry(http.server.ThreadingHTTPServer):
    """Answers as a registry does that has the tags of `digests`."""

    digests: dict[str, str]
    root: int
    asked: list[str]


class Answer(http.server.BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        self._reply(self.server.root, None)

    def do_HEAD(self) -> None:
        self.server.asked.append(self.path)
        digest = self.server.digests.get(self.path.rsplit("/", 1)[1])
        self._reply(404 if digest is None else 200, digest)

    def _reply(self, status: int, digest: str | None) -> None:
        self.send_response(status)
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
