"""What BigQuery is asked by insights. Pure text, in what BigQuery and the local emulator both take.

Aggregates are made anew, day by day, for the days that something new was reported of. Each is one
statement, so nobody reads half a day; run again, it gives the same.

Figures are of plays, each once whoever reported it. Popularity is of those plays that are
believed: insights reads no judgement of royalties (they come a day later, for money, and name
payees), so it has bounds of its own, of one account on one day.
"""

from shared.warehouse import (
    COMPLETED_SHARE,
    Listening,
    Owner,
    PlaysHourly,
    Popularity,
    Progress,
    renewed,
    standing,
)

TOUCHED = """
SELECT DISTINCT CAST(DATE(started_at) AS STRING) AS day
FROM `{events}.track_played` WHERE occurred_at >= @since ORDER BY day
"""
"""The days that reports since then are of."""

TRACK_DAY_PLAYS = 10
"""So many plays of one track by one account on one day make it more popular."""
DAY_PLAYS = 600
HOUR_MS = 7_200_000
"""So much music, each play taken as an hour at most, may one account begin within an hour."""

_NEAR = """occurred_at >= TIMESTAMP(DATE_SUB(@first, INTERVAL 2 DAY))
        AND DATE(started_at) BETWEEN DATE_SUB(@first, INTERVAL 1 DAY)
          AND DATE_ADD(@last, INTERVAL 1 DAY)
        AND CAST(DATE(started_at) AS STRING) IN UNNEST(@near)"""

_ONCE = f"""
  SELECT *, LEAST(20, DIV(heard_ms * 20, length_ms)) AS bucket FROM (
    SELECT p.play_id, p.user_id, p.track_id, p.territory, p.plan, p.started_at,
      COALESCE(p.source, 'unknown') AS source, p.end_reason, p.ms_played,
      DATE(p.started_at) AS day, EXTRACT(HOUR FROM p.started_at) AS hour,
      NULLIF(COALESCE(p.duration_ms, t.length_ms), 0) AS length_ms,
      LEAST(p.ms_played, COALESCE(p.ms_distinct, p.ms_played),
        COALESCE(NULLIF(COALESCE(p.duration_ms, t.length_ms), 0), p.ms_played)) AS heard_ms
    FROM ({standing(_NEAR)}) AS p
    LEFT JOIN (
      SELECT track_id, MAX(duration_ms) AS length_ms FROM `{{events}}.track_changed`
      GROUP BY track_id
    ) AS t ON t.track_id = p.track_id
    WHERE CAST(DATE(p.started_at) AS STRING) IN UNNEST(@days)
  ) AS measured
"""  # noqa: S608 - names of our own
"""Plays of the days, each once; `@near` are those days and their neighbours."""

_BELIEVED = f"""
  SELECT *, heard_ms >= 30000
    AND ROW_NUMBER() OVER (PARTITION BY user_id, day, track_id, heard_ms >= 30000
      ORDER BY started_at, play_id) <= {TRACK_DAY_PLAYS}
    AND ROW_NUMBER() OVER (PARTITION BY user_id, day, heard_ms >= 30000
      ORDER BY started_at, play_id) <= {DAY_PLAYS}
    AND SUM(LEAST(heard_ms, 3600000)) OVER (PARTITION BY user_id, day, heard_ms >= 30000
      ORDER BY UNIX_MILLIS(started_at) RANGE BETWEEN 3600000 PRECEDING AND CURRENT ROW)
      <= {HOUR_MS} AS is_believed
  FROM ({_ONCE}) AS once
"""  # noqa: S608 - names of our own
"""… and which of them a person listened to, as far as one account's day tells."""


_RANGED = "known.day BETWEEN @first AND @last"
_RENEWED = "CAST(known.day AS STRING) IN UNNEST(@days)"

