"""What is marked in a found name."""

from hypothesis import given
from hypothesis import strategies as st

from functions.search.highlight import _near, did_you_mean, distance, highlights
from functions.search.plan import MOST_GUESSED
from functions.search.query import parse

TITLE = "It Was a Long Road Home Beneath an Orange Sky"


def marked(name: str, text: str) -> list[str]:
    return [name[start:end] for start, end in highlights(name, parse(text))]


def test_words_are_marked_also_misspelt_or_only_begun():
    assert marked("Bohemian Rhapsody", "bohemain rhap") == ["Bohemian", "Rhap"]
    assert marked("群青日和", "青日") == ["青日"]


def test_after_many_words_only_those_that_are_spelt_right_are_marked():
    words = TITLE.split()
    late = TITLE.replace("Orange", "Ornage")
    assert words.index("Orange") == MOST_GUESSED
    assert marked(TITLE, late) == [word for word in words if word != "Orange"]
    assert marked(TITLE, TITLE.replace("Beneath", "Benaeth")) == words


def test_filters_are_marked_as_words_are():
    assert marked("Halo", "artist:someone track:hallo") == ["Halo"]


def test_only_the_beginning_of_an_endless_name_is_looked_at():
    endless = "word " * 200 + "halo"
    assert marked(endless, "halo ") == []
    assert did_you_mean(parse("hallo"), [endless]) is None


@given(st.text("abcd", min_size=3, max_size=8), st.text("abcd", min_size=3, max_size=8))
def test_what_is_told_apart_at_once_is_told_apart_by_its_edits_too(one: str, other: str):
    allowed = 2 if len(one) >= 6 else 1
    assert _near(one, other) == (0 < distance(one, other) <= allowed)
