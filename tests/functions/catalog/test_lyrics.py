"""Lyrics of every kind are read, kept and given back; anything else has a named error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.catalog import lyrics
from functions.catalog.model import Word
from shared.errors import Invalid
from shared.events import LyricsChanged
from tests.functions.catalog.fakes import Catalog, code_of
from tests.functions.catalog.test_editing import EDITOR, READER, make
from tests.web import NOT_OBJECTS, NOW, client_of


def parse(text: str, **given: Any) -> lyrics.Lyrics:
    known = {"language": "en", "provider": None, "revision": 1, "at": NOW, **given}
    return lyrics.parse("t", text=text, **known)


def test_plain_words_have_no_times():
    found = parse("One\n\nTwo\r\n")
    assert (found.sync, [it.text for it in found.lines]) == ("none", ["One", "", "Two"])


def test_lines_are_timed_shared_and_shifted():
    found = parse("[ti:x]\n[offset:+500]\n[00:20.10][01:05.5]Refrain\n[00:12.00]Verse\n[00:13]\n")
    assert found.sync == "line"
    assert [(it.start_ms, it.text) for it in found.lines] == [
        (11_500, "Verse"),
        (12_500, ""),
        (19_600, "Refrain"),
        (65_000, "Refrain"),
    ]


def test_words_are_timed():
    found = parse("[00:12.00]<00:12.04>Line <00:12.160>of <00:12.50>words<00:13.00>")
    assert found.sync == "word"
    assert found.lines[0].text == "Line of words"
    assert found.lines[0].words == (Word(12_040, "Line"), Word(12_160, "of"), Word(12_500, "words"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "[00:12.00]",
        "[00:12.00]a\nno time",
        "[offset:x]\n[00:01]a",
        "a\x00b",
        "x" * 501,
        "a\n" * 2001,
        "[00:01]<00:03>b <00:02>a",
        "x" * 100_001,
    ],
)
def test_what_is_no_lyrics_is_a_named_error(text: str):
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert caught.value.code == "INVALID_LYRICS"


def test_a_language_is_a_tag():
    with pytest.raises(Invalid) as caught:
        parse("la", language="english please")
    assert caught.value.code == "INVALID_LANGUAGE"


@given(st.text(st.sampled_from("[]<>:.0123456789ab \n"), max_size=60))
def test_whatever_was_taken_is_given_back_the_same(text: str):
    try:
        first = parse(text)
    except Invalid:
        return
    if first.sync != "none":
        again = parse(lyrics.to_lrc(first))
        assert [it.start_ms for it in again.lines] == [it.start_ms for it in first.lines]


async def test_lyrics_are_stored_and_served():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        album = await make(client, "album", title="LP")
        track = await make(client, "track", title="Song", album=album["id"])
        path = f"/v1/tracks/{track['id']}/lyrics"
        absent = await client.get(path, headers=READER)
        asked = {"text": "[00:01.00]La", "language": "sv-SE"}
        put = await client.put(path, json=asked, headers=EDITOR)
        got = (await client.get(path, headers=READER)).json()
        text = await client.get(path, headers={**READER, "accept": "text/plain"})
        denied = await client.put(path, json=asked, headers=READER)
        lost = await client.put(f"/v1/tracks/{'a' * 22}/lyrics", json=asked, headers=EDITOR)
        for body in (*NOT_OBJECTS, b'{"text":"\\ud800"}', b'{"text":1}'):
            bad = await client.put(path, content=body, headers=EDITOR)
            assert bad.status_code == 400
    assert code_of(absent) == "LYRICS_NOT_FOUND"
    assert put.json() == got
    assert (got["sync"], got["lines"][0]["start_ms"]) == ("line", 1000)
    assert text.text == "[00:01.000]La\n"
    (told,) = catalog.told(LyricsChanged)
    assert (told.track_id, told.language, told.text) == (track["id"], "sv-SE", "La")
    assert (denied.status_code, lost.status_code) == (403, 404)
