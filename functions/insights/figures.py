"""Figures for those whose they are: asked of the aggregates, never of the events."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from functions.insights import impressions, sql
from functions.insights.aggregates import Data
from shared.gcp.bigquery import Value

WEEK_0 = date(2001, 1, 1)
HISTORY = timedelta(weeks=53)
"""Who listened before that is new again."""
MANY = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """Which days, [first, last], and whose tracks: `owners` ("label:…", "artist:…"), or of
    everyone; of these perhaps one track."""

    first: date
    last: date
    owners: Sequence[str]
    everything: bool
    track_id: str = ""

    def values(self, **more: Value) -> dict[str, Value]:
        return {
            "first": self.first,
            "last": self.last,
            "owners": sorted(self.owners),
            "everything": self.everything,
            "track_id": self.track_id,
            **more,
        }


class Figures:
    """Answers from `segue_insights`."""

    def __init__(self, data: Data) -> None:
        self._data = data

    async def plays(self, scope: Scope, by: str, most: int = MANY) -> list[dict[str, Any]]:
        """Plays by day, hour, track, territory, plan or source."""
        rows = await self._data.ask(sql.plays(by), scope.values(most=most))
        if by != "track":
            return rows
        names = await self._names([row["key"] for row in rows])
        return [{**row, **names.get(row["key"], {"title": "", "artists": ""})} for row in rows]

    async def listeners(self, scope: Scope) -> dict[str, Any]:
        """Listeners a day, and in all: somebody who listens on two days is one."""
        rows = await self._data.ask(sql.LISTENERS, scope.values())
        daily = [{"day": row["key"], "listeners": row["listeners"]} for row in rows if row["key"]]
        total = next((row["listeners"] for row in rows if not row["key"]), 0)
        return {"listeners": total, "days": daily}

    async def curve(self, scope: Scope) -> list[dict[str, Any]]:
        """How much of the plays is still on at each twentieth, and how much was skipped there."""
        rows = await self._data.ask(sql.CURVE, scope.values())
        ended = {int(row["bucket"]): (int(row["plays"]), int(row["skipped"])) for row in rows}
        return curve(ended)

    async def retention(self, scope: Scope) -> list[dict[str, Any]]:
        """Cohorts by the week of the first play: listeners, and of them after one week, two …"""
        rows = await self._data.ask(sql.RETENTION, scope.values(history=scope.first - HISTORY))
        cohorts: dict[int, dict[int, int]] = {}
        for row in rows:
            cohorts.setdefault(int(row["cohort"]), {})[int(row["later"])] = int(row["listeners"])
        latest = (scope.last - WEEK_0).days // 7
        return [
            {
                "week": WEEK_0 + timedelta(weeks=week),
                "listeners": later[0],
                "kept": [later.get(it, 0) for it in range(1, latest - week + 1)],
            }
            for week, later in sorted(cohorts.items())
        ]

    async def top(self, scope: Scope, of: str, territory: str, most: int) -> list[dict[str, Any]]:
        """The most played tracks or artists."""
        rows = await self._data.ask(sql.TOP[of], scope.values(territory=territory, most=most))
        if of == "artists":
            return rows
        names = await self._names([row["id"] for row in rows])
        return [{**row, **names.get(row["id"], {"title": "", "artists": ""})} for row in rows]

    async def experiment(self, name: str, first: date, last: date) -> list[dict[str, Any]]:
        """What an experiment's arms and sources are worth."""
        rows = await self._data.ask(sql.SHOWN, {"experiment": name, "first": first, "last": last})
        return [asdict(impressions.worth(impressions.Shown(**row))) for row in rows]

    async def _names(self, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        rows = await self._data.ask(sql.NAMES, {"ids": list(ids)}) if ids else []
        return {row.pop("track_id"): row for row in rows}


def curve(ended: dict[int, tuple[int, int]]) -> list[dict[str, Any]]:
    """The survival curve of plays that `ended` in buckets, as (all, skipped). Pure."""
    total = sum(plays for plays, _ in ended.values())
    left, points = total, []
    for bucket in range(21):
        plays, skipped = ended.get(bucket, (0, 0))
        points.append(
            {
                "percent": bucket * 5,
                "still_playing": left / total if total else 0.0,
                "ended": plays,
                "skipped": skipped,
            }
        )
        left -= plays
    return points
