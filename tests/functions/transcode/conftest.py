"""Masters made by ffmpeg on the spot, so that the suite means something without other files."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

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
