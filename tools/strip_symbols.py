"""Cuts from shared libraries below a folder what no loader reads: symbol tables and debug sections.

The Polars runtime alone carries 40 MB of them. What `strip` of binutils does, without needing it in a base image:
a library is loaded by its segments, so all that lies behind the last one can go, the section headers with it.
Runs inside the image build with nothing but Python. Files that are not 64-bit little-endian libraries stay as they are.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
SHARED = 3


def strip(path: Path) -> int:
    """Bytes saved by stripping one library in place; 0 when there is nothing to cut."""
    with path.open("r+b") as file:
        head = file.read(HEADER.size)
        if len(head) < HEADER.size or not head.startswith(ELF64_LITTLE_ENDIAN):
            return 0
        fields = list(HEADER.unpack(head))
        kind, segments_at, header_size, segment_size, segment_count = fields[1], fields[5], fields[8], *fields[9:11]
        if kind != SHARED or segment_size != SEGMENT.size or not segment_count:
            return 0
        file.seek(segments_at)
        segments = list(SEGMENT.iter_unpack(file.read(segment_size * segment_count)))
        end: int = max(offset + size for _, _, offset, _, _, size, _, _ in segments)
        end = max(end, header_size, segments_at + segment_size * segment_count)
        saved = path.stat().st_size - end
        if saved <= 0:
            return 0
        fields[6] = fields[12] = fields[13] = 0  # no section headers: where, how many, which holds their names
        file.seek(0)
        file.write(HEADER.pack(*fields))
        file.truncate(end)
    return saved


def main(folder: str) -> None:
    libraries = [path for path in Path(folder).rglob("*.so*") if path.is_file() and not path.is_symlink()]
    print(f"stripped {sum(map(strip, libraries)) / 1e6:.0f} MB of symbols from {len(libraries)} libraries")


if __name__ == "__main__":
    main(sys.argv[1])
