"""What a file says of itself: tags and cover art, read in a confined child process.

Tag readers take what uploaders wrote, and load it whole. `read` therefore runs this very
module in a child with little memory and time; a file that breaks it has no tags, that is all.
"""

import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from functions.transcode import riff
from functions.transcode.run import Limits, run

_ROOT = Path(__file__).resolve().parents[2]
_LIMITS = Limits(wall_s=30, cpu_s=20, address_space_bytes=1 << 30, file_size_bytes=32 << 20)
_LONGEST = 300
_MOST = 50  # artists
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags as read; None or empty where the file says nothing usable. `cover_id`: see covers."""

    title: str | None = None
    artists: tuple[str, ...] = ()
    album: str | None = None
    isrc: str | None = None
    track_number: int | None = None
    disc_number: int | None = None
    cover_id: str | None = None


def read(master: Path, covers: Path) -> Tags:
    """The tags of `master`; its cover, if there is one, is left in `covers` in every size."""
    finished = run(
        [sys.executable, "-P", "-m", "functions.transcode.tags", str(master), str(covers)],
        _LIMITS,
        environ={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"},
    )
    if finished.returncode != 0:
        return Tags()
    found = json.loads(finished.stdout)
    return Tags(**{**found, "artists": tuple(found["artists"])})


def clean(text: object) -> str | None:
    """One line of at most 300 characters without controls or direction marks, or None."""
    line = _CONTROL.sub(" ", str(text).encode("utf-8", "ignore").decode()).strip()
    return line[:_LONGEST].rstrip() or None


def number(text: object) -> int | None:
    """The first part of `3` or `3/12`, if from 1 to 9,999."""
    found = re.match(r"\s*(\d{1,4})\b", str(text))
    return (int(found[1]) or None) if found else None


def isrc(text: object) -> str | None:
    """An ISRC (ISO 3901) without hyphens, or None if it is none."""
    compact = str(text).replace("-", "").replace(" ", "").upper()
    return compact if _ISRC.fullmatch(compact) else None


def _extract(master: Path, covers: Path) -> Tags:
    import mutagen

    easy = mutagen.File(master, easy=True)  # type: ignore[attr-defined]
    if easy is None:
        return Tags()
    tags = easy.tags or riff.info(master)

    def every(*names: str) -> list[object]:
        for name in names:
            try:
                values = tags.get(name)
            except (KeyError, ValueError):
                continue
            if values:
                values = getattr(values, "text", values)  # an ID3 frame in WAV or AIFF
                return list(values) if isinstance(values, list) else [values]
        return []

    def first(*names: str) -> object:
        return next(iter(every(*names)), "")

    artists = (clean(artist) for artist in every("artist", "TPE1", "Author", "IART")[:_MOST])
    return Tags(
        title=clean(first("title", "TIT2", "Title", "INAM")),
        artists=tuple(dict.fromkeys(artist for artist in artists if artist)),
        album=clean(first("album", "TALB", "WM/AlbumTitle", "IPRD")),
        isrc=isrc(first("isrc", "TSRC", "WM/ISRC", "ISRC")) or _mp4_isrc(master),
        track_number=number(first("tracknumber", "TRCK", "WM/TrackNumber", "ITRK")),
        disc_number=number(first("discnumber", "TPOS", "WM/PartOfSet")),
        cover_id=_cover(master, covers),
    )


def _mp4_isrc(master: Path) -> str | None:
    import mutagen

    tags = getattr(mutagen.File(master), "tags", None)  # type: ignore[attr-defined]
    for key, values in (tags or {}).items():
        if str(key).lower().endswith(":isrc") and values:
            value = values[0]
            return isrc(bytes(value).decode("ascii", "ignore"))
    return None


def _cover(master: Path, covers: Path) -> str | None:
    from functions.transcode.covers import Unusable, pictures, write

    for picture in pictures(master):
        try:
            return write(picture, covers)
        except Unusable:
            continue
    return None


if __name__ == "__main__":
    print(json.dumps(asdict(_extract(Path(sys.argv[1]), Path(sys.argv[2])))))
