"""The forecast's signals out of the warehouse's rows: per edge and release. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from functions.warmer.forecast import Signals, expected_plays, per_presave
from functions.warmer.places import nearest, out_at
from functions.warmer.plan import Candidate

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Edge:
    """An audio endpoint, and the region whose warmer fills it. `url` without a closing slash."""

    name: str
    region: str
    url: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Piece:
    """An object to fetch: its name, and its size."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Release:
    """A track that is out since yesterday, or will be by tomorrow, and what to fetch of it."""

    track_id: str
    album_id: str | None
    release_on: date
    pieces: tuple[Piece, ...]

    @property
    def size_bytes(self) -> int:
        return sum(piece.size_bytes for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Known:
    """What the warehouse knows. `presaves` by item (track or album) and territory; `plays` of
    releases by track and territory; `listening` by territory and hour of the day (UTC), over a
    week; `matured` and `waited`: first-day plays and pre-saves of releases that have had theirs."""

    releases: Sequence[Release]
    presaves: Mapping[tuple[str, str], int]
    plays: Mapping[tuple[str, str], int]
    listening: Mapping[tuple[str, int], int]
    matured: Mapping[str, int]
    waited: Mapping[str, int]


def candidates(
    edge: Edge, edges: Iterable[Edge], known: Known, *, at: datetime, horizon: timedelta
) -> list[Candidate]:
    """What may be asked for at `edge` between `at` and `at + horizon`, and how often."""
    places = [(it.name, it.latitude, it.longitude) for it in edges]
    by_territory: Counter[str] = Counter()
    for (territory, _), count in known.listening.items():
        by_territory[territory] += count
    waiting_in = {territory for _, territory in known.presaves}
    playing_in = {territory for _, territory in known.plays}
    own = {it: nearest(it, places) for it in {*by_territory, *waiting_in, *playing_in}}
    total = sum(by_territory.values())
    # Nothing heard yet: every territory that waits counts the same.
    weight = {it: by_territory[it] / total if total else 1 / max(1, len(own)) for it in own}
    served = {it for it, name in own.items() if name == edge.name}
    share = sum(weight[it] for it in served)
    ratio = per_presave(known.matured, known.waited)
    found: list[Candidate] = []
    for release in known.releases:
        out_in = {it: out_at(release.release_on, it) for it in own}
        soonest = min((out_in[it] for it in served), default=None)
        if soonest is None or soonest > at + horizon or soonest < at - DAY:
            continue
        seen_in = [it for it in own if out_in[it] <= at]
        seen_share = sum(weight[it] for it in seen_in)
        out_s = sum(weight[it] * (at - out_in[it]).total_seconds() for it in seen_in)
        signals = Signals(
            release.track_id,
            release.size_bytes,
            sum(_waiting(known, release, it) for it in served),
            sum(_waiting(known, release, it) for it in own),
            sum(known.plays.get((release.track_id, it), 0) for it in seen_in),
            seen_share,
            out_s / seen_share if seen_share else 0.0,
        )
        age_s = max(0.0, (at - soonest).total_seconds())
        expected = expected_plays(
            signals,
            share=share,
            horizon_s=horizon.total_seconds(),
            age_s=age_s,
            per_presave=ratio,
        )
        expected *= tempo(known.listening, served, max(at, soonest), horizon)
        found.append(Candidate(release.track_id, release.size_bytes, expected))
    return found


def tempo(
    listening: Mapping[tuple[str, int], int],
    served: Iterable[str],
    start: datetime,
    horizon: timedelta,
) -> float:
    """How busy the hours ahead are there, next to an average hour: 1 where nothing is known."""
    by_hour: Counter[int] = Counter()
    for territory in served:
        for hour in range(24):
            by_hour[hour] += listening.get((territory, hour), 0)
    total = sum(by_hour.values())
    if not total:
        return 1.0
    hours = max(1, min(24, round(horizon / timedelta(hours=1))))
    ahead = sum(by_hour[(start.hour + n) % 24] for n in range(hours))
    # Drawn towards an even day by a hundred plays' worth: a few plays make no rush hour.
    return (ahead / hours + 100 / 24) / (total / 24 + 100 / 24)


def _waiting(known: Known, release: Release, territory: str) -> int:
    found = known.presaves.get((release.track_id, territory), 0)
    return found + (known.presaves.get((release.album_id, territory), 0) if release.album_id else 0)
