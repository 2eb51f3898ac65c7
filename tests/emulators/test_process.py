"""A supervised process is restarted, stopped with all that it started, and never outlives us."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from emulators import process
from emulators.process import Process, Spec
from emulators.tree import ROOT

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True); time.sleep(600)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print('child', child.pid, flush=True); time.sleep(600)
"""


class Run:
    """A process and what it printed. Healthy is who has printed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, []
        self.made: list[Process] = []

    def process(self, program: str, *argv: str) -> Process:
        async def healthy() -> bool:
            return any(not line.startswith("exit") for line in self.lines)

        spec = Spec(
            name="it",
            argv=argv or (sys.executable, "-c", textwrap.dedent(program)),
            env={"PATH": os.environ["PATH"]},
            cwd=self.folder,
            healthy=healthy,
        )
        made = Process(spec, lambda _name, line: self.lines.append(line.decode()))
        self.made.append(made)
        return made


@pytest.fixture
async def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Run]:
    monkeypatch.setattr(process, "FIRST_BACKOFF_S", 0.05)
    monkeypatch.setattr(process, "GRACE_S", 1.0)
    started = Run(tmp_path)
    yield started
    await asyncio.gather(*(it.stop() for it in started.made))


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it polls the operating system
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_process_is_up_once_it_answers(run: Run) -> None:
    it = run.process(SLEEPER)
    it.start()
    await asyncio.wait_for(it.up.wait(), 15)
    assert it.state == "up"
    assert run.lines == ["up"]


async def test_killed_process_is_restarted(run: Run) -> None:
    it = run.process(SLEEPER)
    it.start()
    await asyncio.wait_for(it.up.wait(), 15)
    first = it.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: it.restarts == 1 and it.pid != first and it.up.is_set())
    assert "exit -9; restart 1 in 0.1 s" in run.lines
    assert not alive(first)


async def test_process_that_keeps_failing_is_restarted_ever_later(run: Run) -> None:
    it = run.process("import sys; sys.exit(3)")
    it.start()
    await until(lambda: it.restarts >= 3)
    assert [line.rpartition(" in ")[2] for line in run.lines[:3]] == ["0.1 s", "0.1 s", "0.2 s"]
    assert it.last_exit == 3


async def test_command_that_does_not_exist_is_said_and_tried_again(run: Run) -> None:
    it = run.process("", "/does/not/exist")
    it.start()
    await until(lambda: it.restarts >= 2)
    assert any("/does/not/exist" in line for line in run.lines)


async def test_what_a_killed_process_started_goes_with_it(run: Run) -> None:
    it = run.process(PARENT)
    it.start()
    await until(lambda: bool(run.lines))
    grandchild = int(run.lines[0].split()[1])
    assert it.pid is not None
    os.kill(it.pid, signal.SIGKILL)
    await until(lambda: it.restarts == 1 and not alive(grandchild), 5)


async def test_stop_is_gentle_first(run: Run) -> None:
    it = run.process(
        """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit(0)))
        print('up', flush=True); time.sleep(600)
        """
    )
    it.start()
    await asyncio.wait_for(it.up.wait(), 15)
    await it.stop()
    assert run.lines == ["up", "bye"]
    assert it.state == "stopped"
    assert it.restarts == 0


async def test_stop_kills_what_ignores_it(run: Run) -> None:
    it = run.process(STUBBORN)
    it.start()
    await asyncio.wait_for(it.up.wait(), 15)
    began = time.monotonic()
    await it.stop()
    assert it.pid is not None
    assert not alive(it.pid)
    assert 0.9 < time.monotonic() - began < 5


async def test_stop_leaves_no_grandchild(run: Run) -> None:
    it = run.process(PARENT)
    it.start()
    await until(lambda: bool(run.lines))
    await it.stop()
    await until(lambda: not alive(int(run.lines[0].split()[1])), 1)


async def test_stop_does_not_wait_for_a_restart(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FIRST_BACKOFF_S", 60.0)
    it = run.process("import sys; sys.exit(3)")
    it.start()
    await until(lambda: it.restarts == 1)
    began = time.monotonic()
    await it.stop()
    assert time.monotonic() - began < 0.5
    assert it.state == "stopped"


async def test_run_to_end_gives_the_exit_code(run: Run) -> None:
    assert await run.process("print('done'); raise SystemExit(7)").run_to_end() == 7
    assert run.lines == ["done"]


async def test_cancelled_run_leaves_nothing(run: Run) -> None:
    it = run.process(PARENT)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await it.run_to_end()
    assert it.pid is not None
    assert not alive(it.pid)
    await until(lambda: not alive(int(run.lines[0].split()[1])), 1)


async def test_line_that_is_too_long_stops_nothing(run: Run) -> None:
    it = run.process("print('x' * (3 << 20)); print('after')")
    assert await it.run_to_end() == 0
    assert run.lines == ["(a line too long to keep)", "after"]


async def test_process_dies_with_its_supervisor(tmp_path: Path) -> None:
    """Nobody is left to stop it when the supervisor itself is killed: the kernel does."""
    supervisor = f"""
import asyncio, os, sys
from pathlib import Path
from emulators.process import Process, Spec

async def healthy():
    return True

async def main():
    spec = Spec("it", (sys.executable, "-c", {SLEEPER!r}), dict(os.environ), Path("."), healthy)
    it = Process(spec, lambda *_: print(it.pid, flush=True))
    it.start()
    await asyncio.sleep(600)

asyncio.run(main())
"""
    with subprocess.Popen(  # noqa: ASYNC220 - its death is what is tested
        [sys.executable, "-c", supervisor],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert alive(pid)
        parent.kill()
        parent.wait()
    await until(lambda: not alive(pid))
