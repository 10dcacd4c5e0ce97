"""Results that nodes published, mutated: files below the folder that was asked for, or an error; and nothing else."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from submitter.errors import ResultError
from submitter.fetch import unpack
from tests.fuzz.guard import ends, told
from tests.fuzz.mutate import mutated

NAMES = (
    *(
        "a.txt",
        "b/c.txt",
        "b",
        "",
        ".",
        "..",
        "../x",
        "a/../../x",
        "/etc/x",
        "//x",
        "a\nb",
        "a\x1b[2Jb",
        "x" * 300,
        "a" + "/a" * 900,
    ),
    *("\u202e.txt", "\udcff.txt", "C:\\x", "..\\x", "a/./b", "a//b", "con", "-rf", "~", "a" * 99 + "/" + "b" * 99),
)
KINDS = {
    "file": tarfile.REGTYPE,
    "old file": tarfile.AREGTYPE,
    "folder": tarfile.DIRTYPE,
    "hard link": tarfile.LNKTYPE,
    "link": tarfile.SYMTYPE,
    "pipe": tarfile.FIFOTYPE,
    "device": tarfile.CHRTYPE,
    "disk": tarfile.BLKTYPE,
    "contiguous": tarfile.CONTTYPE,
    "sparse": tarfile.GNUTYPE_SPARSE,
    "unknown": b"Z",
}


def packed(dice: random.Random) -> bytes:
    """A .tar.gz of a few members, most of them plain."""
    content = io.BytesIO()
    formats = [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]
    with tarfile.open(fileobj=content, mode="w:gz", format=dice.choice(formats), errors="surrogateescape") as tar:
        for _ in range(dice.randint(0, 5)):
            member = tarfile.TarInfo(dice.choice(NAMES))
            member.type = KINDS[dice.choice([*KINDS, *["file"] * 9, *["folder"] * 3])]
            member.linkname = dice.choice(["a.txt", "..", "/etc/passwd", "../../x", ""])
            member.size = dice.choice([0, 5, 700]) if member.isreg() else 0
            member.mode = dice.choice([0o644, 0o4777, 0, 0o777])
            member.mtime = dice.choice([0, -1, 2**40, 1.5])
            if dice.random() < 0.2:
                member.pax_headers = {
                    "path": dice.choice(NAMES),
                    "size": dice.choice(["-1", "x", "99999999999999999999"]),
                }
            try:
                tar.addfile(member, io.BytesIO(b"x" * member.size))
            except ValueError:
                continue  # a name that this format cannot have
    return content.getvalue()


def damaged(dice: random.Random) -> bytes:
    content = packed(dice)
    if dice.random() < 0.3:
        return content
    if dice.random() < 0.5:
        return mutated(content, dice, page=64)
    return gzip.compress(mutated(gzip.decompress(content), dice))


def attempt(seed: int, folder: Path) -> str:
    dice = random.Random(seed)
    folder = folder / f"{seed}"
    target = folder / "job" / "node"
    with ends():
        try:
            unpack(io.BytesIO(damaged(dice)), target)
            outcome = "unpacked"
        except ResultError as error:
            outcome = told(error)
    beyond = [path for path in folder.rglob("*") if path.is_file() and target not in path.parents]
    assert not beyond
    assert not [path for path in target.rglob("*") if path.is_symlink() or not (path.is_file() or path.is_dir())]
    return outcome


def test_mutated_results_are_files_below_their_folder_or_refused(tmp_path: Path) -> None:
    for seed in range(300):
        attempt(seed, tmp_path)


def a_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../x", "x")
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", a_zip(), gzip.compress(b""), gzip.compress(b"\0" * 1024), gzip.compress(b"x" * 5_000)],
    ids=["nothing", "two bytes", "zip", "gzip of nothing", "gzip of zeros", "gzip of text"],
)
def test_what_is_no_archive_is_refused_or_empty(tmp_path: Path, content: bytes) -> None:
    with suppress(ResultError):
        unpack(io.BytesIO(content), tmp_path / "node")
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "node"])


SUBJECTS = {"results": attempt}
