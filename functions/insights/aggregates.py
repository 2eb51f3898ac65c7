"""The scheduled work: aggregates of the days that something was reported of, and popularity."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from functions.insights import sql
from shared.events import PopularityChanged
from shared.gcp.bigquery import Row, Value
from shared.ids import derived_id

BACK = timedelta(days=3)
"""Reports of so long are looked at again with each run: a run may have failed, a push been late."""


class Asking(Protocol):
    """`shared.gcp.bigquery.BigQuery`, as far as it is used here."""

    async def ask(self, sql: str, values: Mapping[str, Value] | None = None) -> list[Row]: ...


class Data:
    """Statements over the data sets `events` and `insights` ("project.dataset")."""

    def __init__(self, statements: Asking, *, events: str, insights: str) -> None:
        self._statements = statements
        self._names = {"events": events, "insights": insights}

    async def ask(self, text: str, values: Mapping[str, Value] | None = None) -> list[Row]:
        for name, dataset in self._names.items():
            text = text.replace(f"{{{name}}}", dataset)
        return await self._statements.ask(text, values)


class Aggregates:
    """`POST /_tasks/aggregate-insights`. Running twice changes nothing."""

    def __init__(
        self,
        data: Data,
        publish_many: Callable[[Iterable[Any]], Awaitable[None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._data = data
        self._publish_many = publish_many
        self._now = now

    async def run(self) -> dict[str, int]:
        """Renew what has changed; how many days, and how many tracks' popularity."""
        now = self._now()
        rows = await self._data.ask(sql.TOUCHED, {"since": now - BACK})
        days = [row["day"] for row in rows]
        if days:
            # A report may be the better one of a play that was counted the day before or after.
            touched = _with_neighbours(date.fromisoformat(day) for day in days)
            values: dict[str, Value] = {
                "days": [str(day) for day in touched],
                "near": [str(day) for day in _with_neighbours(touched)],
                "first": touched[0],
                "last": touched[-1],
            }
            for statement in sql.AGGREGATES:
                await self._data.ask(statement, values)
        today: dict[str, Value] = {"today": now.date()}
        await self._data.ask(sql.OWNERS, today)
        return {"days": len(days), "ranked": await self._rank(now, today)}

    async def _rank(self, now: datetime, today: Mapping[str, Value]) -> int:
        """Tell whose popularity changed; it is remembered as told only after that."""
        rows = await self._data.ask(sql.RANKED, today)
        await self._publish_many(
            PopularityChanged(
                event_id=derived_id("popularity", row["track_id"], now.isoformat()),
                occurred_at=now,
                track_id=row["track_id"],
                popularity=int(row["popularity"]),
                plays=int(row["plays"]),
            )
            for row in rows
        )
        if rows:
            await self._data.ask(sql.TOLD, today)
        return len(rows)


def _with_neighbours(days: Iterable[date]) -> list[date]:
    return sorted({day + timedelta(days=by) for day in days for by in (-1, 0, 1)})