HOURLY = renewed(
    "{insights}.plays_hourly",
    PlaysHourly,
    ("day", "hour", "track_id", "territory", "plan", "source"),
    f"""
  SELECT day, hour, track_id, territory, plan, source, COUNT(*) AS plays,
    COUNTIF(heard_ms >= 30000) AS counted,
    COUNTIF(heard_ms * 100 >= length_ms * {COMPLETED_SHARE}) AS completed,
    COUNTIF(heard_ms < 30000 AND end_reason IN ('skipped', 'fwdbtn', 'backbtn', 'clickrow'))
      AS skipped,
    CAST(SUM(ms_played) AS INT64) AS ms_played, COUNTIF(is_believed) AS believed
  FROM ({_BELIEVED}) AS believed GROUP BY day, hour, track_id, territory, plan, source
""",  # noqa: S608
    _RANGED,
    _RENEWED,
)
PROGRESS = renewed(
    "{insights}.progress",
    Progress,
    ("day", "track_id", "bucket"),
    f"""
  SELECT day, track_id, bucket, COUNT(*) AS plays,
    COUNTIF(end_reason IN ('skipped', 'fwdbtn', 'backbtn', 'clickrow')) AS skipped
  FROM ({_ONCE}) AS once WHERE bucket IS NOT NULL GROUP BY day, track_id, bucket
""",  # noqa: S608
    _RANGED,
    _RENEWED,
)
LISTENING = renewed(
    "{insights}.listening",
    Listening,
    ("day", "user_id", "track_id"),
    f"""
  SELECT day, user_id, track_id, COUNT(*) AS plays, CAST(SUM(ms_played) AS INT64) AS ms_played
  FROM ({_ONCE}) AS once WHERE heard_ms >= 30000 GROUP BY day, user_id, track_id
""",  # noqa: S608
    _RANGED,
    _RENEWED,
)
OWNERS = renewed(
    "{insights}.owners",
    Owner,
    ("track_id", "owner"),
    """
  WITH tracks AS (
    SELECT track_id, title, label, credits, ARRAY_TO_STRING(artists, ', ') AS artists
    FROM `{events}.track_changed`
    QUALIFY ROW_NUMBER() OVER (PARTITION BY track_id ORDER BY revision DESC, occurred_at) = 1
  )
  SELECT @today AS day, track_id, CONCAT('label:', label) AS owner, title, artists,
    CAST(NULL AS STRING) AS artist
  FROM tracks WHERE label IS NOT NULL
  UNION ALL
  SELECT DISTINCT @today AS day, t.track_id, CONCAT('artist:', credit.artist_id) AS owner,
    t.title, t.artists, credit.name AS artist
  FROM tracks AS t, UNNEST(t.credits) AS credit WHERE credit.role IN ('main', 'featured')
""",
    "TRUE",
)
AGGREGATES = (HOURLY, PROGRESS, LISTENING)

_RANKED = """
  SELECT COALESCE(now.track_id, known.track_id) AS track_id,
    COALESCE(now.popularity, 0) AS popularity, COALESCE(now.plays, 0) AS plays,
    known.popularity AS before
  FROM (
    SELECT track_id, plays,
      CAST(ROUND(100 * LN(1 + weight) / LN(1 + MAX(weight) OVER ())) AS INT64) AS popularity
    FROM (
      SELECT track_id, CAST(SUM(COALESCE(believed, counted)) AS INT64) AS plays,
        SUM(COALESCE(believed, counted) * POW(0.5, DATE_DIFF(@today, day, DAY) / 7)) AS weight
      FROM `{insights}.plays_hourly`
      WHERE day > DATE_SUB(@today, INTERVAL 28 DAY) AND day <= @today
      GROUP BY track_id HAVING SUM(COALESCE(believed, counted)) > 0
    ) AS counted
  ) AS now
  FULL OUTER JOIN `{insights}.popularity` AS known ON known.track_id = now.track_id
"""
RANKED = f"""
SELECT track_id, popularity, plays FROM ({_RANKED}) AS ranked
WHERE before IS NULL OR before != popularity ORDER BY track_id
"""  # noqa: S608 - names of our own
"""Tracks whose popularity is another than was told: believed plays of four weeks, halved for every
week that passed, on a logarithmic scale to the most played."""

TOLD = renewed(
    "{insights}.popularity",
    Popularity,
    ("track_id",),
    f"SELECT @today AS day, track_id, popularity, plays FROM ({_RANKED}) AS ranked"  # noqa: S608
    " WHERE popularity > 0",
    "TRUE",
)
"""Remember what was told."""

MINE = "(@everything OR track_id IN (SELECT track_id FROM `{insights}.owners` WHERE owner IN UNNEST(@owners)))"  # noqa: E501
_RANGE = "day BETWEEN @first AND @last AND (@track_id = '' OR track_id = @track_id)"

KEYS = {
    "day": "CAST(day AS STRING)",
    "hour": "CAST(hour AS STRING)",
    "track": "track_id",
    "territory": "territory",
    "plan": "plan",
    "source": "source",
}


def plays(by: str) -> str:
    """Plays by one of `KEYS`: of days and hours all, of others the most played."""
    order = "key" if by in ("day", "hour") else "plays DESC, key"
    return f"""
SELECT {KEYS[by]} AS key, CAST(SUM(plays) AS INT64) AS plays,
  CAST(SUM(counted) AS INT64) AS counted, CAST(SUM(completed) AS INT64) AS completed,
  CAST(SUM(skipped) AS INT64) AS skipped, CAST(SUM(ms_played) AS INT64) AS ms_played
FROM `{{insights}}.plays_hourly` WHERE {_RANGE} AND {MINE}
GROUP BY key ORDER BY {order} LIMIT @most
"""  # noqa: S608 - names of our own


