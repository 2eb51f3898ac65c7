"""Tags and covers of friendly, careless and hostile files."""

import io
import struct
import zlib

import mutagen
import pytest
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, COMM, ID3, TIT2, TPE1
from PIL import Image

from functions.transcode.covers import Unusable, write
from functions.transcode.tags import Tags, clean, isrc, number, read

ALL = (
    "-metadata",
    "title=Ünï — 日本語 🎵",
    "-metadata",
    "artist=Björk",
    "-metadata",
    "album=אלבום",
)


def jpeg(width: int = 900, height: int = 900) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.m4a", "a.ogg", "a.wav", "a.aiff", "a.wma"])
def test_every_container_gives_its_tags(make, tmp_path, name):
    options = (*ALL, "-write_id3v2", "1") if name.endswith("aiff") else ALL
    found = read(make("tagged" + name, options=options), tmp_path)
    assert (found.title, found.artists, found.album) == ("Ünï — 日本語 🎵", ("Björk",), "אלבום")


def test_numbers_and_isrc_are_read(make, tmp_path):
    path = tmp_path / "x.flac"
    path.write_bytes(make("plain.flac").read_bytes())
    file = FLAC(path)
    file.update({"isrc": "gb-aaa-12-00001", "tracknumber": "3/12", "discnumber": "2"})
    file["artist"] = ["One", "Two", "One"]
    file.save()
    found = read(path, tmp_path)
    assert (found.isrc, found.track_number, found.disc_number) == ("GBAAA1200001", 3, 2)
    assert found.artists == ("One", "Two")


def test_no_tags_are_no_tags(make, tmp_path):
    assert read(make("plain.wav", options=("-bitexact",)), tmp_path) == Tags()


def test_the_front_cover_becomes_two_small_jpegs(make, tmp_path):
    path = tmp_path / "x.mp3"
    path.write_bytes(make("plain.mp3").read_bytes())
    tags = ID3()
    tags.add(APIC(mime="image/png", type=4, desc="back", data=b"not a picture"))
    tags.add(APIC(mime="image/jpeg", type=3, desc="front", data=jpeg(1200, 600)))
    tags.save(path)
    covers = tmp_path / "covers"
    covers.mkdir()
    cover_id = read(path, covers).cover_id
    sizes = {path.name: Image.open(path).size for path in covers.iterdir()}
    assert sizes == {f"{cover_id}-{px}.jpg": (px, px // 2) for px in (640, 300, 64)}


def test_a_broken_picture_costs_the_picture_alone(make, tmp_path):
    path = tmp_path / "x.flac"
    path.write_bytes(make("plain.flac").read_bytes())
    file = FLAC(path)
    file["title"] = "still here"
    picture = Picture()
    picture.data, picture.type = b"\x89PNG\r\n\x1a\n broken", 3
    file.add_picture(picture)
    file.save()
    assert read(path, tmp_path) == Tags(title="still here")


def test_a_picture_that_unpacks_to_gigabytes_is_refused(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    )
    with pytest.raises(Unusable):
        write(bomb, tmp_path)


def test_a_document_that_calls_programs_is_no_picture(tmp_path):
    with pytest.raises(Unusable):
        write(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", tmp_path)


def test_covers_carry_nothing_over(tmp_path):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    Image.new("RGB", (700, 700), "navy").save(buffer, "JPEG", exif=exif)
    cover_id = write(buffer.getvalue() + b"trailing data", tmp_path)
    written = (tmp_path / f"{cover_id}-640.jpg").read_bytes()
    assert b"where I live" not in written
    assert b"trailing" not in written


def test_huge_tags_are_read_or_given_up_but_never_fatal(make, tmp_path):
    path = tmp_path / "x.mp3"
    path.write_bytes(make("plain.mp3").read_bytes())
    tags = ID3()
    tags.add(TIT2(encoding=3, text="t" * 5_000_000))
    tags.add(TPE1(encoding=3, text=[f"artist {n}" for n in range(5000)]))
    tags.add(COMM(encoding=3, lang="eng", desc="", text="c" * 30_000_000))
    tags.save(path)
    found = read(path, tmp_path)
    assert found.title == "t" * 300
    assert len(found.artists) == 50


@pytest.mark.parametrize("garbage", [b"\xff" * 5000, b"\0" * 5000, b"TIT2\xff\xff\xff\xff" * 600])
def test_garbage_for_tags_is_no_tags(make, tmp_path, garbage):
    path = tmp_path / "x.mp3"
    header = b"ID3\x04\x00\x00" + bytes([0, 0, len(garbage) >> 7, len(garbage) & 127])
    path.write_bytes(header + garbage + make("plain.mp3").read_bytes())
    assert read(path, tmp_path).title in (None, "")


def test_text_is_one_clean_line():
    assert clean(" a\r\nb\x00c\u202e ") == "a b c"
    assert clean("\ud800 lone") == "lone"
    assert clean(" \t ") is None
    assert len(clean("x" * 1000) or "") == 300


@pytest.mark.parametrize(
    ("text", "value"), [("3/12", 3), ("007", 7), ("0", None), ("x", None), ("99999", None)]
)
def test_numbers(text, value):
    assert number(text) == value


def test_isrcs():
    assert isrc("us-s1z-99-00001") == "USS1Z9900001"
    assert isrc("12345") is None


def test_the_suite_sees_what_mutagen_sees(make):
    assert mutagen.File(make("plain.flac")) is not None  # type: ignore[attr-defined]
