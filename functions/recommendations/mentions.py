"""Which artists a text speaks of, and which are spoken of more than they used to be. Pure."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.text import fold

RECENT = timedelta(days=7)
BEFORE = timedelta(days=28)
LEAST_MENTIONS = 3
MOST_WORDS = 6
_WORD = re.compile(r"[^\W_]+(?:['’&.-][^\W_]+)*")
_EVERYDAY = (
    "the and a an air yes no who can was low love heart journey kiss free live boy girl women men "
    "home black white red blue green train bush cream foreigner boston chicago america europe asia "
    "suede pulp blur garbage hole ash doves editors interpol muse keane travis elbow girls"
)
_PLAIN = frozenset(_EVERYDAY.split())
"""One-word names that are words of the language: alone in a text they name nobody."""


@dataclass(frozen=True, slots=True)
class Names:
    """Artists' names by their words, folded."""

    by_words: Mapping[tuple[str, ...], tuple[str, ...]]

    @classmethod
    def of(cls, names: Mapping[str, str]) -> "Names":
        """From names by artist id."""
        found: dict[tuple[str, ...], list[str]] = {}
        for id, name in names.items():
            words = tuple(fold(it) for it in _WORD.findall(name))
            if words and len(words) <= MOST_WORDS and len("".join(words)) > 1:
                found.setdefault(words, []).append(id)
        return cls({words: tuple(ids) for words, ids in found.items()})


def mentioned(title: str, text: str, names: Names) -> dict[str, int]:
    """How often each artist is named; in the title it counts three times.

    The longest name at a place wins: "Iron Maiden" is not "Iron". A name of one word counts where
    it is written with a capital; if it is an everyday word, only when another artist of the text,
    or the title, speaks for it. Artists who share a name are all meant.
    """
    found: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    for part, factor in ((title, 3), (text, 1)):
        words = _WORD.findall(part[:400_000])
        folded = [fold(it) for it in words]
        at = 0
        while at < len(words):
            length = 0
            for count in range(min(MOST_WORDS, len(words) - at), 0, -1):
                ids = names.by_words.get(tuple(folded[at : at + count]))
                if ids is None:
                    continue
                if count == 1 and not (words[at][0].isupper() or words[at][0].isdigit()):
                    continue
                everyday = count == 1 and (folded[at] in _PLAIN or len(folded[at]) < 3)
                for id in ids:
                    (plain if everyday else found)[id] += factor
                length = count
                break
            at += max(1, length)
    if found:
        found += Counter({id: n for id, n in plain.items() if n > 1})
    return dict(found)


@dataclass(frozen=True, slots=True)
class Trend:
    """`score`: by how many standard deviations the last week exceeds what was to be expected."""

    artist_id: str
    recent: int
    before: int
    score: float


def trending(articles: Iterable[tuple[datetime, str, Iterable[str]]], at: datetime) -> list[Trend]:
    """Artists by how unexpected last week's articles about them are, the most first.

    `articles` are (published at, source, artist ids). A source counts once a day, so that a feed
    that repeats itself makes no trend. Poisson counts: z = (n - e) / sqrt(e + 1).
    """
    recent: dict[str, set[tuple[str, str]]] = {}
    before: dict[str, set[tuple[str, str]]] = {}
    for published_at, source, artist_ids in articles:
        age = at - published_at
        if timedelta() <= age < RECENT:
            table = recent
        elif RECENT <= age < RECENT + BEFORE:
            table = before
        else:
            continue
        for id in artist_ids:
            table.setdefault(id, set()).add((source, published_at.date().isoformat()))
    found: list[Trend] = []
    for id, seen in recent.items():
        count, past = len(seen), len(before.get(id, ()))
        expected = past * (RECENT / BEFORE)
        score = (count - expected) / math.sqrt(expected + 1)
        if count >= LEAST_MENTIONS and score >= 1.0:
            found.append(Trend(id, count, past, round(score, 3)))
    return sorted(found, key=lambda it: (-it.score, it.artist_id))
