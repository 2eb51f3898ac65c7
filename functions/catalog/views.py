"""Tracks and uploads in the words of the Web API."""

from typing import Any

from functions.catalog.domain import Track
from functions.catalog.uploads import Upload

COVER_SIZES_PX = (640, 64)


def track_view(track: Track, public_url: str) -> dict[str, Any]:
    """A track object."""
    return {
        "id": track.track_id,
        "type": "track",
        "uri": f"spotify:track:{track.track_id}",
        "href": f"{public_url}/v1/tracks/{track.track_id}",
        "name": track.title,
        "artists": [{"name": name, "type": "artist"} for name in track.artists],
        "album": {
            "name": track.album or "",
            "images": [
                {"url": f"{public_url}/images/{track.cover_id}-{px}.jpg", "width": px, "height": px}
                for px in (COVER_SIZES_PX if track.cover_id else ())
            ],
        },
        "track_number": track.track_number,
        "disc_number": track.disc_number,
        "duration_ms": track.duration_ms,
        "explicit": track.explicit,
        "external_ids": {"isrc": track.isrc} if track.isrc else {},
        "is_playable": True,
        "preview_url": None,
    }


def upload_view(upload: Upload) -> dict[str, Any]:
    """An upload's state."""
    return {
        "upload_id": upload.upload_id,
        "track_id": upload.track_id,
        "status": upload.status,
        "reason": upload.reason,
        "message": upload.message,
        "filename": upload.filename,
        "size_bytes": upload.size_bytes,
        "created_at": upload.created_at,
        "updated_at": upload.updated_at,
    }
