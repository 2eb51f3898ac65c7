"""Manifests in the forms that packagers write."""

import struct

import pytest
from segue import dash
from segue.errors import PlaybackError
from segue.manifests import Chunk

URL = "https://h/audio/x/aac.mpd?URLPrefix=a"
HEAD = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT10S"><Period>'
TAIL = "</Period></MPD>"


def mpd(body: str) -> str:
    return f"{HEAD}<AdaptationSet>{body}</AdaptationSet>{TAIL}"


def test_segment_list_inherits_the_groups_timeline() -> None:
    text = mpd(
        '<SegmentList timescale="10"><SegmentTimeline><S t="0" d="20"/><S d="40" r="1"/>'
        "</SegmentTimeline></SegmentList>"
        '<Representation id="1" bandwidth="97000"><BaseURL>base/aac-96.mp4</BaseURL>'
        '<SegmentList timescale="10"><Initialization range="0-699"/>'
        '<SegmentURL mediaRange="700-799"/><SegmentURL mediaRange="800-849"/>'
        '<SegmentURL mediaRange="850-851"/></SegmentList></Representation>'
    )
    (track,) = dash.renditions(text, URL)
    file = "https://h/audio/x/base/aac-96.mp4"
    assert (track.name, track.bandwidth_bps) == ("aac-96", 97000)
    assert track.init == Chunk(file, 0.0, 0, 700)
    assert track.chunks[:2] == (Chunk(file, 2.0, 700, 800), Chunk(file, 4.0, 800, 850))
    assert len(track.chunks) == 3


def test_segment_list_with_even_duration_ends_with_the_presentation() -> None:
    text = mpd(
        '<Representation id="1" bandwidth="1"><BaseURL>a.mp4</BaseURL>'
        '<SegmentList timescale="1000" duration="6000"><SegmentURL mediaRange="0-9"/>'
        '<SegmentURL mediaRange="10-19"/></SegmentList></Representation>'
    )
    (track,) = dash.renditions(text, URL)
    assert [chunk.duration_s for chunk in track.chunks] == [6.0, 4.0]


def test_segment_template_counts_numbers() -> None:
    text = mpd(
        '<SegmentTemplate timescale="1" duration="4" startNumber="1"'
        ' initialization="$RepresentationID$/init.mp4"'
        ' media="$RepresentationID$/$Number%03d$.m4s"/>'
        '<Representation id="aac-96" bandwidth="1"/>'
    )
    (track,) = dash.renditions(text, URL)
    assert track.init == Chunk("https://h/audio/x/aac-96/init.mp4", 0.0)
    assert [(c.url[-7:], c.duration_s) for c in track.chunks] == [
        ("001.m4s", 4.0),
        ("002.m4s", 4.0),
        ("003.m4s", 2.0),
    ]


@pytest.mark.parametrize("version", [0, 1])
def test_sidx_gives_the_chunks(version: int) -> None:
    text = mpd(
        '<Representation id="1" bandwidth="1"><BaseURL>a.mp4</BaseURL>'
        '<SegmentBase indexRange="600-667"><Initialization range="0-599"/></SegmentBase>'
        "</Representation>"
    )
    (track,) = dash.renditions(text, URL)
    assert track.index is not None
    assert (track.index.start, track.index.end) == (600, 668)
    times = struct.pack(">II" if version == 0 else ">QQ", 0, 8)
    body = struct.pack(">BxxxII", version, 1, 1000) + times + struct.pack(">HH", 0, 2)
    body += struct.pack(">III", 100, 2000, 0) + struct.pack(">III", 50, 1500, 0)
    box = struct.pack(">I4s", len(body) + 8, b"sidx") + body
    first = 600 + len(box) + 8
    assert dash.read_sidx(box, track.index) == (
        Chunk(track.index.url, 2.0, first, first + 100),
        Chunk(track.index.url, 1.5, first + 100, first + 150),
    )


def test_durations_are_iso_8601() -> None:
    assert dash.duration_s("PT1H2M3.5S") == 3723.5
    assert dash.duration_s("P1DT1S") == 86401


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html></html>",
        '<!DOCTYPE MPD [<!ENTITY a "aaaa">]><MPD/>',
        HEAD + TAIL,
        mpd('<Representation id="1" bandwidth="1"/>'),
    ],
)
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(PlaybackError) as caught:
        dash.renditions(text, URL)
    assert caught.value.code == "BAD_MANIFEST"


def test_sidx_must_be_one() -> None:
    with pytest.raises(PlaybackError):
        dash.read_sidx(b"\0" * 40, Chunk("u", 0.0, 0, 40))
