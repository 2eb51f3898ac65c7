"""What a listener leaves behind: stars, plays, bookmarks, and a queue to go on with elsewhere."""

from datetime import UTC, datetime, timedelta
from typing import Any

from functions.subsonic import kept
from functions.subsonic.call import Answer, Call, Method
from functions.subsonic.ids import named, parse, parse_one
from functions.subsonic.kept import Queue
from functions.subsonic.objects import BIT_RATES_KBPS
from functions.subsonic.refusals import missing
from functions.subsonic.upstream import MARKET
from shared.ids import derived_id

MAX_STARRED = 1000
URIS_AT_ONCE = 40
MAX_POSITION_MS = 10**12
MAX_COMMENT_CHARS = 1000


async def star(call: Call) -> Answer:
    return await _starred(call, "PUT")


async def unstar(call: Call) -> Answer:
    return await _starred(call, "DELETE")


async def _starred(call: Call, method: str) -> None:
    asked = call.asked
    things = [
        *(parse(it, "track", "album", "artist") for it in asked.many("id", MAX_STARRED)),
        *(("album", parse_one(it, "album")) for it in asked.many("albumId", MAX_STARRED)),
        *(("artist", parse_one(it, "artist")) for it in asked.many("artistId", MAX_STARRED)),
    ]
    if not things:
        raise missing("id, albumId or artistId")
    uris = [f"spotify:{kind}:{id}" for kind, id in things]
    for at in range(0, len(uris), URIS_AT_ONCE):
        part = ",".join(uris[at : at + URIS_AT_ONCE])
        await call.web.send(method, "/v1/me/library", uris=part)
    call.collections.forget(call.listener)


async def scrobble(call: Call) -> Answer:
    """Plays, reported as any client reports them. `submission=false`, what plays now, is nobody
    else's to know. The play's id is derived, so that a report sent twice counts once."""
    asked = call.asked
    tracks = [parse_one(it, "track") for it in asked.many("id", 100)]
    if not tracks:
        raise missing("id")
    times = asked.many("time", 100)
    if not asked.flag("submission", True):
        return None
    found = await call.web.tracks(tracks)
    reports: list[dict[str, Any]] = []
    for index, id in enumerate(tracks):
        if id not in found:
            continue
        played = timedelta(milliseconds=found[id]["duration_ms"])
        started_at = _instant(times[index]) if index < len(times) else call.now - played
        play_id = derived_id("scrobble", call.listener.user_id, id, started_at.isoformat())
        reports.append(
            {
                "type": "track_played",
                "event_id": derived_id("event", play_id),
                "play_id": play_id,
                "track_id": id,
                "started_at": started_at.isoformat(),
                "ms_played": min(found[id]["duration_ms"], _until(call.now, started_at)),
                "codec": "mp3",
                "kbps": BIT_RATES_KBPS[call.listener.plan],
                "end_reason": "trackdone",
                "source": "opensubsonic",
            }
        )
    if reports:
        await call.web.send("POST", "/v1/events", {"events": reports})
    return None


def _instant(text: str) -> datetime:
    """Milliseconds since 1970, within what a clock may say."""
    digits = text.isascii() and text.isdigit() and len(text) < 15
    return datetime.fromtimestamp(int(text) / 1000 if digits else 0, UTC)


def _until(now: datetime, started_at: datetime) -> int:
    return max(0, int((now - started_at).total_seconds() * 1000))


async def get_bookmarks(call: Call) -> Answer:
    found = (await call.keeping.of(call.listener.user_id)).bookmarks
    tracks = await call.web.tracks([it.track_id for it in found])
    songs = {it["id"]: it for it in await call.songs(tracks.values())}
    return {
        "bookmarks": {
            "bookmark": [
                {
                    "position": it.position_ms,
                    "username": call.listener.username,
                    "comment": it.comment,
                    "created": _stamp(it.created_at),
                    "changed": _stamp(it.changed_at),
                    "entry": songs[named("track", it.track_id)],
                }
                for it in found
                if named("track", it.track_id) in songs
            ]
        }
    }


async def create_bookmark(call: Call) -> Answer:
    id = parse_one(call.asked.text("id"), "track")
    call.asked.text("position")
    position_ms = call.asked.number("position", 0, 0, MAX_POSITION_MS)
    comment = (call.asked.find("comment") or "")[:MAX_COMMENT_CHARS]
    await call.web.get(f"/v1/tracks/{id}", **MARKET)
    await call.keeping.change(
        call.listener.user_id,
        lambda it: kept.with_bookmark(it, id, position_ms, comment, call.now),
    )
    return None


async def delete_bookmark(call: Call) -> Answer:
    id = parse_one(call.asked.text("id"), "track")
    user_id = call.listener.user_id
    await call.keeping.change(user_id, lambda it: kept.without_bookmark(it, id))
    return None


async def get_play_queue(call: Call) -> Answer:
    queue = (await call.keeping.of(call.listener.user_id)).queue
    if queue is None:
        return None
    tracks = await call.web.tracks(queue.track_ids)
    songs = {it["id"]: it for it in await call.songs(tracks.values())}
    entries = [songs[key] for id in queue.track_ids if (key := named("track", id)) in songs]
    return {
        "playQueue": {
            "current": queue.current and named("track", queue.current),
            "position": queue.position_ms,
            "username": call.listener.username,
            "changed": _stamp(queue.changed_at),
            "changedBy": queue.changed_by,
            "entry": entries,
        }
    }


async def save_play_queue(call: Call) -> Answer:
    asked = call.asked
    ids = tuple(parse_one(it, "track") for it in asked.many("id", kept.MAX_QUEUE))
    given = asked.find("current")
    current = parse_one(given, "track") if given else None
    queue = Queue(
        ids,
        current if current in ids else None,
        asked.number("position", 0, 0, MAX_POSITION_MS),
        call.now,
        asked.text("c")[:100],
    )
    user_id = call.listener.user_id
    await call.keeping.change(user_id, lambda it: kept.with_queue(it, queue if ids else None))
    return None


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


METHODS = {
    "star": Method(star, takes=("id", "albumId", "artistId")),
    "unstar": Method(unstar, takes=("id", "albumId", "artistId")),
    "scrobble": Method(scrobble, ("id",), ("time", "submission")),
    "getBookmarks": Method(get_bookmarks),
    "createBookmark": Method(create_bookmark, ("id", "position"), ("comment",)),
    "deleteBookmark": Method(delete_bookmark, ("id",)),
    "getPlayQueue": Method(get_play_queue),
    "savePlayQueue": Method(save_play_queue, takes=("id", "current", "position")),
}
