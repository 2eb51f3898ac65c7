"""Words make tracks findable that nobody has played; articles are linked to artists and trends."""

from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from functions.recommendations import semantics, wording
from functions.recommendations.fetching import Fetcher
from functions.recommendations.mentions import Names, mentioned, trending
from functions.recommendations.texts import packed, unpacked
from shared.events import LyricsChanged, PlaylistChanged
from shared.ids import derived_id
from tests.functions.recommendations.fakes import READER, TOKENS, World, artist_id, play, track_id
from tests.web import NOT_OBJECTS, NOW, client_of, code_of

EDITOR = TOKENS.bearer("catalog:write")


@pytest.fixture
async def world() -> World:
    made = World()
    await made.fill()
    return made


def lyrics(n: int, text: str, revision: int = 1) -> LyricsChanged:
    return LyricsChanged(derived_id("l", str(n)), NOW, track_id(n), revision, "en", text)


def playlist(id: str, name: str, *tracks: int, **changes: Any) -> PlaylistChanged:
    values: dict[str, Any] = {
        "event_id": derived_id("pl", id, str(changes)),
        "occurred_at": NOW,
        "playlist_id": derived_id("playlist", id),
        "revision": 1,
        "owner_id": "somebody",
        "kind": "list",
        "name": name,
        "description": "",
        "visibility": "public",
        "collaborators": (),
        "item_count": len(tracks),
        "track_ids": tuple(track_id(n) for n in tracks),
        "image_id": None,
        "removed": False,
    }
    return PlaylistChanged(**{**values, **changes})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The dogs are running and the cats were walking", ["dog", "runn", "cat", "walk"]),
        ("Die Musik ist nicht so laut, und wir hören die Sängerin",
         ["musik", "laut", "hor", "sangerin"]),
        ("東京の夜", ["東京", "京の", "の夜"]),
        ("", []),
    ],
)  # fmt: skip
def test_tokens_by_language(text: str, found: list[str]) -> None:
    assert wording.tokens(text) == found


def test_a_text_without_end_is_cut() -> None:
    assert len(wording.tokens("word " * 1_000_000)) <= wording.MOST_TOKENS
    assert len(unpacked(packed(" ".join(f"w{n}x" * 3 for n in range(9000))))) <= 2000


def test_low_rank_vectors_bring_words_together_that_keep_company() -> None:
    rng = np.random.default_rng(0)
    themes = (["sea", "wave", "boat", "salt"], ["fire", "ash", "burn", "coal"])
    documents = [Counter(rng.choice(themes[n % 2], 3, replace=False).tolist()) for n in range(60)]
    model = semantics.fit(documents, 4)
    assert model is not None
    wave, boat, ash = model.vectors([{"wave": 1}, {"boat": 1}, {"ash": 1}])
    assert wave @ boat > 0.5 > abs(wave @ ash)
    assert not model.vectors([{"unknown": 3}]).any()
    assert semantics.fit([{"alone": 1}], 4) is None
    assert semantics.fit([], 4) is None


def test_ridge_finds_the_way_back() -> None:
    rng = np.random.default_rng(0)
    x, way = rng.normal(size=(200, 5)), rng.normal(size=(5, 3))
    assert np.allclose(semantics.ridge(x, x @ way, 1e-6), way, atol=1e-3)


async def test_a_new_track_is_offered_to_the_right_listener_by_its_words_alone(world):
    """Lyrics about the sea for who plays songs about the sea; track 58 nobody has played."""
    sea = "the waves and the salty harbour, sailing over deep water, sailor and anchor"
    fire = "burning embers, ashes and smoke, a furnace of flame and coal"
    for n in (1, 5, 9, 58):
        await world.tell(lyrics(n, sea))
    for n in (2, 6, 10, 55):
        await world.tell(lyrics(n, fire))
    assert await world.service.tasks["fit-texts"]() == 60
    await world.tell(*(play(n, "sailor") for n in (1, 5)), *(play(n, "smith") for n in (2, 6)))
    liked = {}
    for user in ("sailor", "smith"):
        taste = {track_id(n): 1.0 for n in ((1, 5) if user == "sailor" else (2, 6))}
        found = world.service.catalogue.nearest("text", taste, 60)
        liked[user] = [id for id, _, _ in found]
    assert liked["sailor"].index(track_id(58)) < 5
    assert liked["smith"].index(track_id(55)) < 5
    assert track_id(58) not in liked["smith"][:10]


async def test_playlist_titles_count_and_private_ones_do_not(world):
    for n in range(6):
        await world.tell(playlist(str(n), "Rainy sunday jazz cafe", 3, 4, 7))
        await world.tell(playlist(f"x{n}", "Secret rainy jazz", 20, 21, visibility="private"))
    await world.tell(playlist("0", "Other", 50, revision=2))
    await world.service.tasks["fit-texts"]()
    found = world.service.catalogue.nearest("text", {track_id(3): 1.0}, 4)
    assert {track_id(4), track_id(7)} <= {id for id, _, _ in found}


