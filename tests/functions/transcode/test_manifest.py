"""HLS and DASH as text."""

from xml.etree import ElementTree

import pytest

from functions.transcode.manifest import Listed, dash, hls_media, hls_multivariant
from functions.transcode.segments import Segment, Segmented

SEGMENTS = (Segment(900, 5000, 0, 88_064), Segment(5900, 9000, 88_064, 178_176))
AAC = Segmented(44_100, 700, SEGMENTS, 64)
NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"


def listed(kbps: int, segmented: Segmented = AAC) -> Listed:
    return Listed(
        codec="aac",
        kbps=kbps,
        channels=1 if kbps == 24 else 2,
        uri=f"base/aac-{kbps}.mp4",
        playlist=f"base/aac-{kbps}.m3u8",
        bandwidth_bps=kbps * 1100,
        average_bps=kbps * 1000,
        segmented=segmented,
    )


def test_a_media_playlist_lists_byte_ranges_of_one_file():
    assert hls_media(AAC, "aac-96.mp4") == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:5\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="aac-96.mp4",BYTERANGE="700@0"\n'
        "#EXTINF:1.996916,\n"
        "#EXT-X-BYTERANGE:5000@900\n"
        "aac-96.mp4\n"
        "#EXTINF:4.040272,\n"
        "#EXT-X-BYTERANGE:9000@5900\n"
        "aac-96.mp4\n"
        "#EXT-X-ENDLIST\n"
    )


def test_packed_audio_has_no_initialisation():
    assert "EXT-X-MAP" not in hls_media(Segmented(44_100, 0, AAC.segments), "mp3-96.mp3")


def test_the_first_variant_is_a_fair_one_to_start_with():
    lines = hls_multivariant([listed(24), listed(160), listed(96)]).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "base/aac-96.m3u8",
        "base/aac-24.m3u8",
        "base/aac-160.m3u8",
    ]
    assert lines[3] == (
        '#EXT-X-STREAM-INF:BANDWIDTH=105600,AVERAGE-BANDWIDTH=96000,CODECS="mp4a.40.2"'
    )


def test_dash_names_header_and_index_inclusive():
    mpd = ElementTree.fromstring(dash([listed(96), listed(24)], 6.037188))
    assert mpd.get("mediaPresentationDuration") == "PT6.037188S"
    ids = [node.get("id") for node in mpd.iter(f"{NAMESPACE}Representation")]
    assert ids == ["aac-24", "aac-96"]
    assert {node.get("range") for node in mpd.iter(f"{NAMESPACE}Initialization")} == {"0-699"}
    assert {node.get("indexRange") for node in mpd.iter(f"{NAMESPACE}SegmentBase")} == {"700-763"}


def test_renditions_that_are_not_aligned_are_never_one_set():
    other = Segmented(44_100, 700, (Segment(900, 5000, 0, 88_065), AAC.segments[1]), 64)
    with pytest.raises(ValueError, match="not aligned"):
        dash([listed(96), listed(160, other)], 6.0)
