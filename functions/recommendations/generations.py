"""What the weekly batch leaves for the API: documents, their ids, and which generation is live.

A generation is an ISO week ("2026-W47"). Everything but the pointers is written under ids that
carry the generation and is never changed afterwards, so a batch that runs twice writes the same
documents twice, and a reader who began with one generation can finish with it. A user moves to a
new generation by one write, to the user's `Pointer`, after all that it points at is there:

    pointer = await store.pointers.find(user_id) or await store.pointers.find(EVERYONE)
    mine    = await store.users.find(user_document(pointer.generation, user_id))
    items   = await store.items.find_many(item_document(pointer.generation, t) for t in track_ids)
    charts  = await store.charts.find(chart_document(pointer.generation, "SE"))
    run     = await store.runs.find(run_document(pointer.generation, zone))

`EVERYONE` points at the newest generation whose items and charts are whole: for listeners whom no
batch has met yet. A user's own pointer may be a week behind it or ahead; the last but one
generation stays until its successor is whole everywhere, and pointers never go back.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EVERYONE = "-"
"""The id of the pointer that serves listeners without one of their own."""

WORLD = "-"
"""The market of the chart that counts plays of all markets."""

CANDIDATES = 200
"""Of each source, at most, in a `UserGeneration`."""

NEIGHBOURS = 50
"""At most, in an `ItemGeneration`."""

POINTERS, USERS, ITEMS, CHARTS, RUNS = (
    "reco_pointers",
    "reco_users",
    "reco_items",
    "reco_charts",
    "reco_runs",
)
"""The Firestore collections. The batch alone writes them."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """The generation that serves a user, and the one before it (kept for going on reading)."""

    user_id: str
    generation: str
    previous: str | None
    switched_at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A track that a source proposes.

    `score` is the source's own, higher is better, comparable within one source and user only.
    `because` are track ids of the user's own history that speak for it, the strongest first; for
    sources without a history it is empty.
    """

    track_id: str
    score: float
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """What one source proposes to one user, best first, at most `CANDIDATES`.

    `name` is one of `functions.recommendations.candidates.SOURCES`.
    """

    name: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class UserGeneration:
    """All that the batch found for one user, in one document.

    `vector`: the user in the space of the items' vectors. `played` are the profile's tracks,
    heaviest first (capped: it is no full history), `weights` theirs, 0 to 1. `bot`: the history is
    no person's; it taught the model nothing, and its owner gets charts.
    """

    user_id: str
    generation: str
    made_at: datetime
    sources: tuple[Source, ...]
    vector: tuple[float, ...]
    played: tuple[str, ...]
    weights: tuple[float, ...]
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Neighbour:
    """`weight` is what a play of the owning track adds to this one's score (local ridge); it may
    be below zero. Largest first."""

    track_id: str
    weight: float


@dataclass(frozen=True, slots=True)
class ItemGeneration:
    """A track in the model: `vector` of unit length; `popularity` 0 to 1, the share of listeners
    who play it."""

    track_id: str
    generation: str
    vector: tuple[float, ...]
    neighbours: tuple[Neighbour, ...]
    popularity: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The most played tracks of a market (ISO 3166-1, or `WORLD`), and how many listeners each
    had, best first."""

    market: str
    generation: str
    track_ids: tuple[str, ...]
    listeners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """How one launch of the batch goes. `state` is running, done, failed; `stage` what it does.

    `zone` is the part of the world that it fills. `counts` by name: users, lists, plays, bots …;
    `message` says in words why it failed; `report` is the object of the report page.
    """

    generation: str
    zone: str
    state: str
    stage: str
    done: int
    total: int
    started_at: datetime
    updated_at: datetime
    counts: dict[str, int]
    figures: dict[str, float]
    message: str | None = None
    report: str | None = None


def user_document(generation: str, user_id: str) -> str:
    """The id of a user's `UserGeneration`."""
    return f"{generation}~{user_id}"


def item_document(generation: str, track_id: str) -> str:
    """The id of a track's `ItemGeneration`."""
    return f"{generation}~{track_id}"


def chart_document(generation: str, market: str) -> str:
    """The id of a market's `Chart`."""
    return f"{generation}~{market}"


def run_document(generation: str, zone: str) -> str:
    """The id of a `Run`."""
    return f"{generation}~{zone}"


def forward(
    current: Pointer | None, user_id: str, generation: str, now: datetime
) -> Pointer | None:
    """The pointer after a switch to `generation`; None when nothing is to be written.

    A batch that runs twice, or one of an older week that was late, moves nobody.
    """
    if current is not None and current.generation >= generation:
        return None
    return Pointer(user_id, generation, current.generation if current else None, now)


_WEEK = re.compile(r"(\d{4})-W(\d{2})")


def generation_of(at: datetime) -> str:
    """The ISO week of `at`, e.g. "2026-W47" (ISO 8601). They sort as they follow."""
    year, week, _ = at.isocalendar()
    return f"{year:04d}-W{week:02d}"


def begins(generation: str) -> datetime:
    """Monday 00:00 UTC of the week: plays from then on belong to the next generation's fit.

    Raises:
        ValueError: that is no week.
    """
    match = _WEEK.fullmatch(generation)
    if match is None:
        raise ValueError(f"not an ISO week: {generation!r}")
    monday = datetime.fromisocalendar(int(match[1]), int(match[2]), 1)
    return monday.replace(tzinfo=UTC)


def before(generation: str) -> str:
    """The week before."""
    return generation_of(begins(generation) - timedelta(days=7))
