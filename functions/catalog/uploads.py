"""An upload, from the promise of a master to a track. Pure.

    awaiting_master → transcoding → ready | duplicate | failed
                    ↘ failed (UPLOAD_EXPIRED)

Events may come twice, late and in any order: `ready` and `duplicate` are final, `failed` is not
(a delivery that failed may be followed by one that succeeds).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import Invalid, TooLarge
from shared.ids import parse_isrc

AWAITING_MASTER = "awaiting_master"
TRANSCODING = "transcoding"
READY = "ready"
DUPLICATE = "duplicate"
FAILED = "failed"

SESSION_LIFETIME = timedelta(days=7)
"""How long Cloud Storage keeps a resumable session."""
EXPIRE_AFTER = SESSION_LIFETIME + timedelta(hours=24)
FIRST_LOOK_AFTER = timedelta(hours=1)
MAX_REDRIVES = 5


@dataclass(frozen=True, slots=True)
class Upload:
    """One master on its way. What the client said about it gives way to nothing: tags only
    fill what it left open. `due_at` is when the sweep should look at it, None when settled.
    `listed_for` are the clients whose list it is on, `place` where: later ones sort behind."""

    upload_id: str
    track_id: str
    status: str
    reason: str | None
    message: str | None
    filename: str
    size_bytes: int
    sha256: str | None
    title: str | None
    artists: tuple[str, ...]
    album: str | None
    isrc: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None
    redrives: int = 0
    listed_for: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What the client says about a master. Everything but the name and the size may be absent."""

    filename: str
    size_bytes: int
    sha256: str | None = None
    title: str | None = None
    artists: tuple[str, ...] = ()
    album: str | None = None
    isrc: str | None = None


def new_upload(
    upload_id: str,
    track_id: str,
    described: Description,
    *,
    max_bytes: int,
    by: str,
    at: datetime,
) -> Upload:
    """An upload that waits for its master.

    Raises:
        TooLarge: more than `max_bytes`.
        Invalid: EMPTY_MASTER, INVALID_ISRC.
    """
    if described.size_bytes > max_bytes:
        raise TooLarge(f"a master has at most {max_bytes} bytes")
    if described.size_bytes < 1:
        raise Invalid("a master of 0 bytes is no audio", code="EMPTY_MASTER")
    return Upload(
        upload_id=upload_id,
        track_id=track_id,
        status=AWAITING_MASTER,
        reason=None,
        message=None,
        filename=described.filename,
        size_bytes=described.size_bytes,
        sha256=described.sha256,
        title=described.title,
        artists=described.artists,
        album=described.album,
        isrc=parse_isrc(described.isrc) if described.isrc is not None else None,
        created_by=by,
        created_at=at,
        updated_at=at,
        due_at=at + FIRST_LOOK_AFTER,
        listed_for=(by,),
        place=f"{at:%Y%m%d%H%M%S%f}|{upload_id}",
    )


def arrived(upload: Upload, at: datetime, stuck_after: timedelta) -> Upload | None:
    """The master is there; from now on it is transcoding's turn."""
    if upload.status != AWAITING_MASTER:
        return None
    return replace(upload, status=TRANSCODING, updated_at=at, due_at=at + stuck_after)


def missed(upload: Upload, at: datetime) -> Upload | None:
    """The master is not there: look again when it is twice as old, until its session is gone."""
    if upload.status != AWAITING_MASTER:
        return None
    expires_at = upload.created_at + EXPIRE_AFTER
    if at < expires_at:
        return replace(upload, due_at=min(expires_at, at + (at - upload.created_at)))
    message = "the master did not arrive in time; start a new upload"
    return _failed(upload, "UPLOAD_EXPIRED", message, at)


def redriven(upload: Upload, at: datetime, stuck_after: timedelta) -> Upload | None:
    """Transcoding is started once more, later each time; in the end it is given up."""
    if upload.status != TRANSCODING:
        return None
    if upload.redrives >= MAX_REDRIVES:
        return _failed(upload, "TRANSCODE_STUCK", "transcoding never finished", at)
    due_at = at + stuck_after * 2 ** (upload.redrives + 1)
    return replace(upload, updated_at=at, due_at=due_at, redrives=upload.redrives + 1)


def failed(upload: Upload, reason: str, message: str, at: datetime) -> Upload | None:
    """Transcoding refused the master."""
    if upload.status in (READY, DUPLICATE) or (upload.status, upload.reason) == (FAILED, reason):
        return None
    return _failed(upload, reason, message, at)


def ready(upload: Upload, at: datetime) -> Upload | None:
    """The track is there."""
    if upload.status == READY:
        return None
    return _settled(upload, READY, at)


def duplicate(upload: Upload, of_track_id: str, at: datetime) -> Upload | None:
    """The same recording was there already, as another track."""
    if upload.status == DUPLICATE:
        return None
    return replace(_settled(upload, DUPLICATE, at), track_id=of_track_id)


def _settled(upload: Upload, status: str, at: datetime) -> Upload:
    return replace(upload, status=status, reason=None, message=None, updated_at=at, due_at=None)


def _failed(upload: Upload, reason: str, message: str, at: datetime) -> Upload:
    settled = _settled(upload, FAILED, at)
    return replace(settled, reason=reason, message=message)
