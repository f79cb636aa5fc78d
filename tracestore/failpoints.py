"""Where may a fault test end this process? reach(name) ends it, as kill -9 would, when the test has armed that point.

A point is armed by a file of its name in the folder that FOURLINE_FAILPOINTS names when the process starts; the process that
takes the file away is the one that ends. Without the variable reach() returns at once (30 ns).
"""

import os
from pathlib import Path

NAMES = (
    "received",  # a body is read, nothing of it is decoded
    "before-commit",  # its transaction holds everything
    "after-commit",  # it is stored, and not yet acknowledged
    "mid-settle",  # former rows of traces are deleted, new ones are not yet written
    "settled",  # before the commit of a settle
    "mid-fill",  # former sums are deleted, new ones are not yet written
    "mid-fold",  # ledger rows are folded, before the commit
    "told",  # a notification was accepted, and is not yet marked as sent
)
_FOLDER = os.environ.get("FOURLINE_FAILPOINTS", "")


def reach(name: str) -> None:
    if _FOLDER and _taken(Path(_FOLDER) / name):
        os._exit(137)


def _taken(armed: Path) -> bool:
    try:
        armed.unlink()
    except FileNotFoundError:
        return False
    return True
