"""The sources: each answers what it would offer a listener. Pure; one interface for all.

    source(asked) -> candidates, best first

`listening` comes out of the weekly batch; the others are asked when they are needed, from memory.
A source that knows nothing answers nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from functions.recommendations import taste as tastes
from functions.recommendations.candidates import (
    AUDIO,
    CHARTS,
    FAMILIAR,
    FRESH,
    LISTENING,
    SEEDS,
    SESSION,
    SOCIAL,
    TEXT,
    Candidate,
)
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.generations import ItemGeneration, UserGeneration
from functions.recommendations.taste import Play, Taste

NEW_FOR = timedelta(days=60)
MOST = 150
FEWEST_FRIENDS = 2
_SEEDS = 30
_RECENT = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """What a source may look at. `models` are the batch's facts of tracks played lately."""

    taste: Taste
    catalogue: Catalogue
    on: date
    market: str | None
    batch: UserGeneration | None = None
    chart: Sequence[str] = ()
    friends: Mapping[str, Taste] = field(default_factory=dict)
    models: Mapping[str, ItemGeneration] = field(default_factory=dict)
    session: Sequence[Play] = ()


Source = Callable[[Asked], list[Candidate]]


def listening(asked: Asked) -> list[Candidate]:
    """What the batch found for the user: of all its sources, under their own names."""
    if asked.batch is None:
        return []
    return [
        Candidate(it.track_id, source.name, it.score, it.because)
        for source in asked.batch.sources
        for it in source.candidates
    ]


def audio(asked: Asked) -> list[Candidate]:
    """What sounds like what the user plays: for tracks, too, that nobody has played."""
    return _alike(asked, "audio", AUDIO)


def text(asked: Asked) -> list[Candidate]:
    """What is written about, sung and listed in the words of what the user plays."""
    return _alike(asked, "text", TEXT)


def _alike(asked: Asked, space: str, source: str) -> list[Candidate]:
    found = asked.catalogue.nearest(space, loved(asked), MOST)
    return [Candidate(id, source, score, (like,)) for id, score, like in found]


def loved(asked: Asked) -> dict[str, float]:
    """The tracks that speak for the user, and how much: played, saved, or of chosen artists."""
    shares = tastes.shares(asked.taste)
    found = {id: shares[id] for id in sorted(shares, key=lambda id: -shares[id])[:_SEEDS]}
    for id in asked.taste.saved[:_SEEDS]:
        found.setdefault(id, 0.4)
    if asked.batch is not None:
        for id, weight in zip(asked.batch.played[:_SEEDS], asked.batch.weights, strict=False):
            found.setdefault(id, weight)
    if len(found) < _SEEDS:
        for artist_id in (*asked.taste.chosen, *asked.taste.artists)[:20]:
            for id in asked.catalogue.of_artist(artist_id, 3):
                found.setdefault(id, 0.5)
    return found


def familiar(asked: Asked) -> list[Candidate]:
    """What the user loves, once more, and the songs of artists chosen at the start."""
    shares = tastes.shares(asked.taste)
    best = sorted(shares, key=lambda id: -shares[id])[:MOST]
    found = [Candidate(id, FAMILIAR, shares[id], _artist(asked, id)) for id in best]
    for artist_id in asked.taste.chosen:
        found += [
            Candidate(id, FAMILIAR, 0.5, (artist_id,))
            for id in asked.catalogue.of_artist(artist_id, 10)
        ]
    return found


def social(asked: Asked) -> list[Candidate]:
    """What the people whom the user follows play: the more of them, the better.

    Only what at least `FEWEST_FRIENDS` of them play, and nobody is named: who listens in private
    must not be found out by what is recommended to others.
    """
    scores: dict[str, float] = {}
    players: dict[str, int] = {}
    for friend in asked.friends.values():
        shares = tastes.shares(friend, "short_term")
        for id in sorted(shares, key=lambda id: -shares[id])[:50]:
            scores[id] = scores.get(id, 0.0) + shares[id]
            players[id] = players.get(id, 0) + 1
    several = [id for id in scores if players[id] >= FEWEST_FRIENDS]
    best = sorted(several, key=lambda id: (-scores[id], id))[:MOST]
    return [Candidate(id, SOCIAL, scores[id]) for id in best]


def fresh(asked: Asked) -> list[Candidate]:
    """New in the market: first of artists whom the user follows or plays, then of any."""
    followed = {asked.catalogue.artist(id) for id in (*asked.taste.artists, *asked.taste.chosen)}
    table = asked.taste.ranges.get("long_term", tastes.Table()).artists
    highest = max(table.values(), default=1.0) or 1.0
    found: list[Candidate] = []
    for id in asked.catalogue.new(asked.on - NEW_FOR, asked.on, asked.market):
        item = asked.catalogue.items[id]
        mine = [it for it in item.artist_ids if it in followed]
        played = [it for it in item.artist_ids if it in table]
        score = 0.05 + item.popularity / 1000
        if mine:
            score += 1.0
        elif played:
            score += 0.3 + 0.5 * max(table[it] for it in played) / highest
        found.append(Candidate(id, FRESH, score, tuple(mine or played)))
    found.sort(key=lambda it: -it.score)
    return found[:MOST]


