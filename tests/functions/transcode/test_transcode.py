"""Whole transcodes: what comes out is complete, aligned and exact; what cannot go in has a name."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from functions.transcode import boxes, mp3
from functions.transcode.ladder import LADDER, sample_rate_hz
from functions.transcode.probe import FORMATS
from functions.transcode.refusals import LongAudio, Reason, Refused
from functions.transcode.segments import group
from functions.transcode.transcode import Bounds, Transcoded, transcode_master

SAMPLE = 8  # bytes: stereo float32


@pytest.fixture
def transcode(ffmpeg, tmp_path):
    """`transcode(path)`: as the handler does it, under a name that says nothing."""

    def one(path: Path, bounds: Bounds | None = None) -> Transcoded:
        scratch = tmp_path / hashlib.sha256(str(path).encode()).hexdigest()[:16]
        scratch.mkdir()
        master = scratch / "0123456789"
        shutil.copyfile(path, master)
        return transcode_master(ffmpeg, master, "0" * 64, scratch, bounds or Bounds())

    return one


def refusal(transcode, path: Path) -> Reason:
    with pytest.raises(Refused) as refused:
        transcode(path)
    return refused.value.reason


def stereo(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype="<f4").reshape(-1, 2)


# What comes out


def test_the_ladder_is_all_there(done):
    result, _ = done
    found = {(r.codec, r.kbps, r.tier) for r in result.source.audio.renditions}
    tiers = {24: "base", 96: "base", 160: "base", 320: "high"}
    assert found == {(c, k, t) for c in ("aac", "mp3", "vorbis") for k, t in tiers.items()}
    for rendition in result.source.audio.renditions:
        path = result.out / rendition.path.removeprefix(f"audio/{result.source.audio.audio_id}/")
        assert path.stat().st_size == rendition.size_bytes
        assert rendition.bandwidth_bps >= rendition.average_bps


def test_real_bit_rates_are_near_the_nominal_ones(done):
    result, _ = done
    for rendition in result.source.audio.renditions:
        assert 0.5 < rendition.average_bps / (rendition.kbps * 1000) < 1.35, rendition


def test_decoded_length_is_the_masters_to_the_sample(done, decode):
    result, master = done
    total = len(decode(master)) // SAMPLE
    assert result.source.audio.total_samples == total
    for name in ("base/vorbis-96.ogg", "base/vorbis-160.ogg", "high/vorbis-320.ogg",
                 "base/mp3-96.mp3", "base/mp3-160.mp3", "high/mp3-320.mp3"):  # fmt: skip
        assert len(decode(result.out / name)) // SAMPLE == total, name
    for rung in LADDER:
        if rung.codec == "aac":
            # Players go by the fragments' durations; ffmpeg decodes the last frame whole.
            segmented = boxes.read(result.out / rung.path)
            assert sum(segment.duration for segment in segmented.segments) == total
            channels = 2 if rung.channels == 2 else 1
            decoded = len(decode(result.out / rung.path)) // (4 * channels)
            assert 0 <= decoded - total < 1024


@pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
def test_every_rendition_is_in_step_with_the_master(done, decode, rung):
    result, master = done
    reference = stereo(decode(master)).mean(axis=1)
    data = decode(result.out / rung.path)
    found = stereo(data).mean(axis=1) if rung.channels == 2 else np.frombuffer(data, dtype="<f4")
    if rung.half_rate:
        reference = reference[::2]
    start, length, reach = 100_000, 40_000, 3000
    window = reference[start : start + length]
    around = found[start - reach : start + length + reach]
    match = np.correlate(around, window, "valid")
    assert abs(int(match.argmax()) - reach) <= (1 if rung.half_rate else 0)


def test_switching_between_aac_rungs_keeps_every_sample_in_its_place(done, decode, tmp_path):
    result, master = done
    names = ("base/aac-96.mp4", "base/aac-160.mp4", "high/aac-320.mp4")
    files = [(result.out / name).read_bytes() for name in names]
    segments = [boxes.read(result.out / name) for name in names]
    grouped = [group(each.segments, each.timescale) for each in segments]
    stitched = files[0][: segments[0].init_size]
    for number in range(len(grouped[0])):
        which = number % 3
        segment = grouped[which][number]
        stitched += files[which][segment.offset : segment.offset + segment.size]
    path = tmp_path / "stitched.mp4"
    path.write_bytes(stitched)
    reference, found = (stereo(decode(p)).mean(axis=1) for p in (master, path))
    assert 0 <= len(found) - len(reference) < 1024
    for segment in grouped[0]:
        start = max(2000, segment.start - 10_000)
        window = reference[start : start + 20_000]
        around = found[start - 1500 : start + 21_500]
        match = np.correlate(around[: len(window) + 3000], window, "valid")
        assert int(match.argmax()) == 1500, f"out of step at {segment.start}"


def test_switching_between_mp3_rungs_keeps_every_sample_in_its_place(done, decode, tmp_path):
    result, master = done
    names = ("base/mp3-96.mp3", "base/mp3-160.mp3", "high/mp3-320.mp3")
    files = [(result.out / name).read_bytes() for name in names]
    grouped = [
        group(each.segments, each.timescale)
        for each in (mp3.read(result.out / name)[0] for name in names)
    ]
    assert len({tuple((s.start, s.duration) for s in each) for each in grouped}) == 1
    path = tmp_path / "stitched.mp3"
    path.write_bytes(
        b"".join(
            files[number % 3][segment.offset : segment.offset + segment.size]
            for number, segment in ((n, grouped[n % 3][n]) for n in range(len(grouped[0])))
        )
    )
    reference, found = (stereo(decode(p)).mean(axis=1) for p in (master, path))
    delay = result.source.audio.mp3_delay + 529  # the decoder's own
    for start in (60_000, 270_000, 700_000, 1_100_000):
        window = reference[start : start + 20_000]
        around = found[start + delay - 2000 : start + delay + 22_000]
        lag = int(np.correlate(around, window, "valid").argmax()) - 2000
        assert abs(lag) <= 1105, lag  # a decoder may or may not drop its own delay …
        assert lag == pytest.approx(_first_lag(reference, found, delay)), "… but always the same"


def _first_lag(reference: np.ndarray, found: np.ndarray, delay: int) -> int:
    window = reference[30_000:50_000]
    around = found[30_000 + delay - 2000 : 50_000 + delay + 2000]
    return int(np.correlate(around, window, "valid").argmax()) - 2000


def test_every_segment_decodes_alone(done, decode, tmp_path):
    result, _ = done
    for rung in LADDER:
        if not rung.adaptive:
            continue
        path = result.out / rung.path
        content = path.read_bytes()
        segmented = boxes.read(path) if rung.codec == "aac" else mp3.read(path)[0]
        for segment in group(segmented.segments, segmented.timescale):
            alone = tmp_path / f"alone{path.suffix}"
            body = content[segment.offset : segment.offset + segment.size]
            alone.write_bytes(content[: segmented.init_size] + body)
            assert len(decode(alone)) > 0


def test_manifests_open_and_play_whole(done, decode):
    result, _ = done
    total = result.source.audio.total_samples
    for manifest in result.source.audio.manifests:
        path = result.out / manifest.path.removeprefix(f"audio/{result.source.audio.audio_id}/")
        options = ("-allowed_extensions", "ALL") if manifest.protocol == "hls" else ()
        samples = len(decode(path, *options, output=("-ac", "1"))) // 4
        assert 0 <= samples - total <= 3 * 1152, manifest


def test_base_manifests_reach_nothing_above_their_folder(done):
    result, _ = done
    for path in result.out.rglob("*"):
        if path.suffix not in (".m3u8", ".mpd"):
            continue
        text = path.read_text()
        assert "http" not in re.sub(r"http://[^\"]*|urn:", "", text) or path.suffix == ".mpd"
        assert ".." not in text
        assert not re.search(r"^/", text, re.MULTILINE)
        if path.parent.name == "base":
            assert "320" not in "".join(re.findall(r"[\w/-]+\.(?:mp4|mp3|m3u8)", text))


def test_hls_and_dash_serve_the_same_bytes(done):
    result, _ = done
    mpd = ElementTree.parse(result.out / "aac.mpd")
    space = "{urn:mpeg:dash:schema:mpd:2011}"
    names = [node.text or "" for node in mpd.iter(f"{space}BaseURL")]
    assert len(names) == 4
    for name in names:
        # The index that DASH reads, and the playlist that HLS reads.
        indexed = [(s.size, s.offset) for s in boxes.read(result.out / name).segments]
        playlist = (result.out / name).with_suffix(".m3u8").read_text()
        listed = re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", playlist)
        assert [(int(size), int(at)) for size, at in listed] == indexed
        lengths = [float(length) for length in re.findall(r"#EXTINF:([\d.]+)", playlist)]
        assert [round(length) for length in lengths] == [2, 4, 10, 10, 1]


def test_the_waveform_and_the_preview_are_there(done, decode):
    result, _ = done
    drawing = json.loads((result.out / "base/waveform.json").read_bytes())
    seconds = drawing["length"] * drawing["samples_per_pixel"] / drawing["sample_rate"]
    assert seconds == pytest.approx(27.1, abs=0.2)
    preview = len(decode(result.out / "preview/preview.m4a")) / SAMPLE / 44_100
    assert 25 < preview <= 30.1


def test_equal_audio_has_an_equal_id_and_equal_bytes(transcode, make, done):
    wav = make("again.wav", seconds=3, options=("-sample_fmt", "s16"))
    flac = make("again.flac", seconds=3, options=("-sample_fmt", "s16"))
    first, second = transcode(wav), transcode(flac)
    assert first.source.audio == second.source.audio
    assert first.source.audio.audio_id != done[0].source.audio.audio_id
    for path in first.out.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (second.out / path.relative_to(first.out)).read_bytes()


# What goes in


@pytest.mark.parametrize(
    ("name", "options", "rate", "channels"),
    [
        ("8bit.wav", ("-c:a", "pcm_u8"), 44_100, 2),
        ("24bit.wav", ("-c:a", "pcm_s24le"), 48_000, 2),
        ("32bit.wav", ("-c:a", "pcm_s32le"), 48_000, 2),
        ("float64.wav", ("-c:a", "pcm_f64le"), 44_100, 2),
        ("24bit.flac", ("-sample_fmt", "s32"), 48_000, 2),
        ("24bit.aiff", ("-c:a", "pcm_s24be"), 44_100, 2),
        ("mono.flac", ("-ac", "1"), 44_100, 1),
        ("eight.flac", ("-ac", "8"), 48_000, 8),
        ("six.m4a", ("-ac", "6"), 48_000, 6),
        ("8k.wav", ("-ar", "8000"), 48_000, 2),
        ("22k.mp3", ("-ar", "22050"), 44_100, 2),
        ("88k.flac", ("-ar", "88200"), 44_100, 2),
        ("192k.flac", ("-ar", "192000"), 48_000, 2),
        ("alac.m4a", ("-c:a", "alac"), 44_100, 2),
        ("alac.caf", ("-c:a", "alac"), 44_100, 2),
        ("vorbis.ogg", ("-c:a", "libvorbis"), 44_100, 2),
        ("opus.webm", ("-c:a", "libopus", "-ar", "48000"), 48_000, 2),
        ("wma.wma", ("-c:a", "wmav2"), 44_100, 2),
        ("adts.aac", ("-c:a", "aac"), 44_100, 2),
    ],
)
def test_every_kind_of_audio_passes(transcode, make, name, options, rate, channels):
    base = 48_000 if rate == 48_000 else 44_100
    source = transcode(make("kind-" + name, seconds=1, rate=base, options=options)).source
    assert (source.audio.sample_rate_hz, source.audio.channels) == (rate, channels)
    assert source.audio.total_samples == pytest.approx(rate, rel=0.06)


@pytest.mark.parametrize(
    ("master", "ladder"),
    [(8000, 48_000), (11_025, 44_100), (44_100, 44_100), (39_000, 48_000), (96_000, 48_000)],
)
def test_the_ladders_rate_is_of_the_masters_family(master, ladder):
    assert sample_rate_hz(master) == ladder


def test_mono_is_as_loud_as_it_was(transcode, make, decode):
    master = make("one.wav", options=("-ac", "1"))
    result = transcode(master)
    peak = np.abs(np.frombuffer(decode(master), dtype="<f4")).max()
    assert np.abs(stereo(decode(result.out / "high/aac-320.mp4"))).max() == pytest.approx(
        peak, rel=0.1
    )


@pytest.mark.parametrize("seconds", [0.005, 0.05, 0.4])
def test_a_blink_of_audio_passes(transcode, make, seconds):
    audio = transcode(make(f"blink{seconds}.wav", seconds=seconds)).source.audio
    assert audio.total_samples == pytest.approx(seconds * 44_100, abs=1)


def test_a_film_gives_its_sound(transcode, ffmpeg, tmp_path):
    import subprocess

    film = tmp_path / "film.mp4"
    subprocess.run(
        [
            ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc=d=4", "-f", "lavfi",
            "-i", "sine=d=2", "-c:v", "mpeg4", "-c:a", "aac", str(film),
        ],
        check=True,
    )  # fmt: skip
    # The pictures last longer than the sound: that is no truncation.
    assert transcode(film).source.audio.duration_ms == pytest.approx(2000, abs=60)
    silent = tmp_path / "silent.mp4"
    subprocess.run(
        [ffmpeg, "-v", "error", "-i", str(film), "-an", "-c", "copy", str(silent)], check=True
    )
    assert refusal(transcode, silent) is Reason.NO_AUDIO_STREAM


@pytest.mark.parametrize("part", [0.3, 0.9])
@pytest.mark.parametrize("name", ["cut.flac", "cut.mp3", "cut.m4a", "cut.wav", "cut.ogg"])
def test_a_file_that_breaks_off_is_truncated(transcode, make, tmp_path, name, part):
    content = make(name, seconds=8).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(content[: int(len(content) * part)])
    assert refusal(transcode, path) is Reason.TRUNCATED


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"\0" * 10_000, Reason.NOT_AUDIO),
        (b"plain text, line after line\n" * 500, Reason.NOT_AUDIO),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, Reason.UNSUPPORTED_FORMAT),
        (b"\x7fELF" + bytes(range(256)) * 40, Reason.NOT_AUDIO),
    ],
)
def test_what_is_not_audio_has_a_name(transcode, tmp_path, content, reason):
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    assert refusal(transcode, path) in (reason, Reason.NOT_AUDIO)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:9,\nconcat:{target}|{target}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{target}'\n",
        "file {target}\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" mediaPresentationDuration="PT9S">'
        '<Period><AdaptationSet contentType="audio"><Representation id="1" bandwidth="1" '
        'mimeType="audio/mp4"><BaseURL>{target}</BaseURL></Representation></AdaptationSet>'
        "</Period></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ],
    ids=["hls", "hls-concat", "ffconcat", "concat", "dash", "sdp"],
)
@pytest.mark.parametrize("where", ["file", "url"])
def test_a_playlist_in_disguise_opens_nothing(transcode, make, tmp_path, text, where):
    import socket
    import threading

    # The canary sings: were it opened, there would be a track instead of a refusal.
    canary = make("canary.mp3")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        visitors: list[object] = []

        def wait() -> None:
            while not over.is_set():
                try:
                    visitors.append(server.accept())
                except TimeoutError:
                    continue

        over = threading.Event()
        thread = threading.Thread(target=wait)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.mp3"
        disguised = tmp_path / "song.mp3"
        disguised.write_text(text.format(target=str(canary) if where == "file" else url))
        reason = refusal(transcode, disguised)
        over.set()
        thread.join()
    assert reason in (Reason.NOT_AUDIO, Reason.UNSUPPORTED_FORMAT)
    assert visitors == []


def test_no_demuxer_that_opens_other_files_is_let_in():
    opening = {"hls", "concat", "dash", "sdp", "rtsp", "image2", "tee", "lavfi", "applehttp", "imf"}
    assert not opening & set(FORMATS.split(","))


def test_a_movie_that_keeps_its_media_elsewhere_does_not_get_it(transcode, make, tmp_path):
    # A `dref` that is not self-contained: the media would be in a file of the movie's choosing.
    plain = make("dref.m4a", options=("-movflags", "+faststart"))
    content = bytearray(plain.read_bytes())
    at = content.index(b"url \x00\x00\x00\x01")
    content[at : at + 8] = b"url \x00\x00\x00\x00"
    path = tmp_path / "x"
    path.write_bytes(content)
    try:
        found = transcode(path).source.audio
    except Refused:
        return
    assert found == transcode(plain).source.audio


def test_longer_than_allowed_is_refused_and_longer_than_here_handed_on(transcode, make):
    path = make("ten.flac", seconds=10)
    assert refusal(lambda p: transcode(p, Bounds(longest_s=5, inline_s=5)), path) is Reason.TOO_LONG
    with pytest.raises(LongAudio):
        transcode(make("ten.mp3", seconds=10), Bounds(inline_s=5))


def test_audio_that_hides_its_length_is_still_bounded(transcode, make, tmp_path):
    # FLAC whose header says "unknown": total samples are 36 bits from byte 21 on.
    content = bytearray(make("ten.flac", seconds=10).read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path = tmp_path / "unknown.flac"
    path.write_bytes(content)
    with pytest.raises(LongAudio):
        transcode(path, Bounds(inline_s=5))


# Real files


@pytest.mark.parametrize(
    ("name", "samples", "rate"),
    [
        ("flac/cc0_8bit.flac", None, 48_000),
        ("flac/cc0_20bit.flac", None, 48_000),
        ("flac/cc0_71surround.flac", 438_530, 44_100),
        ("flac/cc0_no_total_samples.flac", None, 48_000),
        ("flac/cc0_changing_samplerate.flac", None, 48_000),
        ("odd/cc0_faulty_vorbiscomment.flac", None, 48_000),
        ("derived/cc0_unicode.m4a", 1_102_556, 44_100),
        ("derived/wrong_extension.flac", 1_102_556, 44_100),
        ("derived/video_with_audio.mp4", 220_500, 44_100),
    ],
)
def test_real_files_pass(transcode, data_dir, name, samples, rate):
    audio = transcode(data_dir / "audio" / name).source.audio
    assert audio.integrated_lufs is not None
    assert samples in (None, audio.total_samples)
    assert rate == audio.sample_rate_hz or samples is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("derived/zero.mp3", Reason.EMPTY),
        ("derived/text.mp3", Reason.NOT_AUDIO),
        ("derived/playlist_as.mp3", Reason.NOT_AUDIO),
        ("derived/cc0_truncated.flac", Reason.TRUNCATED),
        ("derived/cc0_truncated_xing.mp3", Reason.TRUNCATED),
        ("derived/cc0_truncated_nomoov.m4a", Reason.TRUNCATED),
        ("odd/cc0_faulty_no_streaminfo.flac", Reason.NOT_AUDIO),
        ("odd/cc0_faulty_blocklen.flac", Reason.DECODE_FAILED),
    ],
)
def test_real_bad_files_have_a_name(transcode, data_dir, name, reason):
    assert refusal(transcode, data_dir / "audio" / name) is reason


def test_a_changing_sample_rate_is_measured_as_a_whole(transcode, data_dir, decode):
    result = transcode(data_dir / "audio" / "flac" / "cc0_changing_samplerate.flac")
    decoded = len(decode(result.out / "high/vorbis-320.ogg")) // SAMPLE
    assert decoded == result.source.audio.total_samples
