"""Rules of smart playlists: what a track must be, by catalog and the owner's history. Pure.

    {"match": "all", "limit": 50, "order": "most_played", "live": true, "conditions": [
        {"field": "genre", "op": "is", "value": "jazz"},
        {"field": "year", "op": "between", "value": [1959, 1965]},
        {"field": "last_played", "op": "more", "value": 30}]}

`last_played` is in days ago, never played counting as infinitely long; `plays` of 30 seconds or
more.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from shared.errors import Invalid
from shared.webapi.cards import TrackCard

MAX_CONDITIONS = 20
MAX_KEYS = 30
DAY_MS = 86_400_000

Field = Literal[
    "title", "artist", "album", "label", "genre", "mood", "year", "duration_ms", "popularity",
    "explicit", "plays", "last_played", "liked",
]  # fmt: skip
_TEXT = frozenset({"title", "artist", "album", "label", "genre", "mood"})
_NUMBER = frozenset({"year", "duration_ms", "popularity", "plays", "last_played"})
_HISTORY = frozenset({"plays", "last_played", "liked"})
_INDEXED = frozenset({"artist", "label", "genre", "mood"})


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    field: Field
    op: Literal["is", "is_not", "contains", "less", "more", "between"]
    value: str | bool | int | list[int]


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """`live`: kept up as tracks and history change; else evaluated once."""

    conditions: tuple[Condition, ...]
    match: Literal["all", "any"] = "all"
    order: Literal["popularity", "newest", "oldest", "most_played", "last_played", "title"] = (
        "popularity"
    )
    limit: int = 100
    live: bool = True

    @property
    def asks_history(self) -> bool:
        """Whether what the owner has played or liked matters."""
        by_order = self.order in ("most_played", "last_played")
        return by_order or any(it.field in _HISTORY for it in self.conditions)


class Heard(Struct, frozen=True):
    """What a user did with a track. Instants in Unix ms."""

    plays: int = 0
    last_played_at: int = 0
    liked: bool = False


def parse(value: Any) -> Rule:
    """A rule from plain values.

    Raises:
        Invalid: it is none (code INVALID_RULE).
    """
    try:
        rule = msgspec.convert(value, Rule)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error
    if not 1 <= len(rule.conditions) <= MAX_CONDITIONS or not 1 <= rule.limit <= 1_000:
        raise _invalid(f"1 to {MAX_CONDITIONS} conditions, and a limit of 1 to 1000")
    for it in rule.conditions:
        _check(it)
    return rule


def _check(it: Condition) -> None:
    value = it.value
    if it.op == "between":
        pair = value if isinstance(value, list) and len(value) == 2 else None
        good = it.field in _NUMBER and pair is not None
        if pair and pair[0] > pair[1]:
            raise _invalid(f"{it.field} between: from the smaller to the larger")
    elif it.op in ("less", "more"):
        good = it.field in _NUMBER and isinstance(value, int) and not isinstance(value, bool)
    elif it.op == "contains":
        good = it.field in _TEXT and isinstance(value, str)
    elif it.field in _TEXT:
        good = isinstance(value, str)
    elif it.field in _NUMBER:
        good = isinstance(value, int) and not isinstance(value, bool)
    else:
        good = isinstance(value, bool)
    if not good or (isinstance(value, str) and not 0 < len(value) <= 200):
        raise _invalid(f"{it.field} {it.op} does not go with that value")


def keys_of(rule: Rule) -> list[str] | None:
    """Keys (`genre:jazz`) one of which every match has; None: matches have none in common."""
    found = [_keys(it) for it in rule.conditions]
    if rule.match == "any":
        together = [key for keys in found for key in keys or ()]
        return together if all(found) and len(together) <= MAX_KEYS else None
    usable = [keys for keys in found if keys]
    return min(usable, key=len) if usable else None


def only_heard(rule: Rule) -> bool:
    """Whether every match is a track that the owner has liked or played."""
    telling = [
        (it.field == "liked" and it.op == "is" and it.value is True)
        or (it.field == "plays" and it.op == "more" and _int(it.value) >= 0)
        or (it.field == "plays" and it.op == "is" and it.value != 0)
        or (it.field == "last_played" and it.op in ("less", "between", "is"))
        for it in rule.conditions
    ]
    return any(telling) if rule.match == "all" else all(telling)


def matches(rule: Rule, card: TrackCard, heard: Heard | None, now_ms: int) -> bool:
    """Whether the track satisfies the rule."""
    found = (_holds(it, card, heard or _NEVER, now_ms) for it in rule.conditions)
    return card.plays and (all(found) if rule.match == "all" else any(found))


def ordered(rule: Rule, cards: Mapping[str, TrackCard], heard: Mapping[str, Heard]) -> list[str]:
    """The ids of `cards` in the rule's order, `limit` at most. Ties by id, so always the same."""

    def rank(id: str) -> tuple[Any, ...]:
        card, known = cards[id], heard.get(id, _NEVER)
        match rule.order:
            case "newest" | "oldest":
                digits = (card.release_date or "0000").replace("-", "").ljust(8, "0")
                return (-int(digits) if rule.order == "newest" else int(digits), id)
            case "most_played":
                return (-known.plays, id)
            case "last_played":
                return (-known.last_played_at, id)
            case "title":
                return (card.title.casefold(), id)
        return (-card.popularity, id)

    return sorted(cards, key=rank)[: rule.limit]


