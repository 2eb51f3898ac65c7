"""`segue demo`: six short original pieces to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from segue.commands.context import out


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to write the files.")],
    count: Annotated[int, typer.Option(min=1, max=6, help="How many of the six.")] = 6,
    wav: Annotated[bool, typer.Option("--wav", help="WAV even when an ffmpeg is there.")] = False,
) -> None:
    """Compose a few short pieces, tagged and with covers. Files that are there stay."""
    from segue.demo.library import make

    for path in make(folder, count=count, wav=wav):
        out().say(str(path))
