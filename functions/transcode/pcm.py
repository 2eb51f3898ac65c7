"""The decoded audio as it streams by: hashed, counted, drawn, listened to, and a part kept for the
preview."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.transcode.waveform import Waveform

if TYPE_CHECKING:
    from functions.transcode.spectra import Summary

_FRAME_BYTES = 8  # stereo float32
_EXCERPT_S = 45


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some seconds out of the recording: stereo signed 16-bit PCM at `rate_hz`."""

    pcm: bytes
    rate_hz: int


class Listener:
    """Takes chunks of stereo float32 PCM of any size; memory does not grow with their number."""

    def __init__(self, rate_hz: int, expected_s: float | None) -> None:
        from functions.transcode.spectra import Spectra

        self._rate_hz = rate_hz
        self._hash = hashlib.sha256()
        self._rest = b""
        self._samples = 0
        self._waveform = Waveform(rate_hz)
        self._spectra = Spectra(rate_hz)
        self._excerpt: list[bytes] = []
        # A quarter in, at most 30 s: past the introduction. From the start if it is short, or
        # if nobody knows how long it is.
        begin_s = min(30.0, expected_s / 4) if expected_s and expected_s > _EXCERPT_S else 0.0
        self._window = (int(begin_s * rate_hz), int((begin_s + _EXCERPT_S) * rate_hz))

    def __call__(self, chunk: bytes) -> None:
        import numpy as np

        self._hash.update(chunk)
        data = self._rest + chunk if self._rest else chunk
        whole = len(data) // _FRAME_BYTES * _FRAME_BYTES
        self._rest = data[whole:]
        frames = np.frombuffer(data, dtype="<f4", count=whole // 4).reshape(-1, 2)
        self._keep(frames)
        self._waveform.add(frames)
        self._spectra.add(frames)
        self._samples += len(frames)

    def _keep(self, frames) -> None:
        import numpy as np

        begin, end = (edge - self._samples for edge in self._window)
        if end <= 0 or begin >= len(frames):
            return
        part = frames[max(0, begin) : max(0, end)]
        # A decoder may overshoot full scale, or be led to say "not a number".
        finite = np.nan_to_num(part, nan=0.0, posinf=1.0, neginf=-1.0)
        self._excerpt.append((np.clip(finite, -1.0, 1.0) * 32767).astype("<i2").tobytes())

    @property
    def total_samples(self) -> int:
        """Stereo samples so far, at the ladder's rate."""
        return self._samples

    @property
    def sha256(self) -> bytes:
        """The hash of all PCM: equal for equal audio, whatever container it came in."""
        return self._hash.digest()

    def excerpt(self) -> Excerpt:
        return Excerpt(b"".join(self._excerpt), self._rate_hz)

    def heard(self) -> "Summary":
        """What features are made of; call it once, at the end."""
        return self._spectra.summary()

    def waveform(self) -> bytes:
        """The drawing as JSON; see `waveform.Waveform`."""
        return self._waveform.json()
