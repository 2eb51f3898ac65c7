"""What BigQuery is asked: plays judged, and counted by payee. Pure text.

Written in what BigQuery and the local emulator both take. Every choice between rows is by a total
order of the events' own values, never by when they arrived or in which order: events delivered
twice or shuffled give the same judgements. Counts and weights are INT64; money is not shared here.
"""

from functions.royalties import terms
from shared.warehouse import Judgement, renewed

LISTENER = 1_000_000_000
"""One listener's share, in the parts that user-centric weights count."""
HOUR_MS = 3_600_000

_JUDGED = f"""
WITH covers AS (
  SELECT DISTINCT l.licence_id, l.licensor_id AS payee, track_id
  FROM `{{events}}.licence_changed` AS l, UNNEST(l.track_ids) AS track_id
  WHERE l.occurred_at < @cutoff AND l.licensor_id IS NOT NULL
),
-- A play that names no licence is its track's, if only one licensor has that track.
sole AS (
  SELECT track_id, MIN(payee) AS payee, MIN(licence_id) AS licence_id
  FROM covers GROUP BY track_id HAVING COUNT(DISTINCT payee) = 1
),
tracks AS (
  SELECT track_id, MAX(duration_ms) AS length_ms
  FROM `{{events}}.track_changed` WHERE occurred_at < @cutoff GROUP BY track_id
),
told AS (
  SELECT play_id, event_id, user_id, track_id, started_at, occurred_at, territory, plan,
    licence_id, LEAST(ms_played, COALESCE(ms_distinct, ms_played),
      COALESCE(duration_ms, ms_played)) AS heard_ms
  FROM `{{events}}.track_played`
  WHERE occurred_at >= @since AND occurred_at < @cutoff AND started_at < @ends_at
    AND (started_at >= @starts_at OR occurred_at >= @previous_cutoff)
  UNION ALL
  SELECT play_id, event_id, user_id, track_id, started_at, occurred_at, territory, plan,
    licence_id, heard_ms
  FROM `{{royalties}}.judgements`
  WHERE period < @period AND verdict != '{terms.COUNTED}' AND started_at >= @lifted_since
    AND (play_id IN UNNEST(@lifted_plays)
      OR CONCAT(user_id, ' ', of_period) IN UNNEST(@lifted_accounts))
),
-- Once per play: the report that heard most. Few plays have several, so few rows are sorted.
doubled AS (SELECT play_id FROM told GROUP BY play_id HAVING COUNT(*) > 1),
once AS (
  SELECT told.* FROM told LEFT JOIN doubled ON doubled.play_id = told.play_id
  WHERE doubled.play_id IS NULL
  UNION ALL
  SELECT told.* FROM told JOIN doubled ON doubled.play_id = told.play_id
  QUALIFY ROW_NUMBER() OVER (PARTITION BY told.play_id ORDER BY heard_ms DESC,
    occurred_at, event_id, started_at, user_id, track_id, territory, plan,
    COALESCE(licence_id, '')) = 1
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
  SELECT play_id, user_id, track_id, started_at, heard_ms, 0 AS fresh FROM earlier
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
  lifted
FROM judged
"""  # noqa: S608 - names of our own

JUDGE = renewed(
    "{royalties}.judgements",
    Judgement,
    ("period", "play_id"),
    _JUDGED,
    "known.period = @period AND known.started_at >= @context",
)
"""Judge every play that a period's snapshot holds, anew: the old judgements go and the new ones
come in one statement, so nobody sees half of either."""

