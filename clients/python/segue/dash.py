"""Read DASH manifests (ISO/IEC 23009-1): SegmentBase with a sidx, SegmentList, SegmentTemplate.

Only what a single-period audio presentation needs. The XML parser of the standard library
expands entities; a manifest has none, so a document type is refused before parsing.
"""

import re
import struct
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from segue.errors import PlaybackError
from segue.manifests import Chunk, Track, name_of

_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?")
_NS = "{urn:mpeg:dash:schema:mpd:2011}"


def duration_s(text: str) -> float:
    """An ISO 8601 duration ("PT1M2.5S") in seconds."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise PlaybackError(f"not a duration: {text!r}", code="BAD_MANIFEST")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def renditions(text: str, url: str) -> list[Track]:
    """The audio representations of the first period."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise PlaybackError("a manifest with a document type", code="BAD_MANIFEST")
    try:
        mpd = ET.fromstring(text)  # noqa: S314  entities are refused above
    except ET.ParseError as error:
        raise PlaybackError(f"not a DASH manifest: {error}", code="BAD_MANIFEST") from error
    period = mpd.find(f"{_NS}Period")
    if period is None:
        raise PlaybackError("a manifest without a period", code="BAD_MANIFEST")
    total_s = duration_s(period.get("duration") or mpd.get("mediaPresentationDuration") or "PT0S")
    base = urljoin(url, _base(mpd))
    base = urljoin(base, _base(period))
    found: list[Track] = []
    for group in period.findall(f"{_NS}AdaptationSet"):
        for node in group.findall(f"{_NS}Representation"):
            own = urljoin(urljoin(base, _base(group)), _base(node))
            found.append(_rendition(node, group, own, total_s))
    if not found:
        raise PlaybackError("a manifest without representations", code="BAD_MANIFEST")
    return found


def _base(node: ET.Element) -> str:
    return (node.findtext(f"{_NS}BaseURL") or "").strip()


def _rendition(node: ET.Element, group: ET.Element, url: str, total_s: float) -> Track:
    name = node.get("id", "?")
    bandwidth = int(node.get("bandwidth", "0"))
    for kind, read in (("SegmentBase", _base_form), ("SegmentList", _list_form)):
        spot = node.find(_NS + kind)
        if spot is None:
            spot = group.find(_NS + kind)
        if spot is not None:
            # A representation's list inherits the group's timeline (ISO/IEC 23009-1 §5.3.9.1).
            shared = group.find(f"{_NS}{kind}/{_NS}SegmentTimeline")
            init, chunks, index = read(spot, url, total_s, shared)
            media = index or (chunks[0] if chunks else None)
            if media is None:
                break
            return Track(name_of(media.url), bandwidth, init, chunks, None, index)
    template = node.find(f"{_NS}SegmentTemplate")
    if template is None:
        template = group.find(f"{_NS}SegmentTemplate")
    if template is None:
        raise PlaybackError(f"{name}: no segments", code="BAD_MANIFEST")
    init, chunks = _template_form(template, node, url, total_s)
    return Track(name, bandwidth, init, chunks)


def _span(url: str, text: str | None, seconds: float = 0.0) -> Chunk:
    """`text` is "first-last", both inclusive; None is the whole object."""
    if not text:
        return Chunk(url, seconds)
    first, _, last = text.partition("-")
    return Chunk(url, seconds, int(first), int(last) + 1)


def _init(spot: ET.Element, url: str) -> Chunk | None:
    node = spot.find(f"{_NS}Initialization")
    if node is None:
        return None
    return _span(urljoin(url, node.get("sourceURL", "")), node.get("range"))


def _base_form(
    spot: ET.Element, url: str, _total_s: float, _shared: ET.Element | None
) -> tuple[Chunk | None, tuple[Chunk, ...], Chunk | None]:
    index = _span(url, spot.get("indexRange"))
    init = _init(spot, url) or Chunk(url, 0.0, 0, index.start)
    return init, (), index


def _list_form(
    spot: ET.Element, url: str, total_s: float, shared: ET.Element | None
) -> tuple[Chunk | None, tuple[Chunk, ...], Chunk | None]:
    scale = int(spot.get("timescale", "1"))
    timeline = shared if (own := spot.find(f"{_NS}SegmentTimeline")) is None else own
    nodes = spot.findall(f"{_NS}SegmentURL")
    if timeline is not None:
        lasting = [ticks / scale for ticks in _ticks(timeline)]
    else:
        each_s = int(spot.get("duration", "0")) / scale
        lasting = [min(each_s, total_s - each_s * n) for n in range(len(nodes))]
    chunks = tuple(
        _span(urljoin(url, node.get("media", "")), node.get("mediaRange"), seconds)
        for node, seconds in zip(nodes, lasting, strict=False)
    )
    return _init(spot, url), chunks, None


def _ticks(timeline: ET.Element) -> list[int]:
    found: list[int] = []
    for node in timeline.findall(f"{_NS}S"):
        found += [int(node.get("d", "0"))] * (int(node.get("r", "0")) + 1)
    return found


def _template_form(
    spot: ET.Element, node: ET.Element, url: str, total_s: float
) -> tuple[Chunk | None, tuple[Chunk, ...]]:
    scale = int(spot.get("timescale", "1"))
    timeline = spot.find(f"{_NS}SegmentTimeline")
    if timeline is not None:
        lasting = [ticks / scale for ticks in _ticks(timeline)]
    else:
        each_s = int(spot.get("duration", "1")) / scale
        count = int(-(-total_s // each_s)) if each_s else 0
        lasting = [min(each_s, total_s - each_s * n) for n in range(count)]
    first = int(spot.get("startNumber", "1"))

    def fill(pattern: str, number: int) -> str:
        pattern = pattern.replace("$RepresentationID$", node.get("id", ""))
        pattern = re.sub(
            r"\$Number(?:%0(\d+)d)?\$", lambda m: str(number).zfill(int(m[1] or 0)), pattern
        )
        return urljoin(url, pattern)

    init = spot.get("initialization")
    return (
        Chunk(fill(init, 0), 0.0) if init else None,
        tuple(Chunk(fill(spot.get("media", ""), first + n), s) for n, s in enumerate(lasting)),
    )


def read_sidx(box: bytes, index: Chunk) -> tuple[Chunk, ...]:
    """The chunks that a segment index box lists (ISO/IEC 14496-12 §8.16.3).

    `index` says where `box` lies in its file: offsets count from the box's end.
    """
    if len(box) < 32 or box[4:8] != b"sidx":
        raise PlaybackError("the index range holds no sidx", code="BAD_MANIFEST")
    version = box[8]
    (scale,) = struct.unpack_from(">I", box, 16)
    first_offset_at = 24 if version == 0 else 28
    width = ">I" if version == 0 else ">Q"
    (offset,) = struct.unpack_from(width, box, first_offset_at)
    at = first_offset_at + struct.calcsize(width)
    (_, count) = struct.unpack_from(">HH", box, at)
    (size,) = struct.unpack_from(">I", box, 0)
    position = index.start + size + offset
    chunks: list[Chunk] = []
    for n in range(count):
        span, ticks, _ = struct.unpack_from(">III", box, at + 4 + 12 * n)
        span &= 0x7FFFFFFF
        chunks.append(Chunk(index.url, ticks / scale, position, position + span))
        position += span
    return tuple(chunks)