async def test_another_instance_takes_the_model_over(world):
    other = world.instance()
    await other.keeping.ready()
    await world.tell(lyrics(1, "sea"), lyrics(2, "sea"))
    await world.service.tasks["fit-texts"]()
    await other.keeping.refresh()
    assert other.catalogue.nearest("text", {track_id(1): 1.0}, 3)
    world.now.forward(hours=1)
    await world.service.tasks["fit-texts"]()
    await other.keeping.refresh()
    assert other.catalogue.nearest("text", {track_id(1): 1.0}, 3)


def test_mentions_take_the_longest_name_and_doubt_everyday_words() -> None:
    names = Names.of({"im": "Iron Maiden", "i": "Iron", "m": "Muse", "b": "Björk", "w": "The Who",
                      "acdc": "AC/DC"})  # fmt: skip
    text = "Bjork met Iron Maiden. Who? The Who! They saw the muse; AC/DC came. iron is a metal."
    found = mentioned("Björk live", text, names)
    assert found == {"b": 4, "im": 1, "w": 1, "acdc": 1}
    assert mentioned("", "Muse and Muse", names) == {}


def test_trends_are_what_exceeds_expectation_and_one_source_is_no_trend() -> None:
    old = [(NOW - timedelta(days=8 + n), f"s{n % 5}", ("always",)) for n in range(27)]
    new = [(NOW - timedelta(days=n % 6), f"s{n}", ("always", "rising")) for n in range(6)]
    spam = [(NOW - timedelta(hours=n), "spam", ("pushed",)) for n in range(20)]
    future = [(NOW + timedelta(days=1), f"f{n}", ("later",)) for n in range(9)]
    found = trending([*old, *new, *spam, *future], NOW)
    assert [it.artist_id for it in found] == ["rising"]


async def test_articles_are_taken_in_and_linked(world):
    page = "<title>Artist 3 returns</title><p>Artist 3 and Artist 7 made a record.</p>"
    async with client_of(world.app()) as client:
        made = await client.post(
            "/v1/articles?url=https://blog.test/1", content=page.encode("utf-16"),
            headers={**EDITOR, "content-type": "text/html"},
        )  # fmt: skip
        again = await client.post(
            "/v1/articles", headers=EDITOR,
            json={"text": page, "url": "https://blog.test/1",
                  "published_at": "2026-02-27T08:00:00Z"},
        )  # fmt: skip
        about = await client.get(f"/v1/articles?artist={artist_id(7)}", headers=READER)
        one = await client.get(f"/v1/articles/{made.json()['id']}", headers=READER)
        denied = await client.post("/v1/articles", json={"text": "x"}, headers=READER)
        lost = await client.get(f"/v1/articles/{'z' * 22}", headers=READER)
        for body in (*NOT_OBJECTS, b"{}", b'{"text":1}', b'{"text":"<p></p>"}',
                     b'{"text":"x","published_at":"soon"}', b'{"url":"http://127.0.0.1/"}',
                     b'{"url":"file:///etc/passwd"}'):  # fmt: skip
            bad = await client.post("/v1/articles", content=body, headers=EDITOR)
            assert bad.status_code == 400, body
    assert made.status_code == 201
    assert made.json()["artists"][0] == {"id": artist_id(3), "name": "Artist 3", "mentions": 4}
    assert again.json()["id"] == made.json()["id"]
    (found,) = about.json()["articles"]
    assert found == one.json() == again.json()
    assert found["source"] == "blog.test"
    assert (denied.status_code, lost.status_code) == (403, 404)


async def test_feeds_are_read_by_the_hour_and_one_that_fails_harms_no_other():
    pages = {
        "/good": "<rss>" + "".join(
            f"<item><title>Artist 5 again {n}</title><link>http://open.test/{n}</link>"
            f"<pubDate>2026-02-2{n}T00:00:00Z</pubDate></item>" for n in range(6, 9)
        ),
        "/bad": "no feed at all",
    }  # fmt: skip

    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34"] if host == "open.test" else ["10.0.0.1"]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=pages[request.url.path])

    world = World(fetch=Fetcher(resolve, httpx.MockTransport(answer)))
    await world.fill()
    async with client_of(world.app()) as client:

        async def add(url: str) -> httpx.Response:
            return await client.post("/v1/articles/feeds", json={"url": url}, headers=EDITOR)

        good = await add("http://open.test/good")
        assert code_of(await add("http://open.test/bad")) == "NO_FEED"
        assert code_of(await add("http://inside.test/feed")) == "ADDRESS_REFUSED"
        pages["/good"], kept = "broken now", pages["/good"]
        assert await world.service.tasks["import-feeds"]() == 0
        (feed,) = (await client.get("/v1/articles/feeds", headers=EDITOR)).json()["feeds"]
        assert feed["problem"].startswith("NO_FEED")
        pages["/good"] = kept
        assert await world.service.tasks["import-feeds"]() == 3
        trend = (await client.get("/v1/articles/trending", headers=READER)).json()["artists"]
        gone = await client.delete(f"/v1/articles/feeds/{feed['id']}", headers=EDITOR)
    assert good.status_code == 201
    assert good.json()["entries"] == 3
    assert [it["artist"]["name"] for it in trend] == ["Artist 5"]
    assert gone.status_code == 204
