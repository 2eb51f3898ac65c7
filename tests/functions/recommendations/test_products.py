"""Lists made for everyone: new to their user, one taste each, the same however often made."""

from datetime import date, timedelta

from functions.recommendations.blending import Listener
from functions.recommendations.candidates import FRESH, LISTENING, Candidate, Item, gather
from functions.recommendations.explaining import joined, reason
from functions.recommendations.products import (
    Loved,
    daily_mixes,
    description,
    discover_weekly,
    release_radar,
    tastes,
)

ON = date(2026, 11, 16)
WEEK = "2026-W47"


def item(n: int, taste: int, **fields: object) -> Item:
    vector = [0.0] * 3
    vector[taste] = 1.0
    vector[(taste + 1) % 3] = 0.05 * (n % 5)
    return Item(f"t{taste}-{n}", (f"a{taste}-{n // 3}",), vector=tuple(vector), **fields)  # type: ignore[arg-type]


CATALOG = {it.track_id: it for taste in range(3) for n in range(60) for it in [item(n, taste)]}
POOL = gather([Candidate(id, LISTENING, 1 + n) for n, id in enumerate(CATALOG)], CATALOG)


def test_discover_weekly_is_thirty_tracks_never_heard() -> None:
    heard = {id: 300.0 for n, id in enumerate(CATALOG) if n % 2}
    mix = discover_weekly(POOL, Listener("u", heard=heard), generation=WEEK, on=ON)
    ids = [it.item.track_id for it in mix.tracks]
    assert len(ids) == 30
    assert not set(ids) & set(heard)


def test_the_same_generation_is_the_same_list_and_another_is_another() -> None:
    def made(generation: str) -> list[str]:
        mix = discover_weekly(POOL, Listener("u"), generation=generation, on=ON)
        return [it.item.track_id for it in mix.tracks]

    assert made(WEEK) == made(WEEK)
    assert made(WEEK) != made("2026-W48")


def test_a_playlist_keeps_its_id_from_week_to_week() -> None:
    one = discover_weekly(POOL, Listener("u"), generation=WEEK, on=ON)
    two = discover_weekly(POOL, Listener("u"), generation="2026-W48", on=ON)
    other = discover_weekly(POOL, Listener("v"), generation=WEEK, on=ON)
    assert one.playlist_id == two.playlist_id != other.playlist_id
    assert len(one.playlist_id) == 22


def test_daily_mixes_part_tastes() -> None:
    loved = [Loved(item(n, taste), 3.0 - taste) for taste in range(3) for n in range(12)]
    heard = {it.item.track_id: 3.0 for it in loved}
    mixes = daily_mixes(loved, POOL, Listener("u", heard=heard), generation=WEEK, on=ON)
    assert [it.number for it in mixes] == [1, 2, 3]
    for taste, mix in enumerate(mixes):
        assert {it.item.track_id.split("-")[0] for it in mix.tracks} == {f"t{taste}"}
        new = [it for it in mix.tracks if it.item.track_id not in heard]
        assert 0.2 < len(new) / len(mix.tracks) < 0.9
    ids = [it.item.track_id for mix in mixes for it in mix.tracks]
    assert len(ids) == len(set(ids))


def test_few_plays_make_no_mix_and_no_vectors_go_by_genre() -> None:
    loved = [Loved(Item(f"x{n}", ("a",), genres=("jazz",)), 1.0) for n in range(2)]
    assert daily_mixes(loved, POOL, Listener("u"), generation=WEEK, on=ON) == ()
    genres = [
        Loved(Item(f"{genre}{n}", (f"{genre}{n}",), genres=(genre,)), 1.0)
        for genre in ("jazz", "punk")
        for n in range(6)
    ]
    groups = tastes(genres)
    assert sorted(len(it) for it in groups) == [6, 6]


def test_release_radar_holds_only_what_is_new() -> None:
    new = {
        f"n{n}": Item(f"n{n}", (f"a{n}",), released_on=ON - timedelta(days=10 * n))
        for n in range(8)
    }
    pool = gather([Candidate(id, FRESH, 1.0, it.artist_ids) for id, it in new.items()], new)
    mix = release_radar(pool, Listener("u"), generation=WEEK, on=ON)
    assert [it.item.track_id for it in mix.tracks] == ["n0", "n1", "n2"]
    assert release_radar(POOL, Listener("u"), generation=WEEK, on=ON).tracks == ()


def test_every_item_is_explained_by_names_that_exist() -> None:
    mix = discover_weekly(POOL, Listener("u"), generation=WEEK, on=ON)
    assert reason(mix.tracks[0], {}) == "Listeners with your taste play this"
    pool = gather([Candidate("t0-1", LISTENING, 1.0, ("gone", "x", "y"))], CATALOG)
    (chosen,) = discover_weekly(pool, Listener("u"), generation=WEEK, on=ON).tracks
    assert reason(chosen, {"x": "Roads", "y": "Hyperballad"}) == (
        "Because you listened to Roads and Hyperballad"
    )


def test_a_mix_is_described_by_its_artists() -> None:
    mix = discover_weekly(POOL, Listener("u"), generation=WEEK, on=ON)
    artist_id = mix.tracks[0].item.artist_ids[0]
    assert description(mix, {artist_id: "Björk"}) == "Björk and more"
    assert description(mix, {}) == "Made for you"
    assert joined(["A", "B", "C"]) == "A, B and C"
