"""The program's own graph, as the local Pub/Sub reads it: nothing in it would fail at delivery."""

import io
import json

import fastavro
import fastavro.utils
import pytest

from emulators.graph import Graph
from emulators.iam import Policy, agents
from emulators.runtime.pubsub.backlog import Message
from emulators.runtime.pubsub.filters import compile_filter
from emulators.runtime.pubsub.push import service_of
from emulators.runtime.pubsub.rows import Writer, fit
from emulators.runtime.pubsub.topology import Subscription, Topology
from tests.infra.graphs import evaluated


@pytest.fixture(scope="module")
def graph() -> Graph:
    return evaluated("dev")


@pytest.fixture(scope="module")
def topology(graph: Graph) -> Topology:
    return Topology.from_graph(graph)


@pytest.fixture(scope="module")
def subscriptions(topology: Topology) -> list[Subscription]:
    found = list(topology.subscriptions.values())
    assert found
    return found


def test_filters_are_filters(subscriptions):
    for subscription in subscriptions:
        compile_filter(subscription.filter)


def test_dead_letters_may_be_published_and_somebody_keeps_them(graph, topology, subscriptions):
    policy, agent = Policy.from_graph(graph), agents(graph.project_number)["pubsub"]
    for subscription in subscriptions:
        if subscription.dead_letter is not None:
            dead = subscription.dead_letter.topic
            policy.check(agent, "pubsub.topics.publish", "topic", dead)
            policy.check(agent, "pubsub.subscriptions.consume", "subscription", subscription.name)
            assert any(s.topic == dead for s in subscriptions), f"nobody keeps {dead}"


def test_pushes_reach_a_service_that_lets_them_in(graph, subscriptions):
    policy = Policy.from_graph(graph)
    pushes = [s.push for s in subscriptions if s.push is not None]
    assert pushes
    for push in pushes:
        service = service_of(push.endpoint)
        assert service is not None, push.endpoint
        policy.check(f"serviceAccount:{push.email}", "run.routes.invoke", "service", service)


def test_any_event_of_a_topic_fits_its_table(graph, topology, subscriptions):
    tables = {
        (table["datasetId"], table["tableId"]): json.loads(table["schema"])
        for table in graph.all("gcp:bigquery/table:Table")
        if table.get("schema")
    }
    policy, agent = Policy.from_graph(graph), agents(graph.project_number)["pubsub"]
    to_bigquery = [s for s in subscriptions if s.table is not None]
    assert to_bigquery
    for subscription in to_bigquery:
        table, topic = subscription.table, topology.topics[subscription.topic]
        assert table is not None
        assert topic.schema is not None
        policy.check(agent, "bigquery.tables.updateData", "dataset", table.dataset)
        definition = topology.schemas[topic.schema].definition
        writer = Writer(subscription.name, table, definition, topic.encoding)
        schema = fastavro.parse_schema(json.loads(definition))
        for number, event in enumerate(fastavro.utils.generate_many(schema, 20)):
            buffer = io.BytesIO()
            fastavro.schemaless_writer(buffer, schema, event)
            row = writer.row(Message(number + 1, 1, buffer.getvalue(), {}))
            fit(row, tables[table.dataset, table.table], drop_unknown=table.drop_unknown_fields)
