"""Cover art: found in tags, decoded with suspicion, written again as JPEG in two sizes."""

import base64
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

SIZES_PX = (640, 64)
_LARGEST_BYTES = 20 << 20
_MOST_PIXELS = 40_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


class Unusable(ValueError):
    """Not a picture, one of an unknown kind, or one that unpacks to too many pixels."""


def file_name(cover_id: str, size_px: int) -> str:
    """`<cover id>-640.jpg`: the object's name below `images/`."""
    return f"{cover_id}-{size_px}.jpg"


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
    """Write `picture` as square-bounded JPEGs; the answer, its id, is the larger one's SHA-256.

    Re-encoding drops whatever else the file carried: metadata, location, trailing data.

    Raises:
        Unusable: see the class.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
    try:
        with Image.open(io.BytesIO(picture), formats=_FORMATS) as image:
            # Checked before any pixel is unpacked.
            if image.width * image.height > _MOST_PIXELS:
                raise Unusable(f"{image.width} by {image.height} pixels")
            image.draft("RGB", (SIZES_PX[0] * 2, SIZES_PX[0] * 2))
            upright = ImageOps.exif_transpose(image).convert("RGB")
        written: list[tuple[int, bytes]] = []
        for size in SIZES_PX:
            upright.thumbnail((size, size), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            upright.save(buffer, "JPEG", quality=88, optimize=True)
            written.append((size, buffer.getvalue()))
    except Unusable:
        raise
    except Exception as error:  # Pillow raises whatever the bytes provoke
        raise Unusable(str(error)) from error
    cover_id = hashlib.sha256(written[0][1]).hexdigest()
    for size, data in written:
        (covers / file_name(cover_id, size)).write_bytes(data)
    return cover_id
