"""Ids as OpenSubsonic's clients see them: ours, with two letters for what they name.

    ar-… artist   al-… album   tr-… track   pl-… playlist   co-… a cover's picture

Clients send an id back where only one kind can be meant, and where several can (`star`, covers,
folders). An id of ours without letters is taken where one kind is meant.
"""

import re
from typing import Literal

from functions.subsonic.refusals import no_such

Kind = Literal["artist", "album", "track", "playlist"]
_LETTERS: dict[Kind, str] = {"artist": "ar", "album": "al", "track": "tr", "playlist": "pl"}
_KINDS: dict[str, Kind] = {letters: kind for kind, letters in _LETTERS.items()}
_ID = re.compile(r"(?:(ar|al|tr|pl)-)?([0-9A-Za-z]{22})")
_COVER = re.compile(r"co-([0-9a-f]{64})")
_IMAGE = re.compile(r"/images/([0-9a-f]{64})-[0-9]+\.jpg$")


def named(kind: Kind, id: str) -> str:
    """`tr-…`"""
    return f"{_LETTERS[kind]}-{id}"


def parse(text: str, *kinds: Kind) -> tuple[Kind, str]:
    """The kind, one of `kinds`, and our id; the first of `kinds` where the text does not say.

    Raises:
        Refused: 70, as for whatever is not there.
    """
    match = _ID.fullmatch(text)
    if match is None:
        raise no_such(kinds[0])
    kind = _KINDS[match[1]] if match[1] else kinds[0]
    if kind not in kinds:
        raise no_such(kinds[0])
    return kind, match[2]


def parse_one(text: str, kind: Kind) -> str:
    """Our id of that kind. Raises Refused (70)."""
    return parse(text, kind)[1]


def cover_of(images: list[dict]) -> str | None:
    """The cover id of an object's images; None where it has none of ours."""
    for image in images:
        if match := _IMAGE.search(image.get("url") or ""):
            return f"co-{match[1]}"
    return None


def parse_cover(text: str) -> str | None:
    """The picture's name; None if the text names something else."""
    match = _COVER.fullmatch(text)
    return match[1] if match else None
