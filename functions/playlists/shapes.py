"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from shared.web.shapes import (
    ANY,
    COUNT,
    IMAGE,
    INSTANT,
    NULL,
    PUBLIC_USER,
    TEXT,
    URL,
    YES_NO,
    Answers,
    Content,
    Shape,
    linked,
    many,
    mapping,
    nullable,
    page,
    record,
    word,
)

_TRACK_OR_EPISODE = record(
    None,
    {
        "id": TEXT,
        "type": word("track", "episode"),
        "uri": TEXT,
        "name": TEXT,
        "duration_ms": COUNT,
        "track": YES_NO,
        "episode": YES_NO,
    },
)
_ITEM = record(
    "PlaylistItem",
    {
        "added_at": INSTANT,
        "added_by": PUBLIC_USER,
        "is_local": YES_NO,
        "primary_color": nullable(TEXT),
        "video_thumbnail": ANY,
        "item": _TRACK_OR_EPISODE,
        "track": _TRACK_OR_EPISODE,
    },
)
_PLAYLIST: Mapping[str, Shape] = {
    **linked("playlist"),
    "collaborative": YES_NO,
    "description": TEXT,
    "images": many(IMAGE),
    "name": TEXT,
    "owner": PUBLIC_USER,
    "primary_color": NULL,
    "public": YES_NO,
    "snapshot_id": TEXT,
}
_TOTAL = record(None, {"href": URL, "total": COUNT})
_SIMPLE = record("SimplePlaylist", {**_PLAYLIST, "tracks": _TOTAL, "items": _TOTAL})
_DELETED = record(
    "DeletedPlaylist",
    {**_PLAYLIST, "tracks": _TOTAL, "items": _TOTAL, "deleted_at": INSTANT},
)
_ITEMS = page("PlaylistItem", _ITEM)
_FULL = record(
    "Playlist",
    {
        **_PLAYLIST,
        "followers": record(None, {"href": NULL, "total": COUNT}),
        "tracks": _ITEMS,
        "items": _ITEMS,
    },
)
_SNAPSHOT = record("Snapshot", {"snapshot_id": TEXT})
_ENTRY = record("Entry", {"id": TEXT, "uri": TEXT, "by": TEXT, "at": COUNT})
_DONE = record(
    "Done",
    {
        "revision": COUNT,
        "seq": COUNT,
        "snapshot_id": TEXT,
        "known": YES_NO,
        "items": many(_ENTRY),
    },
)
_STATE = {
    "revision": COUNT,
    "name": TEXT,
    "description": TEXT,
    "visibility": word("public", "unlisted", "private"),
    "collaborative": YES_NO,
    "owner": TEXT,
    "roles": mapping(word("editor", "viewer")),
    "items": many(_ENTRY),
}
_CHANGES = record(
    "Changes",
    {
        "epoch": TEXT,
        "tail": COUNT,
        "recovered": YES_NO,
        "pubs": many(record(None, {"seq": COUNT, "payload": ANY})),
        "snapshot": nullable(record("State", _STATE)),
    },
)
_HISTORY = record(
    "History",
    {
        "items": many(
            record(
                None,
                {"revision": COUNT, "snapshot_id": TEXT, "at": INSTANT, "by": TEXT, "change": ANY},
            )
        ),
        "limit": COUNT,
        "next": nullable(URL),
    },
)
_PAST = record(
    "Past",
    {
        "revision": COUNT,
        "snapshot_id": TEXT,
        "at": INSTANT,
        "name": TEXT,
        "description": TEXT,
        "total": COUNT,
        "offset": COUNT,
        "limit": COUNT,
        "items": many(_ITEM),
    },
)
_PLACED = {**_ENTRY["properties"], "position": COUNT}
_DIFF = record(
    "Difference",
    {
        "from": COUNT,
        "to": COUNT,
        "added": many(record(None, _PLACED)),
        "removed": many(record(None, _PLACED)),
        "moved": many(record(None, {**_PLACED, "from_position": COUNT})),
        "attributes": mapping(record(None, {"from": ANY, "to": ANY})),
    },
)
_INVITE = {"id": TEXT, "role": word("editor", "viewer"), "expires_at": INSTANT}
_IMPORTED = record(
    "Imported",
    {
        "playlist_id": TEXT,
        "name": TEXT,
        "total": COUNT,
        "matched": COUNT,
        "by": record(None, {"uri": COUNT, "isrc": COUNT, "search": COUNT}),
        "unmatched": many(
            record(
                None,
                {
                    "index": COUNT,
                    "title": TEXT,
                    "artist": TEXT,
                    "album": TEXT,
                    "isrc": nullable(TEXT),
                    "reason": TEXT,
                },
            )
        ),
    },
)
_RULE = record("Rule", {"rule": ANY})
_ONE = "/v1/playlists/{playlist_id}"


