"""Tempo, its certainty and the bar, from how strongly notes set in. Pure.

Autocorrelation of the onset strength with a preference for tempi that people tap to
(Ellis, "Beat tracking by dynamic programming", 2007); certainty is the pulse clarity of
Lartillot et al. (ISMIR 2008); the bar is where 3 or 4 beats repeat best (Gainza & Coyle, 2007).
"""

from dataclasses import dataclass

import numpy as np

SLOWEST_BPM, FASTEST_BPM = 50.0, 210.0
_PREFERRED_BPM = 115.0
_OCTAVES = 0.9
_WINDOW_S = 24.0
_SMOOTH_S = 0.4
_CLEAR = 0.2


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`clarity` from 0 (no beat) to 1; `time_signature` in beats a bar."""

    tempo_bpm: float
    clarity: float
    time_signature: int


def rhythm(onsets: np.ndarray, frames_hz: float) -> Rhythm:
    """The prevailing rhythm. Without any onset, tempo 0."""
    strength = _above_surroundings(onsets, frames_hz)
    repeats = _repeats(strength, frames_hz)
    lags = np.arange(len(repeats))
    shortest = int(frames_hz * 60 / FASTEST_BPM)
    longest = min(int(frames_hz * 60 / SLOWEST_BPM) + 1, len(repeats) // 2)
    if longest - shortest < 3 or not repeats.any():
        return Rhythm(0.0, 0.0, 4)
    bpm = 60 * frames_hz / np.maximum(lags, 1)
    liked = np.exp(-0.5 * (np.log2(bpm / _PREFERRED_BPM) / _OCTAVES) ** 2)
    # A beat repeats after two and four as well; half a beat does so more weakly than a whole one.
    support = repeats.copy()
    for times, weight in ((2, 0.5), (4, 0.25)):
        at = np.minimum(lags * times, len(repeats) - 1)
        support += weight * np.where(lags * times < len(repeats), _widest(repeats)[at], 0)
    value = (support * liked)[shortest:longest]
    lag = shortest + int(value.argmax())
    exact = _exact(repeats, lag)
    clarity = float(np.clip(repeats[max(0, lag - 1) : lag + 2].max(), 0.0, 1.0))
    bar = _bar(repeats, exact) if clarity > _CLEAR else 4
    return Rhythm(round(float(60 * frames_hz / exact), 3), clarity, bar)


def _above_surroundings(onsets: np.ndarray, frames_hz: float) -> np.ndarray:
    width = max(3, int(_SMOOTH_S * frames_hz))
    if len(onsets) < 2 * width:
        return np.zeros(0)
    mean = np.convolve(onsets, np.ones(width) / width, mode="same")
    return np.maximum(onsets - mean, 0.0)


def _repeats(strength: np.ndarray, frames_hz: float) -> np.ndarray:
    """Normalised autocorrelation, the mean over windows: a tempo that drifts keeps its peak."""
    window = min(int(_WINDOW_S * frames_hz), len(strength))
    # Beyond that so few frames overlap that chance decides.
    lags = np.arange(int(0.7 * window))
    total = np.zeros(len(lags))
    energy = 0.0
    step = max(1, window // 2)
    for start in range(0, max(1, len(strength) - window + 1), step):
        part = strength[start : start + window]
        part = part - part.mean() if len(part) else part
        spectrum: np.ndarray = np.fft.rfft(part, 2 * window) if window else np.zeros(2)
        found = np.fft.irfft(np.abs(spectrum) ** 2, 2 * window or 2)[: len(lags)]
        found *= window / np.maximum(window - lags, 1)
        total += found
        energy += float(found[0]) if len(found) else 0.0
    return total / energy if energy > 0 else np.zeros_like(total)


def _widest(values: np.ndarray) -> np.ndarray:
    """The larger of each value and its two neighbours: multiples of a lag are off by a frame."""
    padded = np.pad(values, 1, mode="edge")
    return np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])


def _exact(repeats: np.ndarray, lag: int) -> float:
    """`lag` to a fraction of a frame, by the peaks at its multiples: their error is divided."""
    exact = float(lag)
    for times in (1, 2, 4, 8):
        centre = round(exact * times)
        reach = 1 if times > 1 else 2
        if centre + reach + 1 >= len(repeats):
            break
        at = centre - reach + int(repeats[centre - reach : centre + reach + 1].argmax())
        a, b, c = repeats[at - 1 : at + 2]
        if b < 0.02 or b < a or b < c:
            break
        bend = a - 2 * b + c
        exact = (at + (0.5 * (a - c) / bend if bend < 0 else 0.0)) / times
    return exact


def _bar(repeats: np.ndarray, beat: float) -> int:
    wide = _widest(repeats)

    def at(beats: int) -> float:
        lag = round(beats * beat)
        return float(wide[lag]) if lag < len(wide) else 0.0

    three, four = at(3) + at(6), at(4) + at(8)
    return 3 if three > 0 and three > 1.04 * max(four, at(2) + at(4)) else 4
