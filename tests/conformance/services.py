"""Every API with its neighbours in memory and something in it, ready to be probed."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import httpx
import requests
from fastapi import FastAPI

from tests.conformance.probing import Known, document, scopes
from tests.functions.accounts import service as accounts
from tests.functions.catalog import fakes
from tests.functions.insights import test_api as insights
from tests.functions.library import fakes as library_fakes
from tests.functions.playback import test_api as playback
from tests.functions.playback.events import track_played
from tests.functions.playlists import fakes as playlists_fakes
from tests.functions.rights import test_api as rights
from tests.functions.royalties import test_api as royalties
from tests.functions.search import fakes as search_fakes
from tests.functions.search import test_api as search_tests
from tests.functions.social import service as social_service
from tests.functions.subsonic import world as subsonic_world
from tests.functions.test_bad_input import TOKENS, events_app
from tests.web import NOW, PUBLIC_URL, client_of

T = TypeVar("T")


class Loop:
    """An event loop of its own, for tests that hypothesis drives synchronously."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def __call__(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True)
class Probed:
    """A service to probe: how to reach it, whose token to send, and what it knows."""

    app: FastAPI
    headers: Callable[[], Mapping[str, str]]
    known: Known

    def sender(self, loop: Loop) -> Callable[[requests.PreparedRequest], httpx.Response]:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=PUBLIC_URL)

        def send(request: requests.PreparedRequest) -> httpx.Response:
            body = request.body
            return loop(
                client.request(
                    request.method or "GET",
                    request.url or "",
                    headers=list(request.headers.items()),
                    content=body.encode() if isinstance(body, str) else body,
                )
            )

        return send


async def events() -> Probed:
    bearer = TOKENS.bearer(scopes(document("events")))
    return Probed(events_app(), lambda: bearer, {})


async def rights_() -> Probed:
    service = rights.Service()
    app = service.app()
    async with client_of(app) as client:
        made = (await rights.create(client)).json()
    bearer = rights.TOKENS.bearer(scopes(document("rights")))
    return Probed(app, lambda: bearer, {"licence_id": [made["licence_id"]]})


async def playback_() -> Probed:
    service = playback.Service()
    await service.ready()
    await service.histories.add(track_played(1, NOW))
    bearer = playback.TOKENS.bearer(scopes(document("playback")))
    return Probed(service.app(), lambda: bearer, {"track_id": [playback.TRACK]})


async def catalog() -> Probed:
    service = fakes.Catalog()
    app = service.app()
    bearer = fakes.TOKENS.bearer(scopes(document("catalog")))
    uploads: list[dict[str, Any]] = []
    async with client_of(app) as client:
        for number in range(3):
            asked = {"filename": f"{number}.flac", "size_bytes": 500}
            made = (await client.post("/v1/uploads", json=asked, headers=bearer)).json()
            uploads.append(made)
            told = fakes.transcoded(made, f"audio {number}", title=f"Title {number}")
            assert (await fakes.PUSHES.push(client, told)).status_code == 204
        tracks = (await client.get("/v1/tracks", headers=bearer)).json()["items"]
    albums = [it["album"]["id"] for it in tracks]
    artists = [artist["id"] for it in tracks for artist in it["artists"]]
    ids = [it["id"] for it in tracks]
    return Probed(
        app,
        lambda: bearer,
        {
            "upload_id": [it["upload_id"] for it in uploads],
            "track_id": ids,
            "album_id": albums,
            "artist_id": artists,
            "ids": [",".join(ids), ",".join(albums), ",".join(artists)],
        },
    )


async def accounts_() -> Probed:
    service = accounts.Service()
    scope = scopes(document("accounts"))
    async with service.browser() as person:
        await person.sign_up()
        asked = [it for it in scope.split() if it != "accounts:write"]
        application = await accounts.register(person.client, scopes=asked)
        issued = await accounts.signed_in_tokens(person, application, " ".join(asked))
        me = {"authorization": f"Bearer {issued['access_token']}"}
        user = (await person.client.get("/v1/me", headers=me)).json()
    app = service.built
    assert app is not None
    return Probed(app, lambda: me, {"user_id": [user["id"]]})


