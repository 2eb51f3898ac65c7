"""Object data on disk, under opaque names: written once, never changed, read in pieces."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulators.runtime.storage.digest import Digest
from emulators.runtime.storage.records import Blob

ALIGNMENT_BYTES = 256 * 1024
"""Unfinished resumable uploads keep whole multiples of this, as the service does."""

_FLUSH_BYTES = 1024 * 1024
_READ_BYTES = 512 * 1024
_WORKERS = 4


class Files:
    """The data files under one directory. Heavy work runs on a few threads, not on the loop."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        for shard in range(256):
            os.makedirs(f"{self._root}/{shard:02x}", exist_ok=True)
        self._pool = ThreadPoolExecutor(_WORKERS, "storage-files")

    def close(self) -> None:
        self._pool.shutdown()

    def fresh(self) -> str:
        """An unused opaque file name."""
        token = secrets.token_hex(16)
        return f"{token[:2]}/{token[2:]}"

    def writer(self) -> "Writer":
        """A writer of a new file."""
        return Writer(self, self.fresh(), Digest(), 0)

    async def resume(self, file: str) -> "Writer":
        """A writer that goes on after the aligned part of `file`; an absent file is empty."""
        digest, size = await self.run(self._digest_aligned, file)
        return Writer(self, file, digest, size)

    def read(self, file: str, start: int, length: int) -> "Reader":
        """`length` bytes from `start` of `file`, even if its name is deleted meanwhile."""
        return Reader(self, os.open(self.path(file), os.O_RDONLY | os.O_CLOEXEC), start, length)

    def link(self, file: str) -> str:
        """A second name for the same data, which lives on when the first is deleted."""
        other = self.fresh()
        os.link(self.path(file), self.path(other))
        return other

    async def concatenate(self, sources: list[str]) -> Blob:
        """The data of `sources`, one after the other, as a new file."""
        target = self.fresh()
        return await self.run(self._concatenate, sources, target)

    def delete(self, file: str) -> None:
        try:
            os.unlink(self.path(file))
        except FileNotFoundError:
            return

    def sweep(self, keep: Collection[str]) -> int:
        """Delete every file not in `keep` (left by a killed process); how many there were."""
        swept = 0
        for shard in os.listdir(self._root):
            for name in os.listdir(f"{self._root}/{shard}"):
                if (file := f"{shard}/{name}") not in keep:
                    self.delete(file)
                    swept += 1
        return swept

    def path(self, file: str) -> str:
        return f"{self._root}/{file}"

    async def run(self, work, *arguments):
        """`work(*arguments)` on a thread. If cancelled, still waits for the thread to be done."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def _digest_aligned(self, file: str) -> tuple[Digest, int]:
        path = self.path(file)
        size = os.path.getsize(path) if os.path.exists(path) else 0
        size -= size % ALIGNMENT_BYTES
        return (Digest.of_file(path, size) if size else Digest()), size

    def _concatenate(self, sources: list[str], target: str) -> Blob:
        digest, size = Digest(), 0
        try:
            with open(self.path(target), "xb") as out:
                for source in sources:
                    with open(self.path(source), "rb") as part:
                        while block := part.read(_FLUSH_BYTES):
                            out.write(block)
                            digest.update(block)
                            size += len(block)
        except BaseException:
            self.delete(target)
            raise
        return Blob(target, size, digest.crc32c, None)


class Reader:
    """A part of one file, in pieces of at most 512 KiB; to be closed by who asked for it."""

    __slots__ = ("_fd", "_files", "_left", "_start")

    def __init__(self, files: Files, fd: int, start: int, length: int) -> None:
        self._files = files
        self._fd = fd
        self._start = start
        self._left = length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._left > 0:
            size = min(_READ_BYTES, self._left)
            block = _read_cached(self._fd, self._start, size)
            if not block:
                block = await self._files.run(os.pread, self._fd, size, self._start)
            if not block:
                raise OSError("the file is shorter than its object")
            self._start += len(block)
            self._left -= len(block)
            yield block

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Writer:
    """Appends to one file and digests on the way; holds at most about 1 MiB in memory.

    `flushed` bytes are in the file, `size` counts those still held as well.
    """

    __slots__ = ("_digest", "_fd", "_files", "_held", "file", "flushed")

    def __init__(self, files: Files, file: str, digest: Digest, flushed: int) -> None:
        self._files = files
        self._digest = digest
        self._held = bytearray()
        self._fd = -1
        self.file = file
        self.flushed = flushed

    @property
    def size(self) -> int:
        return self.flushed + len(self._held)

    async def write(self, data: bytes | memoryview) -> None:
        self._held += data
        if len(self._held) >= _FLUSH_BYTES:
            await self._files.run(self._flush, self._aligned())

    def keep_aligned(self) -> None:
        """Put down whole blocks, forget the rest of what is held, and close."""
        self._flush(self._aligned())
        self._held.clear()
        self._close()

    async def finish(self) -> Blob:
        """Put down everything; the file is whole."""
        if len(self._held) > ALIGNMENT_BYTES:
            await self._files.run(self._flush, len(self._held))
        else:
            self._flush(len(self._held))
        self._close()
        return Blob(self.file, self.flushed, self._digest.crc32c, self._digest.md5)

    def discard(self) -> None:
        """Forget the file."""
        self._held.clear()
        self._close()
        self._files.delete(self.file)

    def _aligned(self) -> int:
        return self.size - self.size % ALIGNMENT_BYTES - self.flushed

    def _flush(self, length: int) -> None:
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(self._files.path(self.file), flags, 0o600)
            if self.flushed:
                os.ftruncate(self._fd, self.flushed)
                os.lseek(self._fd, self.flushed, os.SEEK_SET)
        if length <= 0:
            return
        with memoryview(self._held) as held, held[:length] as block:
            at = 0
            while at < length:
                at += os.write(self._fd, block[at:])
            self._digest.update(block)
        self.flushed += length
        del self._held[:length]

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _read_cached(fd: int, start: int, size: int) -> bytes | None:
    """Data that the page cache has at hand; None where the disk would have to be waited for."""
    if not hasattr(os, "RWF_NOWAIT"):
        return None
    buffer = bytearray(size)
    try:
        got = os.preadv(fd, [buffer], start, os.RWF_NOWAIT)
    except OSError:
        return None
    return bytes(buffer) if got == size else bytes(buffer[:got])
