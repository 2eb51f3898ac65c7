"""Pictures of playlists: the owner's own; without one, a mosaic of the first four covers."""

import asyncio
import binascii
import hashlib
import io
import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from functions.playlists.ops import Entry
from shared import covers
from shared.errors import Invalid, SegueError, TooLarge
from shared.gcp.images import Images, keep
from shared.webapi.cards import TrackCard

log = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 256 * 1024
"""Of base64 text, as the Web API counts."""
TILES = 4
MAX_KNOWN = 20_000


class Mosaics:
    """Mosaics by the covers of which they are made: their id follows from those, so that whoever
    needs one first makes it, and nobody has to be told."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self._there: dict[str, str] = {}

    def known(self, cover_ids: Sequence[str]) -> str:
        """What to show: the mosaic, if this instance knows that it is there; else the first
        cover."""
        return self._there.get(_key(cover_ids), cover_ids[0])

    async def ready(self, cover_ids: tuple[str, ...]) -> tuple[str, ...]:
        """Make the mosaic of four covers, unless it is there. Failing that is no error."""
        key = _key(cover_ids)
        if len(cover_ids) == TILES and key not in self._there:
            try:
                names = [f"images/{covers.object_name(id, 300)}" for id in cover_ids]
                tiles = await asyncio.gather(*(self._images.get(name) for name in names))
                self._there[key] = await keep(self._images, await asyncio.to_thread(mosaic, tiles))
            except SegueError as error:
                log.warning("no mosaic of %s: %r", cover_ids, error)
            while len(self._there) > MAX_KNOWN:
                del self._there[next(iter(self._there))]
        return cover_ids


def uploaded(body: bytes) -> bytes:
    """The picture in the raw base64 body of an upload.

    Raises:
        TooLarge: above 256 KB (code IMAGE_TOO_LARGE).
        Invalid: not base64 (code INVALID_IMAGE).
    """
    if len(body) > MAX_UPLOAD_BYTES:
        raise TooLarge("a picture has 256 KB of base64 at most", code="IMAGE_TOO_LARGE")
    try:
        picture = b64decode(body.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("the body is not base64", code="INVALID_IMAGE") from error
    if not picture.startswith(b"\xff\xd8\xff"):
        raise Invalid("the picture is no JPEG", code="INVALID_IMAGE")
    return picture


def mosaic(tiles: Sequence[bytes]) -> bytes:
    """Four pictures in a square of two by two, 640 px wide.

    Raises:
        Invalid: one is no picture (code INVALID_IMAGE).
    """
    from PIL import Image

    whole = Image.new("RGB", (640, 640))
    try:
        for at, tile in enumerate(tiles):
            with Image.open(io.BytesIO(tile), formats=("JPEG",)) as picture:
                whole.paste(
                    picture.convert("RGB").resize((320, 320)), (at % 2 * 320, at // 2 * 320)
                )
    except Exception as error:  # Pillow raises whatever the bytes provoke
        raise Invalid(f"not a picture: {error}", code="INVALID_IMAGE") from error
    buffer = io.BytesIO()
    whole.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


async def first_of(
    entries: Iterable[Entry], tracks: Callable[[list[str]], Awaitable[Mapping[str, TrackCard]]]
) -> tuple[str, ...]:
    """The first four covers of the items; `tracks` gives those that are known, by id."""
    ids = [it.uri.rpartition(":")[2] for it in entries if it.uri.startswith("spotify:track:")]
    known = await tracks(ids)
    return distinct(known[id].cover_id for id in ids if id in known)


def distinct(cover_ids: Iterable[str | None]) -> tuple[str, ...]:
    """The first four different ones."""
    return tuple(dict.fromkeys(it for it in cover_ids if it))[:TILES]


def _key(cover_ids: Sequence[str]) -> str:
    return hashlib.sha256("/".join(cover_ids).encode()).hexdigest()
