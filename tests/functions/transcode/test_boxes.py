"""Fragmented MP4 as our muxer writes it, and as it must not be."""

import pytest

from functions.transcode.boxes import Malformed, read


def test_segments_cover_the_file_to_the_sample(done):
    result, _ = done
    for name in ("base/aac-24.mp4", "base/aac-96.mp4", "base/aac-160.mp4", "high/aac-320.mp4"):
        path = result.out / name
        segmented = read(path)
        assert segmented.timescale == 44_100
        last = segmented.segments[-1]
        assert last.offset + last.size == path.stat().st_size
        assert last.start + last.duration == result.source.audio.total_samples


def test_every_range_starts_with_a_fragment(done):
    result, _ = done
    content = (result.out / "base/aac-96.mp4").read_bytes()
    segmented = read(result.out / "base/aac-96.mp4")
    assert {content[s.offset + 4 : s.offset + 8] for s in segmented.segments} == {b"moof"}
    assert content[segmented.init_size + 4 : segmented.init_size + 8] == b"sidx"


def test_a_file_that_lost_a_fragment_is_malformed(done, tmp_path):
    result, _ = done
    content = (result.out / "base/aac-96.mp4").read_bytes()
    segmented = read(result.out / "base/aac-96.mp4")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: segmented.segments[-1].offset])
    with pytest.raises(Malformed, match="sidx"):
        read(cut)


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x00\x00moov", b"not an mp4 at all, is it"])
def test_other_bytes_are_malformed(tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(Malformed):
        read(path)
