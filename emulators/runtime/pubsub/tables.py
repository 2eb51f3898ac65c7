"""BigQuery subscriptions: batches of rows into the table, bad rows to the dead letters."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import aiohttp

from emulators.iam import Denied
from emulators.runtime.pubsub.backlog import Message
from emulators.runtime.pubsub.broker import Broker, Lane
from emulators.runtime.pubsub.rows import BadRow, Field, Row, Writer, fit
from emulators.runtime.pubsub.topology import Table

log = logging.getLogger(__name__)

LARGEST_BATCH = 500
LINGER_S = 0.05
TIMEOUT_S = 30.0


class Unavailable(Exception):
    """BigQuery does not answer: nobody's message is to blame."""


class Refused(Exception):
    """BigQuery took none of the batch; says why."""


class Inserter:
    """Delivers one BigQuery subscription, one batch at a time. `url` is BigQuery's REST root."""

    def __init__(self, broker: Broker, lane: Lane, table: Table, url: str) -> None:
        topology = broker.topology
        topic = broker.topics[lane.subscription.topic]
        schema = topology.schemas[topic.schema].definition if topic.schema else None
        full_name = f"projects/{topology.project}/subscriptions/{lane.name}"
        self._writer = Writer(full_name, table, schema, topic.encoding)
        self._broker = broker
        self._lane = lane
        self._table = table
        self._member = f"serviceAccount:{table.email}" if table.email else broker.agent
        self._url = (
            f"{url}/bigquery/v2/projects/{table.project}/datasets/{table.dataset}"
            f"/tables/{table.table}"
        )
        self._fields: Sequence[Field] | None = None

    async def run(self) -> None:
        """Deliver until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await self._lane.due()
                await asyncio.sleep(LINGER_S)
                batch: list[Message] = []
                while len(batch) < LARGEST_BATCH and (message := self._lane.lease()):
                    batch.append(message)
                await self._deliver(session, batch)

    async def _deliver(self, session: aiohttp.ClientSession, batch: list[Message]) -> None:
        try:
            self._check()
            fields = await self._columns(session)
        except Unavailable as error:
            return self._fail(batch, str(error), counted=False)
        except Exception as error:  # Denied, no such table
            if isinstance(error, Denied):
                self._broker.complain(self._lane.name, str(error))
            return self._fail(batch, str(error))
        good: list[tuple[Message, Row]] = []
        for message in batch:
            try:
                row = self._writer.row(message)
                good.append((message, fit(row, fields, drop_unknown=self._drops)))
            except BadRow as error:
                self._lane.fail(message, str(error))
        if good:
            await self._insert(session, good)
        return None

    @property
    def _drops(self) -> bool:
        return self._table.drop_unknown_fields

    def _check(self) -> None:
        """Raise `Denied` unless the writing identity may write this table."""
        for permission in ("bigquery.tables.get", "bigquery.tables.updateData"):
            self._broker.policy.check(self._member, permission, "dataset", self._table.dataset)

    async def _columns(self, session: aiohttp.ClientSession) -> Sequence[Field]:
        fields = self._fields
        if fields is None:
            table = await _json(session, "GET", self._url)
            fields = self._fields = table.get("schema", {}).get("fields", [])
        return fields

    async def _insert(
        self, session: aiohttp.ClientSession, good: list[tuple[Message, Row]]
    ) -> None:
        """Insert; what fails as a batch is tried in halves, so one bad row stands alone."""
        body = {
            "ignoreUnknownValues": self._drops,
            "rows": [{"insertId": str(message.id), "json": row} for message, row in good],
        }
        try:
            answer = await _json(session, "POST", f"{self._url}/insertAll", body)
        except Unavailable as error:
            return self._fail([message for message, _ in good], str(error), counted=False)
        except Refused as error:
            self._fields = None  # the table may have changed
            if len(good) == 1:
                return self._lane.fail(good[0][0], str(error))
            middle = len(good) // 2
            await self._insert(session, good[:middle])
            return await self._insert(session, good[middle:])
        bad = _bad_rows(answer)
        if not bad:
            await self._lane.settle([message.id for message, _ in good])
            return None
        # None of a batch with a bad row is written: those without fault go again.
        for index, error in bad.items():
            self._lane.fail(good[index][0], error)
        rest = [pair for index, pair in enumerate(good) if index not in bad]
        if rest:
            await self._insert(session, rest)
        return None

    def _fail(self, batch: Sequence[Message], error: str, *, counted: bool = True) -> None:
        for message in batch:
            self._lane.fail(message, error, counted=counted)


def _bad_rows(answer: dict[str, Any]) -> dict[int, str]:
    """insertAll's complaints: row -> message, without rows that only stopped for others' sake."""
    bad: dict[int, str] = {}
    for entry in answer.get("insertErrors", ()):
        errors = [e for e in entry.get("errors", ()) if e.get("reason") != "stopped"]
        if errors:
            bad[int(entry["index"])] = errors[0].get("message") or errors[0].get("reason", "")
    return bad


async def _json(
    session: aiohttp.ClientSession, method: str, url: str, body: Any = None
) -> dict[str, Any]:
    try:
        async with session.request(method, url, json=body) as answer:
            if answer.status == 200:
                return await answer.json()
            text = (await answer.text())[:300]
            if answer.status in (429, 502, 503, 504):
                raise Unavailable(f"BigQuery answers {answer.status}: {text}")
            raise Refused(f"BigQuery answers {answer.status}: {text}")
    except (aiohttp.ClientConnectionError, TimeoutError) as error:
        raise Unavailable(f"BigQuery at {url}: {type(error).__name__}: {error}") from error
