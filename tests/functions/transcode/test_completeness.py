"""Files that break off, told by their own structure."""

import pytest

from functions.transcode.completeness import breaks_off

KINDS = {
    "whole.wav": (),
    "whole.aiff": (),
    "whole.ogg": ("-c:a", "libvorbis"),
    "whole.opus": ("-c:a", "libopus", "-ar", "48000"),
    "moov_last.m4a": ("-c:a", "aac"),
    "moov_first.m4a": ("-c:a", "aac", "-movflags", "+faststart"),
    "fragmented.m4a": ("-c:a", "aac", "-movflags", "+empty_moov", "-frag_duration", "500000"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_file_is_whole_and_any_cut_shows(make, tmp_path, name):
    whole = make(name, options=KINDS[name])
    assert not breaks_off(whole)
    content = whole.read_bytes()
    for part in (0.3, 0.5, 0.77, 0.95):
        cut = tmp_path / "cut"
        cut.write_bytes(content[: int(len(content) * part)])
        assert breaks_off(cut), f"{name} cut at {part}"


@pytest.mark.parametrize("name", ["a.flac", "b.mp3"])
def test_formats_without_such_a_promise_are_left_to_the_decoder(make, tmp_path, name):
    cut = tmp_path / "cut"
    cut.write_bytes(make(name).read_bytes()[:20_000])
    assert not breaks_off(cut)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_states_no_length_and_is_not_cut(make, tmp_path, size):
    content = bytearray(make("whole.wav").read_bytes())
    at = content.index(b"data")
    content[at + 4 : at + 8] = size.to_bytes(4, "little")
    path = tmp_path / "piped.wav"
    path.write_bytes(content)
    assert not breaks_off(path)


@pytest.mark.parametrize(
    "content", [b"", b"OggS", b"RIFF\0\0\0\0WAVE", b"\0\0\0\1ftyp", b"OggS" + b"\xff" * 40]
)
def test_stumps_and_garbage_raise_nothing(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert breaks_off(path) in (True, False)
