"""Masters made by ffmpeg on the spot, so that the suite means something without other files."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from functions.transcode.transcode import Bounds, Transcoded, transcode_master

Make = Callable[..., Path]

# Two voices, a beat and a little noise: enough going on for encoders to have work to do.
MUSIC = (
    "aevalsrc=exprs='0.3*sin(440*2*PI*t)*(1-mod(t\\,0.5))+0.2*sin((550+20*sin(3*t))*2*PI*t)"
    "+0.02*(random(0)-0.5)|0.3*sin(330*2*PI*t)*(1-mod(t\\,0.25))+0.02*(random(1)-0.5)'"
)


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    return imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture(scope="session")
def make(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """`make("a.flac", seconds=3, rate=48000, options=("-sample_fmt", "s32"))`: a file of music."""
    folder = tmp_path_factory.mktemp("masters")

    def one(
        name: str, *, seconds: float = 3, rate: int = 44_100, options: tuple[str, ...] = ()
    ) -> Path:
        path = folder / name
        if not path.exists():
            source = f"{MUSIC}:s={rate}:d={seconds}"
            subprocess.run(
                [ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", source, *options, str(path)],
                check=True,
            )
        return path

    return one


@pytest.fixture(scope="session")
def done(
    ffmpeg: str, make: Make, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Transcoded, Path]:
    """27 seconds of music, transcoded once for all tests that look at the result."""
    master = make("long.flac", seconds=27.123)
    folder = tmp_path_factory.mktemp("transcoded")
    return transcode_master(ffmpeg, master, "0" * 64, folder, Bounds()), master


@pytest.fixture(scope="session")
def decode(ffmpeg: str) -> Callable[..., bytes]:
    """`decode(path)`: the file's audio as float32, complaints being errors."""

    def one(path: Path, *options: str, output: tuple[str, ...] = ()) -> bytes:
        command = [ffmpeg, "-v", "error", *options, "-i", str(path), *output, "-f", "f32le", "-"]
        done = subprocess.run(command, check=True, capture_output=True, timeout=60)
        assert done.stderr == b"", done.stderr[-500:]
        return done.stdout

    return one
