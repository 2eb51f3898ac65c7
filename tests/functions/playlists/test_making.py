"""Smart playlists, mixes, files, pictures, folders, and what becomes of tracks."""

import asyncio
import base64
import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from PIL import Image

from functions.playlists import formats, rules
from functions.playlists.formats import Line
from functions.playlists.projections import Projections
from shared.errors import Invalid, Unavailable
from shared.events import Credit, LibraryChanged, MixPublished, PlaylistChanged
from shared.ids import derived_id
from shared.webapi.cards import TrackCard, track_card
from tests.functions.library.fakes import track_changed, user_changed
from tests.functions.playback.events import track_played
from tests.functions.playlists.fakes import PUSHES, Cloud, Instance, ids, uri
from tests.functions.playlists.test_api import bearer, made, uris_of
from tests.web import NOW, client_of, code_of

TRACKS = ids("track", 6)


async def tell(client: httpx.AsyncClient, *events: Any) -> None:
    for event in events:
        assert (await PUSHES.push(client, event)).status_code == 204


def rule(*conditions: tuple[str, str, Any], **more: Any) -> dict[str, Any]:
    found = [{"field": f, "op": op, "value": value} for f, op, value in conditions]
    return {"conditions": found, **more}


def card(number: int, artist: str, **facts: Any) -> TrackCard:
    credits = (Credit(derived_id(artist), artist, "main"),)
    made = track_card(None, track_changed(TRACKS[number], credits=credits, **facts))
    assert made is not None
    return made


async def smart(client: httpx.AsyncClient, asked: dict[str, Any]) -> str:
    body = {"name": "Smart", "rule": asked}
    answer = await client.post("/v1/playlists/smart", json=body, headers=bearer())
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_a_live_rule_follows_catalog_and_history_and_a_frozen_one_does_not():
    instance = Instance()
    async with client_of(instance.app()) as client:
        await tell(
            client,
            *(
                track_changed(it, genres=("Jazz",) if n < 3 else ("Rock",), popularity=n,
                              release_date=f"{1990 + n}-01-01")
                for n, it in enumerate(TRACKS)
            ),
        )  # fmt: skip
        jazz = rule(("genre", "is", "jazz"), ("year", "more", 1990))
        live = await smart(client, jazz)
        frozen = await smart(client, {**jazz, "live": False})
        assert await uris_of(client, live) == [uri(2), uri(1)]
        liked = await smart(client, rule(("liked", "is", True), ("plays", "less", 2)))
        assert await uris_of(client, liked) == []
        await tell(
            client,
            track_changed(TRACKS[4], 2, genres=("jazz", "rock"), popularity=9),
            LibraryChanged("e1", NOW, "ada", "track", TRACKS[5], True),
        )
        for id in (live, liked):
            again = await client.put(
                f"/v1/playlists/{id}/rule",
                json=(await client.get(f"/v1/playlists/{id}/rule", headers=bearer())).json(),
                headers=bearer(),
            )
            assert again.status_code == 200
        assert await uris_of(client, live) == [uri(4), uri(2), uri(1)]
        assert await uris_of(client, frozen) == [uri(2), uri(1)]
        assert await uris_of(client, liked) == [uri(5)]
        add = await client.post(f"/v1/playlists/{live}/items", json=[uri(0)], headers=bearer())
        assert code_of(add) == "READ_ONLY"
        bad = {"name": "x", "rule": rule(("year", "contains", "9"))}
        refused = await client.post("/v1/playlists/smart", json=bad, headers=bearer())
        assert code_of(refused) == "INVALID_RULE"


async def test_a_live_list_follows_what_its_owner_has_just_liked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("functions.playlists.smart.SOON_S", 0.0)
    instance = Instance()
    async with client_of(instance.app()) as client:
        await tell(client, *(track_changed(it) for it in TRACKS[:3]))
        liked = await smart(client, rule(("liked", "is", True)))
        assert await uris_of(client, liked) == []
        await tell(client, LibraryChanged("e1", NOW, "bo", "track", TRACKS[0], True))
        await tell(client, LibraryChanged("e2", NOW, "ada", "track", TRACKS[1], True))
        assert await uris_of(client, liked) == [uri(1)]
        await tell(
            client, LibraryChanged("e3", NOW + timedelta(1), "ada", "track", TRACKS[1], False)
        )
        assert await uris_of(client, liked) == []