async def library() -> Probed:
    service = library_fakes.Service()
    app = service.app()
    bearer = library_fakes.TOKENS.bearer(scopes(document("library")) + " " + library_fakes.SCOPES)
    tracks = library_fakes.ids("track", 3)
    albums = library_fakes.ids("album", 2)
    artists = library_fakes.ids("artist", 2)
    told = [
        *map(library_fakes.track_changed, tracks),
        *map(library_fakes.album_changed, albums),
        *map(library_fakes.artist_changed, artists),
    ]
    uris = ",".join(f"spotify:track:{id}" for id in tracks)
    async with client_of(app) as client:
        for event in told:
            assert (await library_fakes.PUSHES.push(client, event)).status_code == 204
        saved = await client.put("/v1/me/library", params={"uris": uris}, headers=bearer)
        assert saved.is_success, saved.text
        for kind, ids in (("albums", albums), ("following", artists)):
            asked = {"ids": ",".join(ids), "type": "artist"}
            saved = await client.put(f"/v1/me/{kind}", params=asked, headers=bearer)
            assert saved.is_success, saved.text
    known = {
        "ids": [",".join(tracks), albums[0], artists[0]],
        "uris": [uris],
        "type": ["artist", "user"],
    }
    return Probed(app, lambda: bearer, known)


async def playlists() -> Probed:
    app = playlists_fakes.Instance().app()
    scope = scopes(document("playlists")) + " " + playlists_fakes.SCOPES
    bearer = playlists_fakes.TOKENS.bearer(scope, sub="ada")
    uris = [playlists_fakes.uri(number) for number in range(5)]
    made: list[str] = []
    async with client_of(app) as client:
        for name in ("One", "Two"):
            body = {"name": name, "public": False}
            made.append(
                (await client.post("/v1/me/playlists", json=body, headers=bearer)).json()["id"]
            )
        added = await client.post(f"/v1/playlists/{made[0]}/items", json=uris, headers=bearer)
        assert added.is_success, added.text
    known = {
        "playlist_id": made,
        "user_id": ["ada"],
        "revision": [1, 2],
        "uris": [",".join(uris)],
        "fields": ["items(item(name)),total"],
        "since": [0, 1, 2],
        "from": [1],
    }
    return Probed(app, lambda: bearer, known)


async def royalties_() -> Probed:
    service = await royalties.closed()
    bearer = royalties.TOKENS.bearer(scopes(document("royalties")), owns=["*"])
    known: Known = {
        "payee": ["payee-0"],
        "period": ["2026-09"],
        "territory": ["SE"],
        "plan": ["premium"],
        "play_id": ["play-1"],
    }
    return Probed(service.app(), lambda: bearer, known)


async def insights_() -> Probed:
    bearer = insights.TOKENS.bearer(scopes(document("insights")), owns=["*"])
    return Probed(insights.app(insights.Asked()), lambda: bearer, {"name": ["blend"]})


async def search() -> Probed:
    live = search_fakes.Cloud(Path(mkdtemp(prefix="search"))).instance()
    app = search_fakes.app_of(live)
    async with client_of(app) as client:
        for event in search_tests.CATALOG:
            assert (await search_fakes.PUSHES.push(client, event)).status_code == 204
    known = {
        "q": ["rhapsody", "queen", "quen", "artist:queen", "year:1970-1980", "tag:new", '"', "ob"],
        "type": ["track", "artist,album,track,user,playlist,show,episode,audiobook"],
    }
    return Probed(app, lambda: search_tests.BEARER, known)


async def social() -> Probed:
    made = social_service.Social()
    bearer = made.tokens.bearer(scopes(document("social")), sub="ann")
    await made.follow("bob", "ann")
    await made.follow("ann", "bob")
    await made.name("bob", "Bob")
    track = {"track_id": "t" * 22}
    await made.ask("bob", "PUT", "/v1/me/now-playing", track)
    session = (await made.ask("ann", "POST", "/v1/sessions", {})).json()
    sent = {"uri": "spotify:track:" + "t" * 22, "to": ["ann"]}
    share = (await made.ask("bob", "POST", "/v1/shares", sent)).json()
    feed = (await made.get("ann", "/v1/me/feed/changes"))["epoch"]
    known = {
        "user_id": ["bob"],
        "session_id": [session["id"]],
        "share_id": [share["share_id"]],
        "epoch": [feed, session["epoch"]],
    }
    return Probed(made.app, lambda: bearer, known)


async def subsonic() -> Probed:
    shown = {**subsonic_world.signed(), "f": "json"}
    things = [subsonic_world.id_of(kind, 1) for kind in ("artist", "album")]
    known = {
        **{name: [value] for name, value in shown.items()},
        "id": [*things, subsonic_world.id_of("track", 11)],
        "type": ["newest", "byGenre", "random", "recent", "starred"],
        "query": ["x", '""'],
    }
    return Probed(subsonic_world.World().app(), dict, known)


SERVICES: Mapping[str, Callable[[], Awaitable[Probed]]] = {
    "accounts": accounts_,
    "catalog": catalog,
    "events": events,
    "insights": insights_,
    "library": library,
    "playback": playback_,
    "playlists": playlists,
    "rights": rights_,
    "royalties": royalties_,
    "search": search,
    "social": social,
    "subsonic": subsonic,
}
