"""What a file claims to be, read from the log of a confined ffmpeg that decodes nothing."""

import re
from dataclasses import dataclass
from pathlib import Path

from functions.transcode.refusals import Interrupted, Reason, Refused
from functions.transcode.run import Finished, Limits, run

# Demuxers that read one file and nothing else. Playlists (hls, concat, dash, …) name other
# files and URLs, and are absent for that reason.
FORMATS = "wav,w64,aiff,mp3,flac,ogg,mov,aac,asf,matroska,caf"
INPUT_GUARDS = ("-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS)
LIMITS = Limits(wall_s=30, cpu_s=20, file_size_bytes=0)

# Lines that ffmpeg itself writes start with two spaces; tags, which the uploader writes,
# with four or more.
_DURATION = re.compile(r"^  Duration: (?:(\d+):(\d\d):(\d\d\.\d\d)|N/A)", re.MULTILINE)
_AUDIO = re.compile(r"^  Stream #0:\d+\S*: Audio: ([^\s,(]+).*?, (\d+) Hz, ([^,\n]+)", re.MULTILINE)
_VIDEO = re.compile(r"^  Stream #0:\d+\S*: Video: (?!.*\(attached pic\))", re.MULTILINE)
_INPUT = re.compile(r"^Input #0, (\S+), from ", re.MULTILINE)
_CHANNELS = {"mono": 1, "stereo": 2, "quad": 4}


@dataclass(frozen=True, slots=True)
class Probe:
    """What the file declares. `declared_s` is None where it states no trustworthy duration."""

    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    declared_s: float | None
    has_video: bool


def probe(ffmpeg: str, master: Path) -> Probe:
    """Look at `master` without decoding it.

    Raises:
        Refused: EMPTY, NOT_AUDIO, UNSUPPORTED_FORMAT or NO_AUDIO_STREAM.
        Interrupted: the look was cut short by something outside the file.
    """
    if master.stat().st_size == 0:
        raise Refused(Reason.EMPTY, "the file has no bytes")
    argv = [ffmpeg, "-hide_banner", "-nostdin", *INPUT_GUARDS, "-i", str(master)]
    return parse(run(argv, LIMITS))


def parse(finished: Finished) -> Probe:
    """Read the log of an ffmpeg that was given an input and no output.

    Raises:
        Refused, Interrupted: as `probe`.
    """
    log = finished.stderr
    found = _INPUT.search(log)
    if found is None:
        if finished.timed_out or finished.signal is not None:
            raise Interrupted(f"probing ended with {finished.returncode}: {log[-200:]}")
        if "not on whitelist" in log.lower() or "whitelist" in log.lower():
            raise Refused(Reason.UNSUPPORTED_FORMAT, "files of this format are not accepted")
        raise Refused(Reason.NOT_AUDIO, "the file is not audio of any known kind")
    audio = _AUDIO.search(log)
    if audio is None:
        if re.search(r"^  Stream #0:\d+\S*: Audio: ", log, re.MULTILINE):
            raise Refused(Reason.UNSUPPORTED_FORMAT, "the audio is in an unknown encoding")
        raise Refused(Reason.NO_AUDIO_STREAM, "the file holds no audio stream")
    return Probe(
        container=found[1].rstrip(","),
        codec=audio[1],
        sample_rate_hz=int(audio[2]),
        channels=_channel_count(audio[3]),
        declared_s=_declared(log),
        has_video=_VIDEO.search(log) is not None,
    )


def _declared(log: str) -> float | None:
    # Where ffmpeg divides size by bit rate, a truncated file would agree with itself.
    if "Estimating duration from bitrate" in log:
        return None
    found = _DURATION.search(log)
    if found is None or found[1] is None:
        return None
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


def _channel_count(layout: str) -> int:
    """ffmpeg's name of a channel layout as a count: `stereo` 2, `5.1(side)` 6, `3 channels` 3."""
    layout = layout.strip()
    if layout in _CHANNELS:
        return _CHANNELS[layout]
    if surround := re.match(r"(\d+)\.(\d)(?:\.(\d))?", layout):
        return sum(int(part) for part in surround.groups() if part)
    if counted := re.match(r"(\d+) channels", layout):
        return int(counted[1])
    return {"hexagonal": 6, "octagonal": 8, "downmix": 2, "hexadecagonal": 16}.get(layout, 2)
