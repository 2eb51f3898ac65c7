"""A four-minute FLAC to the full ladder: ours, pydub, one ffmpeg a rendition, one bare ffmpeg.

    python -m benchmarks.transcode [--rounds N] [--seconds S] [--methods ours,bare,…]

The peers write the same renditions with the same encoder options and do nothing else; ours also
measures loudness, draws the waveform, takes a fingerprint and a content hash, cuts the preview,
reads tags and writes manifests. Each method runs in a process of its own; CPU is that of its whole
tree, memory the most that the tree's resident sets summed to. The best of the rounds counts.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from benchmarks.report import emit

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
RATE_HZ = 44_100

# Four chords in turn, a bass, a decaying beat and noise under it: tonal, with attacks, not silent.
_VOICE = (
    "0.12*sin(2*PI*t*{a}*pow(2\\,floor(mod(t\\,8)/2)/12))"
    "+0.10*sin(2*PI*t*{b}*pow(2\\,floor(mod(t\\,8)/2)/12)+0.3*sin(5*t))"
    "+0.08*sin(2*PI*t*{c})*exp(-6*mod(t\\,0.5))"
    "+0.25*sin(2*PI*55*t)*exp(-12*mod(t\\,0.5))"
    "+0.15*(random({seed})-0.5)*exp(-20*mod(t+0.25\\,0.5))+0.01*(random({seed})-0.5)"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a method took: seconds by the clock, seconds of CPU, bytes of memory at the most."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def make_master(path: Path, seconds: int) -> None:
    """A deterministic stereo FLAC at 44.1 kHz, 16 bit."""
    left = _VOICE.format(a=220, b=277.2, c=1760, seed=0)
    right = _VOICE.format(a=220, b=329.6, c=2217, seed=1)
    source = f"aevalsrc=exprs='{left}|{right}':s={RATE_HZ}:d={seconds}"
    subprocess.run(
        [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", source, "-sample_fmt", "s16", str(path)],
        check=True,
    )


def ours(master: Path, out: Path) -> None:
    from functions.transcode.transcode import Bounds, transcode_master

    sha256 = hashlib.sha256(master.read_bytes()).hexdigest()
    bounds = Bounds(inline_s=4 * 3600, wall_s=3600)
    transcode_master(FFMPEG, master, sha256, out, bounds)


def bare(master: Path, out: Path) -> None:
    """One process, every rendition, each mapped straight from the input."""
    argv = [FFMPEG, "-v", "error", "-y", "-i", str(master)]
    for options in _renditions(out):
        argv += ["-map", "0:a:0", *options]
    subprocess.run(argv, check=True)


def each(master: Path, out: Path) -> None:
    """One process a rendition, one after the other."""
    for options in _renditions(out):
        subprocess.run([FFMPEG, "-v", "error", "-y", "-i", str(master), *options], check=True)


def pydub(master: Path, out: Path) -> None:
    """One export a rendition, of one `AudioSegment`."""
    from functions.transcode.ladder import LADDER

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
    AudioSegment.converter = FFMPEG
    # With the codec named it needs no ffprobe.
    audio = AudioSegment.from_file(str(master), format="flac", codec="flac")
    containers = {
        "aac": ("mp4", "aac"),
        "mp3": ("mp3", "libmp3lame"),
        "vorbis": ("ogg", "libvorbis"),
    }
    for rung in LADDER:
        container, codec = containers[rung.codec]
        rate_hz = RATE_HZ // 2 if rung.half_rate else RATE_HZ
        audio.export(
            str(out / rung.name), format=container, codec=codec, bitrate=f"{rung.kbps}k",
            parameters=[*rung.options, "-ac", str(rung.channels), "-ar", str(rate_hz)],
        )  # fmt: skip


def _renditions(out: Path) -> list[list[str]]:
    """The ladder as ffmpeg output options."""
    from functions.transcode.command import encoding
    from functions.transcode.ladder import LADDER

    return [
        [
            "-ac", str(rung.channels), "-ar", str(RATE_HZ // 2 if rung.half_rate else RATE_HZ),
            *encoding(rung), str(out / rung.name),
        ]
        for rung in LADDER
    ]  # fmt: skip


METHODS = {"ours": ours, "bare": bare, "each": each, "pydub": pydub}


def measure(method: str, master: Path, out: Path) -> Cost:
    """Run a method in a process of its own and see what it and its children take."""
    start = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.transcode", "--run", method, str(master), str(out)]
    )
    meter = _Memory(child.pid)
    meter.start()
    _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - start
    meter.over.set()
    meter.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{method} failed")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, meter.peak_bytes)


class _Memory(threading.Thread):
    """Watches the resident memory of a process and all below it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.over = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        import psutil

        while not self.over.wait(0.05):
            try:
                root = psutil.Process(self._pid)
                tree = [root, *root.children(recursive=True)]
                total = sum(process.memory_info().rss for process in tree)
            except psutil.Error:
                continue
            self.peak_bytes = max(self.peak_bytes, total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--run", nargs=3, metavar=("METHOD", "MASTER", "OUT"))
    given = parser.parse_args()
    if given.run:
        method, master, out = given.run
        METHODS[method](Path(master), Path(out))
        return
    best: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        master = Path(folder) / "master.flac"
        make_master(master, given.seconds)
        for number in range(given.rounds):
            for method in given.methods.split(","):
                with tempfile.TemporaryDirectory(dir=folder) as out:
                    cost = measure(method, master, Path(out))
                print(
                    f"{number + 1} {method:6} wall {cost.wall_s:7.2f} s  cpu {cost.cpu_s:7.2f} s"
                    f"  peak {cost.peak_bytes / 1e6:6.1f} MB",
                    flush=True,
                )
                before = best.get(method, cost)
                best[method] = Cost(
                    min(before.wall_s, cost.wall_s),
                    min(before.cpu_s, cost.cpu_s),
                    max(before.peak_bytes, cost.peak_bytes),
                )
    if set(best) != set(METHODS):
        return
    emit(
        "transcode",
        "s",
        best["ours"].wall_s,
        peers={"pydub": best["pydub"].wall_s, "one ffmpeg a rendition": best["each"].wall_s},
        floor=best["bare"].wall_s,
        higher_is_better=False,
        peer="one ffmpeg a rendition",
        cpu_s={method: round(cost.cpu_s, 2) for method, cost in best.items()},
        peak_mb={method: round(cost.peak_bytes / 1e6, 1) for method, cost in best.items()},
        ratio_floor_cpu=round(best["bare"].cpu_s / best["ours"].cpu_s, 3),
        cores=os.cpu_count(),
        seconds_of_audio=given.seconds,
    )


if __name__ == "__main__":
    main()
