"""Samples, tags and cover into a file: FLAC where an ffmpeg is at hand, else WAV with ID3."""

import io
import shutil
import struct
import subprocess
import tempfile
import wave
from array import array
from pathlib import Path

from segue.demo.synth import RATE_HZ
from segue.errors import SegueError


def ffmpeg() -> str | None:
    """The ffmpeg that imageio-ffmpeg brings, or the one on the PATH, or None."""
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return shutil.which("ffmpeg")


def wav(samples: array, tags: dict[str, str], cover: bytes) -> bytes:
    """A WAV file with an `id3 ` chunk: title, artist, album, track number and the cover."""
    plain = io.BytesIO()
    with wave.open(plain, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    body = plain.getvalue()
    id3 = _id3(tags, cover)
    chunk = b"id3 " + struct.pack("<I", len(id3)) + id3 + b"\0" * (len(id3) % 2)
    return body[:4] + struct.pack("<I", len(body) - 8 + len(chunk)) + body[8:] + chunk


def _id3(tags: dict[str, str], cover: bytes) -> bytes:
    """An ID3v2.3 tag (id3.org/id3v2.3.0 §3): text as UTF-16 with a byte order mark."""
    names = {"title": b"TIT2", "artist": b"TPE1", "album": b"TALB", "track": b"TRCK"}
    frames = b""
    for key, text in tags.items():
        value = b"\x01" + text.encode("utf-16")
        frames += names[key] + struct.pack(">IH", len(value), 0) + value
    picture = b"\0image/png\0\x03\0" + cover
    frames += b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    size = len(frames)
    synchsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + synchsafe + frames


def write_flac(path: Path, samples: array, tags: dict[str, str], cover: bytes, exe: str) -> None:
    """A FLAC with Vorbis comments and a front cover.

    Raises:
        SegueError: ENCODE_FAILED.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, picture = Path(folder) / "in.wav", Path(folder) / "cover.png"
        source.write_bytes(wav(samples, {}, cover))
        picture.write_bytes(cover)
        command = [exe, "-nostdin", "-v", "error", "-y", "-i", str(source), "-i", str(picture)]
        command += ["-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic"]
        command += ["-map_metadata", "-1", "-c:a", "flac", "-bitexact"]
        command += ["-metadata:s:v", "comment=Cover (front)"]
        for key, text in tags.items():
            command += ["-metadata", f"{key}={text}"]
        done = subprocess.run([*command, "-f", "flac", str(path)], capture_output=True, check=False)
    if done.returncode:
        raise SegueError(done.stderr.decode(errors="replace").strip(), code="ENCODE_FAILED")
