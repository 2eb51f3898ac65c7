"""Cover art: decoded with suspicion, written again as JPEG in three sizes."""

import hashlib
import io

SIZES_PX = (640, 300, 64)
_MOST_PIXELS = 40_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


class Unusable(ValueError):
    """Not a picture, one of an unknown kind, or one that unpacks to too many pixels."""


def object_name(cover_id: str, size_px: int) -> str:
    """`<cover id>-640.jpg`: the object's name below `images/`."""
    return f"{cover_id}-{size_px}.jpg"


def encode(picture: bytes) -> tuple[str, dict[int, bytes]]:
    """(id, JPEG by size in px) of `picture`, each no larger than its size squared.

    The id is the SHA-256 of the largest. Re-encoding drops whatever else the file carried:
    metadata, location, trailing data.

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
        written: dict[int, bytes] = {}
        for size in SIZES_PX:
            upright.thumbnail((size, size), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            upright.save(buffer, "JPEG", quality=88, optimize=True)
            written[size] = buffer.getvalue()
    except Unusable:
        raise
    except Exception as error:  # Pillow raises whatever the bytes provoke
        raise Unusable(str(error)) from error
    return hashlib.sha256(written[SIZES_PX[0]]).hexdigest(), written
