"""A supervised process: started, watched, restarted as Cloud Run would, stopped with its group."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FIRST_BACKOFF_S = 0.2
LAST_BACKOFF_S = 5.0
STEADY_S = 30.0
"""A process that ran this long is no longer failing: its backoff starts anew."""
GRACE_S = 10.0
"""Between SIGTERM and SIGKILL, as Cloud Run gives."""
LAST_WORDS_S = 1.0
"""For the output of a process that has ended to arrive."""
LONGEST_LINE_BYTES = 1 << 20
CANNOT_START = 127
"""As a shell's exit code for a command that is not there."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run. `healthy` says whether it works; `stage` orders the stop (high first)."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    healthy: Callable[[], Awaitable[bool]]
    stage: int = 0


@dataclass(slots=True)
class Process:
    """A `Spec` kept alive. `state` is starting, up, restarting, stopped or failed."""

    spec: Spec
    log: Callable[[str, bytes], None]
    state: str = "starting"
    restarts: int = 0
    pid: int | None = None
    started_at: float = 0.0
    last_exit: int | None = None
    _stopping: bool = False
    _child: asyncio.subprocess.Process | None = None
    _task: asyncio.Task[None] | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_alive(), name=self.spec.name)

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL to the whole group after the grace period."""
        self._stopping = True
        if self._child is not None and self._child.returncode is None:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._child.wait(), GRACE_S)
            except TimeoutError:
                self._signal(signal.SIGKILL)
                await self._child.wait()
            if self._task is not None:  # it clears up, and says what was said last
                await asyncio.wait([self._task], timeout=GRACE_S)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.state = "stopped"

    async def run_to_end(self) -> int:
        """Run once, without restarts, and give the exit code. Cancelling kills the group."""
        await self._run_once()
        assert self.last_exit is not None
        return self.last_exit

    async def _keep_alive(self) -> None:
        backoff = FIRST_BACKOFF_S
        while not self._stopping:
            self.started_at = time.monotonic()
            await self._run_once()
            if self._stopping:
                return
            if time.monotonic() - self.started_at > STEADY_S:
                backoff = FIRST_BACKOFF_S
            self.restarts += 1
            self.state = "restarting"
            self.up.clear()
            self.log(
                self.spec.name,
                f"exit {self.last_exit}; restart {self.restarts} in {backoff:.1f} s".encode(),
            )
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LAST_BACKOFF_S)

    async def _run_once(self) -> None:
        reader = asyncio.StreamReader()
        read, write = os.pipe()
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader),
            os.fdopen(read, "rb", buffering=0),
        )
        try:
            # A pipe of our own: the end of the process must not wait for the end of its output,
            # which what it started in its turn may hold open.
            self._child = await asyncio.create_subprocess_exec(
                *self.spec.argv,
                env=dict(self.spec.env),
                cwd=self.spec.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            self.last_exit = CANNOT_START
            self.log(self.spec.name, f"cannot start: {error}".encode())
            pipe.close()
            return
        finally:
            os.close(write)
        self.pid = self._child.pid
        watch = asyncio.create_task(self._watch_health())
        copy = asyncio.create_task(self._copy(reader))
        try:
            self.last_exit = await self._child.wait()
        finally:
            watch.cancel()
            self._signal(signal.SIGKILL)  # what is left of its group
            await self._child.wait()
            await asyncio.wait([copy], timeout=LAST_WORDS_S)
            copy.cancel()
            pipe.close()

    async def _copy(self, stream: asyncio.StreamReader) -> None:
        rest, skipping = b"", False
        while chunk := await stream.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if not skipping:
                    self.log(self.spec.name, line)
                skipping = False
            if len(rest) > LONGEST_LINE_BYTES:
                if not skipping:
                    self.log(self.spec.name, b"(a line too long to keep)")
                rest, skipping = b"", True
        if rest and not skipping:
            self.log(self.spec.name, rest)

    async def _watch_health(self) -> None:
        while not await self.spec.healthy():  # noqa: ASYNC110 - it polls another process
            await asyncio.sleep(0.05)
        self.state = "up"
        self.up.set()

    def _signal(self, number: int) -> None:
        if self.pid is not None:
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                return
