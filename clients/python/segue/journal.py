"""What an interrupted ingest had done: one line of JSON per step, keyed by the master's SHA-256.

    {"sha256": "9f86…", "upload_id": "…", "track_id": "…", "state": "open", "upload_url": "…"}

The last line of a key counts; a torn last line is forgotten. The file holds session URLs, which
are as good as keys, so only its owner may read it.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """`state`: open (being sent), sent, ready, licensed, duplicate or failed."""

    sha256: str
    upload_id: str
    track_id: str
    state: str
    upload_url: str | None = None


class Journal:
    """The steps on record in the file `path`. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._steps: dict[str, Step] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                try:
                    step = Step(**json.loads(line))
                except (ValueError, TypeError):
                    continue
                self._steps[step.sha256] = step
        whole = "".join(json.dumps(asdict(step)) + "\n" for step in self._steps.values())
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(whole)
        temporary.replace(path)
        self._file = path.open("a")

    def find(self, sha256: str) -> Step | None:
        with self._lock:
            return self._steps.get(sha256)

    def put(self, step: Step) -> None:
        with self._lock:
            self._steps[step.sha256] = step
            self._file.write(json.dumps(asdict(step)) + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()
