"""BigQuery subscriptions: published events really become rows, and bad ones dead letters."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from emulators.endpoints import Endpoints
from emulators.runtime import bigquery
from emulators.runtime.bigquery import Command
from shared.events import TrackPlayed, avro_schema, bigquery_schema, encode
from tests.contracts.test_pubsub import drain, path, publisher, subscriber, topic
from tests.emulators import stack

COLLECTOR = stack.account("collector")
METADATA = (
    {"name": "subscription_name", "type": "STRING", "mode": "NULLABLE"},
    {"name": "message_id", "type": "STRING", "mode": "NULLABLE"},
    {"name": "publish_time", "type": "TIMESTAMP", "mode": "NULLABLE"},
    {"name": "attributes", "type": "JSON", "mode": "NULLABLE"},
)
PLAYED = TrackPlayed(
    event_id="e1",
    occurred_at=datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC),
    play_id="p1",
    user_id="u1",
    track_id="t1",
    started_at=datetime(2026, 11, 20, 8, 59, tzinfo=UTC),
    ms_played=30_000,
    codec="aac",
    kbps=160,
    end_reason="trackdone",
    territory="DE",
    plan="premium",
    source=None,
    bytes_fetched=None,
    rebuffers=0,
)


def _table(name: str, fields: list, **properties: object):
    return stack.resource(
        "gcp:bigquery/table:Table",
        name,
        datasetId="events",
        tableId=name,
        schema=json.dumps(fields),
        **properties,
    )


def _config(table: str) -> dict:
    return {
        "table": f"{stack.PROJECT}.events.{table}",
        "useTopicSchema": True,
        "writeMetadata": True,
    }


def _graph(columns: list):
    schema = {"schema": f"projects/{stack.PROJECT}/schemas/track-played", "encoding": "BINARY"}
    # `narrow` lacks the column kbps, and wants a number where the event has text.
    narrow = [c if c["name"] != "codec" else {**c, "type": "INTEGER"} for c in columns]
    retry = {"minimumBackoff": "0.05s", "maximumBackoff": "0.1s"}
    return stack.graph(
        stack.resource("gcp:bigquery/dataset:Dataset", "events", datasetId="events", location="EU"),
        _table(
            "track_played",
            columns,
            timePartitioning={"type": "DAY", "field": "occurred_at"},
            clusterings=["track_id"],
        ),
        _table("narrow", narrow),
        stack.resource(
            "gcp:bigquery/table:Table",
            "plays",
            datasetId="events",
            tableId="plays",
            view={
                "query": "SELECT track_id, COUNT(*) AS plays "
                f"FROM `{stack.PROJECT}.events.track_played` GROUP BY track_id",
                "useLegacySql": False,
            },
        ),
        stack.resource(
            "gcp:pubsub/schema:Schema",
            "track-played",
            name="track-played",
            type="AVRO",
            definition=json.dumps(avro_schema(TrackPlayed)),
        ),
        stack.topic("track-played", schemaSettings=schema),
        stack.topic("dead"),
        stack.subscription(
            "track-played-bq", "track-played", bigqueryConfig=_config("track_played")
        ),
        stack.subscription(
            "narrow-bq",
            "track-played",
            bigqueryConfig=_config("narrow"),
            retryPolicy=retry,
            deadLetterPolicy=stack.dead_letter("dead"),
            filter='attributes.to = "narrow"',
        ),
        stack.subscription("dead-pull", "dead"),
        stack.topic_role("track-played", COLLECTOR),
        stack.topic_role("dead", stack.AGENT),
        stack.subscription_role("narrow-bq", stack.AGENT),
        stack.dataset_role("events", stack.AGENT),
    )


COLUMNS = [*bigquery_schema(TrackPlayed), *METADATA]


@dataclasses.dataclass
class Cloud:
    endpoints: Endpoints
    data: Path
    bigquery: stack.Process
    pubsub: stack.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.endpoints.bigquery}"

    def query(self, sql: str) -> list[list]:
        answer = requests.post(
            f"{self.url}/bigquery/v2/projects/{stack.PROJECT}/queries",
            json={"query": sql, "useLegacySql": False},
            timeout=20,
        ).json()
        assert not answer.get("errors"), answer
        return [[cell["v"] for cell in row["f"]] for row in answer.get("rows", ())]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    data = tmp_path_factory.mktemp("rows")
    ends = stack.endpoints([COLLECTOR])
    graph = _graph(COLUMNS)
    stack.write_run(data, graph, ends)
    try:
        command: Command = bigquery.prepare(data, stack.PROJECT, ends.bigquery, ends.bigquery_grpc)
    except bigquery.MissingEmulator as missing:
        pytest.skip(str(missing))
    warehouse = stack.Process(command.argv, data / "bigquery.log", command.env)
    pubsub = stack.child("pubsub", data)
    with (
        stack.started(stack.emulator("pubsub", ends.pubsub_emulator, data)),
        stack.started(warehouse),
        stack.started(pubsub),
    ):
        bigquery.wait(f"http://127.0.0.1:{ends.bigquery}")
        bigquery.apply(graph, f"http://127.0.0.1:{ends.bigquery}")
        stack.wait_healthy(ends.health["pubsub"])
        yield Cloud(ends, data, warehouse, pubsub)


def _publish(cloud: Cloud, count: int, prefix: str, **attributes: str) -> list[str]:
    client = publisher(cloud.endpoints, COLLECTOR)
    futures = [
        client.publish(
            topic("track-played"),
            encode(dataclasses.replace(PLAYED, event_id=f"{prefix}{n}")),
            **attributes,
        )
        for n in range(count)
    ]
    ids = [future.result(40) for future in futures]
    client.stop()
    return ids


def _rows(cloud: Cloud, prefix: str) -> int:
    sql = (
        f"SELECT COUNT(DISTINCT event_id) FROM `{stack.PROJECT}.events.track_played` "
        f"WHERE STARTS_WITH(event_id, '{prefix}')"
    )
    return int(cloud.query(sql)[0][0])


def test_event_becomes_a_row_with_its_metadata(cloud):
    (id,) = _publish(cloud, 1, "one", source="test")
    stack.wait_for(lambda: _rows(cloud, "one") == 1)
    ((ms, at, bytes_fetched, rebuffers, message_id, subscription, attributes),) = cloud.query(
        "SELECT ms_played, UNIX_MICROS(occurred_at), bytes_fetched, rebuffers, message_id, "
        "subscription_name, attributes "
        f"FROM `{stack.PROJECT}.events.track_played` WHERE event_id = 'one0'"
    )
    assert (ms, bytes_fetched, rebuffers) == ("30000", None, "0")
    assert int(at) == int(PLAYED.occurred_at.timestamp()) * 1_000_000 + 123456
    assert message_id == id
    assert subscription == path("track-played-bq")
    assert json.loads(attributes)["source"] == "test"


def test_views_of_the_graph_are_live(cloud):
    def plays() -> int:
        return int(cloud.query(f"SELECT SUM(plays) FROM `{stack.PROJECT}.events.plays`")[0][0] or 0)

    before = plays()
    _publish(cloud, 3, "live")
    stack.wait_for(lambda: plays() == before + 3)


def test_applying_the_graph_again_adds_new_columns_and_keeps_rows(cloud):
    _publish(cloud, 1, "kept")
    stack.wait_for(lambda: _rows(cloud, "kept") == 1)
    wider = [*COLUMNS, {"name": "mood", "type": "STRING", "mode": "NULLABLE"}]
    bigquery.apply(_graph(wider), cloud.url)
    bigquery.apply(_graph(wider), cloud.url)
    sql = f"SELECT mood FROM `{stack.PROJECT}.events.track_played` WHERE event_id = 'kept0'"
    assert cloud.query(sql) == [[None]]


def test_row_that_does_not_fit_becomes_a_dead_letter_that_says_why(cloud):
    _publish(cloud, 2, "bad", to="narrow")
    with subscriber(cloud.endpoints, stack.OPERATOR) as operator:
        letters: list = []
        stack.wait_for(lambda: letters.extend(drain(operator, "dead-pull")) or len(letters) == 2)
    reason = letters[0].attributes["CloudPubSubDeadLetterSourceDeliveryErrorMessage"]
    assert reason == "codec: 'aac' is not INTEGER"
    # The same events went into the table that they fit.
    stack.wait_for(lambda: _rows(cloud, "bad") == 2)


def test_rows_wait_for_bigquery_to_come_back(cloud):
    cloud.bigquery.kill()
    _publish(cloud, 20, "later")
    cloud.bigquery.start()
    bigquery.wait(cloud.url)
    stack.wait_for(lambda: _rows(cloud, "later") == 20)


def test_no_acknowledged_event_is_lost_when_the_process_is_killed(cloud):
    _publish(cloud, 500, "kill")
    cloud.pubsub.kill()
    cloud.pubsub.start()
    stack.wait_healthy(cloud.endpoints.health["pubsub"])
    stack.wait_for(lambda: _rows(cloud, "kill") == 500)
