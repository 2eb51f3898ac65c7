"""All playlists made again from their logs, by one command, on Firestore."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.playlists import job
from functions.playlists.documents import SHELF, VIEWS, Shelved, ViewDocument, pages_path
from functions.playlists.ops import Add, Entry, Roles, Set
from functions.playlists.playlist import Playlist
from functions.playlists.projections import TRACKS, TrackFacts, facts_of
from functions.playlists.shelf import Shelf
from functions.playlists.store import Store
from shared.gcp import firestore
from shared.gcp.firestore import FirestoreDocuments
from shared.ids import derived_id
from shared.webapi.cards import track_card
from tests.functions.library.fakes import track_changed
from tests.functions.playlists.fakes import Cloud, Instance, uri

_projects = itertools.count()


class Kept:
    """The playlists of one project, on the emulator."""

    def __init__(self, project: str) -> None:
        self.client = firestore.client(project)
        cloud = Cloud()
        self.instance = Instance(cloud, open=self.open)
        self.playlists = self.instance.service.playlists
        self.playlists.shelf = Shelf(self.open(SHELF, Shelved, "playlist"))
        self.views = self.open(VIEWS, ViewDocument, "playlist")

    def open(self, path: str, cls: type[Any], what: str) -> Any:
        return FirestoreDocuments(self.client, path, cls, what)

    async def state(self, id: str) -> Playlist:
        return (await Store(self.open).live(id)).state

    async def lose_all_but_the_log(self, id: str) -> None:
        await self.views.delete_many([id])
        pages = self.open(pages_path(id), dict, "page")
        store = Store(self.open)
        found = await store.pages(id).scan(limit=300)
        await pages.delete_many(it.page_id for it in found)
        await self.open(SHELF, Shelved, "playlist").delete_many([f"ada~{id}", f"bo~{id}"])


@pytest.fixture
async def kept(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    project = f"segue-playlists-{next(_projects)}"
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    kept = Kept(project)
    yield kept
    await kept.instance.service.settle()
    await kept.client._firestore_api.transport.close()


async def made(kept: Kept, count: int) -> list[str]:
    ids = sorted(derived_id("rebuilt", str(number)) for number in range(count))
    for id in ids:
        items = [Entry(uri(number)) for number in range(600)]
        await kept.playlists.create("ada", Set(name=id), items=items, playlist_id=id)
        await kept.playlists.submit(id, "ada", [Roles({"bo": "editor"})])
    await kept.instance.service.settle()
    return ids


async def test_all_are_made_again_from_their_logs_while_people_edit(kept: Kept) -> None:
    card = track_card(None, replace(track_changed(derived_id("track", "3")), cover_id="c" * 64))
    assert card is not None
    facts = kept.open(TRACKS, TrackFacts, "track")
    await facts.put(card.track_id, facts_of(card))
    ids = await made(kept, 7)
    for id in ids:
        await kept.lose_all_but_the_log(id)
    said: list[str] = []

    async def edit() -> None:
        for number in range(30):
            op = Add((Entry(uri(f"late {number}")),))
            await kept.playlists.submit(ids[number % 7], "bo", [op])

    status, _ = await asyncio.gather(job.run(["--all"], said.append), edit())
    assert status == 0
    assert said[-1].startswith("7 playlists, "), said
    assert f"up to {ids[-1]}" in said[-1]
    await kept.instance.service.settle()
    assert await job.run(["--all"], said.append) == 0
    names = {it: [] for it in ("ada", "bo")}
    for user in names:
        names[user] = await Shelf(kept.open(SHELF, Shelved, "playlist")).of(user)
    assert [sorted(it) for it in names.values()] == [ids, ids]
    for number, id in enumerate(ids):
        view = await kept.views.get(id)
        state = await kept.state(id)
        assert view.seq == state.seq
        assert view.cover_ids == ("c" * 64,)
        late = [uri(f"late {it}") for it in range(30) if it % 7 == number]
        found = [it.uri for it in state.listing]
        assert found == [uri(it) for it in range(600)] + late


async def test_a_run_goes_on_after_the_last_one_done_and_past_what_fails(kept: Kept) -> None:
    ids = await made(kept, 5)
    for id in ids:
        await kept.lose_all_but_the_log(id)
    await Store(kept.open).log(ids[3]).delete_many(["000000000001"])
    said: list[str] = []
    assert await job.run(["--all", "--after", ids[1]], said.append) == 1
    assert f"{ids[3]} failed: PLAYLIST_NOT_FOUND" in said[0]
    assert said[-1].startswith("2 playlists, ")
    assert said[-1].endswith(f"1 failed; up to {ids[4]}")
    there = set(await kept.views.find_many(ids))
    assert there == {ids[2], ids[4]}
    assert await job.run([ids[0]], said.append) == 0
    assert (await kept.views.get(ids[0])).count == 600


async def test_ids_are_found_without_documents_of_their_own(kept: Kept) -> None:
    for path in ("aaa/x/log", "playlists/b/log", "playlists/c/log", "playlists/c/pages", "z/y/log"):
        await kept.client.collection(path).document("000000000001").set({"at": datetime.now(UTC)})
        await kept.client.collection(path).document("000000000002").set({})
    await kept.client.collection("playlists").document("d").set({})
    assert [it async for it in firestore.holders(kept.client, "playlists", "log")] == ["b", "c"]
    found = [it async for it in firestore.holders(kept.client, "playlists", "log", after="b")]
    assert found == ["c"]
