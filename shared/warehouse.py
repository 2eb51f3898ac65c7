"""What lies in BigQuery beside the events: data sets, tables that jobs fill, and their rows.

The program declares them (`infra.data`); royalties and insights fill and read them. Names in SQL
are `{project}.{data set}.{table}`; a deployable is told `{project}.{data set}` by its environment.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime

DATASETS = {
    "events": "segue_events",
    "royalties": "segue_royalties",
    "insights": "segue_insights",
    "recommendations": "segue_recommendations",
}
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
    the track was heard at all. `lifted`: screens were lifted by hand. `reported_ms` and
    `reported_licence_id` are what the report said, before the track's length and licences were
    looked at: enough to judge the play again without it.
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
    reported_ms: int | None = None
    reported_licence_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlaysHourly:
    """Plays of a track by hour, territory, plan and source. `counted`: 30 s or more; `completed`:
    nine tenths or more; `skipped`: left by the listener before 30 s. `believed`: counted, and no
    more of one account than a person listens to; null where it was not looked at yet."""

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
    believed: int | None = None


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
    """Whose figures a track's are: "artist:ID" or "label:NAME", and what it is called; as of
    `day`. `artist` is the name as credited, if the owner is one."""

    day: date
    track_id: str
    owner: str
    title: str
    artists: str
    artist: str | None


@dataclass(frozen=True, slots=True)
class Popularity:
    """The popularity (0 to 100) last told of a track, as of `day`."""

    day: date
    track_id: str
    popularity: int
    plays: int


@dataclass(frozen=True, slots=True)
class View:
    """A view; in `query` `{events}` and the like stand for `project.dataset`."""

    dataset: str
    name: str
    query: str

    def sql(self, project: str) -> str:
        text = self.query
        for short, dataset in DATASETS.items():
            text = text.replace(f"{{{short}}}", f"{project}.{dataset}")
        return text


COMPLETED_SHARE = 90
"""Per cent of a track that must have been heard for it to have been played to its end."""

HEARD_MS = "LEAST(ms_played, COALESCE(ms_distinct, ms_played), COALESCE(duration_ms, ms_played))"
"""How much of a track a report of a play says was heard of it at all."""

STANDS = """heard_ms DESC,
    occurred_at, event_id, started_at, user_id, track_id, territory, plan,
    COALESCE(licence_id, '')"""
"""Which of several reports of one `play_id` stands: the first in this order, whoever sent it."""


def standing(where: str) -> str:
    """The reports of plays that stand, of those `where`, with `heard_ms`.

    Days are counted one by one, so a report gives way to a better one that began on its day or the
    day before or after, and to no other: what stands on a day hangs on three days only.
    """
    return f"""
  SELECT * FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY play_id ORDER BY {STANDS},
      ms_played, end_reason, COALESCE(source, '')) AS place
    FROM (SELECT *, {HEARD_MS} AS heard_ms FROM `{{events}}.track_played` WHERE {where}) AS told
  ) AS placed
  QUALIFY place = MIN(place) OVER (PARTITION BY play_id ORDER BY UNIX_DATE(DATE(started_at))
    RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)
"""  # noqa: S608 - names of our own


PLAYS = f"""
SELECT event_id, occurred_at, play_id, user_id, track_id, started_at, ms_played, heard_ms,
  length_ms, territory, plan, COALESCE(source, 'unknown') AS source, end_reason,
  DATE(started_at) AS day, EXTRACT(HOUR FROM started_at) AS hour,
  heard_ms >= 30000 AS counted,
  length_ms IS NOT NULL AND heard_ms * 100 >= length_ms * {COMPLETED_SHARE} AS completed,
  heard_ms < 30000 AND end_reason IN ('skipped', 'fwdbtn', 'backbtn', 'clickrow') AS skipped,
  IF(length_ms IS NULL, NULL, LEAST(20, DIV(heard_ms * 20, length_ms))) AS bucket
