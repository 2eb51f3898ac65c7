"""From encoded files to published ones: segment facts, manifests, and the list of objects."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from functions.transcode import boxes, manifest, mp3
from functions.transcode.ladder import LADDER, Rung
from functions.transcode.manifest import Listed
from functions.transcode.segments import Segmented, average_bps, peak_bps
from shared.events import Manifest, Rendition

CONTENT_TYPES = {
    ".mp4": "audio/mp4",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".json": "application/json",
    ".jpg": "image/jpeg",
}


def package(
    out: Path, prefix: str, duration_s: float
) -> tuple[tuple[Rendition, ...], tuple[Manifest, ...], mp3.Gapless]:
    """Write every manifest beside the renditions in `out`; say what there is to play.

    Paths in the answer start with `prefix`, e.g. `audio/7Ab…/`.
    """
    listed: list[tuple[Rung, Listed]] = []
    renditions: list[Rendition] = []
    gapless = mp3.Gapless(0, 0)
    for rung in LADDER:
        file = out / rung.path
        segmented: Segmented | None = None
        if rung.codec == "aac":
            segmented = boxes.regroup(file)
        elif rung.codec == "mp3":
            segmented, found = mp3.read(file)
            gapless = found if rung.adaptive else gapless
        rendition = _rendition(rung, file.stat().st_size, prefix, duration_s, segmented)
        renditions.append(rendition)
        if rung.adaptive and segmented is not None:
            listed.append((rung, _listed(rung, rendition, segmented)))
    manifests = _write_manifests(out, prefix, listed, duration_s)
    return tuple(renditions), manifests, gapless


def _rendition(
    rung: Rung, size: int, prefix: str, duration_s: float, segmented: Segmented | None
) -> Rendition:
    average = round(size * 8 / duration_s)
    peak = average
    if segmented is not None:
        peak = peak_bps(segmented.segments, segmented.timescale)
        average = average_bps(segmented.segments, segmented.timescale)
    return Rendition(rung.codec, rung.kbps, rung.tier, prefix + rung.path, size, peak, average)


def _listed(rung: Rung, rendition: Rendition, segmented: Segmented) -> Listed:
    return Listed(
        codec=rung.codec,
        kbps=rung.kbps,
        channels=rung.channels,
        uri=rung.name,
        playlist=f"{Path(rung.name).stem}.m3u8",
        bandwidth_bps=rendition.bandwidth_bps,
        average_bps=rendition.average_bps,
        segmented=segmented,
    )


def _write_manifests(
    out: Path, prefix: str, listed: Sequence[tuple[Rung, Listed]], duration_s: float
) -> tuple[Manifest, ...]:
    for rung, rendition in listed:
        text = manifest.hls_media(rendition.segmented, rendition.uri)
        (out / rung.tier / rendition.playlist).write_text(text)
    written: list[Manifest] = []
    for codec in dict.fromkeys(rung.codec for rung, _ in listed):
        mine = [(rung, rendition) for rung, rendition in listed if rung.codec == codec]
        base = [rendition for rung, rendition in mine if rung.tier == "base"]
        every = [_below(rendition, rung.tier) for rung, rendition in mine]
        # The tier is the reach of a signed prefix: base/ alone, or everything.
        for tier, folder, renditions in (("base", "base/", base), ("high", "", every)):
            name = f"{folder}{codec}.m3u8"
            (out / name).write_text(manifest.hls_multivariant(renditions))
            written.append(Manifest(codec, "hls", tier, prefix + name))
            if codec == "aac":
                name = f"{folder}{codec}.mpd"
                (out / name).write_text(manifest.dash(renditions, duration_s))
                written.append(Manifest(codec, "dash", tier, prefix + name))
    return tuple(written)


def _below(rendition: Listed, folder: str) -> Listed:
    return replace(
        rendition,
        uri=f"{folder}/{rendition.uri}",
        playlist=f"{folder}/{rendition.playlist}",
    )
