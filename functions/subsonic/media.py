"""Audio, pictures and lyrics. No byte of them passes here: clients are sent to the CDN."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Response

from functions.subsonic import ids
from functions.subsonic.call import Answer, Call, Method
from functions.subsonic.ids import parse, parse_one
from functions.subsonic.refusals import no_such
from functions.subsonic.searching import found_by
from functions.subsonic.upstream import MARKET
from shared.webapi.objects import COVER_SIZES_PX

FORMATS = {"mp3": "mp3", "ogg": "vorbis", "oga": "vorbis", "aac": "aac", "m4a": "aac", "mp4": "aac"}
"""What clients call a format → our codec. MP3 where they name none, or one that we have not."""


async def stream(call: Call) -> Answer:
    """The rendition that fits, best first."""
    codec = FORMATS.get((call.asked.find("format") or "mp3").lower(), "mp3")
    return await _sent_to(call, codec, call.asked.number("maxBitRate", 0, 0, 10_000))


async def download(call: Call) -> Answer:
    """The best MP3 that the plan has: masters are nobody's to download."""
    return await _sent_to(call, "mp3", 0)


async def _sent_to(call: Call, codec: str, most_kbps: int) -> Response:
    track_id = parse_one(call.asked.text("id"), "track")
    play = await call.web.send("POST", "/v1/plays", {"track_id": track_id})
    chosen = rendition(play["renditions"], codec, most_kbps)
    if chosen is None:
        raise no_such("rendition")
    # 302: clients that ask by POST go on by GET.
    return Response(None, 302, {"location": chosen["url"], "cache-control": "no-store"})


def rendition(
    renditions: Sequence[Mapping[str, Any]], codec: str, most_kbps: int
) -> Mapping[str, Any] | None:
    """The best of `codec` up to `most_kbps` (0: no bound); the smallest if all are above."""
    rising = sorted((it for it in renditions if it["codec"] == codec), key=lambda it: it["kbps"])
    fitting = [it for it in rising if most_kbps == 0 or it["kbps"] <= most_kbps]
    return fitting[-1] if fitting else next(iter(rising), None)


async def get_cover_art(call: Call) -> Answer:
    """The picture's smallest size that is no smaller than asked for."""
    text = call.asked.text("id")
    size = call.asked.number("size", max(COVER_SIZES_PX), 1, 10_000)
    cover = ids.parse_cover(text) or await _cover_behind(call, text)
    px = min((it for it in COVER_SIZES_PX if it >= size), default=max(COVER_SIZES_PX))
    location = f"{call.public_url}/images/{cover}-{px}.jpg"
    return Response(None, 302, {"location": location, "cache-control": "private, max-age=3600"})


async def _cover_behind(call: Call, text: str) -> str:
    kind, id = parse(text, "album", "artist", "track", "playlist")
    more = {} if kind in ("artist", "playlist") else MARKET
    found = await call.web.get(f"/v1/{kind}s/{id}", **more)
    cover = ids.cover_of((found.get("album") or found).get("images") or [])
    name = ids.parse_cover(cover) if cover else None
    if name is None:
        raise no_such("picture")
    return name


async def get_lyrics(call: Call) -> Answer:
    """Lyrics by name, as plain text; empty where there are none."""
    artist, title = call.asked.find("artist") or "", call.asked.find("title") or ""
    plain = " ".join(f"{title} {artist}".replace('"', " ").split())[:200]
    tracks = await found_by(call, "track", plain, 1, 0) if plain else []
    found = await call.web.find(f"/v1/tracks/{tracks[0]['id']}/lyrics") if tracks else None
    if found is None:
        return {"lyrics": {"artist": artist or None, "title": title or None, "value": ""}}
    track = tracks[0]
    return {
        "lyrics": {
            "artist": ", ".join(it["name"] for it in track["artists"]),
            "title": track["name"],
            "value": "\n".join(line["text"] for line in found["lines"]),
        }
    }


async def get_lyrics_by_song_id(call: Call) -> Answer:
    """Lyrics by id, with their times if they have any (the `songLyrics` extension)."""
    id = parse_one(call.asked.text("id"), "track")
    track = await call.web.get(f"/v1/tracks/{id}", **MARKET)
    found = await call.web.find(f"/v1/tracks/{id}/lyrics")
    listed: list[dict[str, Any]] = []
    if found is not None:
        lines = [{"start": it["start_ms"], "value": it["text"]} for it in found["lines"]]
        listed = [
            {
                "displayArtist": ", ".join(it["name"] for it in track["artists"]),
                "displayTitle": track["name"],
                "lang": found["language"] or "und",
                "synced": found["sync"] != "none",
                "offset": 0,
                "line": lines,
            }
        ]
    return {"lyricsList": {"structuredLyrics": listed}}


METHODS = {
    "stream": Method(
        stream,
        ("id",),
        ("maxBitRate", "format", "timeOffset", "size", "estimateContentLength", "converted"),
    ),
    "download": Method(download, ("id",)),
    "getCoverArt": Method(get_cover_art, ("id",), ("size",)),
    "getLyrics": Method(get_lyrics, takes=("artist", "title")),
    "getLyricsBySongId": Method(get_lyrics_by_song_id, ("id",)),
}
