"""Articles in any encoding and any state are read as far as they can be, in linear time."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.recommendations.articles import decoded, feed, instant, readable
from shared.errors import Invalid

PAGE = """<!DOCTYPE html><html lang="de"><head><title>Björk &amp; Sigur Rós</title>
<style>p{x:1}</style><script>var a = "<p>no</p>";</script></head><body><nav>Menu <a>no</a></nav>
<p>Zwei neue Platten</p><p>aus Island&nbsp;&ndash; <b>Über</b> alles.</p><aside>no</aside>
<!-- no --><footer>no</footer></body></html>"""


def test_a_page_is_its_title_its_words_and_its_language() -> None:
    found = readable(PAGE)
    assert found.title == "Björk & Sigur Rós"
    assert found.text == "Zwei neue Platten aus Island – Über alles."
    assert found.language == "de"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (PAGE.encode(), ""),
        (PAGE.encode("utf-8-sig"), "text/html; charset=latin-1"),
        (PAGE.replace("–", "-").encode("latin-1"), "text/html; charset=iso-8859-1"),
        (PAGE.encode("utf-16"), ""),
        (PAGE.encode("utf-16-le"), ""),
        (PAGE.encode("utf-32-be"), ""),
        (b'<meta charset="windows-1252">' + PAGE.encode("cp1252"), "text/html"),
        (PAGE.encode("cp1252"), "text/html; charset=x-unknown"),
        (PAGE.encode("cp1252"), "text/html; charset=zip"),
    ],
    ids=["utf-8", "lying header", "header", "16 bom", "16", "32", "meta", "unknown", "no charset"],
)
def test_any_encoding_is_read(data: bytes, content_type: str) -> None:
    assert "Björk & Sigur Rós" in readable(decoded(data, content_type)).title


@pytest.mark.parametrize(
    ("name", "word"),
    [("eucjp", "ゲーム"), ("gb2312", "移民"), ("koi8r", "Как"), ("shiftjis", "RSS")],
)
def test_encodings_that_nobody_declares_are_guessed(data_dir: Path, name: str, word: str) -> None:
    data = (data_dir / f"feeds/feedparser/tests__illformed__chardet__{name}.xml").read_bytes()
    titles = " ".join(it.title for it in feed(decoded(data)))
    if name in ("eucjp", "shiftjis"):
        assert any("\u3040" <= it <= "\u30ff" for it in titles)
    else:
        assert any(it.isalpha() and ord(it) > 0x400 for it in titles)


def test_feeds_are_read_however_broken(data_dir: Path) -> None:
    read = 0
    for path in (data_dir / "feeds").rglob("*.xml"):
        try:
            read += len(feed(decoded(path.read_bytes())))
        except Invalid:  # many hold a channel and no item
            continue
    assert read > 40


def test_rss_and_atom_entries() -> None:
    rss = """<rss><channel><title>Blog</title><item><title><![CDATA[A & <b>B</b>]]></title>
    <link>https://blog.test/1</link><pubDate>Fri, 20 Nov 2026 10:00:00 +0100</pubDate>
    <description>short</description><content:encoded><![CDATA[<p>Long</p>]]></content:encoded></item>
    <item><title>Unclosed <link>x</item></channel>"""
    one, two = feed(rss)
    assert (one.title, one.url, one.html) == ("A & B", "https://blog.test/1", "<p>Long</p>")
    assert one.published_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert two.title.startswith("Unclosed")
    atom = """<feed><entry><title>T</title><link href="https://a.test/x"/>
    <updated>2026-11-20T10:00:00Z</updated><content>words</content></entry></feed>"""
    (entry,) = feed(atom)
    assert (entry.url, entry.html) == ("https://a.test/x", "words")


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><item><title>&b;</title></item>'
    assert feed(bomb)[0].title == "&b;"


@pytest.mark.parametrize("text", ["", "   ", "<script>x</script>", "<p></p>", "<!-- x"])
def test_without_words_it_is_no_article(text: str) -> None:
    with pytest.raises(Invalid) as error:
        readable(text)
    assert error.value.code == "NO_TEXT"


@pytest.mark.parametrize(
    "unit",
    ["<a ", "<!--", "<![CDATA[", "</", "&#", '<a href="', "<div>", "<script>", "<", "&amp", "<?"],
)
def test_hostile_markup_takes_no_longer_than_its_length(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    begun = time.process_time()
    for read in (readable, feed):
        try:
            read(text)
        except Invalid:
            continue
    assert time.process_time() - begun < 1.5


@given(st.binary(max_size=400))
def test_no_bytes_break_it(data: bytes) -> None:
    for read in (readable, feed):
        try:
            read(decoded(data))
        except Invalid:
            continue


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "9999-99-99T99:99", "Fri, 99 Foo 20 1", "0001-01-01"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert instant(text) is None
