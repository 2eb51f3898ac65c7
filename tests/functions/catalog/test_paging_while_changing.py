"""An artist is renamed, merged and taken down while clients page through the albums: every page is
an answer, nothing is shown twice, and every old link still leads somewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.functions.catalog.fakes import TOKENS, Catalog
from tests.web import PUBLIC_URL, client_of

EDITOR = TOKENS.bearer("catalog:write")
READER = TOKENS.bearer("streaming")
ANY = {**EDITOR, "if-match": "*"}
OWN, OTHERS = 40, 15

Change = Callable[[], Awaitable[httpx.Response]]


class Stage:
    """Two artists with albums of different years, of which one is about to change."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.albums: dict[str, str] = {}

    async def prepared(self) -> "Stage":
        self.artist, self.other = [await self._made("artist", name=it) for it in ("Ada", "Bo")]
        for number in range(OWN + OTHERS):
            owner = self.artist if number < OWN else self.other
            line = {"title": f"Album {number}", "release_date": str(1960 + number)}
            album = await self._made("album", **line, credits=[{"artist": owner}])
            await self._made("track", title="One", album=album, credits=[{"artist": owner}])
            self.albums[album] = owner
        return self

    async def _made(self, kind: str, **line: Any) -> str:
        made = await self.client.post(f"/v1/catalog/{kind}s", json=line, headers=EDITOR)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    @property
    def own(self) -> set[str]:
        return {album for album, owner in self.albums.items() if owner == self.artist}

    async def rename(self) -> httpx.Response:
        path = f"/v1/catalog/artists/{self.artist}"
        return await self.client.patch(path, json={"name": "Ada the Second"}, headers=ANY)

    async def merge(self) -> httpx.Response:
        path = f"/v1/catalog/artists/{self.artist}/merge"
        return await self.client.post(path, json={"into": self.other}, headers=ANY)

    async def take_down(self) -> httpx.Response:
        return await self.client.delete(f"/v1/catalog/artists/{self.artist}", headers=ANY)

    async def take_down_survivor(self) -> httpx.Response:
        return await self.client.delete(f"/v1/catalog/artists/{self.other}", headers=ANY)

    async def read(self, limit: int, between: list[Change], *, at_once: bool) -> list[str]:
        """The ids of all albums, as a client gets them that follows `next`; `between` happen
        after the second page, the third, …, or while these pages are asked for."""
        url: str | None = f"/v1/artists/{self.artist}/albums?limit={limit}"
        seen: list[str] = []
        pages = 0
        changing: list[asyncio.Task[httpx.Response]] = []
        while url is not None:
            page = await self.client.get(url.removeprefix(PUBLIC_URL), headers=READER)
            assert page.status_code == 200, page.text
            body = page.json()
            seen += [album["id"] for album in body["items"]]
            url = body["next"]
            pages += 1
            if pages >= 2 and between:
                change = between.pop(0)
                if at_once:
                    changing.append(asyncio.ensure_future(change()))
                else:
                    assert (await change()).is_success
        assert not between, "too few pages for all changes"
        assert all(it.is_success for it in await asyncio.gather(*changing))
        return seen


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("limit", [3, 7])
async def test_renamed_then_merged_nothing_is_missed_and_nothing_shown_twice(
    limit: int, at_once: bool
):
    async with client_of(Catalog().app()) as client:
        stage = await Stage(client).prepared()
        seen = await stage.read(limit, [stage.rename, stage.merge], at_once=at_once)
    assert len(seen) == len(set(seen))
    # The survivor's own albums join in; those that were there are all seen.
    assert stage.own <= set(seen) <= set(stage.albums)


@pytest.mark.parametrize("at_once", [False, True])
async def test_renamed_merged_and_taken_down_no_page_fails(at_once: bool):
    async with client_of(Catalog().app()) as client:
        stage = await Stage(client).prepared()
        changes: list[Change] = [stage.rename, stage.merge, stage.take_down_survivor]
        seen = await stage.read(3, changes, at_once=at_once)
        assert len(seen) == len(set(seen))
        assert set(seen) <= set(stage.albums)
        left = await client.get(f"/v1/artists/{stage.artist}/albums", headers=READER)
        assert left.json()["items"] == []


async def test_taken_down_half_way_the_rest_is_an_end_and_no_error():
    async with client_of(Catalog().app()) as client:
        stage = await Stage(client).prepared()
        seen = await stage.read(5, [stage.take_down], at_once=False)
    assert len(seen) == len(set(seen)) == 10
    assert set(seen) < stage.own


async def test_old_links_lead_to_who_the_artist_is_now():
    async with client_of(Catalog().app()) as client:
        stage = await Stage(client).prepared()
        for change in (stage.rename, stage.merge):
            assert (await change()).is_success
        found = (await client.get(f"/v1/artists/{stage.artist}", headers=READER)).json()
        assert (found["id"], found["name"]) == (stage.other, "Bo")
        for path in ("albums", "top-tracks?market=SE", "related-artists"):
            answer = await client.get(f"/v1/artists/{stage.artist}/{path}", headers=READER)
            assert answer.status_code == 200, path
        assert (await stage.take_down_survivor()).is_success
        for kind, ids in (("artist", [stage.artist, stage.other]), ("album", list(stage.albums))):
            for id in ids:
                shown = await client.get(f"/v1/{kind}s/{id}", headers=READER)
                assert shown.status_code == 200, (kind, id)
