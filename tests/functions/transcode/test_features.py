"""Features of synthesised audio whose tempo and key are known, and of real recordings."""

import subprocess
import tracemalloc
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from functions.transcode.features import features
from functions.transcode.spectra import Spectra
from shared.events import Features

RATE_HZ = 44_100
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def heard(mono: np.ndarray, chunk: int = 50_021) -> Features | None:
    stereo = np.stack((mono, mono), axis=1).astype(np.float32)
    spectra = Spectra(RATE_HZ)
    for start in range(0, len(stereo), chunk):
        spectra.add(stereo[start : start + chunk])
    return features(spectra.summary(), None)


def found(mono: np.ndarray) -> Features:
    told = heard(mono)
    assert told is not None
    return told


def note(hz: float, seconds: float) -> np.ndarray:
    t = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    swell = np.exp(-3 * t) * np.minimum(1, t / 0.01)
    return sum(np.sin(2 * np.pi * hz * k * t) / k**1.5 for k in range(1, 7)) * swell


def cadence(tonic: int, mode: int, bpm: float = 100) -> np.ndarray:
    """I IV V I, twice; the fifth's chord of a minor key has its leading note."""
    scale = (0, 2, 4, 5, 7, 9, 11) if mode else (0, 2, 3, 5, 7, 8, 10)
    parts = []
    for degree in (0, 3, 4, 0) * 2:
        steps = [degree, degree + 2, degree + 4]
        pitches = [48 + tonic + scale[it % 7] + 12 * (it // 7) for it in steps]
        pitches[1] += not mode and degree == 4
        chord = sum(note(440 * 2 ** ((it - 69) / 12), 60 / bpm) for it in pitches)
        parts += [chord * 0.2] * 2
    return np.concatenate(parts)


def clicks(bpm: float, accent: int = 4, seconds: int = 16) -> np.ndarray:
    sound = np.random.default_rng(0).normal(size=RATE_HZ * seconds) * 1e-3
    for beat in range(int((seconds - 0.1) * bpm / 60)):
        first = beat % accent == 0
        click = note(1600 if first else 1000, 0.05) * (1.0 if first else 0.5)
        start = int(beat * 60 / bpm * RATE_HZ)
        sound[start : start + len(click)] += click
    return sound * 0.5


@pytest.mark.parametrize("mode", [1, 0], ids=["major", "minor"])
@pytest.mark.parametrize("tonic", range(0, 12, 2), ids=lambda it: NAMES[it])
def test_key_of_a_cadence(tonic: int, mode: int) -> None:
    told = found(cadence(tonic, mode))
    assert (told.key, told.mode) == (tonic, mode)


def test_key_is_heard_though_the_tuning_is_off() -> None:
    mono = cadence(5, 1)
    flat = np.interp(np.arange(0, len(mono) - 1, 2 ** (-35 / 1200)), np.arange(len(mono)), mono)
    assert (found(flat).key, found(flat).mode) == (5, 1)


@pytest.mark.parametrize("bpm", [60, 75, 90, 100, 120, 128, 140, 160])
def test_tempo_of_clicks(bpm: float) -> None:
    told = found(clicks(bpm))
    assert told.tempo_bpm == pytest.approx(bpm, rel=0.01)
    assert told.confidence > 0.3


@pytest.mark.parametrize("bpm", [165, 172, 180])
def test_fast_tempo_may_be_heard_at_half_its_pace(bpm: float) -> None:
    tempo = found(clicks(bpm)).tempo_bpm
    assert min(abs(tempo / bpm - 1), abs(tempo / bpm - 0.5)) < 0.01


def test_bars_of_three_and_of_four() -> None:
    assert found(clicks(100, accent=3)).time_signature == 3
    assert found(clicks(100, accent=4)).time_signature == 4


def test_how_it_is_cut_into_chunks_does_not_matter() -> None:
    mono = clicks(100)
    assert heard(mono, 997) == heard(mono, 1 << 20)


def test_noise_has_no_beat_and_is_less_danceable_than_a_beat() -> None:
    noise = np.random.default_rng(1).normal(size=RATE_HZ * 10) * 0.1
    assert found(noise).confidence < 0.2
    assert found(noise).danceability < found(clicks(118)).danceability


def test_louder_and_brighter_is_more_energetic() -> None:
    rng = np.random.default_rng(1)
    loud = rng.normal(size=RATE_HZ * 6) * 0.3
    soft = cadence(0, 1) * 0.05
    assert found(loud).energy > 0.7 > 0.2 > found(soft).energy
    assert found(soft).acousticness > found(loud).acousticness


def test_loudness_is_the_measured_one_where_there_is_one() -> None:
    t = np.arange(RATE_HZ * 5) / RATE_HZ
    assert found(np.sin(2 * np.pi * 997 * t)).loudness == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize(
    "mono",
    [np.zeros(RATE_HZ * 5), np.zeros(0), np.ones(10), clicks(100)[: RATE_HZ * 2]],
    ids=["silence", "nothing", "ten samples", "two seconds"],
)
def test_silence_and_scraps_have_no_features(mono: np.ndarray) -> None:
    assert heard(mono) is None


def test_no_feature_is_ever_not_a_number() -> None:
    broken = clicks(120)
    broken[::1000] = np.nan
    broken[1::5000] = np.inf
    constant = np.full(RATE_HZ * 5, 0.5)
    for mono in (broken, constant):
        told = found(mono)
        values = [getattr(told, it) for it in told.__slots__ if it != "timbre"]
        assert np.isfinite([*values, *told.timbre]).all()
        judged = (told.energy, told.danceability, told.valence, told.acousticness,
                  told.instrumentalness, told.liveness, told.speechiness)  # fmt: skip
        assert all(0 <= it <= 1 for it in judged)


def test_memory_does_not_grow_with_the_length() -> None:
    block = np.random.default_rng(0).normal(size=(1 << 17, 2)).astype(np.float32) * 0.1
    spectra = Spectra(RATE_HZ)
    tracemalloc.start()
    for _ in range(3):
        spectra.add(block)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20):
        spectra.add(block)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    # A minute of audio leaves three numbers a frame.
    assert grown < 100_000


def recording(path: Path) -> Features:
    """As a mono sum: what is asserted here does not depend on the stereo image."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    argv = [ffmpeg, "-v", "error", "-t", "60", "-i", str(path), "-ac", "1", "-ar", str(RATE_HZ)]
    done = subprocess.run([*argv, "-f", "f32le", "-"], stdout=subprocess.PIPE, check=True)
    return found(np.frombuffer(done.stdout, dtype="<f4"))


def test_a_trumpet_in_f_at_90(data_dir: Path) -> None:
    """Five seconds, played freely: tempo within 6 % of twice 90, the key on its tonic."""
    told = recording(data_dir / "audio/music/ccby_trumpet_90bpm_F.ogg")
    assert NAMES[told.key] == "F"
    assert any(told.tempo_bpm == pytest.approx(90 * it, rel=0.06) for it in (1, 2))
    assert told.acousticness > 0.8


def test_pieces_in_their_known_keys(data_dir: Path) -> None:
    brahms = recording(data_dir / "audio/music/pd_brahms_hungarian5_strings.ogg")
    assert (NAMES[brahms.key], brahms.mode) == ("G", 0)
    plum = recording(data_dir / "audio/music/ccby_macleod_sugar_plum.ogg")
    assert (NAMES[plum.key], plum.mode) == ("E", 0)


def test_speech_is_told_from_music(data_dir: Path) -> None:
    speech = recording(data_dir / "audio/speech/ccby_librispeech_ashiel.ogg")
    music = recording(data_dir / "audio/music/cc0_singhal_happy_lofi_day.mp3")
    assert speech.speechiness > 0.6 > 0.3 > music.speechiness
    assert speech.instrumentalness < 0.3 < music.instrumentalness
    assert speech.danceability < 0.5 < music.danceability
