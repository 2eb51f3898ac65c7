"""What is written of tracks and artists, as it is kept and as it is learned from. Pure.

Texts are kept as counts of tokens: what the model needs, and no copy of anybody's article.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from functions.recommendations import known, semantics, wording
from functions.recommendations.catalogue import Catalogue

TEXTS = "reco_texts"
ARTICLES = "reco_articles"
MODELS = "reco_text_models"
VECTORS = "reco_text_vectors"
FEEDS = "reco_feeds"

CURRENT = "current"
"""The id of the model that is in use."""

MOST_TERMS = 2000
TRACKS_A_PART = 3000
PLAYLISTS_A_TRACK = 200
_WEIGHTS: Mapping[str, float] = {"lyrics": 0.5, "playlist": 1.0, "article": 0.5}
_GENRE, _MOOD = 3.0, 2.0


@dataclass(frozen=True, slots=True)
class Text:
    """Words that belong to tracks. `kind` is lyrics or playlist; `terms` packed counts."""

    text_id: str
    kind: str
    revision: int
    track_ids: tuple[str, ...]
    terms: bytes


@dataclass(frozen=True, slots=True)
class Article:
    """An article that was read. `mentions` are artist ids, the most mentioned first, `counts`
    theirs; `stamp` sorts by when it came out."""

    article_id: str
    stamp: str
    url: str | None
    source: str
    title: str
    excerpt: str
    language: str | None
    published_at: datetime
    mentions: tuple[str, ...]
    counts: tuple[int, ...]
    terms: bytes


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed whose articles are read. `problem`: why the last time failed."""

    feed_id: str
    url: str
    added_at: datetime
    read_at: datetime | None = None
    entries: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class TextModel:
    """A fitted model: its vectors lie in `parts` documents `{model}~{n}`."""

    model: str
    parts: int
    made_at: datetime
    tracks: int
    terms: int


@dataclass(frozen=True, slots=True)
class VectorPart:
    """Vectors of some tracks: float16 rows of `known.TEXT_WIDTH`."""

    track_ids: tuple[str, ...]
    vectors: bytes


def packed(text: str, language: str | None = None) -> bytes:
    """The counts of a text's tokens, the most frequent `MOST_TERMS`."""
    counts = Counter(wording.tokens(text, language))
    return msgspec.msgpack.encode(dict(counts.most_common(MOST_TERMS)))


def unpacked(terms: bytes) -> dict[str, int]:
    return msgspec.msgpack.decode(terms, type=dict[str, int])


def documents(
    catalogue: Catalogue, texts: Iterable[Text], articles: Iterable[Article]
) -> dict[str, dict[str, float]]:
    """What the words around each track are: its own, its playlists', its artists'."""
    found: dict[str, dict[str, float]] = {}
    for id, item in catalogue.items.items():
        if not item.plays:
            continue
        own: dict[str, float] = {}
        for terms, weight in ((item.genres, _GENRE), (catalogue.cards[id].moods, _MOOD)):
            for term in terms:
                for word in (term.casefold(), *wording.tokens(term)):
                    own[word] = own.get(word, 0.0) + weight
        found[id] = own
    playlists: Counter[str] = Counter()
    for text in texts:
        terms = unpacked(text.terms)
        for id in text.track_ids:
            if id not in found or playlists[id] >= PLAYLISTS_A_TRACK:
                continue
            playlists[id] += text.kind == "playlist"
            _add(found[id], terms, _WEIGHTS[text.kind])
    for article in articles:
        terms = unpacked(article.terms)
        for artist_id in article.mentions[:5]:
            for id in catalogue.of_artist(artist_id):
                _add(found[id], terms, _WEIGHTS["article"])
    return {id: terms for id, terms in found.items() if terms}


def _add(document: dict[str, float], terms: Mapping[str, int], weight: float) -> None:
    for term, count in terms.items():
        document[term] = document.get(term, 0.0) + weight * min(count, 5)


def fitted(
    found: Mapping[str, Mapping[str, float]], model: str, at: datetime
) -> tuple[TextModel, dict[str, VectorPart]] | None:
    """The model's document and those of its vectors; None where words have nothing in common."""
    ids = sorted(found)
    made = semantics.fit([found[id] for id in ids], known.TEXT_WIDTH)
    if made is None:
        return None
    rows = made.vectors([found[id] for id in ids]).astype("<f2")
    parts: dict[str, VectorPart] = {}
    for number, start in enumerate(range(0, len(ids), TRACKS_A_PART)):
        some = slice(start, start + TRACKS_A_PART)
        parts[part_document(model, number)] = VectorPart(tuple(ids[some]), rows[some].tobytes())
    return TextModel(model, len(parts), at, len(ids), len(made.terms)), parts


def part_document(model: str, number: int) -> str:
    return f"{model}~{number}"


def vectors_of(parts: Sequence[VectorPart]) -> dict[str, tuple[float, ...]]:
    """Vectors by track; those that are nought or no numbers are left out."""
    found: dict[str, tuple[float, ...]] = {}
    for part in parts:
        rows = np.frombuffer(part.vectors, dtype="<f2").reshape(-1, known.TEXT_WIDTH)
        for id, row in zip(part.track_ids, rows.astype(float), strict=True):
            if np.isfinite(row).all() and row.any():
                found[id] = tuple(row.tolist())
    return found
