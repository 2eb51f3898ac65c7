"""Playlists, as the Web API's own, with songs by number where OpenSubsonic counts."""

from collections.abc import Mapping, Sequence
from typing import Any

from functions.subsonic import objects
from functions.subsonic.call import Answer, Call, Method
from functions.subsonic.ids import named, parse_one
from functions.subsonic.refusals import GENERIC, Refused, missing

MAX_PLAYLISTS = 500
MAX_SONGS = 10_000
ITEMS_AT_ONCE = 100


async def get_playlists(call: Call) -> Answer:
    found = await call.web.pages("/v1/me/playlists", MAX_PLAYLISTS)
    return {"playlists": {"playlist": [objects.playlist(it) for it in found if it]}}


async def get_playlist(call: Call) -> Answer:
    return {"playlist": await shown(call, parse_one(call.asked.text("id"), "playlist"))}


async def shown(call: Call, id: str) -> dict[str, Any]:
    """A playlist and its songs that can be played here."""
    found = await call.web.get(f"/v1/playlists/{id}", market="from_token")
    tracks = objects.playable(track_of(it) for it in await entries(call, id) if track_of(it))
    by_id = {it["id"]: it for it in await call.songs(tracks)}
    songs = [by_id[named("track", it["id"])] for it in tracks]
    duration_s = sum(it["duration"] for it in songs)
    view = objects.playlist(found, duration_s=duration_s)
    return {**view, "songCount": len(songs), "entry": songs}


async def entries(call: Call, id: str) -> list[Any]:
    """Every entry of a playlist."""
    return await call.web.pages(f"/v1/playlists/{id}/items", MAX_SONGS, market="from_token")


def track_of(entry: Mapping[str, Any]) -> Any:
    """The track of an entry, in either dialect; {} where there is none any more."""
    found = entry.get("item")
    if not isinstance(found, Mapping):
        found = entry.get("track")
    return found if isinstance(found, Mapping) and found.get("type") == "track" else {}


async def create_playlist(call: Call) -> Answer:
    """A new playlist, or (with `playlistId`) other songs in one that is there."""
    asked = call.asked
    uris = uris_of(asked.many("songId", MAX_SONGS))
    given, name = asked.find("playlistId"), asked.find("name")
    if given is not None:
        id = parse_one(given, "playlist")
        first, rest = uris[:ITEMS_AT_ONCE], uris[ITEMS_AT_ONCE:]
        await call.web.send("PUT", f"/v1/playlists/{id}/items", {"uris": first})
        await append(call, id, rest)
        if name is not None:
            await call.web.send("PUT", f"/v1/playlists/{id}", {"name": name})
    elif name is not None:
        made = await call.web.send("POST", "/v1/me/playlists", {"name": name, "public": False})
        id = made["id"]
        await append(call, id, uris)
    else:
        raise missing("name or playlistId")
    return {"playlist": await shown(call, id)}


async def append(call: Call, id: str, uris: Sequence[str]) -> None:
    """Add at the end."""
    for at in range(0, len(uris), ITEMS_AT_ONCE):
        part = uris[at : at + ITEMS_AT_ONCE]
        await call.web.send("POST", f"/v1/playlists/{id}/items", {"uris": part})


async def update_playlist(call: Call) -> Answer:
    """Another name, comment or openness; songs out by number, then others in at the end.

    Clients number the songs that they were shown; what cannot be played here was not.
    """
    asked = call.asked
    id = parse_one(asked.text("playlistId"), "playlist")
    uris = uris_of(asked.many("songIdToAdd", MAX_SONGS))
    indexes = {_index(it) for it in asked.many("songIndexToRemove", MAX_SONGS)}
    details: dict[str, Any] = {}
    if asked.find("name") is not None:
        details["name"] = asked.text("name")
    if asked.given("comment"):
        details["description"] = asked.find("comment") or ""
    if asked.given("public"):
        details["public"] = asked.flag("public", False)
    if details:
        await call.web.send("PUT", f"/v1/playlists/{id}", details)
    if indexes:
        await _remove(call, id, indexes)
    await append(call, id, uris)
    return None


async def _remove(call: Call, id: str, indexes: set[int]) -> None:
    snapshot = (await call.web.get(f"/v1/playlists/{id}", fields="snapshot_id"))["snapshot_id"]
    listed = await entries(call, id)
    numbered = [
        (position, track["uri"])
        for position, entry in enumerate(listed)
        if (track := track_of(entry)) and track.get("is_playable") is not False
    ]
    if max(indexes) >= len(numbered):
        raise Refused(GENERIC, "songIndexToRemove is beyond the last song")
    positions: dict[str, list[int]] = {}
    for index in sorted(indexes):
        position, uri = numbered[index]
        positions.setdefault(uri, []).append(position)
    items = [{"uri": uri, "positions": it} for uri, it in positions.items()]
    for at in range(0, len(items), ITEMS_AT_ONCE):
        # Positions are those of the snapshot, so batches do not disturb each other.
        body = {"items": items[at : at + ITEMS_AT_ONCE], "snapshot_id": snapshot}
        await call.web.send("DELETE", f"/v1/playlists/{id}/items", body)


async def delete_playlist(call: Call) -> Answer:
    """Out of the listener's sight; as the Web API has it, its owner's unfollowing removes it."""
    id = parse_one(call.asked.text("id"), "playlist")
    await call.web.send("DELETE", f"/v1/playlists/{id}/followers")
    return None


def uris_of(ids: Sequence[str]) -> list[str]:
    """Song ids as URIs."""
    return [f"spotify:track:{parse_one(it, 'track')}" for it in ids]


def _index(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise Refused(GENERIC, "songIndexToRemove is a number from 0")
    return int(text)


METHODS = {
    "getPlaylists": Method(get_playlists, takes=("username",)),
    "getPlaylist": Method(get_playlist, ("id",)),
    "createPlaylist": Method(create_playlist, takes=("playlistId", "name", "songId")),
    "updatePlaylist": Method(
        update_playlist,
        ("playlistId",),
        ("name", "comment", "public", "songIdToAdd", "songIndexToRemove"),
    ),
    "deletePlaylist": Method(delete_playlist, ("id",)),
}
