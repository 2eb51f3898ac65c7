"""The demo library: music, tags, covers, and the same bytes every time."""

import io
import wave
from array import array
from pathlib import Path

import mutagen
import pytest
from PIL import Image
from segue.demo import cover, files
from segue.demo.library import make
from segue.demo.score import PIECES, length_s, notes
from segue.demo.synth import RATE_HZ, render


def test_pieces_last_half_a_minute_to_a_minute() -> None:
    assert all(30 <= length_s(piece) <= 60 for piece in PIECES)


def test_pieces_differ_in_tempo_and_key() -> None:
    assert len({piece.bpm for piece in PIECES}) == len(PIECES)
    assert len({piece.key for piece in PIECES}) == len(PIECES)


def test_every_note_is_inside_its_piece() -> None:
    for piece in PIECES:
        assert all(0 <= note.at_s < length_s(piece) for note in notes(piece))


def test_rendering_is_the_same_every_time_and_never_clips() -> None:
    few = [note for note in notes(PIECES[0]) if note.at_s < 4]
    first, second = render(few, 5.0), render(few, 5.0)
    assert first == second
    assert 29_000 < max(map(abs, first)) <= 29_205  # -1 dBFS
    assert first[0::2] != first[1::2]  # stereo


@pytest.mark.parametrize("kind", ["flac", "wav"])
def test_files_carry_tags_and_a_cover(tmp_path: Path, kind: str) -> None:
    samples = array("h", [0, 0] * RATE_HZ)
    tags = {"title": "Ørsted", "artist": "Mira Solé", "album": "É", "track": "3"}
    picture = cover.png(200, 1, side=32)
    path = tmp_path / f"a.{kind}"
    if kind == "flac":
        exe = files.ffmpeg()
        assert exe
        files.write_flac(path, samples, tags, picture, exe)
        read = mutagen.File(path)
        assert read["title"] == ["Ørsted"]
        assert read.pictures[0].data == picture
    else:
        path.write_bytes(files.wav(samples, tags, picture))
        read = mutagen.File(path)
        assert str(read["TIT2"]) == "Ørsted"
        assert read["APIC:"].data == picture
        with wave.open(str(path)) as file:
            assert file.getnframes() == RATE_HZ
    assert read.info.length == pytest.approx(1.0)


def test_cover_is_a_picture() -> None:
    image = Image.open(io.BytesIO(cover.png(20, 3, side=64)))
    assert (image.size, image.mode) == ((64, 64), "RGB")
    assert len(image.getcolors(64 * 64) or []) > 20


def test_pieces_that_are_there_stay(tmp_path: Path) -> None:
    there = tmp_path / f"01 {PIECES[0].title}.wav"
    there.write_bytes(b"mine")
    assert list(make(tmp_path, count=1, wav=True)) == [there]
    assert there.read_bytes() == b"mine"
