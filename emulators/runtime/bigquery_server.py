"""bqemulator without time travel. Run by the Python of its own virtual environment.

After every write, a row streamed in as well as a statement, bqemulator copies the whole table aside
and keeps the copy for a week, for `FOR SYSTEM_TIME AS OF`. Nobody here asks for that, and a table
of plays would cost more with every play that it holds: so no copy is made. Snapshots that a
statement asks for (`CREATE SNAPSHOT TABLE`) are made elsewhere, and stay.
"""

import sys
from typing import Any

from bqemulator.cli import main  # pyright: ignore[reportMissingImports]
from bqemulator.versioning.snapshots import SnapshotManager  # pyright: ignore[reportMissingImports]


def no_copy(*_: Any, **__: Any) -> None:
    """In the place of `SnapshotManager.capture`, which may find nothing to copy."""


SnapshotManager.capture = no_copy

if __name__ == "__main__":
    sys.exit(main())
