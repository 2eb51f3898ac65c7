"""Cover art: found in tags, and written again in our own sizes."""

import base64
from collections.abc import Iterator
from pathlib import Path

from shared.covers import SIZES_PX, Unusable, encode
from shared.covers import object_name as file_name

__all__ = ["SIZES_PX", "Unusable", "file_name", "pictures", "write"]

_LARGEST_BYTES = 20 << 20


def pictures(master: Path) -> Iterator[bytes]:
    """Every picture in the tags of `master`, front covers first."""
    import mutagen
    from mutagen.flac import Picture

    file = mutagen.File(master)  # type: ignore[attr-defined]
    tags = getattr(file, "tags", None) or {}
    found: list[tuple[bool, bytes]] = [
        (picture.type != 3, picture.data) for picture in getattr(file, "pictures", ())
    ]
    for key, value in tags.items() if hasattr(tags, "items") else ():
        name = str(key)
        if name.startswith("APIC"):
            found.append((value.type != 3, value.data))
        elif name == "covr":
            found += [(False, bytes(cover)) for cover in value]
        elif name.lower() == "metadata_block_picture":
            for text in value:
                try:
                    picture = Picture(base64.b64decode(text))
                except Exception:  # noqa: S112 - whatever the bytes provoke: no cover
                    continue
                found.append((picture.type != 3, picture.data))
    for _, data in sorted(found, key=lambda item: item[0]):
        if 0 < len(data) <= _LARGEST_BYTES:
            yield data


def write(picture: bytes, covers: Path) -> str:
    """Write `picture` as JPEGs in `SIZES_PX`; the answer is its id.

    Raises:
        Unusable: see the class.
    """
    cover_id, written = encode(picture)
    for size, data in written.items():
        (covers / file_name(cover_id, size)).write_bytes(data)
    return cover_id
