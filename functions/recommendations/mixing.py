"""One listener's generation: what the models propose, and the lists that are made of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from functions.recommendations import candidates, products
from functions.recommendations.blending import Listener
from functions.recommendations.candidates import CHARTS, FRESH, LISTENING, Item, gather
from functions.recommendations.explaining import reasons
from functions.recommendations.generations import Candidate, Source, UserGeneration
from functions.recommendations.taste import Taste
from shared.events import MixPublished
from shared.ids import derived_id

LOVED = 150
"""Of a listener's own tracks, for their daily mixes."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of tracks: to blend them by, and what they and their artists are called."""

    items: Mapping[str, Item]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What the models found for a listener. `heard` maps tracks to days since; `played` are the
    profile's tracks and their weights, heaviest first."""

    user_id: str
    market: str | None
    bot: bool
    listening: Sequence[Candidate]
    chart: Sequence[str]
    played: Sequence[tuple[str, float]]
    heard: Mapping[str, float]
    vector: Sequence[float]


def proposals(found: Found) -> tuple[Source, ...]:
    """Sources, as they are kept. Whoever has no history, or no person's, is offered the charts."""
    size = len(found.chart)
    chart = tuple(
        Candidate(track_id, round(1 - rank / size, 4))
        for rank, track_id in enumerate(found.chart)
        if track_id not in found.heard
    )
    kept = [Source(CHARTS, chart)] if chart else []
    if found.listening:
        kept.insert(0, Source(LISTENING, tuple(found.listening)))
    return tuple(kept)


def generation_of(found: Found, generation: str, now: datetime) -> UserGeneration:
    """The document of all that."""
    return UserGeneration(
        user_id=found.user_id,
        generation=generation,
        made_at=now,
        sources=proposals(found),
        vector=tuple(found.vector),
        played=tuple(id for id, _ in found.played),
        weights=tuple(round(weight, 4) for _, weight in found.played),
        bot=found.bot,
    )


def mixes(
    found: Found,
    made: UserGeneration,
    facts: Facts,
    taste: Taste,
    *,
    on: date,
    fresh: Sequence[str] = (),
) -> list[MixPublished]:
    """Discover Weekly and the daily mixes, explained. Lists that would be empty are left out:
    the last one then stays.

    `fresh` are new releases of artists that the user follows or plays.
    """
    offered = [
        candidates.Candidate(it.track_id, source.name, it.score, it.because)
        for source in made.sources
        for it in source.candidates
    ]
    offered += [candidates.Candidate(id, FRESH, 1.0) for id in fresh]
    pool = gather(offered, facts.items)
    listener = Listener(
        found.user_id,
        market=found.market,
        explicit=taste.explicit,
        heard=found.heard,
        blocked=frozenset(taste.unwanted),
    )
    loved = [
        products.Loved(facts.items[id], weight)
        for id, weight in found.played[:LOVED]
        if id in facts.items
    ]
    lists = [products.discover_weekly(pool, listener, generation=made.generation, on=on)]
    lists += products.daily_mixes(loved, pool, listener, generation=made.generation, on=on)
    return [_published(mix, facts.names, made) for mix in lists if mix.tracks]


def _published(mix: products.Mix, names: Mapping[str, str], made: UserGeneration) -> MixPublished:
    return MixPublished(
        event_id=derived_id("mix", mix.playlist_id, made.generation),
        occurred_at=made.made_at,
        playlist_id=mix.playlist_id,
        user_id=mix.user_id,
        kind=mix.kind,
        number=mix.number,
        title=mix.title,
        description=products.description(mix, names),
        track_ids=tuple(it.item.track_id for it in mix.tracks),
        reasons=reasons(mix.tracks, names),
        generation=made.generation,
    )


def placed(items: Mapping[str, Item], vectors: Mapping[str, tuple[float, ...]]) -> dict[str, Item]:
    """`items` in the space of the model: those that it does not know have no place."""
    return {id: replace(it, vector=vectors.get(id, ())) for id, it in items.items()}
