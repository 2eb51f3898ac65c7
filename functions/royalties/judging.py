"""The statement that judges plays, whole or as far as something is new. Pure text.

Written in what BigQuery and the local emulator both take. Every choice between rows is by a total
order of the events' own values, never by when they arrived or in which order: events delivered
twice or shuffled give the same judgements.

A play is judged by its reports, its track, and what else its account heard before it. So what is
new touches whole accounts and no others; `RESUMED` judges these anew, from the judgements that are
known and the reports since then, and writes what differs. Which report of a play stands is the
first in an order, so a known judgement stands for all the reports that it was chosen from.
"""

from functions.royalties import terms
from shared.warehouse import HEARD_MS, STANDS, Judgement, renewed

HOUR_MS = 3_600_000

_REPORT = """play_id, event_id, user_id, track_id, started_at, occurred_at, territory, plan,
    licence_id"""
_MINE = """occurred_at >= @since AND started_at >= @context AND started_at < @ends_at
    AND (started_at >= @starts_at OR occurred_at >= @previous_cutoff)"""

_LIFTED = f"""
  SELECT {_REPORT}, heard_ms
  FROM `{{royalties}}.judgements`
  WHERE period < @period AND verdict != '{terms.COUNTED}' AND started_at >= @lifted_since
    AND (play_id IN UNNEST(@lifted_plays)
      OR CONCAT(user_id, ' ', of_period) IN UNNEST(@lifted_accounts))
"""  # noqa: S608 - names of our own

_TOLD_ALL = f"""
told AS (
  SELECT {_REPORT}, {HEARD_MS} AS heard_ms
  FROM `{{events}}.track_played`
  WHERE occurred_at < @cutoff AND {_MINE}
  UNION ALL {_LIFTED}
),
"""  # noqa: S608 - names of our own

_TOLD_SINCE = f"""
news AS (
  SELECT {_REPORT}, {HEARD_MS} AS heard_ms
  FROM `{{events}}.track_played`
  WHERE occurred_at >= @told_since AND occurred_at < @cutoff
    AND started_at >= @context AND started_at < @ends_at
),
-- Tracks that are another length, or another licensor's, than they were then.
altered AS (
  SELECT track_id FROM `{{events}}.track_changed` WHERE occurred_at < @cutoff GROUP BY track_id
  HAVING MAX(duration_ms)
    IS DISTINCT FROM MAX(IF(occurred_at < @told_since, duration_ms, NULL))
  UNION DISTINCT
  SELECT track_id FROM covers WHERE first_at >= @told_since
),
-- Accounts, and the day from which on their plays may be judged otherwise: what is heard later
-- changes no verdict on what was heard before.
touched AS (
  SELECT user_id, DATE(MIN(started_at)) AS since_on
  FROM (
    SELECT user_id, started_at FROM news
    UNION ALL
    SELECT known.user_id, known.started_at
    FROM `{{royalties}}.judgements` AS known
    LEFT JOIN (SELECT DISTINCT play_id FROM news) AS again ON again.play_id = known.play_id
    LEFT JOIN altered ON altered.track_id = known.track_id
    WHERE known.period <= @period AND known.started_at >= @context
      AND (again.play_id IS NOT NULL OR altered.track_id IS NOT NULL)
  ) AS new_to GROUP BY user_id
),
told AS (
  SELECT {_REPORT}, heard_ms FROM news WHERE {_MINE}
  UNION ALL
  SELECT known.play_id, known.event_id, known.user_id, known.track_id, known.started_at,
    known.occurred_at, known.territory, known.plan, known.reported_licence_id AS licence_id,
    known.reported_ms AS heard_ms
  FROM `{{royalties}}.judgements` AS known JOIN touched ON touched.user_id = known.user_id
  WHERE known.period = @period AND known.started_at >= @context
    AND DATE(known.started_at) >= touched.since_on
  UNION ALL
  SELECT lifted.* FROM ({_LIFTED}) AS lifted JOIN touched ON touched.user_id = lifted.user_id
  WHERE DATE(lifted.started_at) >= touched.since_on
),
"""  # noqa: S608 - names of our own


_BEFORE = """
  SELECT play_id, user_id, track_id, started_at, heard_ms, 0 AS fresh FROM earlier
"""
_BEFORE_TOUCHED = f"""
  SELECT e.play_id, e.user_id, e.track_id, e.started_at, e.heard_ms, 0 AS fresh
  FROM earlier AS e JOIN touched ON touched.user_id = e.user_id
  UNION ALL
  SELECT known.play_id, known.user_id, known.track_id, known.started_at, known.heard_ms, 1 AS fresh
  FROM `{{royalties}}.judgements` AS known JOIN touched ON touched.user_id = known.user_id
  WHERE known.period = @period AND known.started_at >= @context
    AND DATE(known.started_at) < touched.since_on
    AND (known.verdict = '{terms.COUNTED}' OR STARTS_WITH(known.verdict, 'SCREEN_'))
"""  # noqa: S608 - names of our own