_NEVER = Heard()


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _keys(it: Condition) -> list[str]:
    if it.field in _INDEXED and it.op == "is" and isinstance(it.value, str):
        return [f"{it.field}:{it.value.casefold()}"]
    if it.field == "year" and it.op == "is":
        return [f"year:{it.value}"]
    if it.field == "year" and it.op == "between" and isinstance(it.value, list):
        first, last = it.value
        if 0 <= last - first < MAX_KEYS:
            return [f"year:{year}" for year in range(first, last + 1)]
    return []


def _holds(it: Condition, card: TrackCard, heard: Heard, now_ms: int) -> bool:
    if it.field in _TEXT:
        wanted = str(it.value).casefold()
        texts = [text.casefold() for text in _texts(it.field, card)]
        if it.op == "contains":
            return any(wanted in text for text in texts)
        return (wanted in texts) == (it.op == "is")
    if it.field in ("explicit", "liked"):
        value = card.explicit if it.field == "explicit" else heard.liked
        return (value == it.value) == (it.op == "is")
    number = _number(it.field, card, heard, now_ms)
    if number is None:
        return it.op == "is_not"
    if isinstance(it.value, list):
        return it.value[0] <= number <= it.value[1]
    wanted_number = int(it.value)
    if it.op == "less":
        return number < wanted_number
    if it.op == "more":
        return number > wanted_number
    number = math.floor(number) if math.isfinite(number) else number
    return (number == wanted_number) == (it.op == "is")


def _texts(field: str, card: TrackCard) -> list[str]:
    match field:
        case "title":
            return [card.title]
        case "artist":
            return [it.name for it in card.credits if it.role in ("main", "featured", "remixer")]
        case "album":
            return [card.album or ""]
        case "label":
            return [card.label or ""]
        case "genre":
            return list(card.genres)
    return list(card.moods)


def _number(field: str, card: TrackCard, heard: Heard, now_ms: int) -> float | None:
    match field:
        case "year":
            return int(card.release_date[:4]) if card.release_date else None
        case "duration_ms":
            return card.duration_ms
        case "popularity":
            return card.popularity
        case "plays":
            return heard.plays
    if not heard.last_played_at:
        return math.inf
    return (now_ms - heard.last_played_at) / DAY_MS


def _invalid(message: str) -> Invalid:
    return Invalid(f"not a rule: {message}"[:300], code="INVALID_RULE")
