"""What lies in BigQuery beside the events: data sets, tables that jobs fill, and their rows.

The program declares them (`infra.data`); royalties and insights fill and read them. Names in SQL
are `{project}.{data set}.{table}`; a deployable is told `{project}.{data set}` by its environment.
"""

from dataclasses import dataclass
from datetime import date, datetime

DATASETS = {"events": "segue_events", "royalties": "segue_royalties", "insights": "segue_insights"}
"""Our short name of each data set, and its own."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of `row`s (a frozen dataclass: a column for each field), partitioned by the day of
    `partition`. `dataset` is our short name."""

    dataset: str
    name: str
    row: type
    partition: str
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What royalties made of one play, in the period that it was booked in.

    `period` and `of_period` ("2026-11") differ for plays that came late. `verdict` COUNTED, or the
    first reason why not; `measure` is what exceeded (or missed) `bound`. `heard_ms` is how much of
    the track was heard at all. `lifted`: screens were lifted by hand.
    """

    period: str
    of_period: str
    play_id: str
    event_id: str
    user_id: str
    track_id: str
    started_at: datetime
    occurred_at: datetime
    territory: str
    plan: str
    heard_ms: int
    licence_id: str | None
    payee: str | None
    verdict: str
    measure: int | None
    bound: int | None
    lifted: bool


@dataclass(frozen=True, slots=True)
class PlaysHourly:
    """Plays of a track by hour, territory, plan and source. `counted`: 30 s or more; `completed`:
    nine tenths or more; `skipped`: left by the listener before 30 s."""

    day: date
    hour: int
    track_id: str
    territory: str
    plan: str
    source: str
    plays: int
    counted: int
    completed: int
    skipped: int
    ms_played: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far plays of a track got: `bucket` 0 to 19 are twentieths of its length, 20 its end;
    `skipped` of them were ended by the listener."""

    day: date
    track_id: str
    bucket: int
    plays: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Listening:
    """What one listener heard of one track on one day."""

    day: date
    user_id: str
    track_id: str
    plays: int
    ms_played: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose figures a track's are: "artist:ID" or "label:NAME"; as of `day`."""

    day: date
    track_id: str
    owner: str


@dataclass(frozen=True, slots=True)
class Popularity:
    """The popularity (0 to 100) last told of a track, as of `day`."""

    day: date
    track_id: str
    popularity: int
    plays: int


TABLES: tuple[Table, ...] = (
    Table("royalties", "judgements", Judgement, "started_at", ("period", "payee")),
    Table("insights", "plays_hourly", PlaysHourly, "day", ("track_id",)),
    Table("insights", "progress", Progress, "day", ("track_id",)),
    Table("insights", "listening", Listening, "day", ("track_id",)),
    Table("insights", "owners", Owner, "day", ("owner",)),
    Table("insights", "popularity", Popularity, "day", ("track_id",)),
)
