"""Where a generation's model and marks lie: objects by name, in a folder or a bucket.

generations/2026-W47/model/vocabulary.npz, factors.npz, weights-00000.npz …, DONE
generations/2026-W47/europe/shard-00012.done, summary.json, report.html
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

TIMEOUT_S = 60


@runtime_checkable  # Beam looks at what it is given
class Shelf(Protocol):
    """Whole objects; what was put is there for everyone at once, or not at all. Picklable."""

    def find(self, name: str) -> bytes | None: ...

    def put(self, name: str, data: bytes) -> None: ...

    def names(self, prefix: str) -> list[str]:
        """Of all objects that begin with `prefix`, in order."""
        ...


@dataclass(frozen=True, slots=True)
class FolderShelf:
    """Objects as files below `folder`."""

    folder: Path

    def find(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def put(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(data)
        part.replace(path)

    def names(self, prefix: str) -> list[str]:
        found = (it for it in self.folder.rglob("*") if it.is_file() and it.name[0] != ".")
        paths = (it.relative_to(self.folder).as_posix() for it in found)
        return sorted(it for it in paths if it.startswith(prefix))


_buckets: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True, slots=True)
class BucketShelf:
    """Objects in Cloud Storage. Needs roles/storage.objectUser on the bucket."""

    project: str
    bucket: str

    def _opened(self) -> Any:
        from shared.gcp import storage

        key = (self.project, self.bucket)
        if key not in _buckets:
            _buckets[key] = storage.bucket(*key)
        return _buckets[key]

    def find(self, name: str) -> bytes | None:
        from google.api_core.exceptions import NotFound

        try:
            return self._opened().blob(name).download_as_bytes(timeout=TIMEOUT_S)
        except NotFound:
            return None

    def put(self, name: str, data: bytes) -> None:
        kind = "text/html; charset=utf-8" if name.endswith(".html") else "application/octet-stream"
        blob = self._opened().blob(name)
        blob.upload_from_string(data, content_type=kind, timeout=TIMEOUT_S)

    def names(self, prefix: str) -> list[str]:
        bucket = self._opened()
        return sorted(it.name for it in bucket.client.list_blobs(bucket, prefix=prefix))


def reader(project: str, bucket: str) -> Callable[[str], bytes | None]:
    """Reads objects of a bucket by name, None for none. Needs roles/storage.objectViewer."""
    opened: list[Any] = []

    def find(name: str) -> bytes | None:
        from google.api_core.exceptions import NotFound

        from shared.gcp import storage

        if not opened:
            opened.append(storage.bucket(project, bucket))
        try:
            return opened[0].blob(name).download_as_bytes(timeout=TIMEOUT_S)
        except NotFound:
            return None

    return find


def model_folder(generation: str) -> str:
    return f"generations/{generation}/model"


def zone_folder(generation: str, zone: str) -> str:
    return f"generations/{generation}/{zone}"


def packed(**arrays: Any) -> bytes:
    """Arrays as one object. No pickles: what is read back is numbers and text."""
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def unpacked(data: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}
