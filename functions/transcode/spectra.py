"""The decoded audio as short spectra, summed up as it streams by: what features are made of.

Memory does not grow with the length of the audio, but for one number a frame of its first half
hour: rhythm needs them in their order.
"""

from dataclasses import dataclass

import numpy as np

WINDOW = 2048
HOP = 512
BANDS = 40
CEPSTRA = 13
PITCH_WINDOW = 8192
PITCH_HOP = 8192
MOST_FRAMES = 80_000
"""Half an hour at 44.1 kHz."""

_BATCH = 1 << 17
_TINY = 1e-10
# Half-band low pass by the windowed sinc: halves the rate with aliases 50 dB down.
_SIDE = (-0.0101, 0.0, 0.0452, 0.0, -0.1384, 0.0, 0.6033)
_HALF = np.array([*_SIDE, 1.0, *_SIDE[::-1]], dtype=np.float32) / 2.0


@dataclass(frozen=True, slots=True)
class Summary:
    """What was heard. Per-frame rows at `frames_hz`; spectra are of the mono sum at half rate.

    `onsets` is the spectral flux of each frame (of the cube roots of mel bands, which is how
    loud they are heard: Stevens, 1957), `attack` its share of all loudness, `levels` the power
    in dB, `voiced` that between 300 and 3,400 Hz; `cepstra` and `deviations` are means
    and standard deviations of mel cepstra; `chroma` is the weight of each pitch class, from C.
    """

    seconds: float
    frames_hz: float
    onsets: np.ndarray
    levels: np.ndarray
    voiced: np.ndarray
    cepstra: np.ndarray
    deviations: np.ndarray
    chroma: np.ndarray
    rms_db: float
    centroid_hz: float
    centroid_deviation: float
    flatness: float
    treble: float
    bass: float
    width: float
    attack: float


