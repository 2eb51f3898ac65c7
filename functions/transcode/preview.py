"""A 30-second preview: silence trimmed and edges faded by pydub, from audio decoded already."""

import warnings
from pathlib import Path
from typing import Any

from functions.transcode.pcm import Excerpt
from functions.transcode.refusals import Interrupted
from functions.transcode.run import Limits, run

PATH = "preview/preview.m4a"
LENGTH_MS = 30_000
_FADE_IN_MS, _FADE_OUT_MS = 200, 1_500
_SILENCE_DBFS = -50.0
_STEP_MS = 50
_LIMITS = Limits(wall_s=60, cpu_s=30, file_size_bytes=64 << 20)


def cut(excerpt: Excerpt) -> bytes:
    """At most 30 s of the excerpt, without leading and trailing silence, faded in and out.

    An excerpt of nothing but silence is only shortened.
    """
    with warnings.catch_warnings():
        # pydub looks for an ffmpeg of its own, which it is never asked to start here.
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
        from pydub.silence import detect_leading_silence

        # Any: pydub's slices are typed as generators, which they are only with a step.
        audio: Any = AudioSegment(
            data=excerpt.pcm, sample_width=2, frame_rate=excerpt.rate_hz, channels=2
        )
    lead = detect_leading_silence(audio, _SILENCE_DBFS, _STEP_MS)
    if lead < len(audio):
        audio = audio[lead:]
    audio = audio[:LENGTH_MS]
    tail = detect_leading_silence(audio.reverse(), _SILENCE_DBFS, _STEP_MS)
    if tail < len(audio):
        audio = audio[: len(audio) - tail]
    length = len(audio)
    if length < 8:  # milliseconds: no room for edges, perhaps for nothing
        return bytes(audio.raw_data) or excerpt.pcm
    faded = audio.fade_in(min(_FADE_IN_MS, length // 4)).fade_out(min(_FADE_OUT_MS, length // 2))
    return bytes(faded.raw_data)


def write(ffmpeg: str, excerpt: Excerpt, scratch: Path, target: Path) -> None:
    """Encode `cut(excerpt)` as 96 kbps AAC in an MP4 that starts playing at once.

    Raises:
        Interrupted: the encoder did not finish.
    """
    raw = scratch / "preview.pcm"
    raw.write_bytes(cut(excerpt))
    finished = run(
        [
            ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y",
            "-protocol_whitelist", "file", "-f", "s16le", "-ar", str(excerpt.rate_hz),
            "-ch_layout", "stereo", "-i", str(raw),
            "-fflags", "+bitexact", "-flags:a", "+bitexact", "-c:a", "aac", "-b:a", "96k",
            "-movflags", "+faststart", "-f", "mp4", str(target),
        ],
        _LIMITS,
    )  # fmt: skip
    raw.unlink()
    if finished.returncode != 0:
        raise Interrupted(f"the preview was not encoded: {finished.stderr[-500:]}")
