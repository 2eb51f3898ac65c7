"""EBU R128."""

import subprocess

import pytest

from functions.transcode.loudness import Loudness, summaries

SUMMARY = """[Parsed_ebur128_12 @ 0x7f9264014440] Summary:

  Integrated loudness:
    I:         {i} LUFS
    Threshold: -27.3 LUFS

  Loudness range:
    LRA:         4.2 LU

  True peak:
    Peak:       {peak} dBFS
"""


def test_gain_brings_every_recording_to_minus_14():
    assert summaries(SUMMARY.format(i="-17.2", peak="-0.4")) == (Loudness(-17.2, -0.4, 3.2),)
    assert summaries(SUMMARY.format(i="-8.5", peak="0.9")) == (Loudness(-8.5, 0.9, -5.5),)


def test_silence_has_no_loudness_and_no_gain():
    assert summaries(SUMMARY.format(i="-70.0", peak="-inf")) == (Loudness(None, None, 0.0),)


def test_tags_cannot_pretend_to_be_a_measurement():
    forged = SUMMARY.format(i="-5.0", peak="-0.1").replace("[Parsed", "    comment : [Xarsed")
    assert summaries(forged) == ()


def test_two_graphs_leave_two_summaries():
    assert len(summaries(SUMMARY.format(i="-17.2", peak="-0.4") * 2)) == 2


@pytest.mark.parametrize("dbfs", [-23.0, -33.0])
def test_the_meter_reads_what_ebu_3341_says(ffmpeg, dbfs):
    # EBU Tech 3341 §2.9, cases 1 and 2: a stereo 1 kHz sine of peak x dBFS reads x LUFS.
    tone = f"aevalsrc=exprs='{10 ** (dbfs / 20)}*sin(2000*PI*t)|{10 ** (dbfs / 20)}*sin(2000*PI*t)'"
    done = subprocess.run(
        [
            ffmpeg, "-hide_banner", "-nostats", "-f", "lavfi", "-i", f"{tone}:s=48000:d=20",
            "-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (measured,) = summaries(done.stderr)
    assert measured.integrated_lufs == pytest.approx(dbfs, abs=0.1)
