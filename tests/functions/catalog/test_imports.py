"""Bulk import in chunks, and export: idempotent, resumable, each wrong line named."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.errors import Unavailable
from shared.events import AlbumChanged, ArtistChanged, LyricsChanged, TrackChanged
from tests.functions.catalog.fakes import TOKENS, Catalog
from tests.web import client_of

EDITOR = TOKENS.bearer("catalog:write")
READER = TOKENS.bearer("streaming")


def lines(first: int, count: int) -> list[dict[str, Any]]:
    """An artist, an album of theirs and `count` tracks, by keys."""
    artist = {"type": "artist", "key": f"a{first}", "name": f"Artist {first}"}
    album = {"type": "album", "key": f"r{first}", "title": f"Release {first}",
             "release_date": "1999-05", "credits": [{"artist": f"a{first}"}]}  # fmt: skip
    tracks = [
        {"type": "track", "key": f"t{first}.{n}", "title": f"Track {n}", "album": f"r{first}",
         "track_number": n + 1, "credits": [{"artist": f"a{first}"}],
         "isrc": f"SEABC99{n:05d}"}
        for n in range(count)
    ]  # fmt: skip
    return [artist, album, *tracks]


def body(*some: dict[str, Any] | str) -> bytes:
    return "\n".join(it if isinstance(it, str) else json.dumps(it) for it in some).encode()


async def started(client: httpx.AsyncClient) -> str:
    made = (await client.post("/v1/catalog/imports", headers=EDITOR)).json()
    return f"/v1/catalog/imports/{made['import_id']}"


async def send(client: httpx.AsyncClient, url: str, number: int, content: bytes) -> httpx.Response:
    return await client.put(f"{url}/chunks/{number}", content=content, headers=EDITOR)


async def test_a_chunk_makes_artists_releases_and_recordings_whatever_their_order():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        url = await started(client)
        done = (await send(client, url, 0, body(*reversed(lines(0, 12))))).json()
        total = (await client.get(url, headers=EDITOR)).json()
        found = (await client.get("/v1/browse/new-releases", headers=READER)).json()
        album = (await client.get(found["albums"]["items"][0]["href"], headers=READER)).json()
    assert (done["lines"], done["made"], done["refused"]) == (14, 14, [])
    assert (total["next_chunk"], total["made"]) == (1, 14)
    assert [it["name"] for it in album["tracks"]["items"]] == [f"Track {n}" for n in range(12)]
    assert len(catalog.told(TrackChanged)) == 12
    assert catalog.told(AlbumChanged)[-1].track_ids == tuple(
        it["id"] for it in album["tracks"]["items"]
    )


async def test_the_same_again_in_another_import_changes_and_tells_nothing():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        await send(client, await started(client), 0, body(*lines(0, 5)))
        told = len(catalog.publish.events)
        again = (await send(client, await started(client), 0, body(*lines(0, 5)))).json()
    assert (again["made"], again["changed"], again["unchanged"]) == (0, 0, 7)
    assert len(catalog.publish.events) == told


async def test_wrong_lines_are_named_and_leave_the_others_alone():
    catalog = Catalog()
    good = lines(0, 2)
    wrong = [
        "{",
        '{"type":"sleeve"}',
        {"type": "track", "title": "x", "album": "nowhere"},
        {"type": "track", "title": "x", "album": "r0", "isrc": "??"},
        {"type": "album", "title": "x", "credits": [{"artist": "nobody"}]},
        "[" * 10_000,
        '{"type":"artist","name":"\\ud800"}',
        "",
        '{"type":"artist","name":"' + "x" * 1_100_000 + '"}',
    ]
    async with client_of(catalog.app()) as client:
        url = await started(client)
        done = (await send(client, url, 3, body(*good[:2], *wrong, *good[2:]))).json()
        report = (await client.get(f"{url}/errors", headers=EDITOR)).text.splitlines()
        total = (await client.get(url, headers=EDITOR)).json()
    assert done["made"] == 4
    reasons = {it["line"]: it["reason"] for it in done["refused"]}
    assert reasons == {
        3: "INVALID_LINE",
        4: "INVALID_LINE",
        5: "UNKNOWN_ALBUM",
        6: "INVALID_ISRC",
        7: "UNKNOWN_ARTIST",
        8: "INVALID_LINE",
        9: "INVALID_LINE",
        11: "LINE_TOO_LONG",
    }
    assert [json.loads(it)["line"] for it in report] == sorted(reasons)
    assert (total["next_chunk"], total["refused"]) == (0, 8)


async def test_a_chunk_cut_short_is_done_again_and_everything_is_told():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        url = await started(client)
        catalog.publish.broken = Unavailable("no ack")
        assert (await send(client, url, 0, body(*lines(0, 3)))).status_code == 503
        catalog.publish.broken = None
        again = await send(client, url, 0, body(*lines(0, 3)))
        third = await send(client, url, 0, body(*lines(0, 3)))
    assert again.status_code == 200
    assert again.json() == third.json()
    told = {it.track_id for it in catalog.told(TrackChanged)}
    assert len(told) == 3
    assert catalog.told(ArtistChanged)
    assert catalog.told(AlbumChanged)


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"\n" * 2000, 413, "TOO_MANY_LINES"),
        (b" " * (5 << 20), 413, "TOO_LARGE"),
        (b"\xff\xfe", 200, None),
        (b"", 200, None),
    ],
)
async def test_a_wrong_chunk_is_4xx(content: bytes, status: int, reason: str | None):
    async with client_of(Catalog().app()) as client:
        response = await send(client, await started(client), 0, content)
    assert response.status_code == status
    if reason:
        assert response.json()["error"]["reason"] == reason


async def test_other_lines_under_a_known_number_are_refused_and_unknown_imports_too():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        url = await started(client)
        await send(client, url, 0, body(*lines(0, 1)))
        other = await send(client, url, 0, body(*lines(1, 1)))
        lost = await send(client, "/v1/catalog/imports/" + "a" * 22, 0, b"")
        wild = await send(client, url, -1, b"")
        denied = await client.post("/v1/catalog/imports", headers=READER)
    assert (other.status_code, other.json()["error"]["reason"]) == (409, "CHUNK_DIFFERS")
    assert (lost.status_code, wild.status_code, denied.status_code) == (404, 400, 403)


async def test_what_is_exported_imports_to_the_same_and_goes_on_where_it_broke():
    one, two = Catalog(), Catalog()
    async with client_of(one.app()) as client:
        url = await started(client)
        work = {"type": "work", "key": "w", "title": "Opus", "iswc": "T-034.524.680-1"}
        await send(client, url, 0, body(work, *lines(0, 3), *lines(1, 3)))
        export = (await client.get("/v1/catalog/export", headers=EDITOR)).text
        rows = [json.loads(it) for it in export.splitlines()]
        cut = rows[2]
        rest = await client.get(
            f"/v1/catalog/export?after={cut['type']}s/{cut['id']}", headers=EDITOR
        )
        bad = await client.get("/v1/catalog/export?after=zzz", headers=EDITOR)
    assert rest.text.splitlines() == export.splitlines()[3:]
    assert bad.status_code == 400
    async with client_of(two.app()) as client:
        done = (await send(client, await started(client), 0, export.encode())).json()
        assert done["refused"] == []
        again = (await client.get("/v1/catalog/export", headers=EDITOR)).text
    assert again == export


LRC = "[00:01.500]One\n[00:02.000]<00:02.000>Two <00:02.400>words\n"
COVER = "ab" * 32


def sung(count: int) -> list[dict[str, Any]]:
    """As `lines`: every other track with lyrics, and pictures that are there already."""
    made = lines(0, count)
    made[0]["cover"] = made[1]["cover"] = COVER
    for track in made[2::2]:
        track["lyrics"] = {"text": LRC, "language": "sv", "provider": "A publisher"}
    return made


async def test_lyrics_and_pictures_come_with_lines_and_leave_with_them(monkeypatch):
    monkeypatch.setattr("functions.catalog.imports.PAGE", 3)
    first, second = Catalog(), Catalog()
    async with client_of(first.app()) as client:
        done = (await send(client, await started(client), 0, body(*sung(9)))).json()
        assert done["refused"] == []
        export = (await client.get("/v1/catalog/export", headers=EDITOR)).text
        rows = [json.loads(it) for it in export.splitlines()]
        tracks = [it for it in rows if it["type"] == "track"]
        with_words = [it for it in tracks if it["lyrics"] is not None]
        shown = await client.get(f"/v1/tracks/{with_words[0]['id']}/lyrics", headers=READER)
        cut = f"/v1/catalog/export?after=tracks/{tracks[4]['id']}"
        rest = (await client.get(cut, headers=EDITOR)).text
    assert rest.splitlines() == export.splitlines()[-4:]
    assert len(with_words) == 5
    assert with_words[0]["lyrics"] == {"text": LRC, "language": "sv", "provider": "A publisher"}
    assert [it["cover"] for it in rows if it["type"] in ("artist", "album")] == [COVER, COVER]
    assert (shown.json()["sync"], shown.json()["lines"][0]["start_ms"]) == ("word", 1500)
    assert len(first.told(LyricsChanged)) == 5
    async with client_of(second.app()) as client:
        await send(client, await started(client), 0, export.encode())
        again = (await client.get("/v1/catalog/export", headers=EDITOR)).text
        before = len(second.told(LyricsChanged))
        await send(client, await started(client), 0, export.encode())
    assert again == export
    assert (before, len(second.told(LyricsChanged))) == (5, 5)
    assert second.told(AlbumChanged)[-1].cover_id == COVER


async def test_lines_without_lyrics_or_pictures_leave_those_that_are_there():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        await send(client, await started(client), 0, body(*sung(1)))
        bare = [{**it, "title": "New"} if "title" in it else it for it in lines(0, 1)]
        await send(client, await started(client), 0, body(*bare))
        rows = (await client.get("/v1/catalog/export", headers=EDITOR)).text.splitlines()
    artist, album, track = [json.loads(it) for it in rows]
    assert (artist["cover"], album["cover"], album["title"]) == (COVER, COVER, "New")
    assert track["lyrics"]["text"] == LRC


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lyrics": {"text": ""}}, "INVALID_LYRICS"),
        ({"lyrics": {"text": "[00:01.00]One\nTwo"}}, "INVALID_LYRICS"),
        ({"lyrics": {"text": "One", "language": "not a language"}}, "INVALID_LANGUAGE"),
        ({"lyrics": "One"}, "INVALID_LINE"),
        ({"lyrics": {"words": "One"}}, "INVALID_LINE"),
        ({"cover": COVER}, "INVALID_LINE"),
    ],
)
async def test_a_track_whose_words_are_wrong_is_refused(changes: dict[str, Any], reason: str):
    catalog = Catalog()
    made = lines(0, 1)
    made[-1] |= changes
    async with client_of(catalog.app()) as client:
        done = (await send(client, await started(client), 0, body(*made))).json()
    assert [(it["line"], it["reason"]) for it in done["refused"]] == [(3, reason)]
    assert done["made"] == 2


async def test_memory_stays_flat_over_many_chunks():
    catalog = Catalog()
    sizes: list[int] = []
    async with client_of(catalog.app()) as client:
        url = await started(client)
        tracemalloc.start()
        for number in range(12):
            await send(client, url, number, body(*lines(number, 50)))
            for name in ("tracks", "albums", "artists"):
                getattr(catalog.store, name)._documents.clear()
            catalog.publish.events.clear()
            sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert sizes[-1] < sizes[2] + 1_500_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_million_lines_leave_memory_where_it_was():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.catalog_import", "--memory-lines", "1000000"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    told = json.loads(done.stdout.splitlines()[-1])
    by_lines = {int(lines): kb for lines, kb in told["rss_kb_by_lines"].items()}
    warm = max(kb for lines, kb in by_lines.items() if lines <= 400_000)
    assert told["lines"] >= 1_000_000
    assert told["rss_kb"] <= warm + 40_000
