"""Listeners of a shard side by side, with all that the weekly sources look at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from functions.recommendations import weekly
from functions.recommendations.generations import CANDIDATES, CHARTS, WORLD, Chart, chart_document
from functions.recommendations.learned import Learned
from functions.recommendations.listening import Shard
from functions.recommendations.matrix import Matrix, Profiles
from functions.recommendations.outlets import TASTES, Opened, tastes_of
from functions.recommendations.plan import Plan
from functions.recommendations.taste import Taste, taste_of
from functions.recommendations.weekly import Crowd

FRIENDS_AT_ONCE = 200
"""Documents of friends in memory together; of each a few numbers stay."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Some listeners of a shard; `profiles` and `heard` are over its `tracks`."""

    users: Sequence[str]
    markets: Sequence[str]
    profiles: Matrix
    heard: Matrix
    tracks: tuple[str, ...]
    bots: frozenset[str]


def rows_of(shard: Shard, rows: Sequence[int]) -> Rows:
    """Those rows of a shard."""
    return Rows(
        [shard.profiles.users[it] for it in rows],
        [shard.markets[it] for it in rows],
        Matrix(shard.profiles.rows[rows]),
        Matrix(shard.heard[rows]),
        shard.profiles.tracks,
        shard.bots,
    )


def crowd_of(rows: Rows, model: Learned, opened: Opened, plan: Plan) -> Crowd:
    """The same listeners as sources see them."""
    users = tuple(rows.users)
    tastes = tastes_of(opened, users)
    known = model.vocabulary.index(Profiles(users, rows.tracks, rows.profiles))
    whole = Profiles(users, rows.tracks, rows.heard)
    heard = model.vocabulary.index(whole)
    return Crowd(
        users=users,
        markets=rows.markets,
        bots=rows.bots,
        profiles=known,
        heard=heard,
        met=model.unheard.index(whole),
        ever=[_ever(rows, row, tastes[user]) for row, user in enumerate(users)],
        tastes=tastes,
        friends=friends_of(opened, weekly.followed(tastes)),
        charts=charts_of(opened, plan.generation, {*rows.markets, WORLD}),
        found=model.proposed(known, heard, CANDIDATES),
        on=plan.now.date(),
    )


def _ever(rows: Rows, row: int, taste: Taste) -> dict[str, float]:
    """All that a listener heard, and when last: as the batch read it, and as was told since."""
    at = slice(rows.heard.indptr[row], rows.heard.indptr[row + 1])
    ids = (rows.tracks[it] for it in rows.heard.indices[at])
    last = dict(zip(ids, rows.heard.data[at].tolist(), strict=True))
    for track_id, when in taste.heard.items():
        last[track_id] = max(when, last.get(track_id, 0.0))
    return last


def friends_of(opened: Opened, user_ids: Sequence[str]) -> dict[str, Taste]:
    """What `social` needs of the tastes of these users; those of whom nothing is known left out."""
    found: dict[str, Taste] = {}
    for start in range(0, len(user_ids), FRIENDS_AT_ONCE):
        part = opened.find(TASTES, user_ids[start : start + FRIENDS_AT_ONCE])
        found |= {id: weekly.friend(taste_of(it, id)) for id, it in part.items()}
    return found


def charts_of(opened: Opened, generation: str, markets: Iterable[str]) -> dict[str, Chart]:
    """Charts by market, of those that have one."""
    ids = [chart_document(generation, it) for it in markets if it]
    return {it.market: it for it in opened.find(CHARTS, ids).values()}
