"""HLS and DASH text from segment facts. Pure; every URI is relative and names no host."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from functions.transcode.segments import Segmented

# RFC 6381: AAC-LC is object type 2; MPEG-1 layer III is object type 34.
CODECS = {"aac": "mp4a.40.2", "mp3": "mp4a.40.34"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A rendition as manifests list it. `uri` and `playlist` are relative to the manifest."""

    codec: str
    kbps: int
    channels: int
    uri: str
    playlist: str
    bandwidth_bps: int
    average_bps: int
    segmented: Segmented


def hls_media(segmented: Segmented, uri: str) -> str:
    """A media playlist of byte ranges of one file (RFC 8216 §4.3.2.2, §4.3.2.5)."""
    scale = segmented.timescale
    target = max(segment.duration for segment in segmented.segments) / scale
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        # Every EXTINF, rounded to the nearest integer, must not exceed it (RFC 8216 §4.3.3.1).
        f"#EXT-X-TARGETDURATION:{max(1, math.ceil(target))}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    if segmented.init_size:
        lines.append(f'#EXT-X-MAP:URI="{uri}",BYTERANGE="{segmented.init_size}@0"')
    for segment in segmented.segments:
        lines += [
            f"#EXTINF:{segment.duration / scale:.6f},",
            f"#EXT-X-BYTERANGE:{segment.size}@{segment.offset}",
            uri,
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def hls_multivariant(renditions: Sequence[Listed]) -> str:
    """A multivariant playlist. The first variant is where many players start: 96 kbps."""
    ordered = sorted(renditions, key=lambda rendition: (rendition.kbps != 96, rendition.kbps))
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rendition in ordered:
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={rendition.bandwidth_bps},"
            f"AVERAGE-BANDWIDTH={rendition.average_bps},"
            f'CODECS="{CODECS[rendition.codec]}"',
            rendition.playlist,
        ]
    return "\n".join([*lines, ""])


def dash(renditions: Sequence[Listed], duration_s: float) -> str:
    """A static MPD of CMAF files, on-demand profile (ISO/IEC 23009-1 §8.3).

    It names each file's header and index; the index lists the segments that HLS lists. All
    renditions are in one AdaptationSet, by rising bandwidth.

    Raises:
        ValueError: segments are not at the same times in all renditions.
    """
    first = renditions[0].segmented
    times = [(segment.start, segment.duration) for segment in first.segments]
    for rendition in renditions:
        if [(s.start, s.duration) for s in rendition.segmented.segments] != times:
            raise ValueError(f"{rendition.uri} is not aligned with {renditions[0].uri}")
    longest = max(duration for _, duration in times) / first.timescale
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
        ' profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static"'
        f' mediaPresentationDuration="PT{duration_s:.6f}S"'
        # Players wait for minBufferTime before they start: the first segment's length.
        f' maxSubsegmentDuration="PT{longest:.3f}S" minBufferTime="PT2S">',
        '<Period id="0" start="PT0S">',
        '<AdaptationSet id="0" contentType="audio" mimeType="audio/mp4"'
        ' subsegmentAlignment="true" subsegmentStartsWithSAP="1" bitstreamSwitching="true">',
    ]
    for rendition in sorted(renditions, key=lambda rendition: rendition.bandwidth_bps):
        segmented = rendition.segmented
        index = segmented.init_size
        lines += [
            f'<Representation id="{rendition.codec}-{rendition.kbps}"'
            f' codecs="{CODECS[rendition.codec]}" bandwidth="{rendition.bandwidth_bps}"'
            f' audioSamplingRate="{segmented.timescale}">',
            "<AudioChannelConfiguration"
            ' schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011"'
            f' value="{rendition.channels}"/>',
            f"<BaseURL>{rendition.uri}</BaseURL>",
            f'<SegmentBase timescale="{segmented.timescale}"'
            f' indexRange="{index}-{index + segmented.index_size - 1}" indexRangeExact="true">',
            f'<Initialization range="0-{index - 1}"/></SegmentBase>',
            "</Representation>",
        ]
    return "\n".join([*lines, "</AdaptationSet></Period></MPD>", ""])
