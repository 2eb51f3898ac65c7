"""Read HLS playlists (RFC 8216): variants, and media playlists with byte ranges.

#EXT-X-MAP:URI="aac-96.mp4",BYTERANGE="736@0"
#EXTINF:6.0,
#EXT-X-BYTERANGE:73012@1500
aac-96.mp4
"""

import re
from urllib.parse import urljoin

from segue.errors import PlaybackError
from segue.manifests import Chunk, Track, name_of

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')


def attributes(text: str) -> dict[str, str]:
    """An attribute list (RFC 8216 §4.2), quotes removed."""
    return {key: value.strip('"') for key, value in _ATTRIBUTE.findall(text)}


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != "#EXTM3U":
        raise PlaybackError("not an HLS playlist: no #EXTM3U", code="BAD_MANIFEST")
    return lines


def variants(text: str, url: str) -> list[Track]:
    """The renditions of a multivariant playlist; empty when `text` is a media playlist."""
    found: list[Track] = []
    bandwidth: int | None = None
    for line in _lines(text):
        if line.startswith("#EXT-X-STREAM-INF:"):
            try:
                bandwidth = int(attributes(line)["BANDWIDTH"])
            except (KeyError, ValueError) as error:
                raise PlaybackError("a variant without BANDWIDTH", code="BAD_MANIFEST") from error
        elif not line.startswith("#") and bandwidth is not None:
            found.append(Track(name_of(line), bandwidth, playlist=urljoin(url, line)))
            bandwidth = None
    return found


def media(text: str, url: str, track: Track) -> Track:
    """`track` with the init segment and chunks of its media playlist.

    Raises:
        PlaybackError: BAD_MANIFEST – nothing to play, or a byte range without a start.
    """
    init: Chunk | None = None
    chunks: list[Chunk] = []
    duration_s, span = 0.0, ""
    for line in _lines(text):
        if line.startswith("#EXT-X-MAP:"):
            found = attributes(line)
            init = _chunk(urljoin(url, found["URI"]), 0.0, found.get("BYTERANGE", ""), None)
        elif line.startswith("#EXTINF:"):
            duration_s = float(line[8:].split(",", 1)[0])
        elif line.startswith("#EXT-X-BYTERANGE:"):
            span = line[17:]
        elif not line.startswith("#"):
            chunks.append(
                _chunk(urljoin(url, line), duration_s, span, chunks[-1] if chunks else None)
            )
            span = ""
    if not chunks:
        raise PlaybackError("a playlist without segments", code="BAD_MANIFEST")
    return Track(track.name, track.bandwidth_bps, init, tuple(chunks), track.playlist)


def _chunk(url: str, duration_s: float, span: str, before: Chunk | None) -> Chunk:
    """`span` is "length[@offset]"; without offset it follows the chunk before (§4.3.2.2)."""
    if not span:
        return Chunk(url, duration_s)
    length, _, offset = span.partition("@")
    if offset:
        start = int(offset)
    elif before is not None and before.url == url and before.end is not None:
        start = before.end
    else:
        raise PlaybackError("a byte range without a start", code="BAD_MANIFEST")
    return Chunk(url, duration_s, start, start + int(length))