async def test_two_who_look_at_a_rule_at_once_put_nothing_in_twice():
    one = Instance()
    other = Instance(one.cloud, "two")
    async with client_of(one.app()) as client:
        await tell(client, *(track_changed(it) for it in TRACKS[:2]))
        id = await smart(client, rule(("explicit", "is", False)))
        await tell(client, *(track_changed(it) for it in TRACKS[2:6]))
        one.cloud.elapsed_s += 60
        await asyncio.gather(*(it.service.smart.refresh(id) for it in (one, other)))
        found = await uris_of(client, id)
        assert sorted(found) == sorted(uri(n) for n in range(6))


async def test_a_rule_that_cannot_be_looked_at_now_shows_what_it_held(
    monkeypatch: pytest.MonkeyPatch,
):
    instance = Instance()
    async with client_of(instance.app()) as client:
        await tell(client, *(track_changed(it) for it in TRACKS[:2]))
        id = await smart(client, rule(("explicit", "is", False)))
        held = await uris_of(client, id)
        monkeypatch.setattr("functions.playlists.smart.EVERY_S", 0.0)

        async def down(*_: object, **__: object) -> None:
            raise Unavailable("no index answers")

        monkeypatch.setattr(Projections, "having", down)
        assert await uris_of(client, id) == held != []


@pytest.mark.parametrize(
    ("field", "op", "value", "wanted"),
    [
        ("title", "contains", "RIVER", {1}),
        ("title", "is", "river one", {1}),
        ("artist", "is", "ann", {1}),
        ("artist", "is_not", "ann", {2}),
        ("album", "contains", "blue", {1}),
        ("label", "is", "north", {1}),
        ("genre", "is", "jazz", {1}),
        ("genre", "is_not", "jazz", {2}),
        ("mood", "is", "calm", {1}),
        ("year", "is", 1959, {1}),
        ("year", "less", 1980, {1}),
        ("year", "more", 1980, {2}),
        ("year", "between", [1950, 1959], {1}),
        ("duration_ms", "more", 200_000, {2}),
        ("popularity", "less", 50, {1}),
        ("explicit", "is", True, {2}),
        ("plays", "more", 1, {1}),
        ("plays", "more", -1, {1, 2}),
        ("plays", "is", 0, {2}),
        ("plays", "between", [1, 9], {1}),
        ("last_played", "less", 8, {1}),
        ("last_played", "is", 7, {1}),
        ("last_played", "more", 8, {2}),  # never played is longest ago
        ("liked", "is", True, {1}),
        ("liked", "is_not", True, {2}),
    ],
)
def test_each_field_of_a_rule_means_what_it_says(field: str, op: str, value: Any, wanted: set[int]):
    one = card(1, "Ann", title="River One", album="Kind of Blue", label="North",
                      genres=("Jazz",), moods=("Calm",), release_date="1959-08-17",
                      duration_ms=180_000, popularity=10, explicit=False)  # fmt: skip
    two = card(2, "Bo", title="Other", album="Red", label="South", genres=("Rock",),
                      moods=("Loud",), release_date="1999", duration_ms=240_000, popularity=90,
                      explicit=True)  # fmt: skip
    now_ms = 1_000 * rules.DAY_MS
    heard = {1: rules.Heard(2, now_ms - 7 * rules.DAY_MS - 1, True)}
    parsed = rules.parse(rule((field, op, value)))
    found = {n for n, it in ((1, one), (2, two)) if rules.matches(parsed, it, heard.get(n), now_ms)}
    assert found == wanted
    if rules.only_heard(parsed):
        assert found <= set(heard)


