"""The sources of the weekly lists: each answers what it would offer each of some listeners. Pure.

    source(crowd) -> for each listener candidates, best first

One interface for all, as in `sources`, which serves requests; here listeners are asked together,
since most sources are products of matrices. A source that knows nothing answers nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from functions.recommendations import scoring, sources
from functions.recommendations import taste as tastes
from functions.recommendations.candidates import (
    AUDIO,
    CHARTS,
    FRESH,
    LISTENING,
    SOCIAL,
    TEXT,
    Candidate,
)
from functions.recommendations.generations import CANDIDATES, WORLD, Chart
from functions.recommendations.learned import Learned
from functions.recommendations.matrix import Matrix
from functions.recommendations.sources import Asked
from functions.recommendations.taste import Table, Taste

CONTENT = 60
"""Tracks that sound and words offer each."""
FRIENDS = 20
"""Whom the listener follows, of these at most."""
FRIENDS_TRACKS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """Some listeners side by side. `profiles` and `heard` are over the vocabulary, `met` what
    they heard of the unheard-of tracks; `ever` maps all that each heard to when (Unix seconds);
    `bots` are offered charts only."""

    users: Sequence[str]
    markets: Sequence[str]
    bots: frozenset[str]
    profiles: Matrix
    heard: Matrix
    met: Matrix
    ever: Sequence[Mapping[str, float]]
    tastes: Mapping[str, Taste]
    friends: Mapping[str, Taste]
    charts: Mapping[str, Chart]
    found: scoring.Proposals
    on: date


Source = Callable[[Crowd, Learned], list[list[Candidate]]]


def listening(crowd: Crowd, model: Learned) -> list[list[Candidate]]:
    """What those play who play the same."""
    return _candidates(LISTENING, crowd, crowd.found, model.vocabulary.tracks, model)


def audio(crowd: Crowd, model: Learned) -> list[list[Candidate]]:
    """Hardly heard tracks that sound like what the listener plays."""
    return _alike(AUDIO, crowd, model)


def text(crowd: Crowd, model: Learned) -> list[list[Candidate]]:
    """Hardly heard tracks that are written about in the words of what the listener plays."""
    return _alike(TEXT, crowd, model)


def _alike(source: str, crowd: Crowd, model: Learned) -> list[list[Candidate]]:
    found = scoring.propose(
        model.alike[source], crowd.profiles, crowd.met, CONTENT, listeners=crowd.found.vectors
    )
    return _candidates(source, crowd, found, model.unheard.tracks, model)


def _candidates(
    source: str, crowd: Crowd, found: scoring.Proposals, names: Sequence[str], model: Learned
) -> list[list[Candidate]]:
    played = model.vocabulary.tracks
    lists: list[list[Candidate]] = []
    for row, ever in enumerate(crowd.ever):
        own: list[Candidate] = []
        for at in (found.tracks[row] >= 0).nonzero()[0]:
            id = names[int(found.tracks[row, at])]
            if id not in ever:
                because = tuple(played[it] for it in found.because[row, at] if it >= 0)
                own.append(Candidate(id, source, round(float(found.scores[row, at]), 5), because))
        lists.append(own)
    return lists


def social(crowd: Crowd, _model: Learned) -> list[list[Candidate]]:
    """What several of those play whom the listener follows."""
    lists: list[list[Candidate]] = []
    for user in crowd.users:
        taste = crowd.tastes[user]
        friends = {it: crowd.friends[it] for it in taste.users[:FRIENDS] if it in crowd.friends}
        lists.append(sources.social(Asked(taste, _model.new, crowd.on, None, friends=friends)))
    return lists


def fresh(crowd: Crowd, model: Learned) -> list[list[Candidate]]:
    """New in the listener's market, by artists whom they follow or play."""
    lists: list[list[Candidate]] = []
    for user, market in zip(crowd.users, crowd.markets, strict=True):
        found = sources.fresh(Asked(crowd.tastes[user], model.new, crowd.on, market or None))
        lists.append([it for it in found if it.because])
    return lists


def charts(crowd: Crowd, _model: Learned) -> list[list[Candidate]]:
    """What the listener's market plays most, or the world."""
    lists: list[list[Candidate]] = []
    for market, ever in zip(crowd.markets, crowd.ever, strict=True):
        chart = crowd.charts.get(market) or crowd.charts.get(WORLD)
        ids = chart.track_ids if chart else ()
        lists.append(
            [
                Candidate(id, CHARTS, round(1 - rank / len(ids), 4))
                for rank, id in enumerate(ids)
                if id not in ever
            ]
        )
    return lists


WEEKLY: Mapping[str, Source] = {
    LISTENING: listening,
    AUDIO: audio,
    TEXT: text,
    SOCIAL: social,
    FRESH: fresh,
    CHARTS: charts,
}
"""By the names that lists and reports know them by."""


def asked(crowd: Crowd, model: Learned) -> list[list[Candidate]]:
    """What all sources offer each listener; a bot is offered the charts."""
    lists: list[list[Candidate]] = [[] for _ in crowd.users]
    for name, source in WEEKLY.items():
        for row, found in enumerate(source(crowd, model)):
            if name == CHARTS or crowd.users[row] not in crowd.bots:
                lists[row] += found[:CANDIDATES]
    return lists


def followed(known: Mapping[str, Taste]) -> list[str]:
    """Whose listening these listeners may be offered."""
    return sorted({it for taste in known.values() for it in taste.users[:FRIENDS]})


def friend(taste: Taste) -> Taste:
    """Of a friend's taste what `social` looks at: the rest need not be held."""
    shares = tastes.shares(taste, "short_term")
    best = sorted(shares, key=lambda id: (-shares[id], id))[:FRIENDS_TRACKS]
    return Taste(taste.user_id, ranges={"short_term": Table({id: shares[id] for id in best})})