class Spectra:
    """Takes stereo float32 frames of any number at `rate_hz`."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz / 2
        self._samples = 0
        self._waiting: list[np.ndarray] = []
        self._held = 0
        self._tail = np.zeros((0, 2), dtype=np.float32)
        self._mono = np.zeros(0, dtype=np.float32)
        self._pitch = np.zeros(0, dtype=np.float32)
        self._window = np.hanning(WINDOW).astype(np.float32)
        self._mel = mel_bank(self._rate_hz, WINDOW, BANDS)
        self._dct = _cosines(CEPSTRA, BANDS)
        self._hz = np.fft.rfftfreq(WINDOW, 1 / self._rate_hz).astype(np.float32)
        self._voice = (self._hz > 300) & (self._hz < 3400)
        self._tone = _Chroma(self._rate_hz)
        self._last = np.zeros((0, BANDS), dtype=np.float32)
        self._rows: list[np.ndarray] = []
        self._kept = 0
        self._frames = 0
        self._sum = np.zeros(CEPSTRA)
        self._squares = np.zeros(CEPSTRA)
        self._totals = np.zeros(7)
        self._middle = self._sides = 0.0
        self._attack = self._loudness = 0.0

    def add(self, frames: np.ndarray) -> None:
        """More audio. Samples that are no numbers count as silence."""
        self._samples += len(frames)
        self._waiting.append(frames)
        self._held += len(frames)
        if self._held >= _BATCH:
            held = np.concatenate(self._waiting)
            # Always the same batches, however the audio came: sums differ in their last digits
            # when they are taken in another order.
            whole = len(held) // _BATCH * _BATCH
            for start in range(0, whole, _BATCH):
                self._flush(held[start : start + _BATCH])
            self._waiting, self._held = [held[whole:].copy()], len(held) - whole

    def summary(self) -> Summary:
        """Of all that was added; call it once, at the end."""
        if self._held:
            self._flush(np.concatenate(self._waiting))
            self._waiting, self._held = [], 0
        rows = np.concatenate(self._rows) if self._rows else np.zeros((0, 3), dtype=np.float32)
        count = max(1, self._frames)
        mean = self._sum / count
        spread = np.sqrt(np.maximum(self._squares / count - mean**2, 0.0))
        power, centroid, centroids, flatness, treble, bass, loud = self._totals
        weight = max(loud, _TINY)
        centre = centroid / weight
        return Summary(
            seconds=self._samples / (2 * self._rate_hz),
            frames_hz=self._rate_hz / HOP,
            onsets=rows[:, 0],
            levels=rows[:, 1],
            voiced=rows[:, 2],
            cepstra=mean,
            deviations=spread,
            chroma=self._tone.weights(),
            rms_db=float(10 * np.log10(power / count + _TINY)),
            centroid_hz=float(centre),
            centroid_deviation=float(np.sqrt(max(centroids / weight - centre**2, 0.0))),
            flatness=float(flatness / weight),
            treble=float(treble / weight),
            bass=float(bass / weight),
            width=float(self._sides / (self._middle + self._sides + _TINY)),
            attack=self._attack / (self._loudness + _TINY),
        )

    def _flush(self, frames: np.ndarray) -> None:
        stereo = np.concatenate([self._tail, frames])
        stereo = np.clip(np.nan_to_num(stereo, nan=0.0, posinf=1.0, neginf=-1.0), -4.0, 4.0)
        mono = (stereo[:, 0] + stereo[:, 1]) * np.float32(0.5)
        side = (stereo[:, 0] - stereo[:, 1]) * np.float32(0.5)
        self._middle += float(np.dot(mono, mono))
        self._sides += float(np.dot(side, side))
        half = np.convolve(mono, _HALF, mode="valid")[::2]
        self._tail = stereo[2 * len(half) :].copy()
        self._mono = self._take(np.concatenate((self._mono, half)))
        self._pitch = self._tone.take(np.concatenate((self._pitch, half)))

    def _take(self, mono: np.ndarray) -> np.ndarray:
        """Look at all whole windows of `mono`; what is left over."""
        count = (len(mono) - WINDOW) // HOP + 1 if len(mono) >= WINDOW else 0
        if count == 0:
            return mono
        windows = np.lib.stride_tricks.sliding_window_view(mono, WINDOW)[::HOP][:count]
        spectra = np.fft.rfft(windows * self._window, axis=1)
        power = spectra.real**2 + spectra.imag**2
        # Parseval, for one side of the spectrum and the window's own power of 3/8.
        power *= np.float32(16 / 3 / WINDOW**2)
        total = power.sum(axis=1)
        bands = power @ self._mel
        logs = np.log10(bands + np.float32(1e-8))
        loudness = np.cbrt(bands)
        before = self._last if len(self._last) else loudness[:1]
        flux = np.maximum(np.diff(loudness, axis=0, prepend=before), 0).sum(axis=1)
        self._last = loudness[-1:]
        self._attack += float(flux.sum())
        self._loudness += float(loudness.sum())
        cepstra = logs @ self._dct
        self._sum += cepstra.sum(axis=0)
        self._squares += (cepstra**2).sum(axis=0)
        self._totals += self._shape(power, bands, logs, total)
        if self._kept < MOST_FRAMES:
            levels = 10 * np.log10(total + _TINY)
            voiced = power[:, self._voice].sum(axis=1)
            self._rows.append(np.stack((flux, levels, voiced), axis=1).astype(np.float32))
            self._kept += count
        self._frames += count
        return mono[count * HOP :].copy()

    def _shape(
        self, power: np.ndarray, bands: np.ndarray, logs: np.ndarray, total: np.ndarray
    ) -> np.ndarray:
        """Sums over frames, each weighted by the root of its power: silence has no colour."""
        loud = np.sqrt(total)
        share = loud / (total + _TINY)
        centroid = (power @ self._hz) / (total + _TINY)
        flat = 10 ** logs.mean(axis=1) / (bands.mean(axis=1) + 1e-8)
        treble = power[:, self._hz > 4000].sum(axis=1) * share
        bass = power[:, self._hz < 150].sum(axis=1) * share
        sums = (total, centroid * loud, centroid**2 * loud, flat * loud, treble, bass, loud)
        return np.array([float(it.sum(dtype=np.float64)) for it in sums])


class _Chroma:
    """How much of each pitch class there is, from the peaks of long spectra (55 to 2,100 Hz).

    The tuning is measured with it: peaks are kept by the 36th of an octave and turned so that
    the strongest lie on semitones (Gómez, "Tonal description of music audio signals", 2006).
    """

    _FINE = 10

    def __init__(self, rate_hz: float) -> None:
        hz = np.fft.rfftfreq(PITCH_WINDOW, 1 / rate_hz)
        self._window = np.hanning(PITCH_WINDOW).astype(np.float32)
        self._low, self._high = np.searchsorted(hz, (55.0, 2100.0))
        self._step = rate_hz / PITCH_WINDOW
        self._bins = np.zeros(12 * self._FINE)

    def take(self, mono: np.ndarray) -> np.ndarray:
        count = (len(mono) - PITCH_WINDOW) // PITCH_HOP + 1 if len(mono) >= PITCH_WINDOW else 0
        if count == 0:
            return mono
        windows = np.lib.stride_tricks.sliding_window_view(mono, PITCH_WINDOW)[::PITCH_HOP]
        spectra = np.abs(np.fft.rfft(windows[:count] * self._window, axis=1))
        around = spectra[:, self._low - 1 : self._high + 1]
        left, here, right = around[:, :-2], around[:, 1:-1], around[:, 2:]
        floor = here.mean(axis=1, keepdims=True) * 2
        frame, bin_ = np.nonzero((here > left) & (here >= right) & (here > floor))
        if len(frame):
            a, b, c = (np.log(it[frame, bin_] + _TINY) for it in (left, here, right))
            bend = a - 2 * b + c
            shift = np.where(bend < -1e-9, 0.5 * (a - c) / np.where(bend < -1e-9, bend, 1), 0.0)
            hz = (bin_ + self._low + np.clip(shift, -0.5, 0.5)) * self._step
            octave = np.log2(hz / 261.6255653)
            fine = np.rint(octave * 12 * self._FINE).astype(int) % (12 * self._FINE)
            # Loud frames must not decide alone; high partials belong to lower notes.
            strength = np.sqrt(here[frame, bin_]) / (np.sqrt(here.max(axis=1))[frame] + _TINY)
            np.add.at(self._bins, fine, strength * np.exp(-np.maximum(octave, 0) * 0.7))
        return mono[count * PITCH_HOP :].copy()

    def weights(self) -> np.ndarray:
        """Twelve numbers that sum to 1, or to 0 when there was no pitch."""
        fine = self._FINE
        angle = np.exp(2j * np.pi * np.arange(12 * fine) / fine)
        off = np.angle((self._bins * angle).sum()) / (2 * np.pi) * fine if self._bins.any() else 0
        bins = np.roll(self._bins, fine // 2 - round(float(off)))
        classes = bins.reshape(12, fine).sum(axis=1)
        return classes / max(classes.sum(), _TINY)


def mel_bank(rate_hz: float, window: int, bands: int) -> np.ndarray:
    """Triangles evenly spaced in mel from 30 Hz to half the rate, as columns (HTK's formula)."""
    hz = np.fft.rfftfreq(window, 1 / rate_hz)
    edges = np.linspace(_mel(30.0), _mel(rate_hz / 2), bands + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    rise = (hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)


def _mel(hz: float) -> float:
    return 2595 * float(np.log10(1 + hz / 700))


def _cosines(count: int, bands: int) -> np.ndarray:
    """Orthonormal DCT-II, as columns."""
    at = np.pi * np.outer(np.arange(bands) + 0.5, np.arange(count)) / bands
    scale = np.where(np.arange(count) == 0, np.sqrt(1 / bands), np.sqrt(2 / bands))
    return (np.cos(at) * scale).astype(np.float32)
