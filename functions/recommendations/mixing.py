"""One listener's generation: what the models propose, and the lists that are made of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from functions.recommendations import candidates, products
from functions.recommendations.blending import WEIGHTS, Listener
from functions.recommendations.candidates import CHARTS, LISTENING, Item, gather
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
    """What the sources found for a listener. `heard` maps tracks to days since; `played` are the
    profile's tracks and their weights, heaviest first."""

    user_id: str
    market: str | None
    bot: bool
    offered: Sequence[candidates.Candidate]
    played: Sequence[tuple[str, float]]
    heard: Mapping[str, float]
    vector: Sequence[float]


KEPT = (LISTENING, CHARTS)
"""Sources whose candidates are kept for requests; the others are asked anew at each."""


def proposals(found: Found) -> tuple[Source, ...]:
    """Sources, as they are kept. Whoever has no history, or no person's, is offered the charts."""
    kept: list[Source] = []
    for name in KEPT:
        own = tuple(
            Candidate(it.track_id, it.score, it.because)
            for it in found.offered
            if it.source == name
        )
        if own:
            kept.append(Source(name, own))
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
    weights: Mapping[str, float] = WEIGHTS,
) -> list[MixPublished]:
    """Discover Weekly and the daily mixes, explained. Lists that would be empty are left out:
    the last one then stays.
    """
    pool = gather(found.offered, facts.items)
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
    week = {"generation": made.generation, "on": on, "weights": weights}
    lists = [products.discover_weekly(pool, listener, **week)]
    lists += products.daily_mixes(loved, pool, listener, **week)
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
