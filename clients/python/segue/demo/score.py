"""What is played: six pieces, and how a piece becomes notes."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
DORIAN = (0, 2, 3, 5, 7, 9, 10)


@dataclass(frozen=True, slots=True)
class Piece:
    """`key` is the tonic's MIDI number; `chords` are scale degrees (0 = tonic), one a bar.

    `density` is the chance that the lead plays on an eighth note; `swing` delays off-beats by
    that part of an eighth.
    """

    title: str
    artist: str
    album: str
    seed: int
    bpm: int
    key: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    bars: int
    lead: str
    density: float
    swing: float
    drums: bool
    hue: int


PIECES = (
    Piece("Paper Lanterns", "Ada Voss", "Small Hours", 11, 84, 57, MINOR, (0, 5, 2, 6), 14,
          "keys", 0.45, 0.18, True, 28),
    Piece("Harbour Light", "Ada Voss", "Small Hours", 23, 72, 60, MAJOR, (0, 4, 5, 3), 12,
          "pluck", 0.38, 0.0, False, 205),
    Piece("Seven Kites", "The Long Field", "Weather", 37, 112, 62, MAJOR, (0, 3, 5, 4), 20,
          "pluck", 0.55, 0.0, True, 150),
    Piece("Copper Moon", "The Long Field", "Weather", 41, 96, 55, DORIAN, (0, 3, 0, 6), 18,
          "keys", 0.42, 0.22, True, 12),
    Piece("Ørsted's Staircase", "Mira Solé", "Étude & Error", 53, 128, 64, MINOR, (0, 2, 5, 4), 24,
          "bell", 0.60, 0.0, True, 268),
    Piece("Last Tram Home", "Mira Solé", "Étude & Error", 67, 66, 53, MAJOR, (0, 5, 1, 4), 10,
          "bell", 0.30, 0.12, False, 330),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Note:
    """`midi` is the pitch (drums: their name's own); pan runs from -1 (left) to 1."""

    at_s: float
    lasts_s: float
    voice: str
    midi: int
    gain: float
    pan: float


def pitch(piece: Piece, degree: int, octave: int = 0) -> int:
    """The MIDI number of scale degree `degree`, which may lie outside one octave."""
    up, step = divmod(degree, len(piece.scale))
    return piece.key + piece.scale[step] + 12 * (up + octave)


def length_s(piece: Piece) -> float:
    """The piece's length with two seconds for the last sound to die away."""
    return piece.bars * 4 * 60 / piece.bpm + 2.0


def notes(piece: Piece) -> Iterator[Note]:
    """Every note: pad and bass on the chords, a wandering lead, drums when there are any."""
    dice = Random(piece.seed)  # noqa: S311  music, not secrets
    eighth_s = 30 / piece.bpm
    phrase = _phrase(piece, dice)
    for bar in range(piece.bars):
        at = bar * 8 * eighth_s
        chord = piece.chords[bar % len(piece.chords)]
        closing = bar == piece.bars - 1
        yield from _pad(piece, 0 if closing else chord, at, 8 * eighth_s)
        yield from _bass(piece, 0 if closing else chord, at, eighth_s, closing)
        if piece.drums and bar >= 2 and not closing:
            yield from _drums(at, eighth_s, piece.swing)
        if bar >= 1 and not closing:
            if bar % 8 == 5:
                phrase = _phrase(piece, dice)
            for eighth, degree in phrase[bar % 2]:
                late = piece.swing * eighth_s if eighth % 2 else 0.0
                yield Note(at + eighth * eighth_s + late, 2.4 * eighth_s, piece.lead,
                           pitch(piece, degree + (chord if eighth == 0 else 0), 1),
                           0.30 if eighth % 4 == 0 else 0.22, 0.25)  # fmt: skip
    end = (piece.bars - 1) * 8 * eighth_s
    for n, degree in enumerate((0, 2, 4, 7)):
        yield Note(end + n * 0.09, 8 * eighth_s, piece.lead, pitch(piece, degree, 1), 0.22, 0.2)


def _phrase(piece: Piece, dice: Random) -> list[list[tuple[int, int]]]:
    """Two bars of (eighth, degree): a random walk that prefers small steps."""
    degree, bars = int(dice.random() * 5), []
    for _ in range(2):
        bar: list[tuple[int, int]] = []
        for eighth in range(8):
            if eighth == 0 or dice.random() < piece.density:
                degree += (-2, -1, -1, 1, 1, 2, 0)[int(dice.random() * 7)]
                degree = max(-2, min(9, degree))
                bar.append((eighth, degree))
        bars.append(bar)
    return bars


def _pad(piece: Piece, chord: int, at: float, lasts: float) -> Iterator[Note]:
    for n, third in enumerate((0, 2, 4)):
        yield Note(at, lasts, "pad", pitch(piece, chord + third), 0.11, (-0.7, 0.0, 0.7)[n])


def _bass(piece: Piece, chord: int, at: float, eighth: float, closing: bool) -> Iterator[Note]:
    for beat, degree in ((0, 0),) if closing else ((0, 0), (3, 0), (4, 4), (6, 0)):
        lasts = 8 * eighth if closing else 1.7 * eighth
        yield Note(at + beat * eighth, lasts, "bass", pitch(piece, chord + degree, -2), 0.34, 0.0)


def _drums(at: float, eighth: float, swing: float) -> Iterator[Note]:
    for beat in (0, 4):
        yield Note(at + beat * eighth, 0.28, "kick", 0, 0.55, 0.0)
    for beat in (2, 6):
        yield Note(at + beat * eighth, 0.18, "snare", 1, 0.20, 0.1)
    for beat in range(8):
        late = swing * eighth if beat % 2 else 0.0
        yield Note(at + beat * eighth + late, 0.05, "hat", 2, 0.05 + 0.03 * (beat % 2), -0.3)
