"""Lyrics: plain, by the line (LRC) or by the word (enhanced LRC). Pure.

    [00:12.00]Line of words            LRC: minutes, seconds, hundredths or thousandths
    [00:21.10][00:45.10]A refrain      one line at two times
    [00:12.00]<00:12.04>Line <00:12.16>of <00:12.50>words
    [offset:+250]                      all of it 250 ms earlier

Source: https://en.wikipedia.org/wiki/LRC_(file_format)
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from functions.catalog.model import Line, Lyrics, Word
from shared.errors import Invalid
from shared.events import LyricsChanged
from shared.ids import derived_id

MAX_CHARS = 100_000
MAX_LINES = 2000
MAX_LINE_CHARS = 500
_TIME = r"([0-9]{1,3}):([0-5]?[0-9])(?:[.:]([0-9]{1,3}))?"
_STAMP = re.compile(rf"\[{_TIME}\]")
_WORD = re.compile(rf"<{_TIME}>")
_TAG = re.compile(r"\[([A-Za-z#]+):([^\]]*)\]\s*")
_OFFSET = re.compile(r"\s*([+-]?[0-9]{1,7})\s*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[0-9A-Za-z]{2,8}){0,3}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def parse(
    track_id: str,
    *,
    text: str,
    language: str | None,
    provider: str | None,
    revision: int,
    at: datetime,
) -> Lyrics:
    """Lyrics of whichever kind `text` is.

    Raises:
        Invalid: nothing, too much, control characters, stamps on some lines only
            (INVALID_LYRICS), or a language that is no BCP 47 tag (INVALID_LANGUAGE).
    """
    if len(text) > MAX_CHARS:
        raise Invalid(f"lyrics have at most {MAX_CHARS} characters", code="INVALID_LYRICS")
    if _CONTROL.search(text):
        raise Invalid("lyrics hold no control characters", code="INVALID_LYRICS")
    if language is not None and not _LANGUAGE.fullmatch(language):
        raise Invalid("language is a BCP 47 tag", code="INVALID_LANGUAGE")
    rows = [row.strip() for row in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    lines = _timed(rows) if any(_STAMP.match(row) for row in rows) else _plain(rows)
    if not any(line.text for line in lines):
        raise Invalid("there are no words", code="INVALID_LYRICS")
    if len(lines) > MAX_LINES or any(len(line.text) > MAX_LINE_CHARS for line in lines):
        message = f"lyrics have at most {MAX_LINES} lines of {MAX_LINE_CHARS} characters"
        raise Invalid(message, code="INVALID_LYRICS")
    sync = "none" if lines[0].start_ms is None else "line"
    if any(line.words for line in lines):
        sync = "word"
    return Lyrics(track_id, revision, language, sync, lines, provider, at)


def _plain(rows: list[str]) -> tuple[Line, ...]:
    while rows and not rows[-1]:
        rows = rows[:-1]
    return tuple(Line(None, row) for row in rows)


def _timed(rows: Iterable[str]) -> tuple[Line, ...]:
    offset_ms = 0
    found: list[Line] = []
    for row in rows:
        stamps: list[int] = []
        rest = row
        while match := _STAMP.match(rest):
            stamps.append(_ms(match))
            rest = rest[match.end() :]
        if not stamps:
            tag = _TAG.fullmatch(row)
            if tag is None and row:
                raise Invalid(f"a line without its time: {row[:40]!r}", code="INVALID_LYRICS")
            if tag is not None and tag[1].lower() == "offset":
                shift = _OFFSET.fullmatch(tag[2])
                if shift is None:
                    raise Invalid("offset is in milliseconds", code="INVALID_LYRICS")
                offset_ms = int(shift[1])
            continue
        words = _words(rest)
        text = " ".join(_WORD.sub(" ", rest).split()) if words else rest.strip()
        found += [Line(stamp, text, words if stamp == stamps[0] else ()) for stamp in stamps]
    shifted = (_shifted(line, offset_ms) for line in found)
    return tuple(sorted(shifted, key=lambda line: line.start_ms or 0))


def _words(rest: str) -> tuple[Word, ...]:
    """`<00:12.04>Line <00:12.16>of` as words with their times; a last stamp may end the line."""
    stamps = list(_WORD.finditer(rest))
    if not stamps:
        return ()
    ends = [match.start() for match in stamps[1:]] + [len(rest)]
    words = [
        Word(_ms(match), rest[match.end() : end].strip())
        for match, end in zip(stamps, ends, strict=True)
    ]
    if any(a.start_ms > b.start_ms for a, b in pairwise(words)):
        raise Invalid("words are not in the order of their times", code="INVALID_LYRICS")
    return tuple(word for word in words if word.text)


def _shifted(line: Line, offset_ms: int) -> Line:
    def moved(ms: int) -> int:
        return max(0, ms - offset_ms)

    words = tuple(Word(moved(it.start_ms), it.text) for it in line.words)
    return Line(moved(line.start_ms or 0), line.text, words)


def _ms(match: re.Match[str]) -> int:
    minutes, seconds, part = match.groups()
    return (int(minutes) * 60 + int(seconds)) * 1000 + int((part or "0").ljust(3, "0"))


def same(known: Lyrics, other: Lyrics) -> bool:
    """Whether both say the same, whenever they were written."""
    return replace(other, revision=known.revision, updated_at=known.updated_at) == known


def to_lrc(lyrics: Lyrics) -> str:
    """Lyrics as text again: plain, LRC or enhanced LRC."""
    rows: list[str] = []
    for line in lyrics.lines:
        if line.start_ms is None:
            rows.append(line.text)
            continue
        words = " ".join(f"<{_stamp(it.start_ms)}>{it.text}" for it in line.words)
        rows.append(f"[{_stamp(line.start_ms)}]{words or line.text}")
    return "\n".join(rows) + "\n"


def _stamp(ms: int) -> str:
    minutes, rest = divmod(ms, 60_000)
    return f"{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def changed(lyrics: Lyrics) -> LyricsChanged:
    """The event that tells others of the words: the same id each time it is told."""
    return LyricsChanged(
        event_id=derived_id("lyrics", lyrics.track_id, str(lyrics.revision)),
        occurred_at=lyrics.updated_at,
        track_id=lyrics.track_id,
        revision=lyrics.revision,
        language=lyrics.language,
        text="\n".join(line.text for line in lyrics.lines),
    )


def view(lyrics: Lyrics) -> dict[str, Any]:
    """Lyrics as they are answered."""
    return {
        "track_id": lyrics.track_id,
        "language": lyrics.language,
        "sync": lyrics.sync,
        "provider": lyrics.provider,
        "lines": [
            {
                "start_ms": line.start_ms,
                "text": line.text,
                "words": [{"start_ms": it.start_ms, "text": it.text} for it in line.words],
            }
            for line in lyrics.lines
        ],
    }