def _given(told: str, before: str) -> str:
    """From what is `told` to what is judged; `before`: what else those accounts heard."""
    return f"""
WITH covers AS (
  SELECT l.licence_id, l.licensor_id AS payee, track_id, MIN(l.occurred_at) AS first_at
  FROM `{{events}}.licence_changed` AS l, UNNEST(l.track_ids) AS track_id
  WHERE l.occurred_at < @cutoff AND l.licensor_id IS NOT NULL
  GROUP BY l.licence_id, l.licensor_id, track_id
),
{told}
-- A play that names no licence is its track's, if only one licensor has that track.
sole AS (
  SELECT track_id, MIN(payee) AS payee, MIN(licence_id) AS licence_id
  FROM covers GROUP BY track_id HAVING COUNT(DISTINCT payee) = 1
),
tracks AS (
  SELECT track_id, MAX(duration_ms) AS length_ms
  FROM `{{events}}.track_changed` WHERE occurred_at < @cutoff GROUP BY track_id
),
-- Once per play: the report that heard most. Few plays have several, so few rows are sorted.
doubled AS (SELECT play_id FROM told GROUP BY play_id HAVING COUNT(*) > 1),
once AS (
  SELECT told.* FROM told LEFT JOIN doubled ON doubled.play_id = told.play_id
  WHERE doubled.play_id IS NULL
  UNION ALL
  SELECT told.* FROM told JOIN doubled ON doubled.play_id = told.play_id
  QUALIFY ROW_NUMBER() OVER (PARTITION BY told.play_id ORDER BY {STANDS}) = 1
),
earlier AS (
  SELECT DISTINCT play_id, user_id, track_id, started_at, heard_ms
  FROM `{{royalties}}.judgements`
  WHERE period < @period AND verdict = '{terms.COUNTED}' AND started_at >= @context
),
fresh AS (
  SELECT once.* FROM once LEFT JOIN earlier ON earlier.play_id = once.play_id
  WHERE earlier.play_id IS NULL
),
attributed AS (
  SELECT f.play_id, f.event_id, f.user_id, f.track_id, f.started_at, f.occurred_at, f.territory,
    f.plan, t.track_id IS NOT NULL AS is_known,
    LEAST(f.heard_ms, COALESCE(NULLIF(t.length_ms, 0), f.heard_ms)) AS heard_ms,
    COALESCE(c.payee, s.payee) AS payee,
    COALESCE(c.licence_id, s.licence_id, f.licence_id) AS licence_id,
    f.heard_ms AS reported_ms, f.licence_id AS reported_licence_id,
    f.play_id IN UNNEST(@lifted_plays)
      OR CONCAT(f.user_id, ' ', FORMAT_TIMESTAMP('%Y-%m', f.started_at))
        IN UNNEST(@lifted_accounts) AS lifted
  FROM fresh AS f
  LEFT JOIN tracks AS t ON t.track_id = f.track_id
  LEFT JOIN covers AS c ON c.licence_id = f.licence_id AND c.track_id = f.track_id
  LEFT JOIN sole AS s ON s.track_id = f.track_id
),
based AS (
  SELECT *, CASE
    WHEN UNIX_MILLIS(started_at) > UNIX_MILLIS(occurred_at) + @skew_ms
      THEN '{terms.FROM_FUTURE}'
    WHEN heard_ms < @counts_ms THEN '{terms.TOO_SHORT}'
    WHEN NOT is_known THEN '{terms.UNKNOWN_TRACK}'
    WHEN payee IS NULL THEN '{terms.UNLICENSED}'
    ELSE '{terms.COUNTED}' END AS base
  FROM attributed
),
heard AS (
  SELECT play_id, user_id, track_id, started_at, heard_ms, 1 AS fresh
  FROM based WHERE base = '{terms.COUNTED}'
  UNION ALL
  {before}
),
-- Accounts that may be beyond a bound; nobody else's plays need to be put in order. An hour lies
-- in two hours of the clock, so one of these has half of what it has.
suspects AS (
  SELECT user_id FROM heard GROUP BY user_id, track_id
    HAVING COUNT(*) > LEAST(@loop_plays, @track_day_plays)
  UNION DISTINCT
  SELECT user_id FROM heard GROUP BY user_id, DATE(started_at) HAVING COUNT(*) > @day_plays
  UNION DISTINCT
  SELECT user_id FROM heard GROUP BY user_id, DIV(UNIX_MILLIS(started_at), {HOUR_MS})
    HAVING 2 * SUM(LEAST(heard_ms, {HOUR_MS})) > @hour_ms
),
listened AS (SELECT heard.* FROM heard JOIN suspects ON suspects.user_id = heard.user_id),
measured AS (
  SELECT play_id, user_id, track_id, started_at,
    SUM(LEAST(heard_ms, {HOUR_MS})) OVER (PARTITION BY user_id ORDER BY UNIX_MILLIS(started_at)
      RANGE BETWEEN {HOUR_MS} PRECEDING AND CURRENT ROW) AS hour_ms,
    ROW_NUMBER() OVER (PARTITION BY user_id, DATE(started_at)
      ORDER BY fresh, started_at, play_id) AS day_plays,
    ROW_NUMBER() OVER (PARTITION BY user_id, track_id, DATE(started_at)
      ORDER BY fresh, started_at, play_id) AS track_day_plays,
    ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY started_at, play_id)
      - ROW_NUMBER() OVER (PARTITION BY user_id, track_id ORDER BY started_at, play_id) AS run
  FROM listened
),
looped AS (
  SELECT play_id, hour_ms, day_plays, track_day_plays,
    ROW_NUMBER() OVER (PARTITION BY user_id, track_id, run ORDER BY started_at, play_id)
      AS loop_plays
  FROM measured
),
judged AS (
  SELECT b.*, l.hour_ms, l.day_plays, l.track_day_plays, l.loop_plays, CASE
    WHEN b.base != '{terms.COUNTED}' THEN b.base
    WHEN b.lifted THEN '{terms.COUNTED}'
    WHEN l.hour_ms > @hour_ms THEN '{terms.VELOCITY}'
    WHEN l.day_plays > @day_plays THEN '{terms.DAILY_CAP}'
    WHEN l.track_day_plays > @track_day_plays THEN '{terms.TRACK_CAP}'
    WHEN l.loop_plays > @loop_plays THEN '{terms.LOOP}'
    ELSE '{terms.COUNTED}' END AS verdict
  FROM based AS b LEFT JOIN looped AS l ON l.play_id = b.play_id
)
"""  # noqa: S608 - names of our own


