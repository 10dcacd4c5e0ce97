"""`python -m sensors.health`: `bacalhau-cosmos sensors health` without a command line, at a fifth of its cost.

Every container asks twice a minute, fifty of them on one machine: it imports no more than it needs.
"""

import os
import sys
import time
from pathlib import Path

from sensors.errors import SensorsError
from sensors.health import check, patience_s
from sensors.layout import below


def main() -> int:
    """Exit code 0 when a database below `data` was written lately, else 1, or 2 for a wrong node folder."""
    try:
        data = below(os.environ.get("COSMOS_NODE_FOLDER", ""), Path("data"))
        path, ago_s = check(data, within_s=patience_s(os.environ), now_s=time.time())
    except SensorsError as error:
        print(_plain(f"Error: {error}"), _plain(f"Try: {error.hint}"), sep="\n", file=sys.stderr)
        return error.exit_code
    print(_plain(f"{path} was written {ago_s:.0f} s ago"))
    return 0


def _plain(line: str) -> str:
    """The line as it is where it can be printed: a folder's name could else move a terminal's cursor."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)


if __name__ == "__main__":
    sys.exit(main())