def charts(asked: Asked) -> list[Candidate]:
    """What the market plays most; where nothing was counted yet, what is known as popular."""
    ids = list(dict.fromkeys((*asked.chart, *asked.catalogue.popular(asked.market))))[:MOST]
    return [Candidate(id, CHARTS, 1 / (1 + place / 20)) for place, id in enumerate(ids)]


def session(asked: Asked) -> list[Candidate]:
    """What goes with the last few plays. A skip counts against what it is like."""
    weights: dict[str, float] = {}
    for age, play in enumerate(asked.session[:_RECENT]):
        weights[play.track_id] = weights.get(play.track_id, 0.0) + play.weight * 0.7**age
    liked = {id: it for id, it in weights.items() if it > 0}
    if not liked:
        return []
    scores: dict[str, float] = {}
    because: dict[str, str] = {}

    def add(id: str, score: float, of: str) -> None:
        scores[id] = scores.get(id, 0.0) + score
        because.setdefault(id, of)

    for id, weight in weights.items():
        model = asked.models.get(id)
        if model is not None:
            highest = max((it.weight for it in model.neighbours), default=0.0)
            for it in model.neighbours:
                if it.weight > 0:
                    add(it.track_id, weight * it.weight / highest, id)
        item = asked.catalogue.items.get(id)
        for artist_id in item.artist_ids if item else ():
            for other in asked.catalogue.of_artist(artist_id, 10):
                if other != id:
                    add(other, 0.25 * weight, id)
    for space, share in (("audio", 0.3), ("text", 0.5)):
        for id, likeness, of in asked.catalogue.nearest(space, weights, MOST):
            add(id, share * likeness, of)
    best = sorted((id for id in scores if scores[id] > 0), key=lambda id: -scores[id])[:MOST]
    return [Candidate(id, SESSION, scores[id], (because[id],)) for id in best]


def seeds(asked: Asked, track_ids: Iterable[str], artist_ids: Iterable[str],
          genres: Iterable[str]) -> list[Candidate]:  # fmt: skip
    """What is like these tracks, artists and genres."""
    catalogue, tracks, artists = asked.catalogue, list(track_ids), list(artist_ids)
    scores: dict[str, float] = {}
    because: dict[str, str] = {}

    def add(id: str, score: float, of: str) -> None:
        scores[id] = scores.get(id, 0.0) + score
        because.setdefault(id, of)

    weights = dict.fromkeys(tracks, 1.0)
    for artist_id in artists:
        own = catalogue.of_artist(artist_id, 20)
        for place, id in enumerate(own):
            add(id, 0.6 - 0.02 * place, artist_id)
            if place < 5:
                weights.setdefault(id, 0.6)
    for id, weight in list(weights.items()):
        item, model = catalogue.items.get(id), asked.models.get(id)
        highest = max((it.weight for it in model.neighbours), default=0.0) if model else 0.0
        for it in model.neighbours if model and highest > 0 else ():
            if it.weight > 0:
                add(it.track_id, weight * it.weight / highest, id)
        for artist_id in item.artist_ids if item else ():
            for other in catalogue.of_artist(artist_id, 10):
                add(other, 0.2 * weight, id)
        for genre in item.genres if item else ():
            for other in catalogue.of_genre(genre, 50):
                add(other, 0.1 * weight, id)
    for genre in genres:
        for place, id in enumerate(catalogue.of_genre(genre, MOST)):
            add(id, 0.5 / (1 + place / 50), genre)
    for space, share in (("audio", 0.4), ("text", 0.5)):
        for id, likeness, of in catalogue.nearest(space, weights, MOST):
            add(id, share * likeness, of)
    best = sorted((id for id in scores if id not in tracks), key=lambda id: (-scores[id], id))
    return [Candidate(id, SEEDS, scores[id], (because[id],)) for id in best[: 2 * MOST]]


BASIC: Mapping[str, Source] = {
    LISTENING: listening,
    AUDIO: audio,
    TEXT: text,
    SOCIAL: social,
    FRESH: fresh,
    FAMILIAR: familiar,
    CHARTS: charts,
}
"""What makes a listener's pool; `session` and `seeds` come to it with what is asked."""


def _artist(asked: Asked, track_id: str) -> tuple[str, ...]:
    item = asked.catalogue.items.get(track_id)
    return item.artist_ids[:1] if item else ()
