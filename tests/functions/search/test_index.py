"""What an index finds, and in which order."""

import json
from datetime import date
from pathlib import Path

import pytest

from functions.search import kinds
from functions.search.index import TantivyIndex, build, opened
from functions.search.query import parse
from tests.functions.search.catalog import album, artist, id_of, track

TODAY = date(2026, 3, 1)


def tracks(*events) -> TantivyIndex:
    index = TantivyIndex("track")
    index.apply(kinds.track(event) for event in events)
    return index


def ask(index: TantivyIndex, text: str, **how) -> list[str]:
    asked = {"market": None, "limit": 10, "offset": 0, "today": TODAY, **how}
    return [hit.id.rstrip("0") for hit in index.search(parse(text), **asked).items]


@pytest.fixture(scope="module")
def small() -> TantivyIndex:
    return tracks(
        track("thunder", "Thunderstruck", "AC/DC", album="The Razors Edge", popularity=80),
        track("rhapsody", "Bohemian Rhapsody", "Queen", popularity=90, isrc="GBUM71029604"),
        track("cover", "Bohemian Rhapsody", "Panic", popularity=20, genres=("Indie Rock",)),
        track("what", "So What", "P!nk", popularity=60, release_date="2008-08-11"),
        track("halo", "Halo", "Beyoncé", popularity=85, blocked_markets=("NO", "RU")),
        track("gunjo", "群青日和", "東京事変", popularity=40, label="Toshiba EMI"),
        track("bangs", "Heart of Hearts", "!!!", popularity=10),
    )


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("thunderstruck", "thunder"),
        ("thunders", "thunder"),
        ("acdc thunder", "thunder"),
        ("razors edge", "thunder"),
        ("bohemian rhapsody", "rhapsody"),
        ("bohemian rhapsody panic", "cover"),
        ("queen bo", "rhapsody"),
        ("bohemain rapsody", "rhapsody"),
        ("thunderstrcuk", "thunder"),
        ("pink so what", "what"),
        ("p!nk", "what"),
        ("beyonce", "halo"),
        ("BEYONCÉ halo", "halo"),
        ("群青", "gunjo"),
        ("東京事変", "gunjo"),
        ("!!!", "bangs"),
        ("artist:queen", "rhapsody"),
        ("track:halo artist:beyonce", "halo"),
        ("album:razors", "thunder"),
        ("year:2000-2010", "what"),
        ("isrc:GB-UM7-10-29604", "rhapsody"),
        ("genre:indie", "cover"),
        ("label:toshiba", "gunjo"),
    ],
)
def test_known_things_come_first(small: TantivyIndex, text: str, first: str):
    assert ask(small, text)[0] == id_of(first).rstrip("0")


def test_all_words_must_be_there(small: TantivyIndex):
    assert ask(small, "bohemian beyonce halo rhapsody thunder") == []
    assert ask(small, "year:1950") == []


def test_a_filter_that_a_kind_does_not_have_finds_nothing(small: TantivyIndex):
    assert ask(small, "upc:012345678905") == []
    assert ask(small, "halo tag:new") == []


def test_more_popular_comes_first_among_equals(small: TantivyIndex):
    assert ask(small, "bohemian rhapsody") == ["rhapsody", "cover"]


def test_nothing_is_shown_where_it_is_blocked(small: TantivyIndex):
    assert ask(small, "halo", market="NO") == []
    assert ask(small, "halo", market="SE") == ["halo"]


def test_pages_follow_each_other_and_know_the_total():
    index = tracks(*(track(f"t{n}x", f"Song {n}", popularity=n) for n in range(30)))
    seen = [hit for at in range(0, 30, 7) for hit in ask(index, "song", limit=7, offset=at)]
    assert sorted(seen) == sorted(f"t{n}x" for n in range(30))
    hits = index.search(parse("song"), market=None, limit=0, offset=0, today=TODAY)
    assert hits.total == 30


def test_aliases_find_an_artist():
    index = TantivyIndex("artist")
    index.apply([kinds.artist(artist("prince", "Prince", aliases=("The Artist", "☮")))])
    assert ask(index, "the artist") == ["prince"]
    assert ask(index, "artist:prince") == ["prince"]


def test_new_and_unheard_albums_have_tags():
    index = TantivyIndex("album")
    index.apply(
        kinds.album(album(id, "Record", "Ada", release_date=released))
        for id, released in (("new", "2026-02-20"), ("old", "2026-02-01"), ("vague", "2026"))
    )
    assert ask(index, "record tag:new") == ["new"]
    assert sorted(ask(index, "tag:hipster")) == ["new", "old", "vague"]


