"""What goes into an image: its files, a name for their content, and the archive that a build is sent."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

IMAGES = ("processors", "sensors")
"""Folders of the Dockerfiles; the images are named for them."""

CA_BUNDLE = "ca-bundle.crt"
OWN = ("Dockerfile", "requirements.lock")
DIGITS = 12


def read(checkout: Path, image: str) -> dict[str, bytes]:
    """Name -> content of what `.dockerignore` lets through, in order, less what is another image's own."""
    lines = (checkout / ".dockerignore").read_text(encoding="utf-8").splitlines()
    wanted = [checkout / line[1:] for line in lines if line.startswith("!")]
    found = {path for each in wanted for path in ([each] if each.is_file() else each.rglob("*")) if path.is_file()}
    others = {Path(other, name) for other in IMAGES for name in OWN if other != image}
    relative = {path.relative_to(checkout) for path in found} - others
    kept = sorted(path for path in relative if "__pycache__" not in path.parts)
    return {path.as_posix(): (checkout / path).read_bytes() for path in kept}


def digest_of(files: Mapping[str, bytes], arguments: Mapping[str, str]) -> str:
    """The first digits of a hash over the files, and over what else the image depends on."""
    whole = hashlib.sha256(repr(sorted(arguments.items())).encode())
    for name, data in files.items():
        whole.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return whole.hexdigest()[:DIGITS]


def archive(files: Mapping[str, bytes], ca_bundle: bytes | None) -> bytes:
    """The files as a tar archive, with the certificates that the build is to trust when there are any."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in {**files, **({} if ca_bundle is None else {CA_BUNDLE: ca_bundle})}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()
