"""Where recommendations keeps what it knows, and where the batch left what it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from functions.recommendations import generations, known, texts
from functions.recommendations.generations import (
    Chart,
    ItemGeneration,
    Pointer,
    UserGeneration,
)
from functions.recommendations.known import KnownArtist, KnownTrack
from functions.recommendations.taste import TasteDocument
from functions.recommendations.texts import Article, Feed, Text, TextModel, VectorPart
from shared.gcp.documents import Documents
from shared.webapi.cards import UserCard

TASTES = "reco_tastes"
PEOPLE = "reco_people"
MIXES = "reco_mixes"


@dataclass(frozen=True, slots=True)
class MixCard:
    """A playlist made for the user, as the home page shows it."""

    playlist_id: str
    kind: str
    number: int | None
    title: str
    description: str
    generation: str
    cover_ids: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Mixes:
    """All that were made for a user, by playlist id."""

    user_id: str
    mixes: dict[str, MixCard]


COLLECTIONS: Mapping[str, tuple[str, type, str]] = {
    "tracks": (known.TRACKS, KnownTrack, "track"),
    "artists": (known.ARTISTS, KnownArtist, "artist"),
    "tastes": (TASTES, TasteDocument, "taste"),
    "people": (PEOPLE, UserCard, "user"),
    "mixes": (MIXES, Mixes, "mixes"),
    "texts": (texts.TEXTS, Text, "text"),
    "articles": (texts.ARTICLES, Article, "article"),
    "feeds": (texts.FEEDS, Feed, "feed"),
    "text_models": (texts.MODELS, TextModel, "text_model"),
    "text_vectors": (texts.VECTORS, VectorPart, "vectors"),
    "pointers": (generations.POINTERS, Pointer, "pointer"),
    "users": (generations.USERS, UserGeneration, "user_generation"),
    "items": (generations.ITEMS, ItemGeneration, "item_generation"),
    "charts": (generations.CHARTS, Chart, "chart"),
}
"""The fields of `Store`: collection, type of its documents, what one is called in errors."""


@dataclass(frozen=True, slots=True)
class Store:
    """The collections. Those of `generations` are the batch's: they are only read here."""

    tracks: Documents[KnownTrack]
    artists: Documents[KnownArtist]
    tastes: Documents[TasteDocument]
    people: Documents[UserCard]
    mixes: Documents[Mixes]
    texts: Documents[Text]
    articles: Documents[Article]
    feeds: Documents[Feed]
    text_models: Documents[TextModel]
    text_vectors: Documents[VectorPart]
    pointers: Documents[Pointer]
    users: Documents[UserGeneration]
    items: Documents[ItemGeneration]
    charts: Documents[Chart]