def test_hipster_is_the_least_heard_tenth_of_albums():
    index = TantivyIndex("album")
    heard = {"unknown": None, "unheard": 0, "tenth": 10, "more": 11, "famous": 95}
    index.apply(kinds.album(album(id, "Record", "X", popularity=p)) for id, p in heard.items())
    assert sorted(ask(index, "tag:hipster")) == ["tenth", "unheard", "unknown"]
    assert sorted(ask(index, "record tag:hipster")) == ["tenth", "unheard", "unknown"]


def test_a_newer_revision_replaces_and_an_older_one_does_not():
    index = tracks(track("a", "First Name", revision=3))
    index.apply([kinds.track(track("a", "Second Name", revision=4))])
    index.apply([kinds.track(track("a", "Late Name", revision=2))])
    assert ask(index, "second") == ["a"]
    assert ask(index, "first") == ask(index, "late") == []
    assert index.count == 1


def test_a_removed_thing_stays_removed_when_an_old_event_comes_late():
    index = tracks(track("a", "Gone", revision=1))
    index.apply([kinds.track(track("a", "Gone", revision=3, removed=True))])
    index.apply([kinds.track(track("a", "Gone", revision=2))])
    assert ask(index, "gone") == []
    index.apply([kinds.track(track("a", "Back", revision=4))])
    assert ask(index, "back") == ["a"]


def test_a_built_index_can_be_opened_and_changed(tmp_path: Path):
    documents = [kinds.track(track(f"t{n}x", f"Song {n}")) for n in range(100)]
    assert build("track", tmp_path / "track", documents, 15_000_000, {}) == 100
    index = opened(tmp_path, ())["track"]
    assert index.count == 100
    index.apply([kinds.track(track("t7x", "Other", revision=2))])
    assert ask(index, "other") == ["t7x"]
    assert "t7x" not in ask(index, "song 7", limit=50)


@pytest.mark.parametrize(
    "text", ["(" * 50, "a* AND b~2^9", "[a TO z]", "/.*.*.*/", "name:halo", "\\", "+-!(){}^~*?:"]
)
def test_query_languages_are_plain_text_here(small: TantivyIndex, text: str):
    ask(small, text)


def test_what_a_generation_holds_is_found_by_its_codes_until_it_changes(tmp_path: Path):
    built = [
        kinds.track(track(f"t{n}x", f"Song {n}", isrc=f"SEABC26{n:05}")) for n in range(300)
    ]  # more than two pages of rows
    build("track", tmp_path / "track", built, 15_000_000, {})
    released = {"old": "2026-01-01", "new": "2026-02-20"}
    records = [
        kinds.album(album(id, "Record", "Ada", upc=f"{at:012}", release_date=day))
        for at, (id, day) in enumerate(released.items())
    ]
    build("album", tmp_path / "album", records, 15_000_000, {})
    indexes = opened(tmp_path, ())
    songs, albums = indexes["track"], indexes["album"]
    assert ask(songs, "isrc:SEABC2600200") == ["t200x"]
    assert ask(songs, "isrc:SEABC2600999") == []
    assert ask(albums, "upc:000000000001") == ["new"]
    assert ask(albums, "tag:new") == ["new"]
    removed = track("t200x", "Song 200", revision=2, removed=True)
    changed = track("t7x", "Other", revision=2, isrc="SEABC2600200")
    songs.apply([kinds.track(removed), kinds.track(changed)])
    assert ask(songs, "isrc:SEABC2600200") == ["t7x"]
    assert ask(songs, "isrc:SEABC2600007") == []
    assert songs.count == 299
    assert songs.card(id_of("t200x")) is None
    assert songs.revision(id_of("t200x")) == 2


def test_a_name_is_found_in_other_spaces_than_it_has():
    index = tracks(track("a", "Thunderstruck"), track("b", "Under Pressure"))
    assert ask(index, "thunder struck") == ["a"]
    assert ask(index, "thun der") == ["a"]
    assert ask(index, "underpressure") == ["b"]


def test_only_the_name_pays_for_its_length(tmp_path: Path):
    build("track", tmp_path / "track", [kinds.track(track("a", "A"))], 15_000_000, {})
    fields = json.loads((tmp_path / "track" / "meta.json").read_text())["schema"]
    normed = {it["name"] for it in fields if it["options"].get("indexing", {}).get("fieldnorms")}
    assert normed == {"name"}
