"""Published results: one archive for each execution, unpacked to `<folder>/<job>/<node>/`."""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from submitter.errors import ResultError, UsageError
from submitter.handle import Handle
from submitter.spec import DAEMON, JobSpec
from submitter.states import NodeState
from submitter.watch import View


class Source(Protocol):
    """What is asked of a client."""

    def results(self, job_id: str) -> list[str]: ...  # noqa: D102
    def download(self, url: str, into: IO[bytes]) -> None: ...  # noqa: D102


def refuse_without_results(job: JobSpec) -> None:
    """Before a job is put whose results are wanted.

    Raises:
        UsageError: It publishes none.
    """
    if not job.publishes or job.type == DAEMON:
        raise UsageError(
            "take --fetch",
            job.spec,
            why="a daemon leaves no results" if job.type == DAEMON else "the spec has no Publisher",
            hint="leave out --fetch, or give the task a Publisher and ResultPaths",
        )


def fetch(source: Source, handle: Handle, views: Sequence[View], folder: Path) -> list[Path]:
    """The folders that were written, one for each node whose program ended.

    Raises:
        ResultError: What a node published cannot be had, or is no archive that may be unpacked.
    """
    done = [view for view in views if view.state is NodeState.DONE and view.execution_id]
    urls = source.results(handle.id) if done else []
    written: list[Path] = []
    for view in done:
        url = next((url for url in urls if str(view.execution_id) in url), None)
        if url is None:
            raise ResultError(
                "fetch the results",
                f"{handle.name}, node {view.node}",
                why="Bacalhau names no URL for them",
                hint=f"bacalhau job get {handle.id}",
            )
        target = folder / _file_name(handle.name) / _file_name(view.node)
        if target in written:
            raise ResultError(
                "fetch the results",
                f"{handle.name}, node {view.node}",
                why=f"another node's are in {target} already",
                hint=f"bacalhau job get {handle.id}",
            )
        with tempfile.TemporaryFile() as archive:
            source.download(url, archive)
            archive.seek(0)
            unpack(archive, target)
        written.append(target)
    return written


def unpack(archive: IO[bytes], target: Path) -> None:
    """Files and folders of a .tar.gz, below `target`.

    Raises:
        ResultError: It is no such archive, or has something else, or something that would land elsewhere.
    """
    try:
        with tarfile.open(fileobj=archive, mode="r|gz") as tar:
            for member in tar:
                _unpack_one(member, tar.extractfile, target)
    # ValueError: of headers that are no numbers. TypeError: of a gzip header that is cut (Python 3.11).
    except (tarfile.TarError, EOFError, OSError, ValueError, TypeError) as error:
        raise ResultError(
            "unpack the results", str(target), why=str(error), hint="look at the disk, then fetch again"
        ) from error


def _unpack_one(member: tarfile.TarInfo, content: Callable[[tarfile.TarInfo], IO[bytes] | None], target: Path) -> None:
    parts = PurePosixPath(member.name)
    # Of a sparse file a few bytes on the way fill any disk. A file without a name would take the folder's place.
    plain = member.isdir() or (member.isreg() and not member.issparse() and bool(parts.parts))
    if parts.is_absolute() or ".." in parts.parts or not plain or not member.name.isprintable():
        raise ResultError(
            "unpack the results",
            repr(member.name),
            why="it is neither a file nor a folder below the results",
            hint="write only files, with printable names, to the result path",
        )
    path = target / parts
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if (stream := content(member)) is not None:
        with stream, path.open("wb") as file:
            shutil.copyfileobj(stream, file)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]", "_", text).lstrip(".") or "_"
