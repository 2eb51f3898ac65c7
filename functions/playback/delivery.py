"""A grant as what a player needs: signed addresses on the CDN, nothing else. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.playback.domain import PREVIEW, PREVIEW_MS, Audio, Grant, Playable
from functions.playback.edges import Edge
from shared.cdn import SigningKey, sign_cookie, sign_prefix
from shared.events import Rendition

MANIFESTS = "/v1/plays/manifests"
"""Where manifests are served whose every address is absolute and signed (`manifests.py`)."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`body` is the answer's JSON; `cookie` opens the same prefix at the front door, at
    `cookie_path`."""

    body: dict[str, Any]
    cookie: str
    cookie_path: str


def deliver(
    play_id: str,
    playable: Playable,
    grant: Grant,
    edges: Sequence[Edge],
    start: Rendition | None,
    *,
    at: datetime,
    public_url: str,
    key: SigningKey,
) -> Delivery:
    """Sign once per edge for everything that `grant` opens of `playable`; the first edge is the
    one whose addresses are spelled out.

    The prefix is the plan: `audio/{id}/` for the "high" tier, `audio/{id}/base/` for "base",
    `audio/{id}/preview/` for a preview, so that no address of more can be guessed open.

    `valid_for_s` says from `at`, now, what `valid_until` says by our clock: a player's own clock
    may be wrong, but it knows how long ago it was answered.
    """
    audio, until = playable.audio, grant.valid_until
    assert audio is not None
    assert until is not None
    path = f"/audio/{audio.audio_id}/{_FOLDERS[grant.tier or '']}"
    expires_at = int(until.timestamp())
    offered = [
        {
            "name": edge.name,
            "url": edge.url,
            "signature": sign_prefix(edge.url + path, key, expires_at),
        }
        for edge in edges
    ]
    best, signature = offered[0]["url"], offered[0]["signature"]

    def signed(object_path: str) -> str:
        return f"{best}/{object_path}?{signature}"

    preview = grant.tier == PREVIEW
    body = {
        "play_id": play_id,
        "track": {
            "id": playable.track_id,
            "duration_ms": min(PREVIEW_MS, audio.duration_ms) if preview else audio.duration_ms,
            "gain_db": audio.gain_db,
            "true_peak_dbtp": audio.true_peak_dbtp,
        },
        "decision": decision_of(grant),
        "valid_until": instant(until),
        "valid_for_s": max(0, int(expires_at - at.timestamp())),
        "signature": signature,
        "edges": offered,
        "start": {"codec": start.codec, "kbps": start.kbps} if start else None,
        "preview_url": signed(audio.preview_path) if preview and audio.preview_path else None,
        "manifests": [
            {
                "codec": item.codec,
                "protocol": item.protocol,
                "url": signed(item.path),
                "absolute_url": f"{public_url}{MANIFESTS}/{item.path}?{signature}",
            }
            for item in (() if preview else manifests_of(audio, grant.tier))
        ],
        "renditions": [
            {
                "codec": item.codec,
                "kbps": item.kbps,
                "url": signed(item.path),
                "bandwidth_bps": item.bandwidth_bps,
            }
            for item in renditions_of(audio, grant.tier)
        ],
        "waveform_url": signed(audio.waveform_path)
        if audio.waveform_path and not preview
        else None,
    }
    return Delivery(body, sign_cookie(public_url + path, key, expires_at), path)


_FOLDERS = {"high": "", "base": "base/", PREVIEW: "preview/"}


def renditions_of(audio: Audio, tier: str | None) -> list[Rendition]:
    """The renditions that `tier` opens."""
    if tier == "high":
        return list(audio.renditions)
    return [item for item in audio.renditions if item.tier == tier]


def manifests_of(audio: Audio, tier: str | None) -> tuple[Any, ...]:
    """The manifests of `tier`; per codec and protocol those of "base" where there is no other."""
    best = {(item.codec, item.protocol): item for item in audio.manifests if item.tier == "base"}
    if tier == "high":
        high = {(i.codec, i.protocol): i for i in audio.manifests if i.tier == "high"}
        best = {**best, **high}
    return tuple(best.values())


def decision_of(grant: Grant) -> dict[str, Any]:
    """The decision as answers carry it."""
    return {"allow": grant.allow, "reason": grant.reason, "licence_id": grant.licence_id}


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-20T10:00:00.000Z`."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