def _items_of(name: str) -> dict[str, Answers]:
    return {
        f"GET {_ONE}/{name}": {200: _ITEMS, 304: None},
        f"POST {_ONE}/{name}": {201: _SNAPSHOT},
        f"PUT {_ONE}/{name}": {200: _SNAPSHOT, 201: _SNAPSHOT},
        f"DELETE {_ONE}/{name}": {200: _SNAPSHOT},
    }


ANSWERS: Mapping[str, Answers | None] = {
    "GET /v1/me/playlists": {200: page("SimplePlaylist", _SIMPLE), 304: None},
    "POST /v1/me/playlists": {201: _FULL},
    "GET /v1/me/playlists/deleted": {200: page("DeletedPlaylist", _DELETED)},
    "GET /v1/playlists/users/{user_id}": {200: page("SimplePlaylist", _SIMPLE), 304: None},
    "POST /v1/playlists/users/{user_id}": {201: _FULL},
    f"GET {_ONE}": {200: _FULL, 304: None},
    f"PUT {_ONE}": {200: None},
    **_items_of("items"),
    **_items_of("tracks"),
    f"GET {_ONE}/images": {200: many(IMAGE), 304: None},
    f"PUT {_ONE}/images": {202: None},
    f"PUT {_ONE}/followers": {200: None},
    f"DELETE {_ONE}/followers": {200: None},
    f"GET {_ONE}/followers/contains": {200: many(YES_NO)},
    f"POST {_ONE}/ops": {200: _DONE},
    f"GET {_ONE}/changes": {200: _CHANGES},
    f"GET {_ONE}/history": {200: _HISTORY},
    f"GET {_ONE}/revisions": {200: _PAST},
    f"GET {_ONE}/revisions/{{revision}}": {200: _PAST},
    f"GET {_ONE}/diff": {200: _DIFF},
    f"POST {_ONE}/undo": {200: _DONE},
    f"POST {_ONE}/redo": {200: _DONE},
    f"POST {_ONE}/restore": {200: _DONE},
    f"POST {_ONE}/branches": {201: _FULL},
    f"POST {_ONE}/merges": {200: record("Merged", {"revision": COUNT, "snapshot_id": TEXT})},
    f"GET {_ONE}/collaborators": {
        200: record("Roles", {"owner": TEXT, "roles": mapping(word("editor", "viewer"))})
    },
    f"PUT {_ONE}/collaborators": {200: _DONE},
    f"GET {_ONE}/invites": {200: record("Invites", {"items": many(record(None, _INVITE))})},
    f"POST {_ONE}/invites": {201: record("InviteLink", {**_INVITE, "token": TEXT, "url": URL})},
    f"DELETE {_ONE}/invites/{{invite_id}}": {204: None},
    f"POST {_ONE}/join": {200: _DONE},
    f"GET {_ONE}/rich": {200: record("RichPlaylist", {"playlist_id": TEXT, **_STATE})},
    "POST /v1/playlists/import": {201: _IMPORTED},
    "POST /v1/playlists/smart": {201: _FULL},
    f"GET {_ONE}/export": {200: Content("application/xspf+xml")},
    f"GET {_ONE}/rule": {200: _RULE},
    f"PUT {_ONE}/rule": {200: _RULE},
    "GET /v1/me/playlists/folders": {
        200: record("Folders", {"revision": COUNT, "items": many(ANY)})
    },
    "PUT /v1/me/playlists/folders": {200: record(None, {"revision": COUNT})},
}
