"""From plays to profiles: how much each play says, whose history is no person's. Pure.

A play weighs by how much of the track was heard, and by how long ago; a skip speaks against.
Plays of one user and track add up, and saturate: 1 - exp(-sum). Blocks of plays are summed where
they are read, so that neither a listener with a million plays nor a hot track meets one worker
as a million elements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from functions.recommendations.matrix import Floats, Ints, Matrix, Profiles

HALF_LIFE_DAYS = 180.0
UNKNOWN_DURATION_MS = 180_000
HEARD_MS = 30_000
"""A play that was left before this, and before half of the track, was a skip."""
SKIP = -0.25
CAP = 1_000
"""Tracks in a profile: those that weigh most."""
MAX_DAY_MS = 26 * 3_600_000
"""Heard in one day: more than a day has, with slack for clocks, is no person."""
MAX_DAY_PLAYS = 2_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, eq=False)
class Plays:
    """A block of plays in columns. `user` and `track` number `users` and `tracks`.

    `at_ms` since 1970; `played_ms` heard; `duration_ms` of the track, 0 where it is not known.
    `markets` are the users', where each was last; "" where that is not known.
    """

    users: tuple[str, ...]
    markets: tuple[str, ...]
    tracks: tuple[str, ...]
    user: Ints
    track: Ints
    at_ms: Ints
    played_ms: Ints
    duration_ms: Ints

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Plays of some users, summed: by user and track, and by user and day. Sums of these add up.

    `weight` counts plays before the cut only, `plays` all: what was heard since is not learned
    from but is not new either. `last_ms`: when the pair was last played; `seen_ms` the user.
    """

    users: tuple[str, ...]
    markets: tuple[str, ...]
    seen_ms: Ints
    tracks: tuple[str, ...]
    user: Ints
    track: Ints
    weight: Floats
    plays: Ints
    last_ms: Ints
    day_user: Ints
    day: Ints
    day_ms: Ints
    day_plays: Ints


