"""Playlists as RFC 8216 writes them."""

import pytest
from segue import hls
from segue.errors import PlaybackError
from segue.manifests import Chunk, Track

URL = "https://h/audio/x/aac.m3u8?URLPrefix=a"
AAC = Track("aac-96", 97_000)


def test_variants_are_named_and_resolved() -> None:
    text = """#EXTM3U
#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=90000,BANDWIDTH=97000,CODECS="mp4a.40.2,a"
base/aac-96.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=320000

high/aac-320.m3u8
"""
    found = hls.variants(text, URL)
    assert [(t.name, t.bandwidth_bps) for t in found] == [("aac-96", 97000), ("aac-320", 320000)]
    assert found[0].playlist == "https://h/audio/x/base/aac-96.m3u8"


def test_byte_ranges_and_init_are_read() -> None:
    text = """#EXTM3U
#EXT-X-MAP:URI="aac-96.mp4",BYTERANGE="700@0"
#EXTINF:2.0,
#EXT-X-BYTERANGE:100@700
aac-96.mp4
#EXTINF:4.5,title, with comma
#EXT-X-BYTERANGE:50
aac-96.mp4
#EXT-X-ENDLIST
"""
    track = hls.media(text, "https://h/a/b.m3u8", AAC)
    file = "https://h/a/aac-96.mp4"
    assert track.init == Chunk(file, 0.0, 0, 700)
    assert track.chunks == (Chunk(file, 2.0, 700, 800), Chunk(file, 4.5, 800, 850))


def test_whole_segments_have_no_range() -> None:
    track = hls.media("#EXTM3U\n#EXTINF:6,\na.mp3\n", "https://h/x", AAC)
    assert not track.chunks[0].ranged


def test_media_playlist_has_no_variants() -> None:
    assert hls.variants("#EXTM3U\n#EXTINF:6,\na.mp3\n", URL) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "#EXTM3U\n",
        "#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:10\na.mp3\n",
    ],
)
def test_what_is_no_playlist_is_refused(text: str) -> None:
    with pytest.raises(PlaybackError) as caught:
        hls.media(text, URL, AAC)
    assert caught.value.code == "BAD_MANIFEST"


def test_variant_without_bandwidth_is_refused() -> None:
    with pytest.raises(PlaybackError):
        hls.variants("#EXTM3U\n#EXT-X-STREAM-INF:CODECS=x\na.m3u8\n", URL)
