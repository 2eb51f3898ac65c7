"""One short track in the shape of the audio bucket: renditions, HLS and DASH manifests, waveform.

Made by ffmpeg's own muxers, so that the clients are held against files we did not write.
"""

import json
import re
import subprocess
from pathlib import Path

import imageio_ffmpeg

SECONDS = 40
KBPS = (24, 96, 160, 320)


def tier(kbps: int) -> str:
    return "high" if kbps > 160 else "base"


def make(folder: Path, seconds: int = SECONDS) -> None:
    """Write `folder`/{base,high}/aac-*.mp4, mp3-*.mp3 and the manifests beside them."""
    for name in ("base", "high"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    exe = imageio_ffmpeg.get_ffmpeg_exe()
    source = f"anoisesrc=color=pink:seed=7:amplitude=0.4:sample_rate=44100:duration={seconds}"
    command = [exe, "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source]
    for _ in KBPS:
        command += ["-map", "0:a"]
    command += ["-c:a", "aac", "-aac_coder", "fast"]
    for n, kbps in enumerate(KBPS):
        command += [f"-b:a:{n}", f"{kbps}k", f"-ac:a:{n}", "1" if kbps == 24 else "2"]
    command += ["-f", "dash", "-seg_duration", "4", "-dash_segment_type", "mp4"]
    command += ["-single_file", "1", "-hls_playlist", "1", "-adaptation_sets", "id=0,streams=a"]
    subprocess.run([*command, str(folder / "aac.mpd")], check=True)
    mpd = (folder / "aac.mpd").read_text()
    master = (folder / "master.m3u8").read_text()
    for n, kbps in enumerate(KBPS):
        where, name = tier(kbps), f"aac-{kbps}"
        (folder / f"aac-stream{n}.mp4").rename(folder / where / f"{name}.mp4")
        mpd = mpd.replace(f"<BaseURL>aac-stream{n}.mp4", f"<BaseURL>{where}/{name}.mp4")
        playlist = folder / f"media_{n}.m3u8"
        text = re.sub(r"#EXT-X-PROGRAM-DATE-TIME.*\n", "", playlist.read_text())
        text = text.replace(f"aac-stream{n}.mp4", f"{name}.mp4")
        (folder / where / f"{name}.m3u8").write_text(text)
        playlist.unlink()
        master = master.replace(f"media_{n}.m3u8", f"{where}/{name}.m3u8")
    (folder / "master.m3u8").unlink()
    (folder / "aac.mpd").write_text(mpd)
    (folder / "aac.m3u8").write_text(master)
    _mp3(folder, exe, source)
    data = [side * (30 + n * 7 % 97) for n in range(seconds * 10) for side in (-1, 1)]
    waveform = {"version": 2, "channels": 1, "sample_rate": 44100, "samples_per_pixel": 4410}
    waveform |= {"bits": 8, "length": len(data) // 2, "data": data}
    (folder / "base" / "waveform.json").write_text(json.dumps(waveform))


def _mp3(folder: Path, exe: str, source: str) -> None:
    lines = ["#EXTM3U", "#EXT-X-VERSION:4"]
    for kbps in KBPS[1:]:
        path = folder / tier(kbps) / f"mp3-{kbps}.mp3"
        playlist = path.with_suffix(".m3u8")
        command = [exe, "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source]
        command += ["-c:a", "libmp3lame", "-b:a", f"{kbps}k", "-ac", "2", "-reservoir", "0"]
        command += ["-write_xing", "0", "-id3v2_version", "0", "-f", "mp3", str(path)]
        subprocess.run(command, check=True)
        playlist.write_text(_mp3_playlist(path))
        lines += [
            f'#EXT-X-STREAM-INF:BANDWIDTH={kbps * 1010},CODECS="mp4a.40.34"',
            f"{tier(kbps)}/{playlist.name}",
        ]
    (folder / "mp3.m3u8").write_text("\n".join(lines) + "\n")


def _mp3_playlist(path: Path) -> str:
    """Byte ranges of 150 frames each (1,152 samples a frame, MPEG-1 layer III)."""
    data, offsets, at = path.read_bytes(), [], 0
    rates = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    while at + 4 <= len(data) and data[at] == 0xFF:
        offsets.append(at)
        at += 144_000 * rates[data[at + 2] >> 4] // 44_100 + (data[at + 2] >> 1 & 1)
    lines = ["#EXTM3U", "#EXT-X-VERSION:4", "#EXT-X-TARGETDURATION:4"]
    lines += ["#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-PLAYLIST-TYPE:VOD"]
    for first in range(0, len(offsets), 150):
        frames = offsets[first : first + 150]
        end = offsets[first + 150] if first + 150 < len(offsets) else len(data)
        lines += [f"#EXTINF:{len(frames) * 1152 / 44100:.6f},"]
        lines += [f"#EXT-X-BYTERANGE:{end - frames[0]}@{frames[0]}", path.name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])
