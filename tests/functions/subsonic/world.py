"""Segue's API as OpenSubsonic's service sees it: a few objects in the shapes of the Web API."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
from fastapi import FastAPI

from functions.subsonic.kept import Keeping, Kept
from functions.subsonic.main import build
from functions.subsonic.upstream import Upstream
from shared.events import Credit
from shared.gcp.memory import MemoryDocuments
from shared.webapi.objects import Parts
from tests.web import PUBLIC_URL, Pushes

USER, SECRET, KEY = "ada@example.com", "abcd-efgh", "a key"
USER_ID = "u" * 22
COVER = "c0" * 32
SINCE = "2026-02-03T04:05:06Z"
PARTS = Parts(PUBLIC_URL)
PUSHES = Pushes()


def id_of(kind: str, number: int) -> str:
    return f"{kind}{number}".ljust(22, "0")


def credits_of(number: int) -> tuple[Credit, ...]:
    return (Credit(id_of("artist", number), f"Artist {number}", "main"),)


def simple_album(number: int) -> dict[str, Any]:
    return PARTS.album(
        id_of("album", number),
        name=f"Album {number}",
        album_type="album",
        credits=credits_of(number),
        cover_id=COVER,
        release_date=f"{1990 + number}-05",
        total_tracks=2,
        availability={"is_playable": True},
    )


def simple_track(number: int) -> dict[str, Any]:
    """Track 21 is the first of album 2."""
    return PARTS.track(
        id_of("track", number),
        name=f"Track {number} & <more>",
        credits=credits_of(number // 10),
        disc_number=1,
        track_number=number % 10,
        duration_ms=61_499,
        explicit=number == 21,
        availability={"is_playable": number != 99},
    )


def full_track(number: int) -> dict[str, Any]:
    return {
        **simple_track(number),
        "album": simple_album(number // 10),
        "external_ids": {"isrc": "SEABC2600001"},
        "popularity": 5,
    }


def full_album(number: int) -> dict[str, Any]:
    tracks = [simple_track(number * 10 + 1), simple_track(number * 10 + 2)]
    return {
        **simple_album(number),
        "tracks": page(tracks),
        "genres": ["Jazz"],
        "label": "Blå",
        "copyrights": [],
        "external_ids": {},
        "popularity": 3,
    }


def full_artist(number: int) -> dict[str, Any]:
    return PARTS.artist(
        id_of("artist", number),
        name=f"Artist {number}",
        genres=("Jazz",),
        cover_id=COVER,
        popularity=1,
    )


def page(items: list[Any], total: int | None = None) -> dict[str, Any]:
    return {
        "items": items,
        "next": None,
        "previous": None,
        "offset": 0,
        "limit": 50,
        "total": len(items) if total is None else total,
    }


NUMBERS = (1, 2, 3)
MADE: dict[str, tuple[Callable[[int], Any], tuple[int, ...]]] = {
    "albums": (full_album, NUMBERS),
    "artists": (full_artist, NUMBERS),
    "tracks": (full_track, (11, 12, 21, 22, 31, 32)),
}


@dataclass
class World:
    """What is answered. `requests` are those seen; `broken` makes every answer that status."""

    broken: int | None = None
    garbled: bool = False
    saved: set[str] = field(default_factory=set)
    lyrics: Any = None
    reported: list[Any] = field(default_factory=list)
    edits: list[tuple[str, str, Any]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    pushes: Pushes = field(default_factory=lambda: PUSHES)
    kept: MemoryDocuments[Kept] = field(default_factory=lambda: MemoryDocuments(Kept, "kept"))

    built: FastAPI | None = None

    def app(self) -> FastAPI:
        """The service, built once."""
        self.built = self.built or self._build()
        return self.built

    def _build(self) -> FastAPI:
        upstream = Upstream(PUBLIC_URL, "mark", transport=httpx.MockTransport(self.answer))
        return build(upstream, Keeping(self.kept), self.pushes.caller())

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/oauth/app-password":
            return self._exchange(dict(parse_qsl(request.content.decode())))
        if self.broken is not None:
            return httpx.Response(self.broken, json={"error": {"message": "told so"}})
        if self.garbled:
            return httpx.Response(200, json={"what": "is this"})
        assert request.headers["authorization"] == "Bearer its token"
        status, body = self._found(
            request.method, request.url.path, dict(request.url.params), request
        )
        return httpx.Response(status, json=body)

    def _exchange(self, form: dict[str, str]) -> httpx.Response:
        token = hashlib.md5((SECRET + form.get("salt", "")).encode(), usedforsecurity=False)
        right = form.get("api_key") == KEY or (
            form.get("username") == USER and form.get("token") == token.hexdigest()
        )
        if not right:
            return httpx.Response(400, json={"error": "invalid_grant"})
        body = {
            "access_token": "its token",
            "user_id": USER_ID,
            "username": USER,
            "plan": "premium",
        }
        return httpx.Response(200, json=body)

    def _found(
        self, method: str, path: str, asked: dict[str, str], request: httpx.Request
    ) -> tuple[int, Any]:
        parts = path.split("/")[2:]
        if parts[:2] == ["me", "library"]:
            uris = asked["uris"].split(",")
            if method == "GET":
                return 200, [SINCE if uri in self.saved else None for uri in uris]
            (self.saved.update if method == "PUT" else self.saved.difference_update)(uris)
            return 200, None
        if path == "/v1/me/following":
            artists = [full_artist(it) for it in NUMBERS if full_artist(it)["uri"] in self.saved]
            return 200, {"artists": {**page(artists), "cursors": {"after": None}}}
        if parts[0] == "me" and parts[1] in ("albums", "tracks"):
            make, numbers = MADE[parts[1]]
            found = [it for it in map(make, numbers) if it["uri"] in self.saved]
            return 200, page([{"added_at": SINCE, parts[1][:-1]: it} for it in found])
        if path == "/v1/me/player/recently-played":
            return 200, {"items": [{"track": full_track(it)} for it in (31, 11, 12)]}
        if path == "/v1/browse/new-releases":
            return 200, {"albums": page([simple_album(it) for it in NUMBERS])}
        if path == "/v1/browse/categories":
            return 200, {"categories": page([{"id": "jazz", "name": "Jazz"}])}
        if path == "/v1/search":
            return 200, {f"{it}s": self._search(it) for it in asked["type"].split(",")}
        if path == "/v1/plays":
            return 201, {"renditions": RENDITIONS}
        if path == "/v1/events":
            self.reported += json.loads(request.content)["events"]
            return 202, {"accepted": 1, "rejected": []}
        if parts[-1] == "lyrics":
            return (200, self.lyrics) if self.lyrics else (404, {"error": {"message": "no lyrics"}})
        if parts[-1] == "related-artists":
            return 200, {"artists": [full_artist(2)]}
        if parts[-1] == "top-tracks":
            number = int(parts[1].strip("artis0") or 0)
            return 200, {"tracks": [full_track(number * 10 + 1)]}
        if parts[-1] == "albums" and parts[0] == "artists":
            return 200, page([simple_album(1)])
        if "playlists" in parts:
            body = json.loads(request.content) if request.content else {}
            return self._playlists(method, parts, body)
        make, numbers = MADE[parts[0]]
        by_id = {it["id"]: it for it in map(make, numbers)}
        if len(parts) > 1:
            found = by_id.get(parts[1])
            return (200, found) if found else (404, {"error": {"message": "no such thing"}})
        if "ids" in asked:
            return 200, {parts[0]: [by_id.get(it) for it in asked["ids"].split(",")]}
        return 200, page(list(by_id.values()))

    def _playlists(self, method: str, parts: list[str], body: Any) -> tuple[int, Any]:
        """One playlist, of all that may be in one; `edits` are the changes asked for."""
        if method != "GET":
            self.edits.append((method, "/".join(parts[2:]) or parts[-1], body))
        if parts[0] == "me":
            made = PARTS.link("playlist", id_of("playlist", 1))
            listed = {**made, "name": "List", "items": {"total": 4}, "images": [], "public": True}
            return (201, made) if method == "POST" else (200, page([listed]))
        if parts[1] != id_of("playlist", 1):
            return 404, {"error": {"message": "no playlist"}}
        if method != "GET":
            return 201, {"snapshot_id": "next"}
        entries = [
            {"item": full_track(11), "track": True},
            {"item": None, "track": None},
            {"item": full_track(99)},
            {"track": full_track(12)},
        ]
        if parts[-1] == "items":
            return 200, page(entries)
        found = PARTS.link("playlist", parts[1])
        return 200, {**found, "name": "List", "snapshot_id": "seen", "items": page([], 4)}

    def _search(self, kind: str) -> dict[str, Any]:
        make, numbers = MADE[f"{kind}s"]
        return page([make(it) for it in numbers])


RENDITIONS = [
    {"codec": codec, "kbps": kbps, "url": f"{PUBLIC_URL}/audio/x/{codec}-{kbps}?signed"}
    for codec in ("aac", "mp3", "vorbis")
    for kbps in (24, 96, 160, 320)
]


def signed(secret: str = SECRET, salt: str = "salt", **more: str) -> dict[str, str]:
    """The parameters of a request of the user's, with an answer in JSON."""
    digest = hashlib.md5((secret + salt).encode(), usedforsecurity=False).hexdigest()
    return {"u": USER, "t": digest, "s": salt, "v": "1.16.1", "c": "test", "f": "json", **more}
