"""Waveform peaks in the JSON that BBC audiowaveform writes and Peaks.js and wavesurfer read."""

import json

_FINE_SAMPLES = 1024
_MOST_POINTS = 1_800


class Waveform:
    """Collects the lowest and highest sample of every 1,024; then thins them out.

    Example: {"version": 2, "channels": 1, "sample_rate": 44100, "samples_per_pixel": 6144,
    "bits": 8, "length": 2, "data": [-63, 64, -12, 11]}: (min, max) pairs, full scale 127.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._data = bytearray()  # int8 pairs
        self._rest = None

    def add(self, frames) -> None:
        """Stereo float32 samples, shape (n, 2); both channels make one drawing."""
        import numpy as np

        if self._rest is not None and len(self._rest):
            frames = np.concatenate((self._rest, frames))
        whole = len(frames) // _FINE_SAMPLES * _FINE_SAMPLES
        self._rest = frames[whole:].copy()
        if whole:
            self._data += _pairs(frames[:whole].reshape(-1, 2 * _FINE_SAMPLES))

    def json(self) -> bytes:
        """The drawing in at most 1,800 points."""
        import numpy as np

        data = bytes(self._data)
        if self._rest is not None and len(self._rest):
            data += _pairs(self._rest.reshape(1, -1))
        fine = np.frombuffer(data, dtype=np.int8).reshape(-1, 2)
        factor = max(1, -(-len(fine) // _MOST_POINTS))
        starts = np.arange(0, len(fine), factor)
        points = np.empty((len(starts), 2), dtype=np.int8)
        if len(fine):
            points[:, 0] = np.minimum.reduceat(fine[:, 0], starts)
            points[:, 1] = np.maximum.reduceat(fine[:, 1], starts)
        drawing = {
            "version": 2,
            "channels": 1,
            "sample_rate": self._rate_hz,
            "samples_per_pixel": factor * _FINE_SAMPLES,
            "bits": 8,
            "length": len(points),
            "data": points.ravel().tolist(),
        }
        return json.dumps(drawing, separators=(",", ":")).encode()


def _pairs(rows) -> bytes:
    import numpy as np

    both = np.stack((rows.min(axis=1), rows.max(axis=1)), axis=1)
    scaled = np.nan_to_num(both, nan=0.0, posinf=1.0, neginf=-1.0) * 127
    return np.clip(np.rint(scaled), -128, 127).astype(np.int8).tobytes()
