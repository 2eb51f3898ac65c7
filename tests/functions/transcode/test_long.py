"""Two hours of audio: memory stays where it is for two minutes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# Runs in a process of its own, so that its memory is that of transcoding and nothing else.
CODE = """
import json, resource, sys, tempfile
from pathlib import Path
import imageio_ffmpeg
from functions.transcode.transcode import Bounds, transcode_master
with tempfile.TemporaryDirectory() as folder:
    bounds = Bounds(inline_s=4 * 3600, wall_s=3600)
    done = transcode_master(
        imageio_ffmpeg.get_ffmpeg_exe(), Path(sys.argv[1]), "0" * 64, Path(folder), bounds
    )
    audio = done.source.audio
    # Not RUSAGE_SELF: its peak is handed down through exec, here from a large test session.
    status = Path("/proc/self/status").read_text()
    own = int(status.partition("VmHWM:")[2].split()[0])
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
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
    peaks = {}
    for seconds in (120, 7200):
        path = tmp_path / f"{seconds}.flac"
        lavfi = ["-f", "lavfi", "-i", source.format(seconds=seconds), "-sample_fmt", "s16"]
        subprocess.run([ffmpeg, "-v", "error", *lavfi, str(path)], check=True)
        samples, printed, own_kib, child_kib = transcoded(path)
        assert samples == seconds * 44_100
        assert printed
        peaks[seconds] = own_kib + child_kib
    assert peaks[7200] < 175 * 1000
    assert peaks[7200] < peaks[120] + 15 * 1000
