"""How a recording sounds, in the Web API's words, measured from its samples.

Tempo, key, bar, loudness and timbre are measurements. Energy, danceability, valence,
acousticness, instrumentalness, liveness and speechiness are judgements: each a logistic of
measurements that the cited work found to go with it, with round weights of our own. They order
recordings; they are not the numbers that other services give.

Sources: tempo, bar `rhythm`; key `tonality`; timbre Logan, "Mel frequency cepstral coefficients
for music modeling" (ISMIR 2000).
"""

import numpy as np

from functions.transcode.rhythm import Rhythm, rhythm
from functions.transcode.spectra import Summary
from functions.transcode.tonality import key
from shared.events import Features

SHORTEST_S = 3.0
SILENCE_DB = -70.0


def features(heard: Summary, integrated_lufs: float | None) -> Features | None:
    """None for silence, and for what is too short to have a tempo or a key."""
    if heard.seconds < SHORTEST_S or heard.rms_db < SILENCE_DB or not len(heard.onsets):
        return None
    beat, tone = rhythm(heard.onsets, heard.frames_hz), key(heard.chroma)
    loudness = heard.rms_db if integrated_lufs is None else integrated_lufs
    attack = heard.attack
    speech = _speechiness(heard, beat)
    energy = _energy(heard, loudness, attack)
    return Features(
        tempo_bpm=beat.tempo_bpm,
        key=tone.tonic,
        mode=tone.mode,
        time_signature=beat.time_signature,
        energy=energy,
        danceability=_danceability(heard, beat),
        valence=_valence(heard, beat, tone.mode, energy),
        acousticness=_acousticness(heard, attack),
        instrumentalness=_instrumentalness(heard, speech),
        liveness=_liveness(heard),
        speechiness=speech,
        loudness=round(loudness, 3),
        confidence=round(beat.clarity, 4),
        timbre=_timbre(heard, attack),
    )


def _energy(heard: Summary, loudness: float, attack: float) -> float:
    """Loud, bright, busy (Gabrielsson & Lindström, "The role of structure in the musical
    expression of emotions", 2010: arousal rises with loudness, brightness and attack rate)."""
    bright = np.log2(max(heard.centroid_hz, 50.0) / 1500)
    return _logistic((loudness + 17) / 5 + 0.6 * bright + 12 * (attack - 0.09))


def _danceability(heard: Summary, beat: Rhythm) -> float:
    """A clear beat near the tempo at which people move (van Noorden & Moelants, "Resonance in the
    perception of musical pulse", 1999), carried by the bass."""
    if beat.tempo_bpm <= 0:
        return 0.0
    liked = np.exp(-0.5 * (np.log2(beat.tempo_bpm / 118) / 0.55) ** 2)
    return _logistic(3.5 * (beat.clarity - 0.45) + 2 * (liked - 0.6) + 2 * (heard.bass - 0.15))


def _valence(heard: Summary, beat: Rhythm, mode: int, energy: float) -> float:
    """Major, quick and bright sound happy (Eerola, "Are the emotions expressed in music
    genre-specific?", 2011)."""
    tempo = np.clip((beat.tempo_bpm - 100) / 60, -1, 1) if beat.tempo_bpm else -0.5
    bright = np.clip(np.log2(max(heard.centroid_hz, 50.0) / 1500), -1.5, 1.5)
    return _logistic(1.1 * (mode - 0.5) * 2 + 0.8 * tempo + 0.5 * bright + 1.2 * (energy - 0.5))


def _acousticness(heard: Summary, attack: float) -> float:
    """Instruments that are plucked, bowed and blown have little treble, little noise and give way
    to silence; amplified and compressed ones do not."""
    spread = float(np.percentile(heard.levels, 90) - np.percentile(heard.levels, 20))
    return _logistic(
        1.0 - 14 * heard.treble - 6 * (heard.flatness - 0.08) - 4 * heard.bass
        + 0.08 * (spread - 12) - 10 * (attack - 0.09)
    )  # fmt: skip


def _speechiness(heard: Summary, beat: Rhythm) -> float:
    """Syllables come four a second, with pauses between (Scheirer & Slaney, "Construction and
    evaluation of a robust multifeature speech/music discriminator", 1997): the share of 2.5 to 6
    Hz in the level's modulation, and the share of frames far below the mean."""
    levels = heard.levels[: 2 ** int(np.log2(len(heard.levels)))]
    power = 10 ** (levels.astype(np.float64) / 10)
    quiet = float((power < 0.2 * power.mean()).mean())
    sound = np.maximum(levels, levels.max() - 40)
    modulation = np.abs(np.fft.rfft((sound - sound.mean()) * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / heard.frames_hz)
    syllables = modulation[(hz > 2.5) & (hz < 6)].sum() / (modulation[hz > 0.3].sum() + 1e-9)
    return _logistic(
        -4.2 + 6 * quiet + 5 * float(syllables) + 0.05 * float(np.std(sound)) * 4
        - 5 * beat.clarity
    )  # fmt: skip


def _instrumentalness(heard: Summary, speechiness: float) -> float:
    """Voices lie in the middle of the image and move the band of speech by the syllable; where
    that band moves no more than all the rest, nobody sings. The weakest of these judgements."""
    voiced = 10 * np.log10(heard.voiced.astype(np.float64) + 1e-10)
    flutter = float(np.abs(np.diff(voiced)).mean())
    steady = float(np.abs(np.diff(heard.levels)).mean())
    return _logistic(1.2 - 3 * speechiness - 1.5 * (flutter - steady) + 1.5 * (heard.bass - 0.1))


def _liveness(heard: Summary) -> float:
    """A hall and its audience never fall silent: the quietest tenth stays near the mean, and it
    is noise from all sides."""
    low = float(np.percentile(heard.levels, 5) - np.percentile(heard.levels, 50))
    return _logistic(
        -2.2 + 3 * (heard.width - 0.2) + 6 * (heard.flatness - 0.1) + 0.03 * (low + 15)
    )


def _timbre(heard: Summary, attack: float) -> tuple[float, ...]:
    """Cepstral means and deviations without the loudness, and the spectrum's shape; 30 numbers of
    about unit size."""
    shape = (
        np.log2(max(heard.centroid_hz, 50.0) / 1500),
        heard.centroid_deviation / 1000,
        heard.flatness * 5,
        heard.treble * 5,
        heard.bass * 3,
        attack * 10,
    )
    values = (*(heard.cepstra[1:] / 2), *heard.deviations[1:], *shape)
    return tuple(round(float(it), 5) for it in values)


def _logistic(x: float) -> float:
    return round(float(1 / (1 + np.exp(-np.clip(x, -30, 30)))), 4)
