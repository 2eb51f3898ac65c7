"""The catalog on the fake and on Firestore's emulator: pages hold while everything changes."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from functions.catalog.store import COLLECTIONS, Store
from shared.gcp import firestore
from tests.functions.catalog.fakes import PUSHES, Catalog, transcoded
from tests.functions.catalog.test_editing import ANY, READER, make
from tests.web import client_of

_runs = itertools.count()


@pytest.fixture(params=["memory", "emulator"])
async def catalog(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Catalog]:
    if request.param == "memory":
        yield Catalog()
        return
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("firestore_emulator"))
    client = firestore.client(f"segue-catalog-{next(_runs)}")
    yield Catalog(
        store=Store(
            **{
                name: firestore.FirestoreDocuments(client, collection, cls, what, patience_s=60)
                for name, (collection, cls, what) in COLLECTIONS.items()
            }
        )
    )
    await client._firestore_api.transport.close()


async def pages(client: httpx.AsyncClient, url: str) -> AsyncIterator[list[dict[str, Any]]]:
    """A client that follows `next`, as spotipy does; any error fails the test."""
    following: str | None = url
    while following:
        response = await client.get(following, headers=READER)
        assert response.status_code == 200, response.text
        page = response.json()
        yield page["items"]
        following = page["next"]


def commands(ada: dict[str, Any], bo: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Rename Ada, merge her into Bo, take Bo down."""
    yield "PATCH", f"/v1/catalog/artists/{ada['id']}", {"name": "Ada Lovelace"}
    yield "POST", f"/v1/catalog/artists/{ada['id']}/merge", {"into": bo["id"]}
    yield "DELETE", f"/v1/catalog/artists/{bo['id']}", None


@pytest.mark.slow
@pytest.mark.parametrize("when", ["between pages", "at once"])
async def test_rename_merge_and_takedown_while_a_client_pages_through_albums(
    catalog: Catalog, when: str
):
    """No error, no duplicate; and every old link resolves."""
    async with client_of(catalog.app()) as client:
        ada, bo = [await make(client, "artist", name=name) for name in ("Ada", "Bo")]
        made: list[str] = []
        for number in range(24):
            artist = ada if number % 2 else bo
            line = {"title": f"Album {number}", "release_date": str(1980 + number)}
            credits = [{"artist": artist["id"]}]
            album = await make(client, "album", **line, credits=credits)
            await make(client, "track", title="Song", album=album["id"], credits=credits)
            made.append(album["id"])
        seen: list[str] = []
        steps = commands(ada, bo)

        async def command() -> None:
            if (step := next(steps, None)) is not None:
                method, url, body = step
                response = await client.request(method, url, json=body, headers=ANY)
                assert response.status_code == 200, response.text

        async def all_commands() -> None:
            for _ in range(3):
                await command()

        async def page_through() -> None:
            url = f"/v1/artists/{ada['id']}/albums?limit=2&include_groups=album,single"
            async for items in pages(client, url):
                seen.extend(item["id"] for item in items)
                if when == "between pages":
                    await command()

        if when == "at once":
            await asyncio.gather(page_through(), all_commands())
        else:
            await page_through()
            await all_commands()
        assert seen, "the first page was there before anything changed"
        assert len(seen) == len(set(seen)), "an album was shown twice"
        assert set(seen) <= set(made)
        for id in made:
            album = await client.get(f"/v1/albums/{id}", headers=READER)
            assert album.status_code == 200
            assert {it["id"] for it in album.json()["artists"]} == {bo["id"]}
        old = (await client.get(f"/v1/artists/{ada['id']}", headers=READER)).json()
        assert (old["id"], old["name"]) == (bo["id"], "Bo")
        assert [items async for items in pages(client, f"/v1/artists/{ada['id']}/albums")] == [[]]


async def test_the_tracks_of_one_album_ingested_at_once_make_one_album_and_one_artist(
    catalog: Catalog,
):
    from functions.catalog import uploads

    async with client_of(catalog.app()) as client:
        described = uploads.Description("a.flac", 500)
        made = []
        for number in range(8):
            upload = uploads.new_upload(
                f"{number:022d}", f"{number + 50:022d}", described,
                max_bytes=1000, by="label", at=catalog.now(),
            )  # fmt: skip
            await catalog.store.uploads.create(upload.upload_id, upload)
            made.append({"upload_id": upload.upload_id, "track_id": upload.track_id})
        names = ("Björk", "BJÖRK ", "björk", "Bjo\u0308rk")

        async def heard(number: int, upload: dict[str, Any]) -> None:
            event = transcoded(
                upload,
                audio=f"audio {number}",
                master_sha256=f"{number:064d}",
                artists=(names[number % 4],),
                track_number=8 - number,
            )
            for _ in range(5):  # refused is delivered again
                if (await PUSHES.push(client, event)).status_code == 204:
                    return
            raise AssertionError("never taken")

        await asyncio.gather(*(heard(number, it) for number, it in enumerate(made)))
        assert await catalog.store.artists.count() == 1
        assert await catalog.store.albums.count() == 1
        track = (await client.get(f"/v1/tracks/{made[0]['track_id']}", headers=READER)).json()
        album = (await client.get(track["album"]["href"], headers=READER)).json()
    assert [it["track_number"] for it in album["tracks"]["items"]] == list(range(1, 9))
