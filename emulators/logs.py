"""Process output to files: one a process, and one of all with each line's process named."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO


class Logs:
    """Append-only log files in one folder; those of the run before are kept once as `.old`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.log"):
            path.replace(path.with_suffix(".old"))
        self.folder = folder
        self._files: dict[str, BinaryIO] = {}

    def write(self, name: str, line: bytes) -> None:
        stamp = datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3].encode()
        self._file(name).write(stamp + b" " + line + b"\n")
        self._file("all").write(stamp + b" [" + name.encode() + b"] " + line + b"\n")

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines of one process, for an error message."""
        path = self.folder / f"{name}.log"
        if not path.exists():
            return "(it printed nothing)"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _file(self, name: str) -> BinaryIO:
        if name not in self._files:
            self._files[name] = (self.folder / f"{name}.log").open("ab", buffering=0)
        return self._files[name]


class ToLogs(logging.Handler):
    """Sends the supervisor's own records to its log file, not to the person's terminal."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self.logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        self.logs.write("supervisor", self.format(record).encode())
