"""What the warmer asks of BigQuery, about releases of these days. Views of unique events only."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from functions.warmer.signals import Known, Piece, Release
from shared.errors import Unavailable

MAX_RELEASES = 20_000
CODEC = "aac"
KBPS = (96, 160)
"""What most plays begin with; a start is what cannot wait."""

RELEASES = """
SELECT track_id, album_id, release_date, duration_ms, removed, audio_id,
       TO_JSON_STRING(renditions) AS renditions, TO_JSON_STRING(manifests) AS manifests
FROM `{events}.track_changed_unique`
WHERE release_date BETWEEN @first AND @last
QUALIFY ROW_NUMBER() OVER (PARTITION BY track_id ORDER BY revision DESC) = 1
LIMIT {limit}
"""
PRESAVES = """
SELECT item_id, territory, COUNT(*) AS people
FROM (
  SELECT user_id, item_id, saved
  FROM `{events}.library_changed_unique`
  WHERE kind IN ('track', 'album') AND item_id IN UNNEST(@items)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id, kind, item_id ORDER BY occurred_at DESC) = 1
)
JOIN (
  SELECT user_id, territory
  FROM `{events}.user_changed_unique`
  WHERE NOT removed
  QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY revision DESC) = 1
) USING (user_id)
WHERE saved
GROUP BY item_id, territory
"""
PLAYS = """
SELECT track_id, territory, COUNT(*) AS plays
FROM `{events}.track_played_unique`
WHERE started_at >= @since AND track_id IN UNNEST(@items)
GROUP BY track_id, territory
"""
LISTENING = """
SELECT territory, EXTRACT(HOUR FROM started_at) AS hour, COUNT(*) AS plays
FROM `{events}.track_played_unique`
WHERE started_at >= @since
GROUP BY territory, hour
"""


class Asks(Protocol):
    """BigQuery, as `shared.gcp.bigquery` has it."""

    async def ask(
        self, sql: str, values: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]: ...


class Warehouse:
    """`events`: the data set of events, as "project.dataset"."""

    def __init__(self, bigquery: Asks, events: str) -> None:
        self._bigquery = bigquery
        self._events = events

    async def known(self, at: datetime) -> Known:
        """All that a forecast at `at` goes by.

        Raises:
            Unavailable: BigQuery does not answer; a forecast without it is a guess.
        """
        # Days overlap: when it is Sunday somewhere it is Friday nowhere.
        days = {"first": (at - timedelta(days=2)).date(), "last": (at + timedelta(days=2)).date()}
        rows = await self._ask(RELEASES, {name: day.isoformat() for name, day in days.items()})
        releases = [it for it in map(release_of, rows) if it is not None]
        items = sorted(
            {it.track_id for it in releases} | {it.album_id for it in releases if it.album_id}
        )
        presaves, plays = [], []
        if items:
            presaves = await self._ask(PRESAVES, {"items": items})
            since = at - timedelta(days=4)
            plays = await self._ask(PLAYS, {"items": items, "since": since})
        listening = await self._ask(LISTENING, {"since": at - timedelta(days=7)})
        waiting = {(it["item_id"], it["territory"]): int(it["people"]) for it in presaves}
        played = {(it["track_id"], it["territory"]): int(it["plays"]) for it in plays}
        old = [it for it in releases if it.release_on <= (at - timedelta(days=2)).date()]
        return Known(
            releases=releases,
            presaves=waiting,
            plays=played,
            listening={(it["territory"], int(it["hour"])): int(it["plays"]) for it in listening},
            matured=_by_item(played, {it.track_id for it in old}),
            waited=_by_item(waiting, {it.track_id for it in old}),
        )

    async def _ask(self, sql: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        return await self._bigquery.ask(sql.format(events=self._events, limit=MAX_RELEASES), values)


def release_of(row: Mapping[str, Any]) -> Release | None:
    """A row of `RELEASES`; None where there is nothing to fetch: gone, silent, or undated.

    Raises:
        Unavailable: the row is not what the table's schema says.
    """
    try:
        if row["removed"] or not row["audio_id"]:
            return None
        pieces = [
            Piece(it["path"], int(it["size_bytes"]))
            for it in json.loads(row["renditions"])
            if it["codec"] == CODEC and it["kbps"] in KBPS
        ]
        manifests = [
            Piece(it["path"], 4096) for it in json.loads(row["manifests"]) if it["codec"] == CODEC
        ]
        day = date.fromisoformat(row["release_date"])
    except ValueError:
        return None  # "2026" or "2026-11" says no day to be early for
    except (KeyError, TypeError) as error:
        raise Unavailable(f"a release of an unknown shape: {error!r}") from error
    if not pieces:
        return None
    return Release(row["track_id"], row["album_id"], day, (*pieces, *manifests))


def _by_item(counts: Mapping[tuple[str, str], int], items: set[str]) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys(items, 0)
    for (item, _), count in counts.items():
        if item in found:
            found[item] += count
    return found