PLAYED = f"""
WITH popular AS (
  SELECT track_id FROM `{{royalties}}.judgements`
  WHERE verdict = '{terms.COUNTED}' AND period > @a_year_before AND period <= @period
  GROUP BY track_id HAVING COUNT(*) >= @minimum_streams
),
counted AS (
  SELECT territory, plan, payee, track_id, of_period, user_id
  FROM `{{royalties}}.judgements`
  WHERE period = @period AND verdict = '{terms.COUNTED}'
),
lines AS (
  SELECT c.territory, c.plan, c.payee, c.track_id, c.of_period, COUNT(*) AS plays,
    p.track_id IS NOT NULL AS monetised
  FROM counted AS c LEFT JOIN popular AS p ON p.track_id = c.track_id
  GROUP BY c.territory, c.plan, c.payee, c.track_id, c.of_period, monetised
),
listened AS (
  SELECT c.territory, c.plan, c.user_id, c.payee, c.track_id, c.of_period, COUNT(*) AS plays
  FROM counted AS c JOIN popular AS p ON p.track_id = c.track_id
  WHERE CONCAT(c.territory, ' ', c.plan) IN UNNEST(@by_listener)
  GROUP BY c.territory, c.plan, c.user_id, c.payee, c.track_id, c.of_period
),
of_all AS (
  SELECT *, SUM(plays) OVER (PARTITION BY territory, plan, user_id) AS of_plays FROM listened
),
divided AS (
  SELECT *, DIV({LISTENER} * plays, of_plays) AS whole, MOD({LISTENER} * plays, of_plays) AS rest
  FROM of_all
),
ranked AS (
  SELECT *, {LISTENER} - SUM(whole) OVER (PARTITION BY territory, plan, user_id) AS missing,
    ROW_NUMBER() OVER (PARTITION BY territory, plan, user_id
      ORDER BY rest DESC, payee, track_id, of_period) AS place
  FROM divided
),
weights AS (
  SELECT territory, plan, payee, track_id, of_period,
    CAST(SUM(whole + IF(place <= missing, 1, 0)) AS INT64) AS weight
  FROM ranked GROUP BY territory, plan, payee, track_id, of_period
)
SELECT l.territory, l.plan, l.payee, l.track_id, l.of_period, l.monetised, l.plays,
  COALESCE(w.weight, 0) AS weight
FROM lines AS l LEFT JOIN weights AS w ON w.territory = l.territory AND w.plan = l.plan
  AND w.payee = l.payee AND w.track_id = l.track_id AND w.of_period = l.of_period
ORDER BY l.territory, l.plan, l.payee, l.track_id, l.of_period
"""  # noqa: S608 - names of our own
"""A period's counted plays by pool, payee and track; by listener where a pool is shared so."""

TRACKS = """
SELECT track_id, title, isrc, iswc, album, upc, label, duration_ms,
  ARRAY_TO_STRING(artists, ', ') AS artists
FROM `{events}.track_changed`
WHERE occurred_at < @cutoff
QUALIFY ROW_NUMBER() OVER (PARTITION BY track_id ORDER BY revision DESC, occurred_at, event_id) = 1
"""
"""What every track is called."""

PAYEES = """
SELECT licensor_id AS payee, MAX(licensor_name) AS name
FROM `{events}.licence_changed`
WHERE occurred_at < @cutoff AND licensor_id IS NOT NULL GROUP BY licensor_id
"""
"""What payees call themselves."""

VERDICTS = """
SELECT COALESCE(payee, '') AS payee, verdict, COUNT(*) AS plays
FROM `{royalties}.judgements` WHERE period = @period GROUP BY payee, verdict ORDER BY payee, verdict
"""
"""How many plays were counted and how many were not, for which reason."""

EXPLAIN = """
SELECT play_id, track_id, started_at, heard_ms, verdict, measure, bound, period, of_period, payee,
  licence_id, lifted
FROM `{royalties}.judgements` WHERE play_id = @play_id ORDER BY period
"""
"""All that was ever judged of one play."""

SCREENED = """
SELECT user_id, payee, verdict, COUNT(*) AS plays, MIN(play_id) AS for_example
FROM `{royalties}.judgements`
WHERE period = @period AND STARTS_WITH(verdict, 'SCREEN_')
GROUP BY user_id, payee, verdict ORDER BY plays DESC, user_id, payee, verdict LIMIT 1000
"""
"""Which accounts were screened out, most plays first."""
