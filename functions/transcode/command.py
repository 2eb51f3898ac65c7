"""The one ffmpeg command line: one decode, every rendition, loudness and fingerprint with it."""

from pathlib import Path

from functions.transcode.ladder import FRAGMENT_MS, LADDER, Rung
from functions.transcode.probe import INPUT_GUARDS

FINGERPRINT = "fingerprint.txt"
# Chromaprint's own tool looks at two minutes; more would find no more duplicates.
_FINGERPRINT_S = 120
_ENCODER = {"aac": "aac", "mp3": "libmp3lame", "vorbis": "libvorbis"}
_MUXER = {
    "aac": (
        "-f", "mp4", "-movflags", "+delay_moov+dash+cmaf+global_sidx+skip_trailer",
        "-frag_duration", str(FRAGMENT_MS * 1000),
    ),
    "mp3": ("-f", "mp3", "-write_xing", "1", "-id3v2_version", "0"),
    "vorbis": ("-f", "ogg"),
}  # fmt: skip


def argv(
    ffmpeg: str, master: Path, out: Path, *, channels: int, rate_hz: int, limit_s: int
) -> list[str]:
    """Everything from one decode of `master`: renditions into `out`, PCM to standard output.

    The PCM is what every encoder is given: stereo float32, little-endian, `rate_hz`. Nothing
    after `limit_s` is decoded. The master's `channels` choose the down- or up-mix.
    """
    command = [
        ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", "-y",
        "-abort_on", "empty_output",
        *INPUT_GUARDS, "-vn", "-sn", "-dn", "-t", str(limit_s), "-i", str(master),
    ]  # fmt: skip
    for graph in filters(channels, rate_hz):
        command += ["-filter_complex", graph]
    for number, rung in enumerate(LADDER):
        command += ["-map", f"[r{number}]", *_BARE, *encoding(rung), str(out / rung.path)]
    command += [
        "-map", "[print]", *_BARE, "-t", str(_FINGERPRINT_S),
        "-f", "chromaprint", "-fp_format", "base64", str(out / FINGERPRINT),
        "-map", "[pcm]", *_BARE, "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1",
    ]  # fmt: skip
    return command


_BARE = ("-map_metadata", "-1", "-map_chapters", "-1")


def encoding(rung: Rung) -> tuple[str, ...]:
    """Encoder and muxer of a rung; its input and file are the caller's to name."""
    return (
        "-fflags", "+bitexact", "-flags:a", "+bitexact",
        "-c:a", _ENCODER[rung.codec], "-b:a", f"{rung.kbps}k", *rung.options,
        *_MUXER[rung.codec],
    )  # fmt: skip


def flatten(ffmpeg: str, master: Path, even: Path, rate_hz: int) -> list[str]:
    """Decode a master whose format changes half-way into one that keeps to a single format.

    A change makes ffmpeg build its filters again, and they count samples from nought again.
    """
    return [
        ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y",
        *INPUT_GUARDS, "-vn", "-sn", "-dn", "-i", str(master), "-map", "0:a:0", *_BARE,
        "-af", f"aresample={rate_hz}:ochl=stereo:rematrix_maxval=1.0",
        "-c:a", "flac", "-sample_fmt", "s32", "-f", "flac", str(even),
    ]  # fmt: skip


def filters(channels: int, rate_hz: int) -> tuple[str, ...]:
    """The filter graphs: resample once, mix once, then split to whoever listens.

    `asetpts=N` numbers samples from nought, whatever the file's own clock says. Mono becomes
    stereo by copying (ffmpeg's own mix takes 3 dB off), and stereo mono by the mean.

    ffmpeg gives each graph a thread. Vorbis encoders take 64 samples at a time; a graph of its
    own cuts for each, else the first graph would be busy with cutting and hold up the others.
    """
    mix = (
        f"aresample={rate_hz},pan=stereo|c0=c0|c1=c0"
        if channels == 1
        # Surround sums to more than full scale unless the matrix is normalised.
        else f"aresample={rate_hz}:ochl=stereo:rematrix_maxval=1.0"
    )
    stereo = [_pad(number) for number, rung in enumerate(LADDER) if rung.channels == 2]
    mono = [_pad(n) for n, rung in enumerate(LADDER) if rung.channels == 1 and not rung.half_rate]
    half = [_pad(number) for number, rung in enumerate(LADDER) if rung.half_rate]
    return (
        f"[0:a:0]{mix},aformat=sample_fmts=fltp:sample_rates={rate_hz}:channel_layouts=stereo,"
        f"asettb=1/{rate_hz},asetpts=N,asplit={len(stereo) + 4}"
        f"{''.join(stereo)}[print][pcm][loud][low];"
        "[loud]ebur128=peak=true:framelog=quiet,anullsink",
        f"[low]pan=mono|c0=0.5*c0+0.5*c1,asplit={len(mono) + 1}{''.join(mono)}[lower];"
        f"[lower]aresample={rate_hz // 2},asplit={len(half)}{''.join(half)}",
        *(f"{_pad(n)}anull[r{n}]" for n, rung in enumerate(LADDER) if rung.codec == "vorbis"),
    )


def _pad(number: int) -> str:
    """Where rung `number` leaves the shared graphs: `[r3]`, or before a graph of its own `[v9]`."""
    return f"[{'v' if LADDER[number].codec == 'vorbis' else 'r'}{number}]"
