"""What is gathered while the audio streams by."""

import hashlib
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.transcode.pcm import Listener
from functions.transcode.preview import LENGTH_MS, cut
from functions.transcode.waveform import Waveform

RATE = 8_000


def sine(seconds: float, amplitude: float = 0.5) -> np.ndarray:
    times = np.arange(int(seconds * RATE)) / RATE
    one = (amplitude * np.sin(2 * np.pi * 440 * times)).astype("<f4")
    return np.stack((one, one), axis=1)


def heard(audio: np.ndarray, cuts: list[int], expected_s: float | None = None) -> Listener:
    listener = Listener(RATE, expected_s)
    data = audio.tobytes()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        listener(data[start:end])
    return listener


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 1 << 20), max_size=12))
def test_how_the_stream_is_cut_makes_no_difference(cuts):
    audio = sine(2.3)
    whole, parts = heard(audio, []), heard(audio, cuts)
    assert parts.total_samples == len(audio)
    assert parts.sha256 == hashlib.sha256(audio.tobytes()).digest()
    assert parts.waveform() == whole.waveform()
    assert parts.excerpt() == whole.excerpt()


def test_the_waveform_has_the_peaks_and_few_points():
    drawing = Waveform(RATE)
    drawing.add(sine(60, 0.25))
    drawing.add(sine(60, 1.0))
    found = json.loads(drawing.json())
    assert found["version"] == 2
    assert found["bits"] == 8
    assert found["length"] * 2 == len(found["data"]) <= 2 * 1800
    points = np.array(found["data"]).reshape(-1, 2)
    assert points[2].tolist() == [-32, 32]
    assert points[-2].tolist() == [-127, 127]
    covered_s = found["length"] * found["samples_per_pixel"] / RATE
    assert covered_s == pytest.approx(120, rel=0.01)


def test_what_is_not_a_number_is_drawn_as_silence():
    drawing = Waveform(RATE)
    drawing.add(np.full((2048, 2), np.nan, dtype="<f4"))
    assert set(json.loads(drawing.json())["data"]) == {0}


def test_the_excerpt_starts_a_quarter_in_and_is_bounded():
    seconds = 400
    listener = Listener(RATE, seconds)
    for second in range(seconds):
        listener(np.full((RATE, 2), second / 1000, dtype="<f4").tobytes())
    pcm = np.frombuffer(listener.excerpt().pcm, dtype="<i2").reshape(-1, 2)
    assert len(pcm) == 45 * RATE
    assert round(pcm[0, 0] / 32.767) == 30


def test_of_a_short_or_unknown_length_it_starts_at_the_start():
    for expected in (None, 20.0):
        listener = heard(sine(50), [], expected)
        assert len(listener.excerpt().pcm) == 45 * RATE * 4


def test_a_preview_drops_silence_and_fades():
    silence = np.zeros((RATE * 2, 2), dtype="<f4")
    listener = heard(np.concatenate((silence, sine(5), silence)), [])
    pcm = np.frombuffer(cut(listener.excerpt()), dtype="<i2").reshape(-1, 2)
    assert len(pcm) / RATE == pytest.approx(5, abs=0.15)
    assert abs(pcm[:40]).max() < 1000
    assert abs(pcm[-40:]).max() < 1000
    assert abs(pcm).max() > 16_000


def test_a_preview_is_at_most_thirty_seconds():
    assert len(cut(heard(sine(44), []).excerpt())) == LENGTH_MS // 1000 * RATE * 4


@pytest.mark.parametrize("seconds", [0.0005, 0.02, 1])
def test_a_preview_of_little_or_silence_is_still_one(seconds):
    silence = np.zeros((max(1, int(seconds * RATE)), 2), dtype="<f4")
    assert len(cut(heard(silence, []).excerpt())) > 0