NAMES = """
SELECT track_id, MAX(title) AS title, MAX(artists) AS artists FROM `{insights}.owners`
WHERE track_id IN UNNEST(@ids) GROUP BY track_id
"""
LISTENERS = f"""
SELECT CAST(day AS STRING) AS key, COUNT(DISTINCT user_id) AS listeners
FROM `{{insights}}.listening` WHERE {_RANGE} AND {MINE} GROUP BY key
UNION ALL
SELECT '' AS key, COUNT(DISTINCT user_id) AS listeners
FROM `{{insights}}.listening` WHERE {_RANGE} AND {MINE}
ORDER BY key
"""  # noqa: S608 - names of our own
"""Listeners a day, and (key "") of all the days together."""

CURVE = f"""
SELECT bucket, CAST(SUM(plays) AS INT64) AS plays, CAST(SUM(skipped) AS INT64) AS skipped
FROM `{{insights}}.progress` WHERE {_RANGE} AND {MINE} GROUP BY bucket ORDER BY bucket
"""  # noqa: S608 - names of our own

RETENTION = f"""
WITH mine AS (
  SELECT DISTINCT user_id, DIV(DATE_DIFF(day, DATE '2001-01-01', DAY), 7) AS week
  FROM `{{insights}}.listening`
  WHERE day BETWEEN @history AND @last AND (@track_id = '' OR track_id = @track_id) AND {MINE}
),
firsts AS (SELECT user_id, MIN(week) AS week FROM mine GROUP BY user_id)
SELECT f.week AS cohort, m.week - f.week AS later, COUNT(*) AS listeners
FROM firsts AS f JOIN mine AS m ON m.user_id = f.user_id
WHERE f.week >= DIV(DATE_DIFF(@first, DATE '2001-01-01', DAY), 7)
GROUP BY cohort, later ORDER BY cohort, later
"""  # noqa: S608 - names of our own
"""Listeners by the week (from Monday, 1 January 2001) of their first play, and how many weeks later
they listened again."""

TOP = {
    "tracks": f"""
SELECT track_id AS id, CAST(SUM(counted) AS INT64) AS plays
FROM `{{insights}}.plays_hourly` WHERE {_RANGE} AND {MINE}
  AND (@territory = '' OR territory = @territory)
GROUP BY id HAVING plays > 0 ORDER BY plays DESC, id LIMIT @most
""",  # noqa: S608
    "artists": f"""
SELECT SUBSTR(o.owner, 8) AS id, MAX(o.artist) AS name, CAST(SUM(p.counted) AS INT64) AS plays
FROM (
  SELECT * FROM `{{insights}}.plays_hourly` WHERE {_RANGE} AND {MINE}
    AND (@territory = '' OR territory = @territory)
) AS p JOIN `{{insights}}.owners` AS o ON o.track_id = p.track_id
WHERE STARTS_WITH(o.owner, 'artist:')
GROUP BY id HAVING plays > 0 ORDER BY plays DESC, id LIMIT @most
""",  # noqa: S608
}

SHOWN = """
WITH shown AS (
  SELECT s.event_id, COALESCE(s.arm, '') AS arm, s.user_id, s.occurred_at, i.source, i.track_id,
    LEAST(1 / GREATEST(i.propensity, 0.001), 100) AS weight
  FROM (
    SELECT event_id, arm, user_id, occurred_at, impressions FROM `{events}.recommendations_shown`
    WHERE experiment = @experiment AND occurred_at >= TIMESTAMP(@first)
      AND occurred_at < TIMESTAMP(DATE_ADD(@last, INTERVAL 1 DAY))
    QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY publish_time) = 1
  ) AS s, UNNEST(s.impressions) AS i
),
heard AS (
  SELECT DISTINCT s.event_id, s.track_id
  FROM shown AS s JOIN `{events}.track_played` AS p
    ON p.user_id = s.user_id AND p.track_id = s.track_id
  WHERE p.ms_played >= 30000 AND UNIX_SECONDS(p.started_at) >= UNIX_SECONDS(s.occurred_at)
    AND UNIX_SECONDS(p.started_at) < UNIX_SECONDS(s.occurred_at) + 86400
)
SELECT s.arm, s.source, COUNT(*) AS impressions, COUNT(DISTINCT s.event_id) AS lists,
  COUNT(DISTINCT s.user_id) AS users, COUNTIF(h.track_id IS NOT NULL) AS plays,
  SUM(s.weight) AS weights, SUM(s.weight * s.weight) AS squares,
  SUM(IF(h.track_id IS NULL, 0, s.weight)) AS weighted_plays
FROM shown AS s LEFT JOIN heard AS h ON h.event_id = s.event_id AND h.track_id = s.track_id
GROUP BY s.arm, s.source ORDER BY s.arm, s.source
"""
"""An experiment's impressions by arm and source: how many were played for 30 s within a day."""
