"""What is known of a listener, as it grows play by play. Pure.

Scores of the three time ranges decay forward (Cormode et al., "Forward decay", ICDE 2009): a play
at time t adds `weight * 2^((t - landmark) / half_life)`, so nothing is ever rewritten because time
passes, and plays may come late and in any order. Every table is capped: a user with a million
plays costs what a user with a thousand does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec

from shared.events import TrackPlayed

RANGES: Mapping[str, float] = {"short_term": 14.0, "medium_term": 90.0, "long_term": 365.0}
"""Half-lives in days: what is four weeks, six months and years in the Web API's words."""

MOST_RECENT = 100
MOST_TOP = 300
MOST_HEARD = 5000
MOST_SEEN = 300
MOST_UNWANTED = 2000
MOST_FOLLOWED = 2000
MOST_CHOSEN = 50
COUNTED_MS = 30_000
"""A play counts from here on: shorter ones are skips."""
PLAYS_A_DAY = 200
"""More of one track in a day weigh nothing: nobody listens like that."""

_LANDMARK = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_DAY_S = 86_400.0
# Beyond that the exponent leaves float64: then everything is brought back to a new landmark.
_MOST_DOUBLINGS = 900.0
_SKIPPED = ("skipped", "next", "forward")


@dataclass(frozen=True, slots=True)
class Play:
    """One play. `weight` from −1 (skipped at once) to 1 (heard to the end); `at` Unix seconds."""

    track_id: str
    at: float
    weight: float


@dataclass(frozen=True, slots=True)
class Table:
    """Decayed scores by id, of one time range."""

    tracks: dict[str, float] = field(default_factory=dict)
    artists: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taste:
    """All of it. `recent` newest first; `heard` maps tracks to when they were last played (Unix
    seconds); `seen` the ids of plays that were counted lately; `unwanted` tracks and artists that
    the user is not interested in; `chosen` artists picked at the start; `users` whom they follow.
    """

    user_id: str
    recent: tuple[Play, ...] = ()
    ranges: dict[str, Table] = field(default_factory=dict)
    heard: dict[str, float] = field(default_factory=dict)
    seen: tuple[str, ...] = ()
    artists: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    explicit: bool = True
    market: str | None = None


@dataclass(frozen=True, slots=True)
class TasteDocument:
    """How it lies in Firestore: packed, since it is always read whole."""

    user_id: str
    packed: bytes
    updated_at: datetime


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Taste)


def document(taste: Taste, at: datetime) -> TasteDocument:
    return TasteDocument(taste.user_id, _pack(taste), at)


def taste_of(document: TasteDocument | None, user_id: str) -> Taste:
    """An empty taste where nothing is known yet."""
    return Taste(user_id) if document is None else _unpack.decode(document.packed)


def played(
    taste: Taste, event: TrackPlayed, artist_ids: Iterable[str], duration_ms: int | None
) -> Taste | None:
    """The taste after a play; None when that very play was counted before.

    A play that comes late takes its place by its own time.
    """
    if event.event_id in taste.seen:
        return None
    at = event.started_at.timestamp()
    play = Play(event.track_id, at, weight(event.ms_played, duration_ms, event.end_reason))
    recent = sorted((*taste.recent, play), key=lambda it: -it.at)[:MOST_RECENT]
    after = replace(
        taste,
        recent=tuple(recent),
        seen=(event.event_id, *taste.seen)[:MOST_SEEN],
        heard=_newest({**taste.heard, play.track_id: max(at, taste.heard.get(play.track_id, 0))}),
        market=event.territory or taste.market,
    )
    same_day = sum(it.track_id == play.track_id and abs(it.at - at) < _DAY_S for it in taste.recent)
    if (event.ms_played < COUNTED_MS and play.weight < 1) or same_day >= PLAYS_A_DAY:
        return after
    amount = max(0.1, play.weight)
    ranges = {
        name: _added(taste.ranges.get(name, Table()), play.track_id, artist_ids, amount, at, days)
        for name, days in RANGES.items()
    }
    return replace(after, ranges=ranges)


def weight(ms_played: int, duration_ms: int | None, end_reason: str) -> float:
    """How much a play says: 1 heard to the end, below 0 for a skip within seconds."""
    if end_reason in ("ended", "trackdone"):
        return 1.0
    share = ms_played / duration_ms if duration_ms else ms_played / 180_000
    if ms_played < COUNTED_MS and share < 0.5:
        return -1.0 + max(0.0, ms_played) / COUNTED_MS if end_reason in _SKIPPED else 0.0
    return max(0.0, min(1.0, share))


def top(taste: Taste, range_: str, kind: str) -> list[str]:
    """Ids of `tracks` or `artists` by their score in that range, the highest first."""
    table = taste.ranges.get(range_, Table())
    scores = table.tracks if kind == "tracks" else table.artists
    return sorted(scores, key=lambda id: (-scores[id], id))


def shares(taste: Taste, range_: str = "medium_term") -> dict[str, float]:
    """Each track's score as a share of the highest one."""
    scores = taste.ranges.get(range_, Table()).tracks
    highest = max(scores.values(), default=0.0)
    return {id: score / highest for id, score in scores.items()} if highest > 0 else {}


def unwanted(taste: Taste, ids: Iterable[str], wanted: bool) -> Taste:
    """With `ids` (tracks or artists) put away, or taken back."""
    these = tuple(dict.fromkeys(ids))
    others = tuple(id for id in taste.unwanted if id not in these)
    return replace(taste, unwanted=(others if wanted else (*these, *others))[:MOST_UNWANTED])


def followed(taste: Taste, kind: str, id: str, saved: bool) -> Taste | None:
    """With an artist or user followed or let go, a track saved or not; None for other kinds."""
    name = {"artist": "artists", "user": "users", "track": "saved"}.get(kind)
    if name is None:
        return None
    known: tuple[str, ...] = getattr(taste, name)
    if (id in known) == saved:
        return None
    after = (id, *known)[:MOST_FOLLOWED] if saved else tuple(it for it in known if it != id)
    return replace(taste, **{name: after})


def _added(
    table: Table, track_id: str, artist_ids: Iterable[str], amount: float, at: float, days: float
) -> Table:
    doublings = (at - _LANDMARK) / _DAY_S / days
    more = amount * 2 ** max(-_MOST_DOUBLINGS, min(_MOST_DOUBLINGS, doublings))
    tracks = {**table.tracks, track_id: table.tracks.get(track_id, 0.0) + more}
    artists = dict(table.artists)
    for id in artist_ids:
        artists[id] = artists.get(id, 0.0) + more
    return Table(_highest(tracks), _highest(artists))


def _highest(scores: dict[str, float]) -> dict[str, float]:
    """Pruned by a third at a time, so that it is seldom sorted."""
    if len(scores) <= MOST_TOP * 4 // 3:
        return scores
    kept = sorted(scores, key=lambda id: -scores[id])[:MOST_TOP]
    return {id: scores[id] for id in kept}


def _newest(heard: dict[str, float]) -> dict[str, float]:
    if len(heard) <= MOST_HEARD * 6 // 5:
        return heard
    kept = sorted(heard, key=lambda id: -heard[id])[:MOST_HEARD]
    return {id: heard[id] for id in kept}
