"""What is typed into the search box, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.search.query import MAX_CHARS, MAX_WORDS, parse
from shared.errors import Invalid


def texts(words) -> list[str]:
    return [readings[0][0] for readings in words]


def test_words_are_free_text_and_the_last_one_may_be_unfinished():
    query = parse("Bohemian Rhap")
    assert texts(query.words) == ["bohemian", "rhap"]
    assert query.open
    assert not parse("Bohemian ").open
    assert not parse('"Bohemian Rhapsody"').open


def test_a_filter_runs_to_the_next_one():
    query = parse("remaster track:Doxy artist:Miles Davis")
    assert texts(query.words) == ["remaster"]
    assert [(name, texts(value)) for name, value in query.filters] == [
        ("track", ["doxy"]),
        ("artist", ["miles", "davis"]),
    ]


def test_a_quoted_filter_ends_with_its_quote():
    query = parse('artist:"Miles Davis" blue')
    assert [(name, texts(value)) for name, value in query.filters] == [
        ("artist", ["miles", "davis"])
    ]
    assert texts(query.words) == ["blue"]


@pytest.mark.parametrize(
    ("text", "years"), [("year:1999", (1999, 1999)), ("a YEAR:1990-1999 b", (1990, 1999))]
)
def test_years_are_one_or_a_range(text: str, years: tuple[int, int]):
    assert parse(text).years == years


def test_codes_and_tags_are_one_word():
    query = parse("isrc:se-abc-26-00001 upc:012345678905 tag:new tag:HIPSTER song")
    assert (query.isrc, query.upc, query.tags) == (
        "SEABC2600001",
        "012345678905",
        ("new", "hipster"),
    )
    assert texts(query.words) == ["song"]


def test_a_colon_elsewhere_is_punctuation():
    assert texts(parse("Re:Zero").words) == ["rezero"]
    assert texts(parse("5:15").words) == ["515"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "QUERY_MISSING"),
        ("   ", "QUERY_MISSING"),
        ('""', "QUERY_MISSING"),
        ("a" * (MAX_CHARS + 1), "QUERY_TOO_LONG"),
        ("a " * (MAX_WORDS + 1), "QUERY_TOO_COMPLEX"),
        ("東京" * 60, "QUERY_TOO_COMPLEX"),
        ("ﷺ" * 60, "QUERY_TOO_COMPLEX"),
        ("tag:new " * 11, "QUERY_TOO_COMPLEX"),
        ("a\x00b", "QUERY_MALFORMED"),
        ("a\ud800", "QUERY_MALFORMED"),
        ("artist:", "FILTER_INVALID"),
        ("year:99", "FILTER_INVALID"),
        ("year:1999-1990", "FILTER_INVALID"),
        ("year:", "FILTER_INVALID"),
        ("tag:old", "FILTER_INVALID"),
        ("isrc:!", "FILTER_INVALID"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(text: str, code: str):
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.code == code


_PIECES = st.sampled_from(
    ["artist:", "year:", "tag:new", '"', " ", "a", "1990", "-", "(", ")", "*", "~2", "AND", "^",
     "\\", "/.*/", "[a TO z]", "東京", "P!nk", "é", "\U0001f600", "+", ":", "NOT"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=300))
def test_any_text_is_a_query_or_refused_by_name(text: str):
    try:
        query = parse(text)
    except Invalid as refused:
        assert refused.code.isupper()  # noqa: PT017 - most texts are not refused
    else:
        assert query.words or query.fields
