"""The console script: the command line, but for a container's sensor, which does without.

Typer with its pydantic is 13 MB and 0.1 s of processor time before the first option is read (measured with 0.29), and
fifty sensors run on one machine. Without options there is nothing to read: what a sensor is it has from variables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

STATION = ["sensors", "station"]


def main() -> None:
    """Runs what the arguments say, and ends with its exit code."""
    if sys.argv[1:] == STATION:
        sys.exit(_station())
    from submitter import cli  # noqa: PLC0415 - see above

    cli.main()


def _station() -> int:
    # hashlib has what is asked of it here without OpenSSL, which is 4 MB more. (None: as if there were no such module.)
    sys.modules.setdefault("_hashlib", None)  # type: ignore[arg-type]
    from submitter.commands._station import run  # noqa: PLC0415

    try:
        run(Path("data"), os.environ)
    except Exception as error:
        from submitter.errors import Explained, tell  # noqa: PLC0415

        if not isinstance(error, Explained):
            raise
        tell(error)
        return error.exit_code
    return 0
