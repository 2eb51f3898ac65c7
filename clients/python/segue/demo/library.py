"""The pieces as files in a folder."""

from collections.abc import Iterator
from pathlib import Path

from segue.demo import cover, files
from segue.demo.score import PIECES, length_s, notes
from segue.demo.synth import render


def make(folder: Path, *, count: int = len(PIECES), wav: bool = False) -> Iterator[Path]:
    """Write the first `count` pieces to `folder`, yielding each path when it is there.

    A piece whose file exists is not made again: the same piece is always the same music.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exe = None if wav else files.ffmpeg()
    for number, piece in enumerate(PIECES[:count], start=1):
        path = folder / f"{number:02} {piece.title}.{'flac' if exe else 'wav'}"
        if not path.exists():
            samples = render(notes(piece), length_s(piece))
            picture = cover.png(piece.hue, sum(map(ord, piece.album)))
            tags = {"title": piece.title, "artist": piece.artist, "album": piece.album}
            tags["track"] = str(number)
            unfinished = path.with_suffix(".part")
            if exe:
                files.write_flac(unfinished, samples, tags, picture, exe)
            else:
                unfinished.write_bytes(files.wav(samples, tags, picture))
            unfinished.replace(path)
        yield path
