"""Confinement: time, memory, output, environment, and life tied to the parent's."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from functions.transcode.run import Limits, run

ROOT = Path(__file__).resolve().parents[3]
LIMITS = Limits(wall_s=20, cpu_s=10)


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", code]


def test_output_and_exit_come_back():
    finished = run(python("import sys; print('out'); sys.exit('err')"), LIMITS)
    assert (finished.returncode, finished.stdout, finished.stderr) == (1, b"out\n", "err\n")
    assert finished.signal is None


def test_a_sink_gets_all_of_a_long_output():
    sizes: list[int] = []
    run(
        python("import sys; [sys.stdout.buffer.write(b'x' * 1000000) for _ in range(20)]"),
        LIMITS,
        sink=lambda chunk: sizes.append(len(chunk)),
    )
    assert sum(sizes) == 20_000_000


def test_a_sink_that_fails_ends_the_child():
    def full(chunk: bytes) -> None:
        raise OSError("no room")

    start = time.monotonic()
    with pytest.raises(OSError, match="no room"):
        run(python("import time; print('x', flush=True); time.sleep(60)"), LIMITS, sink=full)
    assert time.monotonic() - start < 10


def test_a_log_without_end_stays_small():
    finished = run(python("import sys; sys.stderr.write('a' * 3000000 + 'end')"), LIMITS)
    assert len(finished.stderr) <= 80 << 10
    assert finished.stderr.endswith("end")


def test_the_deadline_is_kept():
    finished = run(python("import time; time.sleep(60)"), Limits(wall_s=0.5, cpu_s=10))
    assert finished.timed_out
    assert finished.signal == 9


def test_cpu_memory_and_file_size_are_limited(tmp_path):
    spin = run(python("while True: pass"), Limits(wall_s=20, cpu_s=1))
    assert spin.signal is not None
    assert not spin.timed_out
    limits = Limits(wall_s=20, cpu_s=10, address_space_bytes=200 << 20, file_size_bytes=1000)
    assert "MemoryError" in run(python("bytearray(300 << 20)"), limits).stderr
    target = tmp_path / "big"
    run(python(f"open({str(target)!r}, 'wb').write(b'x' * 5000)"), limits)
    assert target.stat().st_size <= 1000


def test_nothing_of_the_environment_is_passed_on(monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_PARENT", "1")
    finished = run(python("import os; print('SECRET_OF_THE_PARENT' in os.environ)"), LIMITS)
    assert finished.stdout == b"False\n"


def test_a_child_dies_with_its_parent(tmp_path):
    pid_file = tmp_path / "pid"
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys; from functions.transcode.run import *;"
            f"run([sys.executable, '-I', '-c', {code!r}], Limits(wall_s=60, cpu_s=10))",
        ],
        cwd=ROOT,
    )  # fmt: skip
    child = _wait_for(lambda: int(pid_file.read_text()) if pid_file.exists() else 0)
    parent.kill()
    parent.wait()
    _wait_for(lambda: not _alive(child))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _wait_for(what):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if found := what():
                return found
        except ValueError:
            pass
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def test_the_parents_pid_is_checked_so_an_orphan_never_starts(tmp_path):
    confine = ROOT / "functions" / "transcode" / "confine.py"
    command = [sys.executable, "-I", "-S", str(confine), "1000000000", "5", "0", "1", "/bin/true"]
    done = subprocess.run(command, check=False)
    assert done.returncode == 9
    assert os.getpid() != 1
