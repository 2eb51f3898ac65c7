"""MPEG audio frames."""

import pytest

from functions.transcode.mp3 import Frame, Malformed, frames, parse_frame, read


@pytest.mark.parametrize(
    ("header", "frame"),
    [
        # ISO/IEC 11172-3 §2.4.1.3: MPEG-1 layer III, 128 kbit/s, 44.1 kHz; with padding one more.
        ("fffb9000", Frame(417, 1152, 44_100)),
        ("fffb9200", Frame(418, 1152, 44_100)),
        ("fffbe400", Frame(960, 1152, 48_000)),
        # 13818-3: MPEG-2 layer III, 24 kbit/s, 22.05 kHz.
        ("fff33000", Frame(78, 576, 22_050)),
    ],
)
def test_a_header_tells_the_frames_size(header, frame):
    assert parse_frame(bytes.fromhex(header)) == frame


@pytest.mark.parametrize(
    "header", ["49443304", "fffd9000", "fffbf000", "fffb9c00", "ffe39000", "ff"]
)
def test_what_is_no_layer_iii_frame_is_malformed(header):
    with pytest.raises(Malformed):
        parse_frame(bytes.fromhex(header))


@pytest.mark.parametrize("name", ["base/mp3-24.mp3", "base/mp3-96.mp3", "high/mp3-320.mp3"])
def test_frames_fill_the_file_and_the_tag_explains_their_excess(done, name):
    result, _ = done
    path = result.out / name
    segmented, gapless = read(path)
    last = segmented.segments[-1]
    assert last.offset + last.size == path.stat().st_size
    if name != "base/mp3-24.mp3":
        coded = last.start + last.duration
        assert coded - gapless.delay - gapless.padding == result.source.audio.total_samples


def test_no_frame_needs_the_one_before(done):
    result, _ = done
    content = (result.out / "base/mp3-96.mp3").read_bytes()
    every = list(frames(result.out / "base/mp3-96.mp3"))
    assert len(every) > 1000
    for frame in every:
        # main_data_begin, the reach back into earlier frames: nine bits after the header.
        reach = content[frame.offset + 4] << 1 | content[frame.offset + 5] >> 7
        assert reach == 0
