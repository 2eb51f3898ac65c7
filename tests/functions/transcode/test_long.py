"""Two hours of audio: memory stays where it is for two minutes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# Runs in a process of its own, so that its memory is that of transcoding and nothing else.
CODE = """
import json, os, sys, tempfile, threading
from pathlib import Path
import imageio_ffmpeg
from functions.transcode.transcode import Bounds, transcode_master

def peak_kib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return status.split()[1], int(status.partition("VmHWM:")[2].split()[0])

# Not RUSAGE_SELF and RUSAGE_CHILDREN: peaks are handed down through exec, to this process from a
# large test session, and from this one to its children. So they are watched while they run.
children, over = {}, threading.Event()
def watch():
    me = os.getpid()
    while not over.wait(0.05):
        for thread in Path(f"/proc/{me}/task").iterdir():
            try:
                for pid in (thread / "children").read_text().split():
                    name, kib = peak_kib(pid)
                    if name.startswith("ffmpeg"):
                        children[pid] = max(kib, children.get(pid, 0))
            except (OSError, ValueError, IndexError):
                continue
threading.Thread(target=watch, daemon=True).start()
with tempfile.TemporaryDirectory() as folder:
    bounds = Bounds(inline_s=4 * 3600, wall_s=3600)
    done = transcode_master(
        imageio_ffmpeg.get_ffmpeg_exe(), Path(sys.argv[1]), "0" * 64, Path(folder), bounds
    )
    over.set()
    audio = done.source.audio
    own, child = peak_kib("self")[1], max(children.values())
    print(json.dumps([audio.total_samples, audio.fingerprint != "", own, child]))
"""


def transcoded(path: Path) -> tuple[int, bool, int, int]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, str(path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    samples, printed, own_kib, child_kib = json.loads(done.stdout)
    return samples, printed, own_kib, child_kib


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_two_hours_take_no_more_memory_than_two_minutes(ffmpeg, tmp_path):
    # A tone that is mostly silence: encoders hurry over it, muxers and readers do not.
    source = "aevalsrc=exprs='0.3*sin(880*PI*t)*lt(mod(t\\,60)\\,1)':s=44100:d={seconds}"
    peaks: dict[int, tuple[int, int]] = {}
    for seconds in (120, 7200):
        path = tmp_path / f"{seconds}.flac"
        lavfi = ["-f", "lavfi", "-i", source.format(seconds=seconds), "-sample_fmt", "s16"]
        subprocess.run([ffmpeg, "-v", "error", *lavfi, str(path)], check=True)
        samples, printed, own_kib, child_kib = transcoded(path)
        assert samples == seconds * 44_100
        assert printed
        peaks[seconds] = own_kib, child_kib
    # How far readers and encoders fall apart is up to the scheduler, within ffmpeg's queues. What
    # was kept of two hours would be 288 MB of the top rendition alone, 2.5 GB of PCM.
    assert sum(peaks[7200]) < 175 * 1000
    for two_hours, two_minutes in zip(peaks[7200], peaks[120], strict=True):
        assert two_hours < two_minutes + 20 * 1000, peaks
