"""A grant as what a player needs: signed addresses on the CDN, nothing else. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.playback.domain import Audio, Grant, Playable
from shared.cdn import SigningKey, sign_cookie, sign_prefix


@dataclass(frozen=True, slots=True)
class Delivery:
    """`body` is the answer's JSON; `cookie` opens the same prefix, at `cookie_path`."""

    body: dict[str, Any]
    cookie: str
    cookie_path: str


def deliver(
    play_id: str, playable: Playable, grant: Grant, *, public_url: str, key: SigningKey
) -> Delivery:
    """Sign once for everything that `grant` opens of `playable`.

    The prefix is the plan: `audio/{id}/` for the "high" tier, `audio/{id}/base/` for "base",
    so that no address of a better rendition can be guessed open.
    """
    audio, until = playable.audio, grant.valid_until
    assert audio is not None
    assert until is not None
    path = f"/audio/{audio.audio_id}/" + ("" if grant.tier == "high" else "base/")
    prefix = f"{public_url}{path}"
    expires_at = int(until.timestamp())
    signature = sign_prefix(prefix, key, expires_at)

    def signed(object_path: str) -> str:
        return f"{public_url}/{object_path}?{signature}"

    body = {
        "play_id": play_id,
        "track": {
            "id": playable.track_id,
            "duration_ms": audio.duration_ms,
            "gain_db": audio.gain_db,
            "true_peak_dbtp": audio.true_peak_dbtp,
        },
        "decision": decision_of(grant),
        "valid_until": instant(until),
        "signature": signature,
        "manifests": [
            {"codec": item.codec, "protocol": item.protocol, "url": signed(item.path)}
            for item in manifests_of(audio, grant.tier)
        ],
        "renditions": [
            {
                "codec": item.codec,
                "kbps": item.kbps,
                "url": signed(item.path),
                "bandwidth_bps": item.bandwidth_bps,
            }
            for item in audio.renditions
            if item.path.startswith(path[1:])
        ],
        "waveform_url": signed(audio.waveform_path) if audio.waveform_path else None,
    }
    return Delivery(body, sign_cookie(prefix, key, expires_at), path)


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