async def test_plays_count_once_and_from_thirty_seconds():
    instance = Instance()
    async with client_of(instance.app()) as client:
        await tell(client, *(track_changed(it) for it in TRACKS[:2]))
        one = track_played(1, NOW, track_id=TRACKS[0], user_id="ada", ms_played=40_000)
        short = track_played(2, NOW, track_id=TRACKS[1], user_id="ada", ms_played=20_000)
        await tell(client, one, one, short)
        assert (await instance.service.listening.of("ada"))[TRACKS[0]].plays == 1
        found = await smart(client, rule(("plays", "more", 0), order="most_played"))
        assert await uris_of(client, found) == [uri(0)]


@pytest.mark.parametrize("wanted", [[3, 1, 2], [1, 2, 3], [9, 2, 8, 1], [], [5], [2, 9]])
def test_a_rules_list_is_reached_by_ops_from_any_other(wanted: list[int]):
    from functions.playlists.deciding import decided
    from functions.playlists.ops import Add, Batch, Create, Entry
    from functions.playlists.playlist import empty
    from functions.playlists.smart import towards

    state, _ = decided(empty("p"), Batch("c", "o", 1, (Create("o"),)))
    start = Add(tuple(Entry(uri(n)) for n in (1, 2, 3, 2)))
    state, _ = decided(state, Batch("a", "o", 1, (start,)))
    ops = towards(state, [uri(n) for n in wanted])
    if ops:
        state, _ = decided(state, Batch("b", "segue", 1, tuple(ops)))
    assert [it.uri for it in state.listing] == [uri(n) for n in wanted]


async def test_a_mix_is_a_read_only_playlist_whose_past_weeks_are_its_history():
    instance = Instance()
    id = derived_id("mix")

    def week(number: int, *tracks: int) -> MixPublished:
        chosen = tuple(derived_id("track", str(n)) for n in tracks)
        return MixPublished(
            f"e{number}", NOW + timedelta(days=7 * number), id, "ada", "discover-weekly", None,
            "Discover Weekly", "For you", chosen, ("why",) * len(chosen), f"2026-W{40 + number}",
        )  # fmt: skip

    async with client_of(instance.app()) as client:
        await tell(client, week(1, 1, 2), week(1, 1, 2))
        assert await uris_of(client, id) == [uri(1), uri(2)]
        await tell(client, week(2, 3, 2))
        assert await uris_of(client, id) == [uri(3), uri(2)]
        whole = (await client.get(f"/v1/playlists/{id}", headers=bearer())).json()
        assert (whole["owner"]["id"], whole["name"]) == ("segue", "Discover Weekly")
        assert (await client.get(f"/v1/playlists/{id}", headers=bearer("bo"))).status_code == 404
        mine = (await client.get("/v1/me/playlists", headers=bearer())).json()
        assert [it["id"] for it in mine["items"]] == [id]
        add = await client.post(f"/v1/playlists/{id}/items", json=[uri(0)], headers=bearer())
        assert code_of(add) == "READ_ONLY"
        past = (await client.get(f"/v1/playlists/{id}/history", headers=bearer())).json()["items"]
        assert sum(it["change"]["op"] == "add" for it in past) == 2


async def test_items_survive_takedown_rename_and_re_release():
    instance = Instance()
    async with client_of(instance.app()) as client:
        await tell(client, *(track_changed(it, isrc=f"SEABC260000{n}")
                             for n, it in enumerate(TRACKS[:3])))  # fmt: skip
        id = await made(client)
        body = [uri(0), uri(1), uri(9)]
        await client.post(f"/v1/playlists/{id}/items", json=body, headers=bearer())
        await tell(client, track_changed(TRACKS[0], 2, title="Renamed", isrc="SEABC2600000"))
        await tell(client, track_changed(TRACKS[1], 2, removed=True, isrc="SEABC2600001"))
        instance.cloud.elapsed_s += 60
        path = f"/v1/playlists/{id}/items?market=SE"
        items = (await client.get(path, headers=bearer())).json()["items"]
        assert items[0]["item"]["name"] == "Renamed"
        assert [it["item"]["is_playable"] for it in items] == [True, False, False]
        await tell(client, track_changed(TRACKS[4], isrc="SEABC2600001", title="Remaster"))
        instance.cloud.elapsed_s += 60
        items = (await client.get(path, headers=bearer())).json()["items"]
        assert items[1]["item"]["name"] == "Remaster"
        assert items[1]["item"]["linked_from"]["id"] == TRACKS[1]


