"""How much an index is asked for at most, whatever is typed."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tantivy import Query as Node

from functions.search import kinds
from functions.search.guessing import guesses
from functions.search.index import TantivyIndex
from functions.search.plan import MOST_GUESSED, Asked, fields_of
from functions.search.query import MAX_WORDS, Word, parse
from shared.errors import Invalid
from tests.functions.search.catalog import id_of, track

TODAY = date(2026, 3, 1)
FIELDS = len(fields_of("track"))
PASSES = 5
"""Words that nobody uses, by one edit and by two; any words, likewise; all words but one."""
READINGS = 2
_FUZZY = re.compile(r"FuzzyTermQuery \{ [^}]*distance: [12],")


def asked_of(text: str, *, known: bool = False, kind: str = "track") -> list[int]:
    """How many misspellings each pass looks for, where all words are `known`, or none is."""
    return [fuzzy(node) for node in passes(text, lambda word, begun: known, kind)]


def passes(text: str, known, kind: str = "track") -> list[Node]:
    return list(guesses(Asked(kind, parse(text), None, TODAY), known))


def fuzzy(node: Node) -> int:
    return len(_FUZZY.findall(str(node)))


def junk(count: int) -> str:
    """Words that nobody uses; finished, so that none of them is only begun."""
    return " ".join(f"junkword{chr(97 + at)}" for at in range(count)) + " "


@pytest.mark.parametrize("known", [False, True])
def test_every_word_of_an_ordinary_query_is_guessed(known: bool):
    for count in range(1, MOST_GUESSED + 1):
        each = count * FIELDS
        loose = [each] if count > 2 else []
        assert asked_of(junk(count), known=known) == [each, each, *loose]


def test_words_that_nobody_uses_are_guessed_first():
    def known(word: Word, begun: bool) -> bool:
        return word[0][0] != "junkwordc"

    one, every = FIELDS, 4 * FIELDS
    assert [fuzzy(it) for it in passes(junk(4), known)] == [one, one, every, every, every]


def test_of_many_words_only_those_that_nobody_uses_are_guessed():
    def known(word: Word, begun: bool) -> bool:
        return word[0][0] not in ("junkwordb", "junkwordk")

    assert [fuzzy(it) for it in passes(junk(12), known)] == [2 * FIELDS] * 3
    assert asked_of(junk(MAX_WORDS), known=True) == [0]


def test_junk_is_not_looked_for():
    assert asked_of(junk(MOST_GUESSED + 1)) == []
    assert asked_of(junk(15)) == []


def test_of_many_ways_to_read_a_word_the_likeliest_are_guessed():
    query = parse("m!$$!ngö ")
    single = [reading for reading in query.words[0] if len(reading) == 1]
    assert len(single) > READINGS
    assert asked_of("m!$$!ngö ") == [READINGS * FIELDS] * 2


def test_filters_are_guessed_as_long_as_they_are_few():
    few = " ".join(f'artist:"ab{chr(97 + at)}"' for at in range(MOST_GUESSED))
    many = 'artist:"' + junk(MOST_GUESSED + 1) + '"'
    assert asked_of(few) == [MOST_GUESSED] * 2
    assert asked_of(many) == [0, 0]


_WORDS = st.sampled_from(
    ["love", "p!n@k$ö", "müller", "feat", "東京事変", "a.b.c", "artist:", "track:queen", '"', "a"]
)


@given(st.lists(_WORDS | st.text("abcäö!$", min_size=1, max_size=9), max_size=30), st.data())
def test_no_query_asks_for_more_than_a_fixed_amount(words: list[str], data: st.DataObject):
    try:
        query = parse(" ".join(words))
    except Invalid:
        return
    used = data.draw(st.sets(st.sampled_from(query.words))) if query.words else set()
    tried = list(guesses(Asked("track", query, None, TODAY), lambda word, begun: word in used))
    assert len(tried) <= PASSES
    assert all(fuzzy(it) <= MOST_GUESSED * (READINGS * FIELDS + READINGS) for it in tried)


def test_a_misspelling_late_in_a_long_title_is_found_and_junk_is_not():
    title = "It Was a Long Road Home Beneath an Orange Sky of Broken Thunder"
    index = TantivyIndex("track")
    index.apply([kinds.track(track("long", title)), kinds.track(track("b", "Home"))])

    def find(text: str) -> list[str]:
        hits = index.search(parse(text), market=None, limit=10, offset=0, today=TODAY)
        return [hit.id for hit in hits.items]

    assert find(title) == [id_of("long")]
    assert find(title.replace("Thunder", "Thnuder")) == [id_of("long")]
    assert find(title.replace("Home", "House")) == [id_of("long")], (
        "a word that is remembered wrongly"
    )
    assert find(title.replace("Orange", "Home")) == [id_of("long")], "or is another's"
    assert find(junk(14)) == []
