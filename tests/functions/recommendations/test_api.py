"""Recommendations as clients ask for them: seeds, targets, next-up, radio, home, top, blocks."""

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest

from functions.recommendations.generations import (
    EVERYONE,
    WORLD,
    Candidate,
    Chart,
    ItemGeneration,
    Neighbour,
    Pointer,
    Source,
    UserGeneration,
    chart_document,
    item_document,
    user_document,
)
from shared.events import LibraryChanged, MixPublished, RecommendationsShown, UserChanged
from shared.ids import derived_id
from tests.functions.recommendations.fakes import (
    READER,
    TOKENS,
    USER,
    World,
    artist,
    artist_id,
    bearer,
    day,
    play,
    track,
    track_id,
)
from tests.web import BAD_IDS, NOT_OBJECTS, NOW, client_of, code_of

WEEK = "2026-W09"


async def get(client: httpx.AsyncClient, path: str, headers: dict[str, str] = READER) -> Any:
    response = await client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


def ids(body: Any) -> list[str]:
    return [it["id"] for it in body["tracks"]]


def library(kind: str, id: str, user_id: str = USER, saved: bool = True) -> LibraryChanged:
    return LibraryChanged(derived_id(kind, id), NOW, user_id, kind, id, saved)


def user(id: str, name: str) -> UserChanged:
    return UserChanged(derived_id("u", id), NOW, id, 1, name, "free", "SE", False)


async def with_batch(world: World, user_id: str, *candidates: Candidate) -> None:
    """A generation that proposes `candidates` to the user."""
    await world.store.pointers.put(user_id, Pointer(user_id, WEEK, None, NOW))
    await world.store.pointers.put(EVERYONE, Pointer(EVERYONE, WEEK, None, NOW))
    mine = UserGeneration(user_id, WEEK, NOW, (Source("listening", candidates),), (), (), ())
    await world.store.users.put(user_document(WEEK, user_id), mine)


@pytest.fixture
async def world() -> World:
    made = World()
    await made.fill()
    return made


async def test_seeds_are_answered_with_tracks_like_them_and_reasons(world):
    async with client_of(world.app()) as client:
        path = f"/v1/recommendations?seed_tracks={track_id(1)}&limit=10"
        body = await get(client, path + "&include=explanations")
        plain = await get(client, path)
    assert len(ids(body)) == 10
    assert set(plain) == {"seeds", "tracks"}, "what the Web API has, and no more"
    assert track_id(1) not in ids(body)
    techno = {track_id(n) for n in range(1, 60, 3)}
    assert len(techno & set(ids(body))) >= 6
    assert [it["track_id"] for it in body["explanations"]] == ids(body)
    assert body["explanations"][0]["reason"] == "Similar to Song 1"
    (seed,) = body["seeds"]
    assert (seed["type"], seed["id"]) == ("TRACK", track_id(1))
    assert seed["initialPoolSize"] >= seed["afterFilteringSize"] >= 10
    assert set(body["tracks"][0]) >= {"album", "artists", "duration_ms", "popularity", "uri"}


async def test_artists_and_genres_are_seeds_too(world):
    async with client_of(world.app()) as client:
        of_artist = await get(client, f"/v1/recommendations?seed_artists={artist_id(2)}&limit=5")
        of_genre = await get(client, "/v1/recommendations?seed_genres=drum-bass&limit=8")
    assert {track_id(n) for n in range(8, 12)} & set(ids(of_artist))
    assert {int(it["name"].split()[1]) % 3 for it in of_genre["tracks"]} == {2}


@pytest.mark.parametrize(
    ("query", "test"),
    [
        ("max_energy=0.3", lambda f: f.energy <= 0.3),
        ("min_tempo=120", lambda f: f.tempo_bpm >= 120),
        ("min_popularity=60&max_popularity=80", None),
    ],
)
async def test_bounds_are_kept(world, query, test):
    async with client_of(world.app()) as client:
        body = await get(client, f"/v1/recommendations?seed_genres=techno,ambient&{query}&limit=6")
    known = world.service.catalogue.tracks
    for id in ids(body):
        if test is not None:
            assert test(known[id].features)
        else:
            assert 60 <= known[id].card.popularity <= 80