LINES = [
    Line('Ångström, "x"', "Ada, Bo", "First", "SEABC2600001", 200_000, uri(0)),
    Line("=cmd()", "Bo", "", None, None, uri(1)),
    Line("<&>", "東京事変", "a,b", "SEABC2600002", 1_000, uri(2)),
]


@pytest.mark.parametrize("kind", formats.MEDIA_TYPES)
def test_what_is_exported_can_be_imported(kind: str):
    data = formats.write(kind, "Näme", LINES, lambda it: f"https://x/#/track/{it[-22:]}")
    found = formats.read(kind, data)
    assert [it.uri for it in found.lines] == [it.uri for it in LINES]
    assert [it.isrc for it in found.lines] == [it.isrc for it in LINES]
    assert found.lines[2].artist == LINES[2].artist
    assert [it.duration_ms for it in found.lines][::2] == [200_000, 1_000]
    if kind == "csv":
        assert b"'=cmd()" in data, "a spreadsheet would compute it"


@pytest.mark.parametrize("kind", formats.MEDIA_TYPES)
@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 50, b"{", b"<a/>", b'{"playlist": 3}', b"[" * 5000, "é\u0000".encode("utf-16"),
     b'<!DOCTYPE x [<!ENTITY a "b">]><playlist xmlns="http://xspf.org/ns/0/">&a;</playlist>'],
)  # fmt: skip
def test_hostile_files_are_refused_by_name_or_empty(kind: str, data: bytes):
    codes: list[str] = []
    try:
        codes = [it.uri or "none" for it in formats.read(kind, data).lines]
    except Invalid as error:
        codes = [error.code]
    assert set(codes) <= {"none", "INVALID_FILE"}


async def test_an_import_matches_by_isrc_then_search_and_reports_the_rest():
    cloud = Cloud()

    def search(request: httpx.Request) -> httpx.Response:
        cloud.library.append(request)
        track = {"uri": uri(7), "name": "Björk song", "duration_ms": 1000,
                 "artists": [{"name": "Ada"}]}  # fmt: skip
        hit = "Bjork" in request.url.params["q"]
        return httpx.Response(200, json={"tracks": {"items": [track] if hit else []}})

    cloud.answer = search  # type: ignore[method-assign]
    async with client_of(Instance(cloud).app()) as client:
        await tell(client, track_changed(TRACKS[0], isrc="SEABC2600001"))
        text = (
            "#EXTM3U\n#PLAYLIST:Old\n#EXTINF:1,Ada - Title\n#ISRC:SEABC2600001\na.mp3\n"
            "#EXTINF:1,Ada - Bjork Song\nb.mp3\n#EXTINF:1,Who - What\nc.mp3\n"
        )
        answer = await client.post(
            "/v1/playlists/import?format=m3u8", content=text, headers=bearer()
        )
        report = answer.json()
        assert (answer.status_code, report["matched"], report["total"]) == (201, 2, 3)
        assert report["by"] == {"uri": 0, "isrc": 1, "search": 1}
        assert [(it["title"], it["reason"]) for it in report["unmatched"]] == [
            ("What", "NOT_FOUND")
        ]
        id = report["playlist_id"]
        assert await uris_of(client, id) == [uri(0), uri(7)]
        out = await client.get(f"/v1/playlists/{id}/export?format=xspf", headers=bearer())
        assert out.headers["content-type"].startswith("application/xspf+xml")
        assert b"isrc:SEABC2600001" in out.content
        bad = await client.post("/v1/playlists/import?format=pls", content=b"x", headers=bearer())
        assert code_of(bad) == "UNKNOWN_FORMAT"


def jpeg(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 300), colour).save(buffer, "JPEG")
    return buffer.getvalue()


