"""Loudness by EBU R128, read from the summary that ffmpeg's ebur128 filter leaves in its log."""

import re
from dataclasses import dataclass

TARGET_LUFS = -14.0
# EBU Tech 3341: the absolute gate. Nothing above it is silence, not a very quiet recording.
_GATE_LUFS = -70.0
_SUMMARY = re.compile(
    r"\[Parsed_ebur128_\d+ @ 0x[0-9a-f]+\] Summary:\s+"
    r"Integrated loudness:\s+I:\s+(-?[\d.]+|-inf|nan) LUFS.*?"
    r"True peak:\s+Peak:\s+(-?[\d.]+|-inf|nan) dBFS",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Loudness:
    """Integrated loudness (LUFS), true peak (dBTP), gain (dB) to −14 LUFS; None for silence."""

    integrated_lufs: float | None
    true_peak_dbtp: float | None
    gain_db: float


def summaries(log: str) -> tuple[Loudness, ...]:
    """Every summary in an ffmpeg log, in order.

    There is one for each time the filter graph was built: two or more say that the format
    changed half-way, and that none of them covers the whole.
    """
    return tuple(_loudness(found[1], found[2]) for found in _SUMMARY.finditer(log))


def _loudness(integrated: str, peak: str) -> Loudness:
    lufs, dbtp = _number(integrated), _number(peak)
    if lufs is None or lufs <= _GATE_LUFS:
        return Loudness(None, dbtp, 0.0)
    return Loudness(lufs, dbtp, round(TARGET_LUFS - lufs, 2))


def _number(text: str) -> float | None:
    return None if text in ("-inf", "nan") else float(text)
