"""`snapshot_id`: which revision a client saw, as an opaque word. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.errors import Invalid


def snapshot_id(playlist_id: str, revision: int) -> str:
    """`MTcsMzdpOWRRWm` for revision 17: unlike that of any other revision or playlist."""
    return urlsafe_b64encode(f"{revision},{playlist_id}".encode()).decode().rstrip("=")


def revision_of(playlist_id: str, text: str) -> int:
    """The revision that `snapshot_id` named.

    Raises:
        Invalid: it is none of this playlist's (code INVALID_SNAPSHOT_ID).
    """
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        revision, _, id = raw.partition(",")
        if id == playlist_id and len(revision) < 16 and revision.isdigit():
            return int(revision)
    except ValueError:
        pass
    raise Invalid("not a snapshot_id of this playlist", code="INVALID_SNAPSHOT_ID")
