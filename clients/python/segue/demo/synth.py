"""How it sounds: notes to 16-bit stereo samples, with the standard library alone."""

import math
import operator
from array import array
from collections.abc import Iterable
from functools import cache
from itertools import repeat
from random import Random

from segue.demo.score import Note

RATE_HZ = 44_100
_PARTIALS = {
    "keys": ((1, 1.0), (2, 0.45), (3, 0.12), (4, 0.10), (7, 0.05)),
    "bell": ((1, 1.0), (2.76, 0.38), (5.4, 0.16), (8.93, 0.06)),
    "pad": ((0.997, 0.5), (1.003, 0.5), (2, 0.25), (3, 0.10)),
    "bass": ((1, 1.0), (2, 0.35), (3, 0.15)),
}
_DECAY_S = {"keys": 0.7, "bell": 1.1, "pad": 60.0, "bass": 0.8}


def render(notes: Iterable[Note], length_s: float) -> array:
    """Interleaved stereo samples (array of "h"), the loudest at -1 dBFS."""
    size = int(length_s * RATE_HZ)
    left, right = [0.0] * size, [0.0] * size
    for note in notes:
        wave = sound(note.voice, note.midi, int(note.lasts_s * RATE_HZ))
        at = int(note.at_s * RATE_HZ)
        wave = wave[: max(0, size - at)]
        angle = (note.pan + 1) * math.pi / 4  # equal power across the stage
        for channel, gain in ((left, math.cos(angle)), (right, math.sin(angle))):
            part = map(operator.mul, wave, repeat(note.gain * gain))
            channel[at : at + len(wave)] = map(operator.add, channel[at : at + len(wave)], part)
    _echo(left, int(0.31 * RATE_HZ), 0.22)
    _echo(right, int(0.37 * RATE_HZ), 0.22)
    peak = max(max(map(abs, left)), max(map(abs, right)), 1e-9)
    scale = 32767 * 10 ** (-1 / 20) / peak
    out = array("h", bytes(4 * size))
    out[0::2] = array("h", map(int, map(operator.mul, left, repeat(scale))))
    out[1::2] = array("h", map(int, map(operator.mul, right, repeat(scale))))
    return out


def _echo(channel: list[float], delay: int, gain: float) -> None:
    """A feedback delay in place, a block of `delay` samples at a time."""
    for at in range(delay, len(channel), delay):
        before = channel[at - delay : at]
        here = channel[at : at + delay]
        channel[at : at + delay] = map(operator.add, here, map(operator.mul, before, repeat(gain)))


@cache
def sound(voice: str, midi: int, size: int) -> tuple[float, ...]:
    """One note of `voice`, `size` samples, peaking near 1."""
    if voice == "pluck":
        return _pluck(_hz(midi), size)
    if voice in ("kick", "snare", "hat"):
        return _drum(voice, size)
    step = 2 * math.pi * _hz(midi) / RATE_HZ
    decay = math.exp(-1 / (_DECAY_S[voice] * RATE_HZ))
    attack = int((0.35 if voice == "pad" else 0.006) * RATE_HZ)
    release = int((0.5 if voice == "pad" else 0.04) * RATE_HZ)
    partials, level, out = _PARTIALS[voice], 0.6, []
    parts = [(ratio * step, gain) for ratio, gain in partials if ratio * step < math.pi]
    sin = math.sin
    for n in range(size):
        value = 0.0
        for speed, gain in parts:
            value += gain * sin(speed * n)
        out.append(value * level)
        level *= decay
    _fade(out, attack, release)
    return tuple(out)


def _hz(midi: int) -> float:
    return 440.0 * 2 ** ((midi - 69) / 12)


def _fade(samples: list[float], attack: int, release: int) -> None:
    """Raise and lower the ends in place, so that nothing clicks."""
    for n in range(min(attack, len(samples))):
        samples[n] *= n / attack
    for n in range(min(release, len(samples))):
        samples[-1 - n] *= n / release


def _pluck(hz: float, size: int) -> tuple[float, ...]:
    """A string by Karplus and Strong: noise in a loop that loses its brightness."""
    dice = Random(int(hz * 100))  # noqa: S311
    loop = [dice.random() * 2 - 1 for _ in range(max(2, int(RATE_HZ / hz)))]
    out: list[float] = []
    while len(out) < size:
        out += loop
        shifted = [*loop[1:], loop[0]]
        loop = [0.497 * (a + b) for a, b in zip(loop, shifted, strict=True)]
    out = out[:size]
    _fade(out, 40, int(0.04 * RATE_HZ))
    return tuple(out)


def _drum(name: str, size: int) -> tuple[float, ...]:
    dice = Random(len(name))  # noqa: S311
    fall = {"kick": 0.09, "snare": 0.06, "hat": 0.016}[name] * RATE_HZ
    out: list[float] = []
    phase, last = 0.0, 0.0
    for n in range(size):
        level = math.exp(-n / fall)
        if name == "kick":
            phase += 2 * math.pi * (48 + 90 * math.exp(-n / (0.03 * RATE_HZ))) / RATE_HZ
            out.append(level * math.sin(phase))
        else:
            noise = dice.random() * 2 - 1
            tone = 0.4 * math.sin(2 * math.pi * 185 * n / RATE_HZ) if name == "snare" else 0.0
            out.append(level * (noise - (last if name == "hat" else 0.0) + tone) * 0.7)
            last = noise
    _fade(out, 20, 200)
    return tuple(out)