def weigh(plays: Plays, cut: datetime) -> Heard:
    """Sum a block. `cut`: the generation's own Monday; aware.

    Negative or absurd lengths and times count as a play that said nothing, and still as heard.
    """
    cut_ms = int(cut.timestamp() * 1000)
    played = np.clip(plays.played_ms, 0, DAY_MS).astype(np.float64)
    length = np.where(plays.duration_ms > 0, plays.duration_ms, UNKNOWN_DURATION_MS)
    share = np.minimum(1.0, played / length)
    skipped = (played < HEARD_MS) & (share < 0.5)
    age_days = np.maximum(0.0, (cut_ms - plays.at_ms) / DAY_MS)
    weight = np.where(skipped, SKIP, share) * 0.5 ** (age_days / HALF_LIFE_DAYS)
    weight[plays.at_ms >= cut_ms] = 0.0
    pairs, at = np.unique(
        plays.user.astype(np.int64) * max(1, len(plays.tracks)) + plays.track, return_inverse=True
    )
    day = np.clip(plays.at_ms // DAY_MS, 0, 1 << 20)
    days, day_at = np.unique((plays.user.astype(np.int64) << 21) + day, return_inverse=True)
    last = np.zeros(len(pairs), dtype=np.int64)
    np.maximum.at(last, at, plays.at_ms)
    seen = np.zeros(len(plays.users), dtype=np.int64)
    np.maximum.at(seen, plays.user, plays.at_ms)
    return Heard(
        users=plays.users,
        markets=plays.markets,
        seen_ms=seen,
        tracks=plays.tracks,
        user=(pairs // max(1, len(plays.tracks))).astype(np.int32),
        track=(pairs % max(1, len(plays.tracks))).astype(np.int32),
        weight=np.bincount(at, weights=weight, minlength=len(pairs)),
        plays=np.bincount(at, minlength=len(pairs)),
        last_ms=last,
        day_user=(days >> 21).astype(np.int32),
        day=(days & ((1 << 21) - 1)).astype(np.int32),
        day_ms=np.bincount(day_at, weights=played, minlength=len(days)).astype(np.int64),
        day_plays=np.bincount(day_at, minlength=len(days)),
    )


def split(heard: Heard, shard_of: Ints, shards: int) -> list[tuple[int, Heard]]:
    """The parts of `heard` by shard; `shard_of` says each user's. Empty shards are left out."""
    own, days = shard_of[heard.user], shard_of[heard.day_user]
    by, by_day = np.argsort(own, kind="stable"), np.argsort(days, kind="stable")
    at = np.searchsorted(own[by], np.arange(shards + 1))
    at_day = np.searchsorted(days[by_day], np.arange(shards + 1))
    found: list[tuple[int, Heard]] = []
    for shard in range(shards):
        rows = by[at[shard] : at[shard + 1]]
        if len(rows):
            found.append((shard, _taken(heard, rows, by_day[at_day[shard] : at_day[shard + 1]])))
    return found


def _taken(heard: Heard, rows: Ints, days: Ints) -> Heard:
    user_ids, user = np.unique(heard.user[rows], return_inverse=True)
    track_ids, track = np.unique(heard.track[rows], return_inverse=True)
    return Heard(
        users=tuple(heard.users[it] for it in user_ids),
        markets=tuple(heard.markets[it] for it in user_ids),
        seen_ms=heard.seen_ms[user_ids],
        tracks=tuple(heard.tracks[it] for it in track_ids),
        user=user.astype(np.int32),
        track=track.astype(np.int32),
        weight=heard.weight[rows],
        plays=heard.plays[rows],
        last_ms=heard.last_ms[rows],
        day_user=np.searchsorted(user_ids, heard.day_user[days]).astype(np.int32),
        day=heard.day[days],
        day_ms=heard.day_ms[days],
        day_plays=heard.day_plays[days],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """All listeners of one shard. `profiles` is what they teach and are served by, capped;
    `heard` every track that they ever played, and when last, in seconds since 1970; `bots` whose
    history is no person's."""

    number: int
    profiles: Profiles
    markets: tuple[str, ...]
    heard: Matrix
    bots: frozenset[str]
    plays: int


def profiles(number: int, parts: Sequence[Heard], cap: int = CAP) -> Shard:
    """The listeners of a shard, out of all blocks that name them. Any order gives the same."""
    names = sorted({it for part in parts for it in part.users})
    titles = sorted({it for part in parts for it in part.tracks})
    of_user = {it: at for at, it in enumerate(names)}
    of_track = {it: at for at, it in enumerate(titles)}
    pairs: list[Ints] = []
    day_keys: list[Ints] = []
    for part in parts:
        user = np.fromiter((of_user[it] for it in part.users), dtype=np.int64)
        track = np.fromiter((of_track[it] for it in part.tracks), dtype=np.int64)
        pairs.append(user[part.user] * max(1, len(titles)) + track[part.track])
        day_keys.append((user[part.day_user] << 21) + part.day)
    key, at = np.unique(np.concatenate(pairs), return_inverse=True)
    weight = np.bincount(at, weights=np.concatenate([it.weight for it in parts]))
    last = np.zeros(len(key), dtype=np.int64)
    np.maximum.at(last, at, np.concatenate([it.last_ms for it in parts]))
    user, track = key // max(1, len(titles)), key % max(1, len(titles))
    bots = _bots(parts, day_keys, names)
    shape = (len(names), len(titles))
    heard = Matrix((np.maximum(1, last // 1000), (user, track)), shape=shape)
    heard.sort_indices()
    kept = _capped(user, np.maximum(0.0, weight), cap)
    kept &= ~np.isin(user, [of_user[it] for it in bots])
    saturated = (1 - np.exp(-weight[kept])).astype(np.float32)
    rows = Matrix((saturated, (user[kept], track[kept])), shape=shape)
    rows.sort_indices()
    return Shard(
        number,
        Profiles(tuple(names), tuple(titles), rows),
        _markets(parts, names),
        heard,
        bots,
        int(sum(it.plays.sum() for it in parts)),
    )


def _markets(parts: Sequence[Heard], names: Sequence[str]) -> tuple[str, ...]:
    """Where each listener was last, of those blocks that know it."""
    latest: dict[str, tuple[int, str]] = {}
    for part in parts:
        for user, market, at in zip(part.users, part.markets, part.seen_ms.tolist(), strict=True):
            if market:
                latest[user] = max(latest.get(user, (0, "")), (at, market))
    return tuple(latest.get(it, (0, ""))[1] for it in names)


def _capped(user: Ints, weight: Floats, cap: int) -> np.ndarray:
    """Which pairs stay: above nought, and among the user's `cap` heaviest."""
    order = np.lexsort((-weight, user))
    begins = np.searchsorted(user[order], user[order])
    kept = np.zeros(len(user), dtype=bool)
    kept[order] = np.arange(len(user)) - begins < cap
    return kept & (weight > 1e-6)


def _bots(parts: Sequence[Heard], day_keys: Sequence[Ints], names: Sequence[str]) -> frozenset[str]:
    key, at = np.unique(np.concatenate(day_keys), return_inverse=True)
    ms = np.bincount(at, weights=np.concatenate([it.day_ms for it in parts]))
    plays = np.bincount(at, weights=np.concatenate([it.day_plays for it in parts]))
    users = key[(ms > MAX_DAY_MS) | (plays > MAX_DAY_PLAYS)] >> 21
    return frozenset(names[int(it)] for it in np.unique(users))