async def test_pictures_are_the_owners_or_a_mosaic():
    instance = Instance()
    async with client_of(instance.app()) as client:
        covers = [f"{n}" * 64 for n in range(4)]
        for cover, colour in zip(covers, ("red", "green", "blue", "white"), strict=True):
            instance.cloud.images.kept[f"images/{cover}-300.jpg"] = jpeg(colour)
        await tell(client, *(track_changed(it, cover_id=covers[n])
                             for n, it in enumerate(TRACKS[:4])))  # fmt: skip
        id = await made(client)
        await client.post(
            f"/v1/playlists/{id}/items", json=[uri(n) for n in range(4)], headers=bearer()
        )
        images = (await client.get(f"/v1/playlists/{id}/images", headers=bearer())).json()
        name = images[0]["url"].rpartition("/")[2]
        with Image.open(io.BytesIO(instance.cloud.images.kept[f"images/{name}"])) as made_:
            corners = [made_.getpixel(at) for at in ((9, 9), (600, 9), (9, 600), (600, 600))]
        wanted = [(255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)]
        for corner, colour in zip(corners, wanted, strict=True):
            assert isinstance(corner, tuple)
            assert all(abs(a - b) < 20 for a, b in zip(corner, colour, strict=True))

        async def put(body: bytes) -> httpx.Response:
            return await client.put(f"/v1/playlists/{id}/images", content=body, headers=bearer())

        assert (await put(base64.b64encode(jpeg("red")))).status_code == 202
        own = (await client.get(f"/v1/playlists/{id}/images", headers=bearer())).json()
        assert own != images
        assert (await put(b"A" * (256 * 1024 + 1))).status_code == 413
        for bad in (
            b"",
            b"%%%",
            base64.b64encode(b"no picture"),
            base64.b64encode(b"\xff\xd8\xff"),
        ):
            assert code_of(await put(bad)) == "INVALID_IMAGE"


async def test_a_user_who_is_gone_leaves_nothing():
    instance = Instance()
    async with client_of(instance.app()) as client:
        id = await made(client)
        await client.post(f"/v1/playlists/{id}/items", json=[uri(0)] * 100, headers=bearer())
        for number in range(3):
            body = [uri(number)] * 100
            await client.post(f"/v1/playlists/{id}/items", json=body, headers=bearer())
        await instance.service.settle()
        deleted = await made(client)
        await client.delete(f"/v1/playlists/{deleted}/followers", headers=bearer())
        given = await made(client, user="bo")
        roles = f"/v1/playlists/{given}/collaborators"
        assert (await client.put(roles, json={"ada": "owner"}, headers=bearer("bo"))).is_success
        gone = user_changed("ada", removed=True)
        await tell(client, gone, gone)
        assert (await client.get(f"/v1/playlists/{id}", headers=bearer())).status_code == 404
        left = [path for path, it in instance.cloud.collections.items() if it._documents]
        ids = (id, deleted, given)
        assert [it for it in left if it == "playlists" or any(id in it for id in ids)] == []
        told = [it for it in instance.cloud.published.events if isinstance(it, PlaylistChanged)]
        assert told[-1].removed


async def test_folders_are_replaced_by_who_saw_the_last_of_them():
    async with client_of(Instance().app()) as client:
        path = "/v1/me/playlists/folders"
        tree = [{"name": "A", "items": [{"playlist": "p" * 22}, {"name": "B"}]}]
        put = {"revision": 0, "items": tree}
        assert (await client.put(path, json=put, headers=bearer())).json() == {"revision": 1}
        got = (await client.get(path, headers=bearer())).json()
        assert got == {"revision": 1, "items": tree}
        assert (await client.put(path, json=put, headers=bearer())).status_code == 412
        for bad in ([{}], [{"name": "a", "playlist": "p" * 22}], [{"playlist": "p" * 22}] * 2):
            answer = await client.put(path, json={"revision": 1, "items": bad}, headers=bearer())
            assert answer.status_code == 400


def test_rules_refuse_what_makes_no_sense():
    for bad in (
        {}, {"conditions": []}, rule(("year", "is", "x")), rule(("genre", "more", 1)),
        rule(("year", "between", [1])), rule(("liked", "is", 1)), rule(("x", "is", 1)),
        rule(("year", "is", 1), limit=0), rule(("year", "between", [1999, 1990])),
        rule(("genre", "is", "")), 3, None,
    ):  # fmt: skip
        with pytest.raises(Invalid):
            rules.parse(bad)
