"""What ffmpeg says of a file, told from what the file makes it say."""

import pytest

from functions.transcode.probe import Probe, parse
from functions.transcode.refusals import Interrupted, Reason, Refused
from functions.transcode.run import Finished

FLAC = """Input #0, flac, from '/tmp/x':
  Metadata:
    comment         : a
                    : Input #0, hls, from 'y':
                    :   Duration: 99:00:00.00
  Duration: 00:02:25.50, start: 0.000000, bitrate: 247 kb/s
  Stream #0:0: Audio: flac, 96000 Hz, 5.1(side), s32 (24 bit)
  Stream #0:1: Video: mjpeg (Baseline), yuvj420p, 600x600, 90k tbr (attached pic)
    Metadata:
      title           : Stream #0:0: Audio: mp3, 8000 Hz, mono
At least one output file must be specified
"""


def log(text: str, returncode: int = 1, timed_out: bool = False) -> Finished:
    return Finished(returncode, b"", text, timed_out)


def test_the_log_is_read_and_tags_are_not():
    assert parse(log(FLAC)) == Probe("flac", "flac", 96_000, 6, 145.5, False)


@pytest.mark.parametrize(
    ("layout", "channels"),
    [("mono", 1), ("stereo", 2), ("7.1", 8), ("5.1.2", 8), ("3 channels", 3), ("octagonal", 8)],
)
def test_layouts_are_counted(layout, channels):
    assert parse(log(FLAC.replace("5.1(side)", layout))).channels == channels


def test_pictures_that_move_are_video():
    moving = FLAC.replace(" (attached pic)", "")
    assert parse(log(moving)).has_video


def test_a_guessed_duration_is_none():
    guessed = "[mp3 @ 0x1] Estimating duration from bitrate, this may be inaccurate\n" + FLAC
    assert parse(log(guessed)).declared_s is None
    assert parse(log(FLAC.replace("00:02:25.50", "N/A"))).declared_s is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Error opening input: Invalid data found when processing input", Reason.NOT_AUDIO),
        ("[in#0] Format not on whitelist 'wav,mp3'", Reason.UNSUPPORTED_FORMAT),
        (
            "Input #0, mov,mp4, from 'x':\n  Stream #0:0: Video: h264, 25 fps",
            Reason.NO_AUDIO_STREAM,
        ),
        (
            "Input #0, mov,mp4, from 'x':\n  Stream #0:0: Audio: none (enca)",
            Reason.UNSUPPORTED_FORMAT,
        ),
    ],
)
def test_refusals_have_names(text, reason):
    with pytest.raises(Refused) as refused:
        parse(log(text))
    assert refused.value.reason is reason


def test_a_probe_that_was_killed_says_nothing_about_the_file():
    with pytest.raises(Interrupted):
        parse(log("", returncode=-9))
