"""What BigQuery is asked of judged plays: counted by payee, named, explained. Pure text.

Written in what BigQuery and the local emulator both take. Counts and weights are INT64; money is
not shared here. The table is clustered by period, so a statement about one reads no other's blocks.
"""

from functions.royalties import terms

LISTENER = 1_000_000_000
"""One listener's share, in the parts that user-centric weights count."""

PLAYED = f"""
WITH popular AS (
  SELECT track_id FROM `{{royalties}}.judgements`
  WHERE verdict = '{terms.COUNTED}' AND period > @after AND period <= @period
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