FROM (
  SELECT * EXCEPT (heard_ms), NULLIF(duration_ms, 0) AS length_ms,
    LEAST(ms_played, COALESCE(ms_distinct, ms_played), COALESCE(NULLIF(duration_ms, 0), ms_played))
      AS heard_ms
  FROM ({standing("TRUE")}) AS stands
) AS once
"""  # noqa: S608 - names of our own
"""Every play once, with what is derived from it; `bucket` as in `Progress`."""

VIEWS: tuple[View, ...] = (
    View("insights", "plays", PLAYS),
    View(
        "insights",
        "plays_daily",
        """
SELECT day, track_id, territory, plan, source, SUM(plays) AS plays, SUM(counted) AS counted,
  SUM(completed) AS completed, SUM(skipped) AS skipped, SUM(ms_played) AS ms_played
FROM `{insights}.plays_hourly` GROUP BY day, track_id, territory, plan, source
""",
    ),
)

TABLES: tuple[Table, ...] = (
    Table("royalties", "judgements", Judgement, "started_at", ("period", "payee")),
    Table("insights", "plays_hourly", PlaysHourly, "day", ("track_id",)),
    Table("insights", "progress", Progress, "day", ("track_id",)),
    Table("insights", "listening", Listening, "day", ("track_id",)),
    Table("insights", "owners", Owner, "day", ("owner",)),
    Table("insights", "popularity", Popularity, "day", ("track_id",)),
)


def renewed(
    table: str,
    row: type,
    keys: tuple[str, ...],
    select: str,
    within: str,
    gone: str = "TRUE",
    *,
    given: str = "",
    compared: str = "TRUE",
) -> str:
    """One statement that makes the rows of `table` (of `row`s, named "{set}.name") `within` a
    bound be what `select` gives, so that nobody ever reads half of it. Only rows that differ are
    written.

    `known` is the table in `within`, which holds for every row that `select` gives, and in `gone`:
    rows that may go, of those within. `keys` tell rows apart, and are never null. `given`: a WITH
    clause that `select` and `compared` stand on; `compared` holds for all known rows that `select`
    gives anew or that may go, and for few others. What goes is
    found in the source and not by WHEN NOT MATCHED BY SOURCE: so the table is on the outer side
    of no join, and `within` keeps both engines from reading more of it than that (DuckDB joins a
    full outer join that has a bound in a loop: 300 s for 300,000 rows).
    """
    names = [it.name for it in fields(row)]
    rest = [name for name in names if name not in keys]
    columns = ", ".join(f"COALESCE(made.{key}, old.{key}) AS {key}" for key in keys)
    columns += "".join(f", made.{name} AS {name}" for name in rest)
    differs = " OR ".join(f"made.{name} IS DISTINCT FROM old.{name}" for name in rest)
    changes = ", ".join(f"{name} = made.{name}" for name in rest)
    first = keys[0]
    return f"""
MERGE `{table}` AS known USING (
  {given}
  SELECT {columns}, made.{first} IS NULL AS is_gone
  FROM ({select}) AS made
  FULL OUTER JOIN (
    SELECT {", ".join(names)}, {gone} AS may_go FROM `{table}` AS known
    WHERE {within} AND {compared}
  ) AS old ON {_same("made", "old", keys)}
  WHERE IF(made.{first} IS NULL, old.may_go, old.{first} IS NULL OR {differs})
) AS made
ON {_same("known", "made", keys)} AND {within}
WHEN MATCHED AND made.is_gone THEN DELETE
WHEN MATCHED THEN UPDATE SET {changes}
WHEN NOT MATCHED THEN INSERT ({", ".join(names)})
  VALUES ({", ".join(f"made.{name}" for name in names)})
"""  # noqa: S608 - names of our own


def _same(one: str, other: str, keys: tuple[str, ...]) -> str:
    return " AND ".join(f"{one}.{key} = {other}.{key}" for key in keys)