async def test_targets_pull(world):
    async with client_of(world.app()) as client:
        path = "/v1/recommendations?seed_genres=techno,ambient&limit=8&target_energy="
        calm, driving = [await get(client, path + it) for it in ("0.1", "0.9")]
    energy = world.service.catalogue.tracks
    mean = [sum(energy[id].features.energy for id in ids(it)) / 8 for it in (calm, driving)]
    assert mean[0] + 0.3 < mean[1]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "NO_SEEDS"),
        ("seed_genres=a,b,c,d,e,f", "TOO_MANY_IDS"),
        ("seed_tracks=nonsense", "INVALID_ID"),
        ("seed_genres=a&min_energy=0.8&max_energy=0.2", "CONTRADICTORY_TARGETS"),
        ("seed_genres=a&max_energy=0.2&target_energy=0.9", "CONTRADICTORY_TARGETS"),
        ("seed_genres=a&target_tempo=NaN", "INVALID_ATTRIBUTE"),
        ("seed_genres=a&target_energy=1e999", "INVALID_ATTRIBUTE"),
        ("seed_genres=a&target_energy=quick", "INVALID_ATTRIBUTE"),
        ("seed_genres=a&min_energy=-1", "INVALID_ATTRIBUTE"),
        ("seed_genres=a&limit=101", "INVALID_LIMIT"),
        ("seed_genres=a&limit=0", "INVALID_LIMIT"),
        ("seed_genres=a&market=XX", "INVALID_MARKET"),
        ("seed_genres=a&device=toaster", "INVALID_CONTEXT"),
        ("seed_genres=a&hour=24", "INVALID_HOUR"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(world, query, code):
    async with client_of(world.app()) as client:
        response = await client.get(f"/v1/recommendations?{query}", headers=READER)
    assert response.status_code == 400
    body = response.json()["error"]
    assert code in (body.get("reason"), body.get("code"), None) or code == code_of(response)


async def test_unknown_seeds_are_said_to_lead_nowhere_and_the_page_is_full(world):
    async with client_of(world.app()) as client:
        path = f"/v1/recommendations?seed_tracks={'z' * 22}&seed_genres=polka&limit=7"
        body = await get(client, path)
    assert [it["initialPoolSize"] for it in body["seeds"]] == [0, 0]
    assert len(ids(body)) == 7


async def test_a_seed_is_not_recommended_even_where_there_is_little_else():
    world = World()
    await world.tell(*(track(n, features=None, genres=()) for n in (0, 4, 8)))
    async with client_of(world.app()) as client:
        body = await get(client, f"/v1/recommendations?seed_tracks={track_id(0)}")
    assert sorted(ids(body)) == sorted([track_id(4), track_id(8)])


async def test_bounds_that_nothing_keeps_are_answered_with_the_nearest(world):
    async with client_of(world.app()) as client:
        path = "/v1/recommendations?seed_genres=techno&limit=5&min_tempo=200&max_tempo=210"
        body = await get(client, path)
    assert len(ids(body)) == 5
    assert body["seeds"][0]["afterFilteringSize"] == 0
    tempo = [world.service.catalogue.tracks[id].features.tempo_bpm for id in ids(body)]
    assert min(tempo) > 120


async def test_who_is_new_is_never_shown_an_empty_page(world):
    async with client_of(world.app()) as client:
        for path in ("/v1/me/next-up", "/v1/recommendations?seed_genres=nothing"):
            assert len(ids(await get(client, path))) >= 10
        home = await get(client, "/v1/me/home")
    assert [it for it in home["shelves"] if it["id"] == "charts"]
    assert all(it["tracks"] for it in home["shelves"])


async def test_an_empty_catalogue_is_an_empty_list_and_no_error():
    async with client_of(World().app()) as client:
        assert ids(await get(client, "/v1/me/next-up")) == []
        assert (await get(client, "/v1/me/home"))["shelves"] == []


async def test_the_batch_is_blended_in_and_explained(world):
    wanted = [Candidate(track_id(n), 5.0 - n / 100, (track_id(3),)) for n in (40, 44, 48, 52)]
    await with_batch(world, USER, *wanted)
    async with client_of(world.app()) as client:
        home = await get(client, "/v1/me/home")
    shelf = next(it for it in home["shelves"] if it["id"] == "for-you")
    reasons = {it["track_id"]: it["reason"] for it in shelf["explanations"]}
    assert reasons[track_id(40)] == "Because you listened to Song 3"


async def test_a_week_without_a_batch_goes_on_with_the_last_one(world):
    await with_batch(world, USER, Candidate(track_id(50), 1.0))
    world.now.forward(days=15)
    async with client_of(world.app()) as client:
        home = await get(client, "/v1/me/home")
    shelf = next(it for it in home["shelves"] if it["id"] == "for-you")
    assert track_id(50) in ids(shelf)


async def test_what_was_removed_or_merged_after_the_batch_is_not_offered(world):
    await with_batch(world, USER, Candidate(track_id(50), 1.0, (track_id(51),)))
    await world.tell(track(50, revision=2, removed=True))
    async with client_of(world.app()) as client:
        home = await get(client, "/v1/me/home")
    assert track_id(50) not in {id for it in home["shelves"] for id in ids(it)}


async def test_rights_explicit_filter_and_what_is_unwanted_hold_everywhere(world):
    await world.tell(track(4, revision=2, blocked_markets=("SE",)))
    async with client_of(world.app()) as client:
        uris = f"spotify:track:{track_id(5)},spotify:artist:{artist_id(6)}"
        put = await client.put(f"/v1/me/not-interested?uris={uris}", headers=READER)
        await client.put("/v1/me/taste", json={"explicit": False}, headers=READER)
        told = await get(client, "/v1/me/not-interested")
        pages = [
            await get(client, "/v1/me/next-up?limit=50"),
            await get(client, "/v1/recommendations?seed_genres=techno,ambient&limit=50"),
            await get(client, f"/v1/radio/tracks/{track_id(1)}?limit=30"),
            *(await get(client, "/v1/me/home"))["shelves"],
        ]
        abroad = await get(client, "/v1/me/next-up?limit=50&market=NO")
        await client.delete(f"/v1/me/not-interested?uris={uris}", headers=READER)
        again = await get(client, "/v1/me/next-up?limit=50")
    assert put.status_code == 204
    assert sorted(told["uris"]) == sorted(uris.split(","))
    seen = {id for page in pages for id in ids(page)}
    unwanted = {track_id(5), *(track_id(n) for n in range(24, 28))}
    explicit = {track_id(n) for n in range(9, 60, 10)}
    assert not seen & (unwanted | explicit | {track_id(4)})
    assert track_id(4) in ids(abroad)
    assert track_id(5) in ids(again)


async def test_a_play_changes_what_is_next_at_once(world):
    async with client_of(world.app()) as client:
        await world.tell(play(1, at=NOW - timedelta(minutes=4)))
        techno = await get(client, "/v1/me/next-up?limit=8")
        begun = time.perf_counter()
        await world.tell(play(3, at=NOW), play(1, at=NOW, ms_played=900, end_reason="skipped"))
        ambient = await get(client, "/v1/me/next-up?limit=8")
        took_s = time.perf_counter() - begun
    assert techno["explanations"][0]["reason"] == "Goes with Song 1"
    first, then = ([int(it["name"].split()[1]) % 3 for it in page["tracks"]]
                   for page in (techno, ambient))  # fmt: skip
    assert first.count(1) > then.count(1)
    assert then.count(0) > first.count(0)
    assert took_s < 0.5  # 50 ms where nothing else runs: benchmarks/serve_recommendations.py


async def test_the_player_may_tell_what_it_just_played(world):
    async with client_of(world.app()) as client:
        path = f"/v1/me/next-up?played={track_id(2)}:completed,{track_id(1)}:skipped"
        body = await get(client, path)
        bad = await client.get(f"/v1/me/next-up?played={track_id(2)}:loved", headers=READER)
    assert track_id(2) not in ids(body)
    assert body["explanations"][0]["reason"] == "Goes with Song 2"
    assert code_of(bad) == "INVALID_PLAYED"


async def test_another_instance_follows(world):
    other = world.instance()
    async with client_of(world.app(other)) as client:
        await get(client, "/v1/me/next-up")
        await world.tell(play(1), track(200, popularity=100))
        world.now.forward(seconds=11)
        assert await other.keeping.refresh() >= 1
        body = await get(client, "/v1/me/next-up")
    assert "Goes with Song 1" in [it["reason"] for it in body["explanations"]]
    assert track_id(200) in other.catalogue.items


async def test_neighbours_of_the_model_lead_the_session(world):
    await with_batch(world, USER)
    model = ItemGeneration(track_id(1), WEEK, (), (Neighbour(track_id(45), 0.9),), 0.1)
    await world.store.items.put(item_document(WEEK, track_id(1)), model)
    await world.tell(play(1))
    async with client_of(world.app()) as client:
        assert ids(await get(client, "/v1/me/next-up"))[0] == track_id(45)


async def test_charts_are_the_markets_own(world):
    await with_batch(world, "somebody")
    for market, n in (("SE", 57), (WORLD, 41)):
        chart = Chart(market, WEEK, (track_id(n),), (5,))
        await world.store.charts.put(chart_document(WEEK, market), chart)
    async with client_of(world.app()) as client:
        home = await get(client, "/v1/me/home")
    shelf = next(it for it in home["shelves"] if it["id"] == "charts")
    assert ids(shelf)[:2] == [track_id(57), track_id(41)]


async def test_radio_is_endless_and_goes_on_where_it_stopped(world):
    async with client_of(world.app()) as client:
        path = f"/v1/radio/artists/{artist_id(1)}?limit=10"
        heard: list[str] = []
        for _ in range(12):
            page = await get(client, path)
            if heard:
                assert ids(await get(client, path)) == ids(page), "a cursor is one page"
            assert len(set(ids(page))) == 10
            heard += ids(page)
            path = page["next"].removeprefix("https://segue.test")
    assert len(set(heard[:40])) >= 38


@pytest.mark.parametrize("cursor", ["x", "AAAA", "eJwDAAAAAAE", "a" * 3000, "%00"])
async def test_a_cursor_that_is_none_is_refused(world, cursor):
    async with client_of(world.app()) as client:
        path = f"/v1/radio/tracks/{track_id(1)}?cursor={cursor}"
        assert code_of(await client.get(path, headers=READER)) == "INVALID_CURSOR"


async def test_radio_of_nothing_is_not_found(world):
    async with client_of(world.app()) as client:
        for kind in ("tracks", "artists"):
            lost = await client.get(f"/v1/radio/{kind}/{'z' * 22}", headers=READER)
            assert lost.status_code == 404
            for bad in BAD_IDS:
                answer = await client.get(f"/v1/radio/{kind}/{bad}", headers=READER)
                assert answer.status_code in (400, 404)


async def test_top_tells_time_ranges_apart(world):
    await world.tell(*(play(1, at=day(200) + timedelta(hours=h)) for h in range(30)))
    await world.tell(*(play(2, at=day(1) + timedelta(hours=h)) for h in range(5)))
    await world.tell(play(3, at=day(1), ms_played=5_000, end_reason="skipped"))
    async with client_of(world.app()) as client:
        short, long_ = [
            await get(client, f"/v1/me/top/tracks?time_range={it}_term&limit=1")
            for it in ("short", "long")
        ]
        artists = await get(client, "/v1/me/top/artists?time_range=long_term")
        page = await get(client, "/v1/me/top/tracks?offset=1")
        bad = await client.get("/v1/me/top/tracks?time_range=ever", headers=READER)
        denied = await client.get("/v1/me/top/tracks", headers=TOKENS.bearer("streaming"))
    assert [it["id"] for it in short["items"]] == [track_id(2)]
    assert [it["id"] for it in long_["items"]] == [track_id(1)]
    assert long_["total"] == 2
    assert long_["next"].endswith("time_range=long_term")
    assert artists["items"][0]["name"] == "Artist 0"
    assert len(page["items"]) == 1
    assert code_of(bad) == "INVALID_TIME_RANGE"
    assert denied.status_code == 403


async def test_a_merged_artist_is_who_it_became(world):
    await world.tell(play(8), artist(2, revision=2, merged_into=artist_id(3)))
    async with client_of(world.app()) as client:
        top = await get(client, "/v1/me/top/artists")
        seeds = await get(client, f"/v1/recommendations?seed_artists={artist_id(2)}&limit=3")
    assert [it["id"] for it in top["items"]] == [artist_id(3)]
    assert seeds["seeds"][0]["initialPoolSize"] > 0


async def test_artists_chosen_at_the_start_make_a_taste(world):
    async with client_of(world.app()) as client:
        uri = f"spotify:artist:{artist_id(5)}"
        put = await client.put("/v1/me/taste", json={"artists": [uri]}, headers=READER)
        home = await get(client, "/v1/me/home")
        for body in (*NOT_OBJECTS, b'{"artists":["spotify:track:x"]}', b'{"artists":[1]}'):
            bad = await client.put("/v1/me/taste", content=body, headers=READER)
            assert bad.status_code == 400
    assert put.json() == {"artists": [uri], "explicit": True}
    shelf = next(it for it in home["shelves"] if it["id"] == "for-you")
    assert set(ids(shelf)) & {track_id(n) for n in range(20, 24)}


async def test_friends_and_new_releases_have_shelves(world):
    await world.tell(
        *(user(id, id.title()) for id in ("ada", "bo", "cy")),
        *(library("user", id) for id in ("ada", "bo", "cy")),
        library("artist", artist_id(0)),
        *(play(n, id) for n in (30, 34, 38, 42) for id in ("ada", "bo")),
        *(play(n, "cy") for n in (31, 35, 39)),
    )
    async with client_of(world.app()) as client:
        home = await get(client, "/v1/me/home")
    shelves = {it["id"]: it for it in home["shelves"]}
    friends = shelves["friends"]
    assert set(ids(friends)) == {track_id(n) for n in (30, 34, 38, 42)}
    # What one friend alone plays would give that friend away.
    assert {it["reason"] for it in friends["explanations"]} == {"Your friends listen to this"}
    new = {it["track_id"]: it["reason"] for it in shelves["new"]["explanations"]}
    assert "New from Artist 0" in new.values()


async def test_mixes_are_on_the_home_page(world):
    def mix(generation: str) -> MixPublished:
        return MixPublished(
            derived_id(generation), NOW, derived_id("weekly"), USER, "discover-weekly", None,
            "Discover Weekly", "Artist 1 and more", (track_id(1),), ("why",), generation,
        )  # fmt: skip

    await world.tell(mix("2026-W09"), mix("2026-W10"), mix("2026-W08"))
    async with client_of(world.app()) as client:
        home = await get(client, "/v1/me/home")
    (shelf,) = [it for it in home["shelves"] if it["kind"] == "playlists"]
    assert [it["generation"] for it in shelf["playlists"]] == ["2026-W10"]


async def test_release_radar_is_published_once_a_week_for_whom_something_came_out(world):
    await world.tell(
        library("artist", artist_id(0)),
        play(8, "other"),
        track(300, release_date=(NOW + timedelta(days=3)).date().isoformat()),
    )
    run = world.service.tasks["publish-release-radar"]
    assert await run() == 2
    first = [it for it in world.publish.events if isinstance(it, MixPublished)]
    assert await run() == 2
    again = [it for it in world.publish.events if isinstance(it, MixPublished)][2:]
    assert [it.event_id for it in first] == [it.event_id for it in again]
    mine = next(it for it in first if it.user_id == USER)
    assert (mine.kind, mine.generation) == ("release-radar", WEEK)
    assert mine.reasons[0] == "New from Artist 0"
    assert len(mine.reasons) == len(mine.track_ids)
    assert mine.track_ids[0] in {track_id(n) for n in range(4)}
    assert track_id(300) not in mine.track_ids, "it is not out yet"
    world.now.forward(days=400)
    assert await run() == 0


async def test_what_was_shown_is_told_with_its_propensities(world):
    async with client_of(world.app()) as client:
        body = await get(
            client, "/v1/recommendations?seed_genres=techno&limit=5&hour=8&include=explanations"
        )
        await world.service.impressions.stop()
    (event,) = [it for it in world.publish.events if isinstance(it, RecommendationsShown)]
    assert event.request_id == body["request_id"]
    assert [it.track_id for it in event.impressions] == ids(body)
    assert all(0 < it.propensity <= 1 for it in event.impressions)
    assert (event.surface, event.arm in ("control", "diverse")) == ("recommendations", True)
    assert event.context == "morning//"


async def test_impressions_that_cannot_be_told_cost_no_answer(world):
    from shared.errors import Unavailable

    world.publish.broken = Unavailable("no")
    async with client_of(world.app()) as client:
        assert ids(await get(client, "/v1/me/next-up"))
        await world.service.impressions.stop()
    assert world.service.impressions.dropped == 1


async def test_running_wants_a_beat(world):
    async with client_of(world.app()) as client:
        running = await get(client, "/v1/me/next-up?activity=running&limit=8")
        sleeping = await get(client, "/v1/me/next-up?activity=sleeping&limit=8")
    styles = [[int(it["name"].split()[1]) % 3 for it in page["tracks"]]
              for page in (running, sleeping)]  # fmt: skip
    assert styles[0].count(1) >= 5 > styles[1].count(1)
    assert styles[1].count(0) >= 5 > styles[0].count(0)


async def test_an_account_that_is_gone_leaves_nothing(world):
    await world.tell(play(1))
    gone = UserChanged("e", NOW, USER, 2, "", "free", "SE", removed=True)
    await world.tell(gone)
    assert await world.store.tastes.find(USER) is None


async def test_everything_needs_a_token(world):
    async with client_of(world.app()) as client:
        for path in ("/v1/recommendations", "/v1/me/home", "/v1/me/next-up", "/v1/me/taste"):
            assert (await client.get(path)).status_code == 401
        other = await get(client, "/v1/me/not-interested", bearer("other"))
    assert other == {"uris": []}
