"""A master in, every rendition and every fact out: the whole of transcoding, without a cloud."""

import hashlib
import logging
import re
import signal
from dataclasses import dataclass, replace
from pathlib import Path

from functions.transcode import command, preview, tags
from functions.transcode.completeness import breaks_off
from functions.transcode.facts import Audio, Source
from functions.transcode.features import features
from functions.transcode.ladder import LADDER_VERSION, sample_rate_hz
from functions.transcode.loudness import summaries
from functions.transcode.packaging import package
from functions.transcode.pcm import Listener
from functions.transcode.probe import Probe, probe
from functions.transcode.refusals import Interrupted, LongAudio, Reason, Refused
from functions.transcode.run import Finished, Limits, run
from shared.ids import base62

log = logging.getLogger(__name__)

WAVEFORM = "base/waveform.json"
# A whole file may miss this much of what it declares: rounding, and encoders' delay.
_TOLERANCE_S = 0.2
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_FULL_DISK = re.compile(r"No space left on device|Cannot allocate memory")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is taken on here. Longer than `longest_s` is refused, than `inline_s` handed on."""

    longest_s: int = 4 * 3600
    inline_s: int = 20 * 60
    wall_s: float = 500.0


@dataclass(frozen=True, slots=True)
class Transcoded:
    """What is known of the master, and where its files are.

    `out` holds what belongs below `audio/{audio_id}/`, `covers` what belongs below `images/`.
    """

    source: Source
    out: Path
    covers: Path


def transcode_master(
    ffmpeg: str, master: Path, master_sha256: str, scratch: Path, bounds: Bounds
) -> Transcoded:
    """Probe, decode once, encode every rendition, package; all files below `scratch`.

    Raises:
        Refused: the master is at fault; its reason says how.
        LongAudio: it is longer than `bounds.inline_s`.
        Interrupted: something outside the file went wrong.
    """
    out, covers = scratch / "out", scratch / "covers"
    for folder in (out / "base", out / "high", out / "preview", covers):
        folder.mkdir(parents=True)
    if breaks_off(master):
        raise Refused(Reason.TRUNCATED, "the file breaks off before its own end")
    declared = probe(ffmpeg, master)
    _check_length(declared.declared_s or 0.0, bounds)
    rate_hz = sample_rate_hz(declared.sample_rate_hz)
    finished, listener = _encode(ffmpeg, master, out, declared, rate_hz, bounds)
    loudness = summaries(finished.stderr)
    if len(loudness) > 1:
        even = scratch / "even.flac"
        _check_end(run(command.flatten(ffmpeg, master, even, rate_hz), _limits(bounds)))
        finished, listener = _encode(
            ffmpeg, even, out, replace(declared, channels=2), rate_hz, bounds
        )
        loudness = summaries(finished.stderr)
    if len(loudness) != 1:
        raise Interrupted(f"loudness was not measured: {finished.stderr[-500:]}")
    duration_s = listener.total_samples / rate_hz
    audio_id = _audio_id(listener, rate_hz, ffmpeg)
    preview.write(ffmpeg, listener.excerpt(), scratch, out / preview.PATH)
    (out / WAVEFORM).write_bytes(listener.waveform())
    prefix = f"audio/{audio_id}/"
    renditions, manifests, gapless = package(out, prefix, duration_s)
    fingerprint = out / command.FINGERPRINT
    audio = Audio(
        audio_id=audio_id,
        duration_ms=round(duration_s * 1000),
        total_samples=listener.total_samples,
        sample_rate_hz=rate_hz,
        channels=declared.channels,
        integrated_lufs=loudness[0].integrated_lufs,
        true_peak_dbtp=loudness[0].true_peak_dbtp,
        gain_db=loudness[0].gain_db,
        mp3_delay=gapless.delay,
        mp3_padding=gapless.padding,
        fingerprint=fingerprint.read_text().strip(),
        renditions=renditions,
        manifests=manifests,
        preview_path=prefix + preview.PATH,
        waveform_path=prefix + WAVEFORM,
        features=features(listener.heard(), loudness[0].integrated_lufs),
    )
    fingerprint.unlink()
    return Transcoded(Source(master_sha256, audio, tags.read(master, covers)), out, covers)


def _encode(
    ffmpeg: str, master: Path, out: Path, declared: Probe, rate_hz: int, bounds: Bounds
) -> tuple[Finished, Listener]:
    """The one decode. The log holds two summaries of loudness if the format changed half-way:
    then timestamps began anew as well, and what was written is of no use."""
    listener = Listener(rate_hz, declared.declared_s)
    argv = command.argv(
        ffmpeg,
        master,
        out,
        channels=declared.channels,
        rate_hz=rate_hz,
        limit_s=min(bounds.longest_s, bounds.inline_s) + 1,
    )
    finished = run(argv, _limits(bounds), sink=listener)
    _check_end(finished)
    decoded_s = listener.total_samples / rate_hz
    if decoded_s == 0:
        raise Refused(Reason.DECODE_FAILED, "the audio decodes to nothing")
    _check_length(decoded_s, bounds)
    # A film's duration is that of its pictures, which may outlast the sound.
    if declared.declared_s is not None and not declared.has_video:
        missing_s = declared.declared_s - decoded_s
        if missing_s > _TOLERANCE_S:
            raise Refused(
                Reason.TRUNCATED,
                f"only {decoded_s:.1f} of {declared.declared_s:.1f} s could be decoded",
            )
    return finished, listener


def _limits(bounds: Bounds) -> Limits:
    return Limits(wall_s=bounds.wall_s, cpu_s=60 + min(bounds.longest_s, bounds.inline_s))


def _check_length(seconds: float, bounds: Bounds) -> None:
    if seconds > bounds.longest_s:
        raise Refused(Reason.TOO_LONG, f"longer than {bounds.longest_s // 60} minutes")
    if seconds > bounds.inline_s:
        raise LongAudio(f"{seconds:.0f} s")


def _check_end(finished: Finished) -> None:
    if finished.returncode == 0:
        return
    tail = finished.stderr[-500:]
    log.warning("ffmpeg ended with %d: %s", finished.returncode, tail)
    outside = finished.timed_out or finished.signal in _FROM_OUTSIDE
    if outside or _FULL_DISK.search(finished.stderr):
        raise Interrupted(f"ffmpeg ended with {finished.returncode}: {tail}")
    # A decoder that crashes does so because of what it was given.
    raise Refused(Reason.DECODE_FAILED, "the audio could not be decoded")


def _audio_id(listener: Listener, rate_hz: int, ffmpeg: str) -> str:
    """Equal audio, equal id, whatever file it came in; a new ladder or encoder, a new id."""
    # The bundled program's file name carries its version: ffmpeg-linux-x86_64-v9.0.2.
    parts = (listener.sha256.hex(), str(rate_hz), LADDER_VERSION, Path(ffmpeg).name)
    return base62(hashlib.sha256(" ".join(parts).encode()).digest())