_JUDGED = f"""
SELECT @period AS period, FORMAT_TIMESTAMP('%Y-%m', started_at) AS of_period, play_id,
  event_id, user_id, track_id, started_at, occurred_at, territory, plan, heard_ms, licence_id,
  payee, verdict,
  CAST(CASE verdict
    WHEN '{terms.FROM_FUTURE}' THEN UNIX_MILLIS(started_at) - UNIX_MILLIS(occurred_at)
    WHEN '{terms.TOO_SHORT}' THEN heard_ms
    WHEN '{terms.VELOCITY}' THEN hour_ms
    WHEN '{terms.DAILY_CAP}' THEN day_plays
    WHEN '{terms.TRACK_CAP}' THEN track_day_plays
    WHEN '{terms.LOOP}' THEN loop_plays END AS INT64) AS measure,
  CAST(CASE verdict
    WHEN '{terms.FROM_FUTURE}' THEN @skew_ms
    WHEN '{terms.TOO_SHORT}' THEN @counts_ms
    WHEN '{terms.VELOCITY}' THEN @hour_ms
    WHEN '{terms.DAILY_CAP}' THEN @day_plays
    WHEN '{terms.TRACK_CAP}' THEN @track_day_plays
    WHEN '{terms.LOOP}' THEN @loop_plays END AS INT64) AS bound,
  lifted, reported_ms, reported_licence_id
FROM judged
"""  # noqa: S608 - names of our own


_TABLE, _KEYS = "{royalties}.judgements", ("period", "play_id")
_WITHIN = "known.period = @period AND known.started_at >= @context"

WHOLE = renewed(_TABLE, Judgement, _KEYS, _JUDGED, _WITHIN, given=_given(_TOLD_ALL, _BEFORE))
"""Judge every play that a period's snapshot holds, anew: the old judgements go and the new ones
come in one statement, so nobody sees half of either."""

RESUMED = renewed(
    _TABLE,
    Judgement,
    _KEYS,
    _JUDGED,
    _WITHIN,
    "known.play_id IN (SELECT play_id FROM earlier)",
    given=_given(_TOLD_SINCE, _BEFORE_TOUCHED),
    compared="""(known.play_id IN (SELECT play_id FROM earlier)
      OR known.play_id IN (SELECT play_id FROM told))""",
)
"""Judge anew the accounts that reports, licences or tracks since `@told_since` touch. More reports
take a play away from a period only by an earlier one having it."""
