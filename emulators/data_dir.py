"""The folder that a local cloud keeps its data in: one cloud's at a time, and nothing else's."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"


class Unusable(RuntimeError):
    """The folder is in use, holds something else, or cannot be written; says which."""


@contextmanager
def claimed(folder: Path, *, fresh: bool = False) -> Iterator[Path]:
    """`folder`, made if need be, until the block is left; `fresh` forgets what it holds first.

    The kernel lets go of the lock with the process, however that ends.

    Raises:
        Unusable: another local cloud runs on it, it holds files that are none of a local cloud's
            (so that `fresh` never takes them away), or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_clouds(folder):
            raise Unusable(
                f"{folder} holds other files; a local cloud keeps its data in a folder of its own"
            )
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unusable(f"no data can be kept in {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(lock, 32, 0).decode() or "another one"
            raise Unusable(
                f"{folder} is in use by process {holder}; stop it, or choose another folder"
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        if fresh:
            _empty(folder)
        yield folder
    finally:
        os.close(lock)


def _is_clouds(folder: Path) -> bool:
    held = [it.name for it in folder.iterdir()]
    return not held or LOCK in held or {"keys", "run"} <= set(held)


def _empty(folder: Path) -> None:
    for it in folder.iterdir():
        if it.name == LOCK:
            continue
        if it.is_dir() and not it.is_symlink():
            shutil.rmtree(it)
        else:
            it.unlink()
