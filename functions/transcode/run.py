"""A confined child process: limits, a deadline, bounded memory, nothing inherited."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_CONFINE = str(Path(__file__).with_name("confine.py"))
_CHUNK_BYTES = 1 << 20
_STDERR_HEAD_BYTES = 16 << 10
_STDERR_TAIL_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use. Address space is virtual, hence generous; `wall_s` is the deadline."""

    wall_s: float
    cpu_s: int
    address_space_bytes: int = 4 << 30
    file_size_bytes: int = 1 << 30
    stdout_bytes: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Finished:
    """How the child ended. `stderr` is its first 16 and last 64 KiB; `signal` killed it, if any."""

    returncode: int
    stdout: bytes
    stderr: str
    timed_out: bool

    @property
    def signal(self) -> int | None:
        return -self.returncode if self.returncode < 0 else None


def run(
    argv: Sequence[str],
    limits: Limits,
    *,
    sink: Callable[[bytes], None] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Run `argv` (its program an absolute path) and wait for its end.

    Its standard output goes to `sink` in chunks, or, up to `limits.stdout_bytes`, into the
    answer. It sees only `environ`, no input and no open file, and dies with this process.
    An error raised by `sink` ends the child and is raised on.
    """
    command = [
        sys.executable, "-I", "-S", _CONFINE,
        str(limits.address_space_bytes), str(limits.cpu_s), str(limits.file_size_bytes),
        str(os.getpid()), *argv,
    ]  # fmt: skip
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ or {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}),
        cwd=cwd,
        start_new_session=True,
        bufsize=0,
        pipesize=_CHUNK_BYTES,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        late = threading.Event()
        deadline = threading.Timer(limits.wall_s, _expire, (child, late))
        log = _Log()
        reader = threading.Thread(target=log.drain, args=(child.stderr,), daemon=True)
        deadline.start()
        reader.start()
        try:
            kept = _pass_on(child.stdout, sink, limits.stdout_bytes)
            returncode = child.wait()
        except BaseException:
            _kill(child)
            raise
        finally:
            deadline.cancel()
            reader.join()
    return Finished(returncode, kept, log.text(), late.is_set())


def _pass_on(stream: IO[bytes], sink: Callable[[bytes], None] | None, limit: int) -> bytes:
    kept = bytearray()
    while chunk := stream.read(_CHUNK_BYTES):
        if sink is not None:
            sink(chunk)
        elif len(kept) < limit:
            kept += chunk[: limit - len(kept)]
    return bytes(kept)


def _expire(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGKILL)


class _Log:
    """The head and the tail of a stream of unknown length, in bounded memory."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()

    def drain(self, stream: IO[bytes]) -> None:
        while chunk := stream.read(_CHUNK_BYTES):
            room = _STDERR_HEAD_BYTES - len(self._head)
            self._head += chunk[:room]
            self._tail += chunk[room:]
            del self._tail[:-_STDERR_TAIL_BYTES]

    def text(self) -> str:
        return (self._head + self._tail).decode("utf-8", "replace")
